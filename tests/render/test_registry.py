"""Our chart of a registry: one pod with an account's hash, a volume that stays, and what the entry finds it by."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hubfleet.hubs import releases
from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load, other

MAIL = {"ingress": {"email": "ops@example.org"}}


def rendered(helm: Helm, folder: Path, **ingress: str) -> Manifests:
    top = {"ingress": MAIL["ingress"] | ingress}
    keys = {"top": top, "kind": "binder", "chart": "binderhub", "auth": None, "registry": {"in_cluster": {}}}
    cluster = load(folder, **keys)
    (release,) = (one for one in releases(cluster, describe(cluster)) if one.chart.name == "registry")
    return render(helm, release)


def test_its_images_outlive_it(helm: Helm, tmp_path: Path) -> None:
    claim = rendered(helm, tmp_path).one("PersistentVolumeClaim", "hub-registry")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"


def test_it_knows_its_account_by_a_hash_alone(helm: Helm, tmp_path: Path) -> None:
    secret = rendered(helm, tmp_path).one("Secret", "registry")["stringData"]
    user, _, hashed = secret["htpasswd"].partition(":")
    assert (user, hashed[:4]) == ("hubfleet", "$2a$")
    config = yaml.safe_load(secret["config.yml"])
    assert config["auth"]["htpasswd"]["path"] == "/etc/registry/htpasswd"
    assert "xxxx" not in str(secret)


def test_it_runs_alone_without_rights_on_the_core_pool(helm: Helm, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path)
    (pod,) = found.pods().values()
    assert pod["nodeSelector"] == {LABEL: "core"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert found.one("Deployment", "registry")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_entry_finds_it_by_its_name_with_a_certificate(helm: Helm, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path)
    ingress = found.one("Ingress", "registry")
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "registry.hub.example.org"
    assert ingress["spec"]["tls"][0]["hosts"] == ["registry.hub.example.org"]
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "hubfleet-issuer"
    backend = rule["http"]["paths"][0]["backend"]["service"]
    ports = found.one("Service", backend["name"])["spec"]["ports"]
    assert backend["port"]["name"] in {port["name"] for port in ports}


def test_a_gateway_finds_it_by_its_name(helm: Helm, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path, api="gateway")
    route = found.one("HTTPRoute", "registry")["spec"]
    host = "registry.hub.example.org"
    ours = {"name": "hubfleet-entry", "namespace": "hubfleet-entry", "sectionName": host}
    assert (route["hostnames"], route["parentRefs"]) == ([host], [ours])
    (to,) = route["rules"][0]["backendRefs"]
    assert to["port"] in {port["port"] for port in found.one("Service", to["name"])["spec"]["ports"]}
    assert "Ingress" not in {one["kind"] for one in found.documents}


def test_a_pod_that_nothing_changed_for_goes_on(helm: Helm, tmp_path: Path) -> None:
    first, second = (rendered(helm, tmp_path).one("Deployment", "registry") for _ in range(2))
    assert first == second


def test_without_a_password_it_is_refused(helm: Helm, tmp_path: Path) -> None:
    keys = {"top": MAIL, "kind": "binder", "chart": "binderhub", "auth": None, "registry": {"in_cluster": {}}}
    cluster = load(tmp_path, **keys)
    (release,) = (one for one in releases(cluster, describe(cluster)) if one.chart.name == "registry")
    with pytest.raises(BadValues):
        render(helm, other(release, generated=()))


def test_what_a_chart_does_not_make_is_made_beside_it(helm: Helm, tmp_path: Path) -> None:
    keys = {"top": MAIL, "kind": "binder", "chart": "binderhub", "auth": None, "registry": {"in_cluster": {}}}
    cluster = load(tmp_path, **keys)
    (release,) = (one for one in releases(cluster, describe(cluster)) if one.chart.name == "registry")
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    maps = tuple({**kind, "metadata": {"name": name}, "data": {"x": "{ {"}} for name in ("a", "b"))
    found = render(helm, other(release, beside=maps))
    assert found.one("ConfigMap", "a") == maps[0]
    assert found.one("ConfigMap", "b") == maps[1]
    assert found.one("Deployment", "registry")
