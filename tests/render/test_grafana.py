"""Grafana on its own chart: what it makes, and what its pod is told."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import charts as our_charts
from hubfleet.hubs import releases
from hubfleet.hubs.platform import grafana
from hubfleet.tools.helm import Helm
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load, other

HOST = "grafana.example.org"


def rendered(helm: Helm, charts: Path, folder: Path, *, ingress: dict[str, Any], **own: Any) -> Manifests:
    cluster = load(folder, top={"ingress": ingress, "monitoring": {"grafana": own}})
    (release,) = (one for one in releases(cluster, describe(cluster)) if one.name == grafana.NAME)
    return render(helm, other(release, chart=our_charts.local(charts / "grafana")))


def container(found: Manifests) -> dict[str, Any]:
    pod = found.pods()[grafana.NAME]
    (wanted,) = (one for one in pod["containers"] if one["name"] == "grafana")
    return dict(wanted)


def test_one_pod_on_the_core_pool_without_claims_or_rights(helm: Helm, charts: Path, tmp_path: Path) -> None:
    found = rendered(helm, charts, tmp_path, ingress={})
    assert [*found.pods()] == [grafana.NAME]
    assert found.pods()[grafana.NAME]["nodeSelector"] == {LABEL: "core"}
    assert found.one("Service", grafana.NAME)["spec"]["type"] == "ClusterIP"
    kinds = {one["kind"] for one in found.documents}
    assert kinds == {"ConfigMap", "Deployment", "Service", "ServiceAccount"}


def test_its_password_comes_from_the_secret(helm: Helm, charts: Path, tmp_path: Path) -> None:
    told = {one["name"]: one for one in container(rendered(helm, charts, tmp_path, ingress={}))["env"]}
    assert told["GF_SECURITY_ADMIN_USER"]["value"] == "admin"
    reference = told["GF_SECURITY_ADMIN_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "hubfleet", "key": "grafana-admin-password"}


def test_every_dashboard_is_where_its_provider_looks(helm: Helm, charts: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.json").write_text(json.dumps({"title": "{{mine}}"}))
    found = rendered(helm, charts, tmp_path, ingress={}, dashboards="own")
    mounts = {one["mountPath"] for one in container(found)["volumeMounts"]}
    data = found.one("ConfigMap", grafana.NAME)["data"]
    providers = yaml.safe_load(data["dashboardproviders.yaml"])["providers"]
    for provider in providers:
        shown = found.one("ConfigMap", f"{grafana.NAME}-dashboards-{provider['name']}")["data"]
        assert {f"{provider['options']['path']}/{name}" for name in shown} <= mounts
    own = found.one("ConfigMap", f"{grafana.NAME}-dashboards-own")["data"]
    assert json.loads(own["mine.json"]) == {"title": "{{mine}}"}
    ours = found.one("ConfigMap", f"{grafana.NAME}-dashboards-hubfleet")["data"]
    assert {json.loads(text)["uid"] for text in ours.values()} == {
        *("hubfleet-cluster", "hubfleet-hubs", "hubfleet-servers")
    }


def test_what_runs_before_it_makes_folders_and_downloads_nothing(helm: Helm, charts: Path, tmp_path: Path) -> None:
    """So its image may be any that has a shell, as the documentation says."""
    found = rendered(helm, charts, tmp_path, ingress={})
    (before,) = found.pods()[grafana.NAME]["initContainers"]
    assert "curlimages/curl" in before["image"]
    script = found.one("ConfigMap", grafana.NAME)["data"]["download_dashboards.sh"]
    assert {line.split()[0] for line in script.splitlines() if line and line[0] != "#"} <= {"set", "mkdir"}
    own = {"downloadDashboardsImage": {"registry": "r.example.org", "repository": "grafana/grafana", "tag": "13.2.0"}}
    (other_one,) = rendered(helm, charts, tmp_path, ingress={}, values=own).pods()[grafana.NAME]["initContainers"]
    assert other_one["image"] == "r.example.org/grafana/grafana:13.2.0"


def test_what_it_is_told_of_the_world(helm: Helm, charts: Path, tmp_path: Path) -> None:
    shared = {"shared": True, "email": "ops@example.org"}
    found = rendered(helm, charts, tmp_path, ingress=shared, domain=HOST)
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(found.one("ConfigMap", grafana.NAME)["data"]["grafana.ini"])
    assert ini["server"]["root_url"] == f"https://{HOST}/"
    assert ini["analytics"]["check_for_updates"] == "false"
    assert ini["plugins"]["preinstall_disabled"] == "true"
    made = found.one("Ingress", grafana.NAME)
    assert made["spec"]["ingressClassName"] == "hubfleet"
    assert made["spec"]["tls"] == [{"hosts": [HOST], "secretName": f"{HOST}-tls"}]
    assert made["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "hubfleet-issuer"}


@pytest.mark.parametrize("gateway", ["", "infra/main"])
def test_at_a_gateway_it_has_a_route(helm: Helm, charts: Path, tmp_path: Path, gateway: str) -> None:
    ingress = {"api": "gateway", **({"class": gateway} if gateway else {"shared": True})}
    route = rendered(helm, charts, tmp_path, ingress=ingress, domain=HOST).one("HTTPRoute", grafana.NAME)
    (parent,) = route["spec"]["parentRefs"]
    wanted = gateway or "hubfleet-entry/hubfleet-entry"
    assert f"{parent['namespace']}/{parent['name']}" == wanted
    assert route["spec"]["hostnames"] == [HOST]
