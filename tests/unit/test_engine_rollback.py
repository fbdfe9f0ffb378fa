"""A release that failed goes back to what ran before it, and the error says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.checks.hub import HubHealth
from hubfleet.engine import rollback
from hubfleet.errors import HubfleetError, Interrupted
from hubfleet.plan.releases import CHART, CLUSTER, DIGEST
from tests.unit.hub_files import other
from tests.unit.test_engine_releases import HELM, Trial


class Story(Trial):
    """A hub's release with revisions of a past."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.api.running_hub("main", "main")

    def revision(self, number: int, status: str, digest: str = "", **labels: str) -> None:
        marks = {DIGEST: digest or self.release.digest, CLUSTER: "pythia", CHART: "lite"} | labels
        self.api.record("main", "main", number, status, **marks)

    def back(self) -> str:
        return rollback.back(
            self.release,
            self.helm,
            self.api.kube(),
            lambda kind, text: None,
            self.clock,
            cluster="pythia",
            ask=self.answers,
        )

    @property
    def asked_helm(self) -> list[Any]:
        return [list(argv[1:4]) for argv in self.program.calls if argv[1] == "rollback"]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_it_goes_to_the_newest_revision_of_another_content_that_helm_had_finished(story: Story) -> None:
    story.revision(1, "superseded", "older")
    story.revision(2, "superseded", "old")
    story.revision(3, "failed", "broken")
    story.revision(4, "superseded")
    story.revision(5, "deployed")
    assert story.back() == "it was rolled back to what ran before (revision 2), and the hub answers again"
    assert story.asked_helm == [["rollback", "main", "2"]]


def test_the_next_plan_knows_which_of_its_values_are_secret(story: Story) -> None:
    """Or it would say of every value that "a secret changed"."""
    story.program.answer([HELM, "get", "values"], "{}")
    story.install()
    (before,) = story.observe()
    story.release = other(story.release, values={})
    story.install()
    story.back()
    (seen,) = story.observe()
    assert (seen.revision, seen.digest, seen.secret_keys) == (3, before.digest, before.secret_keys)
    assert seen.secret_keys


def test_also_where_helm_itself_failed(story: Story) -> None:
    story.program.answer([HELM, "get", "values"], "{}")
    story.install()
    (before,) = story.observe()
    story.release = other(story.release, values={})

    def fails(_: object) -> None:
        story.program.anew("main")
        story.revision(2, "failed")
        raise HubfleetError("UPGRADE FAILED")

    story.program.prepare = fails
    with pytest.raises(HubfleetError):
        story.install()
    story.back()
    (seen,) = story.observe()
    assert (seen.revision, seen.digest, seen.secret_keys) == (3, before.digest, before.secret_keys)


@pytest.mark.parametrize("old", [{"status": "failed"}, {CLUSTER: "other"}, {CHART: "jupyterhub"}])
def test_it_never_goes_to_what_failed_or_is_anothers(story: Story, old: dict[str, str]) -> None:
    story.revision(1, old.pop("status", "superseded"), "old", **old)
    story.revision(2, "deployed")
    assert (story.back(), story.asked_helm) == ("", [])


def test_a_release_that_was_taken_over_goes_back_to_what_its_maker_had(story: Story) -> None:
    story.api.record("main", "main", 1, "superseded")
    story.revision(2, "deployed")
    assert story.back().startswith("it was rolled back to what ran before (revision 1)")


def test_where_nothing_was_changed_nothing_is_rolled_back(story: Story) -> None:
    story.revision(1, "deployed", "old")
    assert (story.back(), story.asked_helm) == ("", [])


def test_a_first_release_has_nothing_to_go_back_to(story: Story) -> None:
    story.revision(1, "deployed")
    assert (story.back(), story.asked_helm) == ("", [])


def test_what_ran_before_and_does_not_run_any_more_is_told(story: Story) -> None:
    story.revision(1, "superseded", "old")
    story.revision(2, "deployed")
    story.health = [HubHealth(False, "", why="502")]
    assert story.back().endswith("and that does not run either: hubfleet status tells what it lacks")


def test_a_helm_that_refuses_is_told(story: Story) -> None:
    story.revision(1, "superseded", "old")
    story.revision(2, "deployed")
    story.program.answer([HELM, "rollback"], code=1, stderr="Error: no route to host")
    assert story.back().startswith("it could not be rolled back to what ran before: ")


def test_nobody_waits_where_waiting_has_ended(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.revision(1, "superseded", "old")
    story.revision(2, "deployed")

    def stopped(self: object) -> None:
        raise Interrupted("stopped")

    monkeypatch.setattr(rollback.Rollout, "wait", stopped)
    assert story.back() == "it was rolled back to what ran before (revision 1); nobody waited for it"
