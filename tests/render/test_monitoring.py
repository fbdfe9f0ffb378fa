"""Prometheus on its own chart, and hubs that it asks on theirs: what they make fits together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import Release, releases
from hubfleet.hubs.platform import prometheus
from hubfleet.tools.helm import Helm
from tests.render.conftest import chart_in
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load


def every(folder: Path, **hub: Any) -> dict[str, Release]:
    cluster = load(folder, top={"monitoring": {}}, **hub)
    return {one.name: one for one in releases(cluster, describe(cluster))}


@pytest.fixture
def watcher(helm: Helm, charts: Path, tmp_path: Path) -> Manifests:
    return render(helm, every(tmp_path)[prometheus.NAME], chart_in(charts, "prometheus"))


def configuration(found: Manifests) -> dict[str, Any]:
    data: dict[str, str] = found.one("ConfigMap", prometheus.NAME)["data"]
    parsed: dict[str, Any] = yaml.safe_load(data["prometheus.yml"])
    return parsed


def test_there_are_prometheus_state_metrics_and_an_exporter_alone(watcher: Manifests) -> None:
    assert sorted(watcher.pods()) == [
        "hubfleet-prometheus",
        "hubfleet-prometheus-kube-state-metrics",
        "hubfleet-prometheus-prometheus-node-exporter",
    ]
    exporter = watcher.pods()["hubfleet-prometheus-prometheus-node-exporter"]
    assert exporter["tolerations"] == [{"operator": "Exists"}]
    assert watcher.pods()["hubfleet-prometheus-kube-state-metrics"]["nodeSelector"] == {LABEL: "core"}


def test_it_keeps_what_fits_on_its_volume_and_reads_the_token_from_the_secret(watcher: Manifests) -> None:
    pod = watcher.pods()["hubfleet-prometheus"]
    (server,) = (one for one in pod["containers"] if one["name"] == "prometheus-server")
    assert "--storage.tsdb.retention.time=90d" in server["args"]
    assert "--storage.tsdb.retention.size=16384MB" in server["args"]
    (claim,) = (one for one in watcher.documents if one["kind"] == "PersistentVolumeClaim")
    assert claim["metadata"]["name"] == prometheus.NAME
    (asked,) = (one for one in configuration(watcher)["scrape_configs"] if one["job_name"] == "jupyterhub")
    folder, _, key = asked["authorization"]["credentials_file"].rpartition("/")
    (mount,) = (one for one in server["volumeMounts"] if one["mountPath"] == folder)
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    assert (volume["secret"]["secretName"], key) == ("hubfleet", "metrics-token")


def test_it_asks_hubs_nodes_and_what_says_so_and_not_the_api_server(watcher: Manifests) -> None:
    jobs = {one["job_name"] for one in configuration(watcher)["scrape_configs"]}
    assert {"jupyterhub", "kubernetes-nodes", "kubernetes-nodes-cadvisor", "kubernetes-service-endpoints"} <= jobs
    assert "kubernetes-api-servers" not in jobs


@pytest.mark.parametrize("chart", ["jupyterhub", "lite"])
def test_a_hub_is_found_by_its_labels_and_port_and_let_in(
    helm: Helm, upstream: Path, tmp_path: Path, chart: str
) -> None:
    found = render(helm, every(tmp_path, chart=chart)["main"], upstream if chart == "jupyterhub" else None)
    pod = found.one("Deployment", "hub")["spec"]["template"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/component"] == "hub"
    (container,) = pod["spec"]["containers"]
    assert [one["containerPort"] for one in container["ports"]] == [8081]
    if chart == "lite":
        return
    rules = found.one("NetworkPolicy", "hub")["spec"]["ingress"]
    theirs = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": prometheus.NAME}}}
    assert {"ports": [{"port": "http"}], "from": [theirs]} in rules
    assert found.one("Service", "hub")["metadata"]["annotations"]["prometheus.io/scrape"] == "false"
