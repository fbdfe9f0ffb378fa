"""A cluster goes to another Kubernetes, whatever Magnum does meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from hubfleet.engine import upgrading
from hubfleet.engine.run import run
from hubfleet.errors import HubfleetError, Layer
from hubfleet.events import Event, Watch
from hubfleet.plan.steps import Action
from hubfleet.plan.upgrades import Offer, Wish, steps
from hubfleet.tools.magnum import Template
from tests.unit.clocks import FakeClock
from tests.unit.magnum_site import Kube, Site

OFFERS = tuple(
    Offer(Template(uuid, f"kubernetes-1-{minor}", "image", "kubernetes", {}), kubernetes)
    for uuid, minor, kubernetes in (("t-1", 33, "v1.33.2"), ("t-2", 34, "v1.34.4"), ("t-3", 35, "v1.35.1"))
)


class Trial:
    """A site with a cluster of two pools."""

    def __init__(self, **cluster: Any) -> None:
        self.clock = FakeClock()
        self.site = Site(self.clock)
        self.site.kubernetes["t-3"] = "v1.35.1"
        self.site.add_cluster(**cluster)
        self.site.add_group("default-master", "m3.quad", 1, 0, None, role="master")
        self.site.add_group("default-worker", "m3.quad", 1, 1, None)
        self.site.add_group("user", "m3.large", 2, 1, 4)
        self.said: list[Event] = []

    def plan(self, minor: str) -> dict[str, Action]:
        return {step.id: step.action for step in self._steps(minor)}

    def _steps(self, minor: str) -> Any:
        return steps(self.site.clusters["u-old"], self.site.groups("u-old"), OFFERS, Wish(minor))

    def upgrade(self, minor: str, timeout: float = 7200) -> None:
        self.clock.restart()
        jobs = upgrading.jobs(
            self._steps(minor),
            self.site,  # type: ignore[arg-type]
            kube=lambda _: Kube(self.site),  # type: ignore[arg-type, return-value]
            say=self.said.append,
            watch=Watch(self.clock.now),
            clock=self.clock,
            timeout=timeout,
        )
        run(jobs, cluster="pythia", say=self.said.append, clock=self.clock)

    @property
    def kubelets(self) -> set[str]:
        return {node.kubelet for node in self.site.nodes()}


def test_every_node_and_the_control_plane_get_the_new_version_and_then_there_is_nothing_to_do() -> None:
    trial = Trial()

    trial.upgrade("1.34")

    assert (trial.kubelets, trial.site.api_version()) == ({"v1.34.4"}, "v1.34.4")
    assert trial.site.clusters["u-old"].status == "UPDATE_COMPLETE"
    assert trial.plan("1.34") == {}


def test_two_minors_are_asked_for_one_after_the_other() -> None:
    trial = Trial()

    trial.upgrade("1.35")

    assert trial.site.requests == ["upgrade t-2", "upgrade t-3"]
    assert trial.kubelets == {"v1.35.1"}


def test_a_cluster_that_is_not_settled_is_settled_first_since_magnum_would_drop_the_request() -> None:
    trial = Trial(status="UPDATE_FAILED")

    trial.upgrade("1.34")

    assert [request.partition(" ")[0] for request in trial.site.requests] == ["resize", "upgrade"]
    assert trial.kubelets == {"v1.34.4"}


def test_an_upgrade_that_was_killed_is_waited_for_and_not_asked_for_again() -> None:
    trial = Trial()
    trial.site.upgrade("u-old", "t-2")
    assert trial.plan("1.34") == {"upgrade/1.34": Action.FINISH}

    trial.upgrade("1.34")

    assert trial.site.requests == ["upgrade t-2"]
    assert trial.kubelets == {"v1.34.4"}


def test_a_site_that_never_moves_the_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial()
    monkeypatch.setattr(trial.site, "upgrade", lambda uuid, template: None)

    with pytest.raises(HubfleetError, match="does not move the cluster") as caught:
        trial.upgrade("1.34")

    assert caught.value.layer is Layer.MAGNUM


def test_nodes_that_do_not_come_are_told_with_what_is_missing() -> None:
    trial = Trial()
    trial.site.boot = 1e6

    with pytest.raises(HubfleetError, match="after 10 min"):
        trial.upgrade("1.34", timeout=600)

    assert "waiting for the first new node of default-worker, user" in [event.text for event in trial.said]
