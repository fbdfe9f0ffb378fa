"""Two hubfleets that make the same cluster at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.engine.leases import Hold
from hubfleet.errors import HubfleetError, Refused
from hubfleet.plan.steps import Action
from hubfleet.tools.magnum import Cluster
from tests.unit.test_engine_magnum import Trial


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


class Free(Hold):
    """A hold on a cluster that nobody else holds; `when` it was taken."""

    when: float | None = None

    def __init__(self, trial: Trial, place: str = "here") -> None:
        super().__init__("pythia", "ada@laptop:1", place)
        self.trial = trial

    def take(self, kube: object) -> None:
        self.when = self.trial.clock.now()


def rival(trial: Trial, uuid: str, **changes: Any) -> None:
    """A cluster of the same name that a hubfleet elsewhere has just asked for."""
    labels = {"hubfleet": "1", "hubfleet_maker": "elsewhere"}
    made = {"uuid": uuid, "name": "pythia", "status": "CREATE_IN_PROGRESS", "template": "t-1", "labels": labels}
    trial.site.clusters[uuid] = Cluster(**(made | changes))


def at_the_same_time(trial: Trial, uuid: str, **changes: Any) -> None:
    """The rival's request is heard in the moment of ours."""
    ours = trial.site.create_cluster

    def create(body: Any) -> str:
        rival(trial, uuid, **changes)
        return ours(body)

    trial.site.create_cluster = create  # type: ignore[method-assign]


def test_of_two_clusters_of_one_name_made_at_once_the_younger_goes_and_its_maker_is_told(trial: Trial) -> None:
    at_the_same_time(trial, "u-rival", created="2026-11-22T15:00:00+00:00")
    trial.site.now = "2026-11-22T15:00:01+00:00"
    with pytest.raises(Refused, match="another hubfleet makes the cluster pythia") as error:
        trial.apply(hold=Free(trial))
    assert "u-rival" in error.value.why
    assert [request.split()[0] for request in trial.site.requests] == ["create", "delete"]
    assert "u-rival" not in " ".join(trial.site.requests)


def test_the_older_of_two_clusters_of_one_name_is_finished(trial: Trial) -> None:
    at_the_same_time(trial, "u-rival", created="2026-11-22T15:00:02+00:00")
    trial.site.now = "2026-11-22T15:00:01+00:00"
    trial.apply(hold=Free(trial))
    assert not any(request.startswith("delete") for request in trial.site.requests)


def test_two_clusters_of_the_same_second_of_which_one_was_seen_late_are_told_apart_by_uuid(trial: Trial) -> None:
    trial.clock.at(2, lambda: rival(trial, "u", created=trial.site.now))
    with pytest.raises(Refused, match="another hubfleet"):
        trial.apply(hold=Free(trial))


def test_a_request_that_was_made_twice_since_its_answer_got_lost_leaves_one_cluster(trial: Trial) -> None:
    mine = {"hubfleet": "1", "hubfleet_maker": "here"}
    at_the_same_time(trial, "u-twice", labels=mine, created="2026-11-22T15:59:00+00:00")
    trial.site.now = "2026-11-22T15:00:00+00:00"
    trial.apply(hold=Free(trial))
    assert "delete cluster u-twice" in trial.site.requests
    assert trial.plan() == {"cluster": Action.KEEP, "pool/core": Action.KEEP, "pool/user": Action.KEEP}


def test_a_cluster_that_another_hubfleet_is_making_is_not_touched_before_the_lock_is_taken(trial: Trial) -> None:
    elsewhere = Free(trial, place="elsewhere")
    with pytest.raises(HubfleetError):
        trial.apply(timeout=5, hold=elsewhere)
    here = Free(trial)
    trial.apply(hold=here)
    groups = [event for event in trial.said if event.subject == "pool/user" and "asked Magnum" in event.text]
    assert len(groups) == 1
    assert here.when is not None
    assert any("another hubfleet began it" in event.text for event in trial.said)


def test_a_killed_run_of_this_machine_is_continued_without_waiting_for_a_lock(trial: Trial) -> None:
    with pytest.raises(HubfleetError):
        trial.apply(timeout=5, hold=Free(trial))
    trial.apply(hold=Free(trial))
    assert not any("another hubfleet" in event.text for event in trial.said)
