"""A pool proves that it grows for a pod that waits and shrinks after; or it is found out why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubfleet.checks.autoscaling import Scaling, beforehand
from hubfleet.engine.probe import LABEL, NAMESPACE, WITHIN, Probe, Probed
from hubfleet.engine.sight import Sight
from hubfleet.errors import Layer
from hubfleet.provider import MagnumPool
from hubfleet.spec.models import NodeCount, Taint
from hubfleet.tools.openstack import Server
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api

GROUP = {"capi.stackhpc.com/node-group": "user"}
POOL = MagnumPool(
    "user",
    "user",
    "m3.quad",
    NodeCount(min=1, max=3),
    "worker",
    taints=(Taint.model_validate("example.org/gpu=true:NoSchedule"),),
)
SCALING = Scaling("user", "user", True, 1, 1, 3, 3, "", "kubernetes-1-33", "0.16.0", "")


class Lab:
    """A cluster whose pool has one node, and what happens to it; what the probe said."""

    def __init__(self) -> None:
        self.api, self.clock, self.said = Api(), FakeClock(), list[str]()
        self.sight = Sight(servers=(self.server("n1"),))
        self.node("n1")

    def server(self, name: str, status: str = "ACTIVE", fault: str = "") -> Server:
        return Server(f"id-{name}", name, "f", status, fault)

    def node(self, name: str, *, ready: bool = True) -> None:
        status = {"conditions": [{"type": "Ready", "status": str(ready), "message": "cni plugin not initialized"}]}
        self.api.add("nodes", "", name, metadata={"labels": GROUP}, status=status)

    def gone(self, name: str) -> None:
        del self.api.objects[("nodes", "", name)]

    def event(self, reason: str, message: str) -> None:
        about = {"kind": "Pod", "name": "probe-1"}
        self.api.add(
            "events", NAMESPACE, f"e-{reason}", involvedObject=about, reason=reason, message=message, type="Normal"
        )

    def probe(self, scaling: Scaling = SCALING) -> Probed:
        tell = self.said.append
        return Probe(POOL, GROUP, scaling, self.api.kube(), tell, self.clock, lambda: self.sight).run()

    @property
    def clean(self) -> bool:
        return not self.api.names("pods") and not self.api.names("namespaces")


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_a_pool_that_grows_and_shrinks_is_well_and_nothing_is_left(lab: Lab) -> None:
    lab.clock.at(90, lambda: lab.node("n2"))
    lab.clock.at(700, lambda: lab.gone("n2"))
    probed = lab.probe()
    assert probed.trouble is None
    assert (probed.before, probed.most) == (1, 2)
    assert probed.grew == pytest.approx(90, abs=6)
    assert probed.shrank == pytest.approx(610, abs=12)
    assert lab.clean
    assert any("grew to 2 nodes" in text for text in lab.said)


def test_its_pods_want_a_node_each_of_that_pool_and_tolerate_its_taints(lab: Lab) -> None:
    pods: list[dict[str, Any]] = []
    lab.clock.at(1, lambda: pods.extend(lab.api.objects[("pods", NAMESPACE, f"probe-{i}")] for i in (0, 1)))
    lab.clock.at(2, lambda: lab.node("n2"))
    lab.clock.at(9, lambda: lab.gone("n2"))
    lab.probe()
    spec = pods[0]["spec"]
    assert spec["nodeSelector"] == GROUP
    assert spec["tolerations"] == [
        {"key": "example.org/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]
    (term,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {"labelSelector": {"matchLabels": {LABEL: "user"}}, "topologyKey": "kubernetes.io/hostname"}


def test_what_a_killed_probe_left_goes_first(lab: Lab) -> None:
    lab.api.add("namespaces", "", NAMESPACE)
    lab.api.add("pods", NAMESPACE, "probe-7")
    lab.clock.at(1, lambda: lab.node("n2"))
    lab.clock.at(9, lambda: lab.gone("n2"))
    assert lab.probe().trouble is None
    assert lab.clean


def test_an_interrupted_probe_takes_its_pods_away(lab: Lab) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    lab.clock.at(5, interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.probe()
    assert lab.clean


def why(probed: Probed) -> tuple[Layer, str]:
    assert probed.trouble is not None
    assert probed.grew is None
    return probed.trouble.layer, f"{probed.trouble.what}: {probed.trouble.why} -> {probed.trouble.remedy}"


def test_a_chart_that_is_known_to_break_scaling_is_named(lab: Lab) -> None:
    known = replace(SCALING, chart="0.14.0", chart_trouble="pools did not scale by themselves with it")
    layer, told = why(lab.probe(known))
    assert layer is Layer.CHART
    assert f"did not grow in {WITHIN / 60:.0f} min" in told
    assert "version 0.14.0 of the driver's chart" in told
    assert lab.clean


def test_where_no_autoscaler_says_a_word_none_acts_on_the_cluster(lab: Lab) -> None:
    layer, told = why(lab.probe())
    assert layer is Layer.CLUSTER_API
    assert "none acts on this cluster" in told
    assert "template kubernetes-1-33, version 0.16.0" in told


@pytest.mark.parametrize(
    ("said", "layer", "words"),
    [
        ("pod didn't trigger scale-up: 1 max node group size reached", Layer.MAGNUM, "Magnum has 3 as its maximum"),
        ("pod didn't trigger scale-up: 2 Insufficient cpu", Layer.SCHEDULER, "labels and taints"),
    ],
)
def test_what_the_autoscaler_itself_says_is_told(lab: Lab, said: str, layer: Layer, words: str) -> None:
    lab.clock.at(10, lambda: lab.event("NotTriggerScaleUp", said))
    found, told = why(lab.probe())
    assert found is layer
    assert said in told
    assert words in told


def test_a_machine_that_nova_cannot_place_is_the_reason(lab: Lab) -> None:
    lab.sight = Sight(servers=(lab.server("n1"), lab.server("n2", "ERROR", "No valid host was found.")))
    lab.clock.at(10, lambda: lab.event("TriggeredScaleUp", "pod triggered scale-up: [{user 1->2 (max: 3)}]"))
    layer, told = why(lab.probe())
    assert layer is Layer.OPENSTACK
    assert "Nova says of n2: No valid host" in told


def test_a_node_that_came_and_is_not_ready_is_the_reason(lab: Lab) -> None:
    lab.clock.at(60, lambda: lab.node("n2", ready=False))
    layer, told = why(lab.probe())
    assert layer is Layer.NODE
    assert "n2 has no pod network yet" in told


def test_a_node_that_stays_because_of_what_runs_on_it_is_told_with_that(lab: Lab) -> None:
    lab.clock.at(10, lambda: lab.node("n2"))
    lab.api.add("pods", "main", "jupyter-ada", spec={"nodeName": "n2"})
    probed = lab.probe()
    assert probed.grew is not None
    assert probed.shrank is None
    assert probed.trouble is not None
    assert f"did not shrink in {2 * WITHIN / 60:.0f} min" in probed.trouble.what
    assert "main/jupyter-ada" in probed.trouble.why


@pytest.mark.parametrize(
    ("changes", "nodes", "layer", "words"),
    [
        ({"autoscaling": False}, 1, Layer.DRIVER, "was made without"),
        ({"count": None}, 0, Layer.MAGNUM, "hubfleet scale user --nodes 1"),
        ({}, 0, Layer.NODE, "the selector of pool user matches nothing"),
        ({}, 3, Layer.MAGNUM, "it has 3 nodes, and at most 3"),
        ({"most": 2}, 2, Layer.MAGNUM, "Magnum has 2 as its maximum, the file 3"),
        ({"most": 2, "ceiling": "2"}, 2, Layer.DRIVER, "max_node_count=2"),
    ],
)
def test_what_cannot_be_proved_is_told_before_anything_is_made(
    changes: dict[str, Any], nodes: int, layer: Layer, words: str
) -> None:
    trouble = beforehand(replace(SCALING, **changes), nodes)
    assert trouble is not None
    assert trouble.layer is layer
    assert words in f"{trouble.what} {trouble.why} {trouble.remedy}"


def test_a_pool_at_its_maximum_is_not_touched(lab: Lab) -> None:
    lab.node("n2")
    lab.node("n3")
    layer, _ = why(lab.probe())
    assert layer is Layer.MAGNUM
    assert ("POST", f"/api/v1/namespaces/{NAMESPACE}/pods") not in lab.api.requests
