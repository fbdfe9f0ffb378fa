"""Verbs on a cluster of Magnum, where its Kubernetes API is not there, or not any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubfleet import fleet
from hubfleet.engine.ground.magnum import MagnumGround
from hubfleet.errors import CloudError, Refused
from hubfleet.events import Watch
from hubfleet.fleet import access, applying, planning, scaling, state
from tests.unit.lab import Lab
from tests.unit.magnum_files import load
from tests.unit.test_engine_look import Door


class Trial:
    """A cluster file, Magnum, and an API server that does not answer."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = Lab(folder, monkeypatch)
        self.lab.away()
        file = load(folder)
        file.file.write_text(file.file.read_text().replace("domain:", "chart: lite\n    domain:"))
        self.door = Door()
        self.site = self.door.site
        names = ("certificate_authority", "sign", "brief_groups", "delete_cluster", "every_cluster")
        magnum = SimpleNamespace(**vars(self.door), **{name: getattr(self.site, name) for name in names})
        for name in ("offers", "volumes", "mark_volume", "delete_volume", "inventory", "project_id"):
            setattr(magnum.cloud, name, getattr(self.site.cloud, name))
        for module in (access, applying, planning, scaling, state):
            monkeypatch.setattr(module, "ground", lambda it, *_: MagnumGround(it.infrastructure, magnum))
        self.target = fleet.load(file.file)

    def whole(self, **changes: Any) -> None:
        """The cluster is there as the file says."""
        self.site.add_cluster(**changes)
        self.site.add_group("default-worker", "m3.quad", 1, 1, 1)
        self.site.add_group("user", "m3.large", 1, 1, 10)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    return Trial(tmp_path, monkeypatch)


def test_of_a_cluster_that_is_not_there_everything_is_to_be_made(trial: Trial) -> None:
    plan = fleet.plan(trial.target)
    assert {str(step.action) for step in plan.steps} == {"create"}
    assert fleet.plan_destroy(trial.target).changes == ()
    with pytest.raises(CloudError, match="is not there, or has no Kubernetes API yet"):
        fleet.kubeconfig(trial.target)


def test_nothing_is_planned_on_a_whole_cluster_that_does_not_answer(trial: Trial) -> None:
    trial.whole()
    with pytest.raises(CloudError, match="does not answer"):
        fleet.plan(trial.target)


def test_a_cluster_that_is_being_made_is_planned_on_before_its_api_answers(trial: Trial) -> None:
    trial.whole(status="CREATE_IN_PROGRESS")
    plan = fleet.plan(trial.target)
    assert {step.id: str(step.action) for step in plan.changes} == {"cluster": "finish", "release/main": "create"}


def test_a_cluster_that_does_not_answer_can_be_removed_and_the_plan_says_what_that_means(trial: Trial) -> None:
    trial.whole()
    plan = fleet.plan_destroy(trial.target)
    assert [step.id for step in plan.changes] == ["cluster"]
    assert "load balancers may be left over" in plan.notes[0]
    assert "every volume of its claims stays" in plan.notes[0]
    assert "every volume of its claims goes" in fleet.plan_destroy(trial.target, homes=True).notes[0]


def test_the_status_of_a_cluster_that_lacks_a_node_is_not_well(trial: Trial) -> None:
    trial.whole()
    trial.lab.api.fail = lambda _: None
    trial.lab.api.objects.pop(("nodes", "", "n1"))
    label = "capi.stackhpc.com/node-group"
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    trial.lab.api.add("nodes", "", "w", metadata={"labels": {label: "default-worker"}}, status=ready)
    seen = fleet.status(trial.target)
    assert {pool.name: pool.well for pool in seen.pools} == {"core": True, "user": False}
    assert {pool.name: pool.why.partition(";")[0] for pool in seen.pools} == {
        "core": "",
        "user": "waiting for 1 of 1 nodes: Nova has no machine of it",
    }
    assert "template t-1 (which is not to be seen any more)" in seen.infrastructure
    assert not seen.well


def test_an_outcome_tells_whose_the_time_was(trial: Trial) -> None:
    outcome = fleet.nothing_to_do(fleet.plan_destroy(trial.target), "destroy", Watch())
    assert outcome.summary().startswith("pythia has nothing left that hubfleet made (")


@pytest.fixture
def answering(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A cluster that somebody else made, whose API server answers."""
    found = access.ground(trial.target.description)
    monkeypatch.setattr("hubfleet.engine.ground.ground", lambda *_: found)
    trial.whole(labels={})
    trial.lab.api.fail = lambda _: None
    return trial


def written(trial: Trial) -> list[tuple[str, str]]:
    """Every request to the API server that was to change something."""
    return [(method, path) for method, path in trial.lab.api.requests if method != "GET"]


def test_a_cluster_of_somebody_else_is_refused_before_its_lock_is_taken(answering: Trial) -> None:
    with pytest.raises(Refused, match="did not make"), fleet.alone(answering.target):
        pass
    assert written(answering) == []


@pytest.mark.parametrize("adopted", ["now", "before"])
def test_a_cluster_that_is_or_was_adopted_is_locked(answering: Trial, adopted: str) -> None:
    if adopted == "before":
        answering.lab.api.add("configmaps", "kube-system", "hubfleet", data={"adopted": "2026-11-25T12:00:00+00:00"})
    with fleet.alone(answering.target, adopt=adopted == "now"):
        assert answering.lab.api.names("leases") == ["hubfleet-pythia"]


def test_a_plan_tells_that_the_site_replaced_the_clusters_template_and_hides_the_old_one(trial: Trial) -> None:
    trial.whole(template="t-0")
    trial.lab.api.fail = lambda _: None
    (now, *_) = trial.door.templates()
    labels = {**now.labels, "capi_helm_chart_version": "0.15.0"}
    trial.door.hidden["t-0"] = replace(now, uuid="t-0", labels=labels)
    told = next(found for found in fleet.plan(trial.target).findings if "has replaced the template" in found.what)
    assert told.why.startswith("t-0 became t-1: ")
    assert "the driver's chart 0.15.0 to " in told.why
    assert "template: t-0" in told.remedy
