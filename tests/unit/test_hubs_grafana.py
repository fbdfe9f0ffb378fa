"""Grafana: when a cluster has it, what it shows, how people reach it, and that it keeps to itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from hubfleet.engine import names
from hubfleet.hubs import Entry, Release, releases
from hubfleet.hubs.platform import dashboards, entry, grafana, prometheus
from hubfleet.spec import InvalidFiles, origin
from hubfleet.spec.dashboards import MOST
from hubfleet.tools import dns
from tests.unit.hub_files import LABEL, describe, load

HOST = "grafana.example.org"
SHARED = {"ingress": {"shared": True, "email": "ops@example.org"}}
NAMED = {"grafana": {"domain": HOST}}
OWN = {"title": "Ours", "panels": []}


def found(folder: Path, monitoring: Any = None, **file: Any) -> dict[str, Release]:
    cluster = load(folder, top={"monitoring": monitoring or {}} | file.pop("top", {}), **file)
    return {one.name: one for one in releases(cluster, describe(cluster))}


def made(folder: Path, own: dict[str, Any] | None = None, **file: Any) -> Release:
    return found(folder, {"grafana": own or {}}, **file)[grafana.NAME]


def complaints(folder: Path, monitoring: dict[str, Any], **file: Any) -> list[str]:
    with pytest.raises(InvalidFiles) as error:
        found(folder, monitoring, **file)
    return [f"{one.key}: {one.what}" for one in error.value.problems]


def targets() -> list[Any]:
    """Every legend and expression of our dashboards, with the title of its panel."""
    every = [(name, json.loads(text)) for name, text in dashboards.ours().items()]
    return [
        pytest.param((target["legendFormat"], target["expr"]), id=f"{name}: {panel['title']} {target['refId']}")
        for name, one in every
        for panel in one["panels"]
        for target in panel.get("targets", ())
    ]


def test_monitoring_has_both_and_null_leaves_either_out(tmp_path: Path) -> None:
    assert {prometheus.NAME, grafana.NAME} <= {*found(tmp_path)}
    assert grafana.NAME not in found(tmp_path, {"grafana": None})
    source = {"datasources": {"mine.yaml": {"apiVersion": 1}}}
    alone = found(tmp_path, {"prometheus": None, "grafana": {"values": {"datasources": source}}})
    assert prometheus.NAME not in alone
    assert "hubfleet-prometheus" not in alone["main"].values["hub"]["services"]


def test_its_password_is_made_once_and_in_no_value(tmp_path: Path) -> None:
    release = made(tmp_path)
    (password,) = release.generated
    assert (password.key, password.path) == ("grafana-admin-password", ())
    assert release.values["admin"] == {"existingSecret": "hubfleet", "passwordKey": "grafana-admin-password"}


def test_nobody_is_in_without_a_password_and_nobody_outside_is_asked_anything(tmp_path: Path) -> None:
    ini = made(tmp_path).values["grafana.ini"]
    assert ini["auth.anonymous"] == {"enabled": False}
    assert ini["users"] == {"allow_sign_up": False, "allow_org_create": False}
    assert not any(ini["analytics"].values())
    assert ini["plugins"]["preinstall_disabled"]


def test_it_asks_our_prometheus_and_runs_on_the_core_pool_without_a_volume(tmp_path: Path) -> None:
    release = made(tmp_path)
    (source,) = release.values["datasources"]["datasources.yaml"]["datasources"]
    assert source["url"] == "http://hubfleet-prometheus.hubfleet-prometheus"
    assert release.values["nodeSelector"] == {LABEL: "core"}
    assert not release.values["persistence"]["enabled"]
    assert release.storage_classes == frozenset()


def test_without_a_name_it_has_no_address_in_the_world(tmp_path: Path) -> None:
    release = made(tmp_path, top=SHARED)
    assert (release.url, release.entry, release.hosts) == ("", None, ())
    assert "ingress" not in release.values


def test_with_a_name_it_is_behind_the_entry_with_a_certificate(tmp_path: Path) -> None:
    release = made(tmp_path, {"domain": HOST}, top=SHARED)
    assert (release.url, release.entry) == (f"https://{HOST}", Entry("Service", entry.NAME, entry.NAME))
    assert release.certified
    assert release.values["ingress"]["hosts"] == [HOST]
    assert release.values["ingress"]["tls"] == [{"hosts": [HOST], "secretName": f"{HOST}-tls"}]
    assert release.values["grafana.ini"]["server"] == {"domain": HOST, "root_url": f"https://{HOST}/"}
    assert release.values["grafana.ini"]["security"] == {"disable_gravatar": True, "cookie_secure": True}


def test_its_name_needs_a_record_and_a_certificate_as_a_hubs_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "addresses", lambda hosts: {host: (host,) for host in hosts})
    (name,) = names.seen([made(tmp_path, {"domain": HOST}, top=SHARED)], lambda _: "192.0.2.7", ())
    assert (name.hub, name.record) == ("", f"{HOST}  A  192.0.2.7")
    assert name.trouble.startswith(f"{HOST} has no certificate")


def test_at_a_gateway_it_has_a_listener_of_its_own(tmp_path: Path) -> None:
    top = {"ingress": SHARED["ingress"] | {"api": "gateway"}}
    every = found(tmp_path, NAMED, top=top)
    listener = every[entry.NAME].values["gateway"]["listeners"][HOST]
    assert listener["certificateRefs"] == [{"name": f"{HOST}-tls"}]
    (parent,) = every[grafana.NAME].values["route"]["main"]["parentRefs"]
    assert parent["sectionName"] == HOST


def test_it_alone_is_enough_for_the_entry_that_the_cluster_has(tmp_path: Path) -> None:
    release = made(tmp_path, {"domain": HOST}, top={"ingress": {"class": "nginx", "shared": False}})
    assert release.entry == Entry("Ingress", grafana.NAME, "nginx")
    assert release.values["ingress"]["ingressClassName"] == "nginx"


def test_a_name_needs_an_entry_and_is_nobody_elses(tmp_path: Path) -> None:
    at = "monitoring.grafana.domain"
    (alone,) = complaints(tmp_path, NAMED)
    assert alone == f"{at}: nothing would answer at {HOST}: the cluster has no entry that hubs share"
    (twice,) = complaints(tmp_path, NAMED, top=SHARED, domain=HOST)
    assert twice == f"{at}: hub main has the domain {HOST} already"


def test_nothing_left_and_nothing_to_show_are_told(tmp_path: Path) -> None:
    assert complaints(tmp_path, {"prometheus": None, "grafana": None}) == ["monitoring: nothing of it is left"]
    (said,) = complaints(tmp_path, {"prometheus": None})
    assert said == "monitoring.prometheus: Grafana would have nothing to show: there is no Prometheus"


@pytest.mark.parametrize("target", targets())
def test_prometheus_understands_every_expression(target: tuple[str, str]) -> None:
    _, expression = target
    promql_parser.parse(expression.replace("$hub", ".+"))
    assert "@" not in expression
    assert "$" not in expression.replace("$hub", "")


_OF_STATE = {"namespace", "pod", "node"}
_OF_HUB = {"namespace", "pod"}
EXPORTED = {
    "kube_node_labels": {"node", "pool"},
    "kube_node_status_allocatable": {"node", "resource"},
    "kube_node_status_condition": {"node", "condition", "status"},
    "kube_pod_annotations": {*_OF_HUB, "annotation_hub_jupyter_org_username"},
    "kube_pod_container_resource_limits": {*_OF_STATE, "resource"},
    "kube_pod_container_resource_requests": {*_OF_STATE, "resource"},
    "kube_pod_status_phase": {*_OF_HUB, "phase"},
    "kube_pod_status_unschedulable": _OF_HUB,
    "node_cpu_seconds_total": {"node", "mode"},
    "node_filesystem_avail_bytes": {"node", "mountpoint", "fstype"},
    "node_filesystem_size_bytes": {"node", "mountpoint", "fstype"},
    "node_memory_MemAvailable_bytes": {"node"},
    "node_memory_MemTotal_bytes": {"node"},
    "container_cpu_usage_seconds_total": {*_OF_HUB, "container"},
    "container_memory_working_set_bytes": {*_OF_HUB, "container"},
    "kubelet_volume_stats_capacity_bytes": {"namespace", "persistentvolumeclaim"},
    "kubelet_volume_stats_used_bytes": {"namespace", "persistentvolumeclaim"},
    "up": {*_OF_HUB, "job"},
    "process_cpu_seconds_total": {*_OF_HUB, "job"},
    "process_resident_memory_bytes": {*_OF_HUB, "job"},
    "jupyterhub_active_users": {*_OF_HUB, "period"},
    "jupyterhub_request_duration_seconds_bucket": {*_OF_HUB, "handler", "code", "le"},
    "jupyterhub_request_duration_seconds_count": {*_OF_HUB, "handler", "code"},
    "jupyterhub_running_servers": _OF_HUB,
    "jupyterhub_server_spawn_duration_seconds_bucket": {*_OF_HUB, "status", "le"},
    "jupyterhub_server_spawn_duration_seconds_count": {*_OF_HUB, "status"},
    "jupyterhub_total_users": _OF_HUB,
    "binderhub_build_count_total": {*_OF_HUB, "status", "repo"},
    "binderhub_inprogress_builds": _OF_HUB,
    "binderhub_inprogress_launches": _OF_HUB,
    "binderhub_launch_count_total": {*_OF_HUB, "status", "repo"},
    "binderhub_launch_time_seconds_bucket": {*_OF_HUB, "status", "le"},
}
"""What a real Prometheus 3.14 with our configuration had of JupyterHub 5.5, kube-state-metrics 2.20, node exporter 1.12
and a kubelet 1.34 (whose volumes are from pkg/kubelet/metrics/collectors/volume_stats.go), and of BinderHub by its
builder.py; of each metric the labels that mean something. kube-state-metrics' other metrics of pods have a `node` too:
the one that it runs on itself."""


def labels_of(part: Any) -> set[str]:
    """Those of what an expression gives; none that it chooses, groups or joins by is not there before."""
    match part:
        case promql_parser.VectorSelector():
            there = EXPORTED[part.name or ""]
            assert {one.name for one in part.matchers.matchers} <= there, part.name
            return there
        case promql_parser.MatrixSelector():
            return labels_of(part.vector_selector)
        case promql_parser.AggregateExpr():
            there, kept = labels_of(part.expr), set(part.modifier.labels) if part.modifier else set[str]()
            assert kept <= there, part.prettify()
            return there if str(part.op) in ("topk", "bottomk") else kept
        case promql_parser.Call():
            vectors = [one for one in part.args if not isinstance(one, promql_parser.NumberLiteral)]
            return labels_of(vectors[0]) - ({"le"} if part.func.name == "histogram_quantile" else set())
        case promql_parser.ParenExpr():
            return labels_of(part.expr)
        case promql_parser.NumberLiteral():
            return set()
        case promql_parser.BinaryExpr():
            return _labels_of_both(part)
        case other:
            raise AssertionError(f"nobody thought of {type(other).__name__}")


def _labels_of_both(part: Any) -> set[str]:
    left, right = labels_of(part.lhs), labels_of(part.rhs)
    if not (left and right):
        return left or right
    if (how := part.modifier) is None or how.matching is None:
        assert left == right, part.prettify()
        return left
    assert {*how.matching.labels} <= left & right, part.prettify()
    brought = set(how.group_labels or ())
    assert brought <= right, part.prettify()
    return left | brought


@pytest.mark.parametrize("target", targets())
def test_every_metric_has_the_labels_by_which_it_is_asked_for_and_shown(target: tuple[str, str]) -> None:
    legend, expression = target
    given = labels_of(promql_parser.parse(expression.replace("$hub", ".+")))
    assert {*re.findall(r"{{(\w+)}}", legend)} == given


def test_our_dashboards_are_small_and_lead_to_each_other(tmp_path: Path) -> None:
    shown = made(tmp_path).values["dashboards"]["hubfleet"]
    assert {*shown} == {"cluster", "hubs", "servers"}
    for one in shown.values():
        assert len(one["json"]) < 40_000
        tree = json.loads(one["json"])
        assert tree["links"][0]["tags"] == tree["tags"]


def test_panels_of_a_row_stand_side_by_side() -> None:
    panel = {"ask": {"{{a}}": "up"}}
    rows = [{"title": "one", "panels": [{"title": str(number), **panel} for number in range(3)]}] * 2
    places = [one["gridPos"] for one in dashboards.dashboard("x", {"title": "x", "rows": rows})["panels"]]
    assert [(one["x"], one["y"], one["w"]) for one in places if one["h"] == 8] == [
        *((0, 1, 8), (8, 1, 8), (16, 1, 8)),
        *((0, 10, 8), (8, 10, 8), (16, 10, 8)),
    ]


def test_what_stands_for_a_longer_expression_is_written_out() -> None:
    wanted = {"title": "x", "rows": [{"title": "r", "panels": [{"title": "p", "ask": {"": "max(@all) / @allowed"}}]}]}
    tree = dashboards.dashboard("x", wanted | {"given": {"@all": "sum(@one)", "@allowed": "b", "@one": "a"}})
    assert tree["panels"][1]["targets"][0]["expr"] == "max(sum(a)) / b"


def test_a_folder_of_further_dashboards_is_shown_besides(tmp_path: Path) -> None:
    folder = tmp_path / "grafana" / "upstream"
    folder.mkdir(parents=True)
    (folder / "user use.json").write_text(json.dumps(OWN))
    (folder / "user.jsonnet").write_text("{}")
    cluster = load(tmp_path, top={"monitoring": {"grafana": {"dashboards": "grafana"}}})
    release = next(one for one in releases(cluster, describe(cluster)) if one.name == grafana.NAME)
    ((name, shown),) = release.values["dashboards"]["own"].items()
    assert (name, json.loads(shown["json"])) == ("upstream-user-use", OWN)
    providers = release.values["dashboardProviders"]["dashboardproviders.yaml"]["providers"]
    assert [one["options"]["path"] for one in providers] == [
        "/var/lib/grafana/dashboards/hubfleet",
        "/var/lib/grafana/dashboards/own",
    ]
    assert origin(cluster, release.layers, ("dashboards", "own", name)).key == "monitoring.grafana.dashboards"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "monitoring.grafana.dashboards: there is no file NAME.json in the folder "),
        ({"a.json": "{"}, ": is no JSON: "),
        ({"a.json": "[]"}, ": is no dashboard: it has no `title`"),
        ({"a b.json": json.dumps(OWN), "a-b.json": json.dumps(OWN)}, ": would have the same name as "),
        ({"a.json": " " * (MOST + 1)}, f"monitoring.grafana.dashboards: the dashboards have {MOST + 1} bytes"),
    ],
)
def test_what_is_no_dashboard_is_told(tmp_path: Path, files: dict[str, str], said: str) -> None:
    (tmp_path / "shown").mkdir()
    for name, text in files.items():
        (tmp_path / "shown" / name).write_text(text)
    (complaint,) = complaints(tmp_path, {"grafana": {"dashboards": "shown"}})
    assert complaint.startswith(said)


def test_prometheus_knows_each_nodes_pool_by_what_its_cloud_calls_it(tmp_path: Path) -> None:
    cluster = load(tmp_path, top={"monitoring": {}})
    placement = {"core": {"cloud.google.com/gke-nodepool": "core.1", "nodeRole": "x"}, "user": {}}
    every = releases(cluster, describe(cluster, placement=placement))
    release = next(one for one in every if one.name == prometheus.NAME)
    (rule,) = release.values["scrapeConfigs"]["kubernetes-service-endpoints"]["metric_relabel_configs"]
    assert rule == {
        "source_labels": ["__name__", "label_cloud_google_com_gke_nodepool", "label_node_role"],
        "regex": r"kube_node_labels;core\.1;x",
        "target_label": "pool",
        "replacement": "core",
    }


def test_own_values_win(tmp_path: Path) -> None:
    values = made(tmp_path, {"values": {"grafana.ini": {"users": {"allow_sign_up": True}}}}).values
    assert values["grafana.ini"]["users"] == {"allow_sign_up": True, "allow_org_create": False}
