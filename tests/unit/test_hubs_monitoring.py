"""What watches hubs: when a cluster has it, what it is told, and who may read a hub's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet import fleet
from hubfleet.hubs import Release, releases
from hubfleet.hubs.platform import prometheus
from hubfleet.provider import Traits
from hubfleet.spec import InvalidFiles, origin
from tests.unit import cluster_files
from tests.unit.hub_files import LABEL, describe, load

TAINTED = {"machine": "m", "runs": ["core"], "taints": ["only=core:NoSchedule"]}


def found(folder: Path, monitoring: Any = None, *, of: dict[str, Any] | None = None, **file: Any) -> dict[str, Release]:
    top = ({} if monitoring is None else {"monitoring": monitoring}) | file.pop("top", {})
    cluster = load(folder, top=top, **file)
    return {one.name: one for one in releases(cluster, describe(cluster, **(of or {})))}


def job(release: Release) -> dict[str, Any]:
    wanted: dict[str, Any] = release.values["scrapeConfigs"]["jupyterhub"]
    return wanted


def test_left_out_nothing_watches_and_hubs_know_of_nobody(tmp_path: Path) -> None:
    every = found(tmp_path)
    assert [*every] == ["main"]
    assert [*every["main"].values["hub"]["services"]] == ["hubfleet-check"]


@pytest.mark.parametrize("chart", ["jupyterhub", "lite"])
def test_prometheus_and_hubs_have_one_token_which_opens_metrics_alone(tmp_path: Path, chart: str) -> None:
    every = found(tmp_path, {}, chart=chart)
    hub, watcher = every["main"], every[prometheus.NAME]
    (token,) = (one for one in hub.generated if one.key == "metrics-token")
    assert (token.namespace, token.path) == (prometheus.NAME, ("hub", "services", "hubfleet-prometheus", "apiToken"))
    assert [one.key for one in watcher.generated] == ["metrics-token"]
    (mounted,) = watcher.values["server"]["extraSecretMounts"]
    assert job(watcher)["authorization"] == {"credentials_file": f"{mounted['mountPath']}/metrics-token"}
    role = hub.values["hub"]["loadRoles"]["hubfleet-prometheus"]
    assert role == {"services": ["hubfleet-prometheus"], "scopes": ["read:metrics"]}


def test_a_hub_lets_prometheus_namespace_in_and_is_asked_once(tmp_path: Path) -> None:
    values = found(tmp_path, {})["main"].values["hub"]
    (rule,) = values["networkPolicy"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": prometheus.NAME}}}]
    assert values["service"]["annotations"] == {"prometheus.io/scrape": "false"}


def test_of_a_binder_hub_it_is_the_same_below_jupyterhub(tmp_path: Path) -> None:
    registry = {"quay": {"organization": "o", "username": "o+u", "password": "${env:TOKEN}"}}
    hub = found(tmp_path, {}, kind="binder", registry=registry, auth=None, image=None, admins=None)["main"]
    assert "hubfleet-prometheus" in hub.values["jupyterhub"]["hub"]["services"]
    (token,) = (one for one in hub.generated if one.key == "metrics-token")
    assert token.path[0] == "jupyterhub"
    for service in (hub.values["service"], hub.values["jupyterhub"]["hub"]["service"]):
        assert service["annotations"] == {"prometheus.io/scrape": "false"}, "or all that it counts would count twice"


def test_what_is_kept_ends_by_days_and_before_the_volume_is_full(tmp_path: Path) -> None:
    server = found(tmp_path, {"prometheus": {"size": "10Gi", "days": 30}})[prometheus.NAME].values["server"]
    assert (server["retention"], server["persistentVolume"]["size"]) == ("30d", "10Gi")
    assert server["retentionSize"] == "8192MB"


def test_it_runs_on_the_core_pool_and_its_exporter_on_every_node(tmp_path: Path) -> None:
    pools = {"core": TAINTED, "user": {"machine": "m", "runs": ["users"]}}
    values = found(tmp_path, {}, pools=pools)[prometheus.NAME].values
    for part in ("server", "kube-state-metrics"):
        assert values[part]["nodeSelector"] == {LABEL: "core"}
        assert [one["key"] for one in values[part]["tolerations"]] == ["only"]
    assert values["prometheus-node-exporter"] == {"tolerations": [{"operator": "Exists"}]}


def test_the_api_server_whose_series_would_be_most_of_all_is_not_asked(tmp_path: Path) -> None:
    configs = found(tmp_path, {})[prometheus.NAME].values["scrapeConfigs"]
    assert configs["kubernetes-api-servers"] == {"enabled": False}


def test_its_volume_is_of_the_clusters_storage_class(tmp_path: Path) -> None:
    traits = {"traits": Traits(min_pool_nodes=1, pool_label=LABEL, storage_class="trait")}
    release = found(tmp_path, {}, of=traits)[prometheus.NAME]
    assert release.values["server"]["persistentVolume"]["storageClass"] == "trait"
    assert release.storage_classes == {"trait"}
    none = {"prometheus": {"values": {"server": {"persistentVolume": {"enabled": False}}}}}
    assert found(tmp_path, none)[prometheus.NAME].storage_classes == frozenset()


def test_only_the_clusters_own_hubs_are_asked_each_where_it_is(tmp_path: Path) -> None:
    asked = job(found(tmp_path, {})[prometheus.NAME])
    assert asked["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"names": ["main"]}}]
    assert asked["metrics_path"] == "/hub/metrics"
    below = job(found(tmp_path, {}, values={"hub": {"baseUrl": "/lab/"}})[prometheus.NAME])
    assert below["relabel_configs"][-1]["replacement"] == "/lab/hub/metrics"


def test_a_binderhub_is_asked_besides_its_jupyterhub_where_it_is(tmp_path: Path) -> None:
    registry = {"quay": {"organization": "o", "username": "o+u", "password": "${env:TOKEN}"}}
    binder: dict[str, Any] = {"kind": "binder", "registry": registry, "auth": None, "image": None, "admins": None}
    values = {"config": {"BinderHub": {"base_url": "/build/"}}}
    configs = found(tmp_path, {}, values=values, **binder)[prometheus.NAME].values["scrapeConfigs"]
    asked, hub = configs["binderhub"], configs["jupyterhub"]
    assert asked["kubernetes_sd_configs"] == hub["kubernetes_sd_configs"]
    assert asked["relabel_configs"][0]["regex"] == "binder;8585"
    assert asked["relabel_configs"][-1]["replacement"] == "/build/metrics"
    assert "authorization" not in asked
    assert "binderhub" not in found(tmp_path, {})[prometheus.NAME].values["scrapeConfigs"]


def test_own_values_win_and_tell_where_they_stand(tmp_path: Path) -> None:
    own = {"server": {"resources": {"limits": {"memory": "8Gi"}}}, "remote": "${env:TOKEN}"}
    top = {"monitoring": {"prometheus": {"values": own}}}
    cluster = load(tmp_path, top=top)
    (release,) = (one for one in releases(cluster, describe(cluster)) if one.name == prometheus.NAME)
    assert release.values["server"]["resources"]["limits"] == {"memory": "8Gi"}
    path = ("server", "resources", "limits", "memory")
    assert origin(cluster, release.layers, path).key == f"monitoring.prometheus.values.{'.'.join(path)}"
    assert release.secret_paths == {("remote",)}


def test_which_charts_are_used_is_told_without_the_secrets_of_its_values(tmp_path: Path) -> None:
    monitoring = {"prometheus": {"values": {"remote": "${env:NOT_THERE}"}}}
    tree = cluster_files.hub(chart="lite") | {"provider": {"existing": {}}, "monitoring": monitoring}
    (tmp_path / "pythia.yaml").write_text(yaml.safe_dump(tree))
    used = fleet.used_charts([fleet.load(tmp_path / "pythia.yaml")])
    assert "prometheus" in {one.name for one in used}


@pytest.mark.parametrize(
    ("wanted", "key"),
    [({"days": 0}, "days"), ({"days": True}, "days"), ({"size": "20GB"}, "size"), ({"dyas": 1}, "dyas")],
)
def test_what_is_wrong_is_told_by_its_key(tmp_path: Path, wanted: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidFiles) as error:
        load(tmp_path, top={"monitoring": {"prometheus": wanted}})
    (problem,) = error.value.problems
    assert problem.key == f"monitoring.prometheus.{key}"
