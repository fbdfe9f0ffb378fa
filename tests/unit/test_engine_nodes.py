"""While a cluster or a pool is waited for: which stage it is at, and why it hangs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from hubfleet.engine.explain import stages
from hubfleet.engine.magnum_view import Patience, View
from hubfleet.engine.nodes import FRESH, Nodes
from hubfleet.engine.sight import AFTER, EVERY
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.plan.infrastructure import PoolWork
from hubfleet.tools.kube_objects import Node
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack import Balancer, Server
from hubfleet.tools.openstack_quota import Room
from tests.unit.magnum_site import Kube
from tests.unit.test_engine_magnum import Trial

NO_HOST = "No valid host was found. There are not enough hosts available."


def failed(name: str, fault: str = NO_HOST) -> Server:
    return Server(f"id-{name}", name, "f", "ERROR", fault)


def warned(trial: Trial, subject: str) -> list[str]:
    return [event.text for event in trial.said if event.kind is Kind.WARNING and event.subject == subject]


def test_a_pool_whose_machine_nova_cannot_place_says_so_and_what_to_do(tmp_path: Path) -> None:
    trial = Trial(tmp_path, boot=1e9)
    running = Server("id", "pythia-abc-default-worker-x1", "f", "BUILD", "")
    trial.site.cloud.machines = (failed("pythia-abc-user-x1"), running)
    with pytest.raises(HubfleetError) as error:
        trial.apply(timeout=50_000)
    assert error.value.layer is Layer.OPENSTACK
    assert "waiting for 1 of 1 nodes: Nova says of pythia-abc-user-x1: No valid host" in error.value.what
    assert "choose another machine" in error.value.remedy
    assert "apply again" in error.value.remedy
    assert len(warned(trial, "pool/user")) == 1


def test_a_control_plane_that_nova_cannot_place_is_named_before_there_is_an_api(tmp_path: Path) -> None:
    trial = Trial(tmp_path, control_plane=100_000)
    trial.site.cloud.machines = (failed("pythia-abc-control-plane-x1"),)
    with pytest.raises(HubfleetError):
        trial.apply(timeout=300)
    (text,) = warned(trial, "cluster")
    assert "waiting for the control plane: Nova says of pythia-abc-control-plane-x1" in text


@pytest.mark.parametrize("address", [None, "https://10.0.0.1:6443"])
def test_who_waits_for_nodes_says_why_there_is_no_api_that_would_tell_of_them(
    tmp_path: Path, address: str | None
) -> None:
    trial = Trial(tmp_path)
    trial.site.cloud.machines = (failed("pythia-abc-control-plane-x1"),)
    view = View(trial.site, "pythia", trial.said.append, Patience(trial.clock, trial.watch, 300))  # type: ignore[arg-type]
    view.cluster = Cluster("u", "pythia", "CREATE_IN_PROGRESS", "t", {}, release="pythia-abc", api_address=address)
    nodes = Nodes(view, lambda _: Kube(trial.site))  # type: ignore[arg-type, return-value]
    with pytest.raises(HubfleetError) as error:
        nodes.pool("pool/user", PoolWork("user", trial.desired.every_pool[0]))
    assert error.value.layer is Layer.OPENSTACK
    assert error.value.what.startswith("cluster: waiting for the control plane: Nova says of pythia-abc-control-plane")


def test_an_address_that_cannot_be_had_for_want_of_quota_is_told(tmp_path: Path) -> None:
    trial = Trial(tmp_path, control_plane=100_000)
    trial.site.cloud.rooms = {"floating IPs": Room(10, 10)}
    with pytest.raises(HubfleetError):
        trial.apply(timeout=300)
    assert "quota of floating IPs is used up (10 of 10)" in warned(trial, "cluster")[0]


def test_a_load_balancer_that_octavia_cannot_make_is_told_while_the_api_has_no_address(tmp_path: Path) -> None:
    trial = Trial(tmp_path, control_plane=100_000)
    name = "k8s-clusterapi-cluster-magnum-p1-pythia-abc-kubeapi"
    trial.site.cloud.octavia = (Balancer("lb-1", name, "ERROR", 310.0),)
    with pytest.raises(HubfleetError) as error:
        trial.apply(timeout=300)
    assert error.value.layer is Layer.NETWORK
    words = f"waiting for the API's address: the load balancer {name} is ERROR, 310 s after it was asked for"
    assert words in error.value.what
    assert "openstack loadbalancer delete --cascade lb-1" in error.value.remedy
    assert words in warned(trial, "cluster")[0]
    told = stages(trial.site, trial.desired, {}, None)  # type: ignore[arg-type]
    assert told[""].text == words


def test_nova_is_asked_late_seldom_and_once_for_all_pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = {"core": {"machine": "m3.quad", "nodes": 1, "runs": ["core"]}}
    pools |= {name: {"machine": "m3.quad", "nodes": 1} for name in ("user", "more", "most")}
    trial = Trial(tmp_path, pools, boot=600)
    asked: list[float] = []
    monkeypatch.setattr(trial.site.cloud, "servers", lambda: asked.append(trial.clock.now()) or ())
    began = trial.clock.now()
    trial.apply()
    assert asked
    assert asked[0] - began > AFTER
    assert min(after - before for before, after in pairwise(asked)) >= EVERY


def test_kubernetes_is_asked_for_nodes_no_more_often_for_many_pools_than_for_one_though_it_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = {"core": {"machine": "m3.quad", "nodes": 1, "runs": ["core"]}}
    pools |= {f"pool{number}": {"machine": "m3.quad", "nodes": 1} for number in range(6)}
    trial = Trial(tmp_path, pools, boot=60)
    looks: list[tuple[float, float]] = []
    answer = Kube.nodes

    def slow(kube: Kube) -> tuple[Node, ...]:
        began = trial.clock.now()
        trial.clock.sleep(2)
        looks.append((began, trial.clock.now()))
        return answer(kube)

    monkeypatch.setattr(Kube, "nodes", slow)
    trial.apply()
    assert len(looks) > 10
    assert min(began - ended for (_, ended), (began, _) in pairwise(looks)) >= FRESH


def test_a_nova_that_does_not_answer_explains_nothing_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> tuple[Server, ...]:
        raise CloudError("Nova answered 503")

    trial = Trial(tmp_path, boot=200)
    monkeypatch.setattr(trial.site.cloud, "servers", down)
    trial.apply()
    assert any("0 of 1 nodes registered" in event.text for event in trial.said)
