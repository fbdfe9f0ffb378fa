"""`scale`: what it refuses, what it plans, what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet import fleet, hubs
from hubfleet.errors import CloudError, Refused, UsageError
from hubfleet.plan.releases import CHART, CLUSTER, DIGEST, HUB
from tests.unit.lab import Lab
from tests.unit.test_fleet_magnum import Trial

LABEL = "capi.stackhpc.com/node-group"


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A cluster as its file says, with a pool that may be absent."""
    trial = Trial(tmp_path, monkeypatch)
    file = trial.target.cluster.file
    tree = yaml.safe_load(file.read_text())
    tree["pools"]["gpu"] = {"machine": "m3.large", "nodes": {"min": 0, "max": 2}}
    file.write_text(yaml.safe_dump(tree, sort_keys=False))
    trial.target = fleet.load(file)
    trial.whole()
    return trial


def planned(trial: Trial, pool: str, **wish: int | None) -> Any:
    return fleet.plan_scale(asked(trial, pool, **wish))


def asked(trial: Trial, pool: str, **wish: int | None) -> Any:
    return fleet.scale_wish(trial.target, pool, wish.get("nodes"), wish.get("least"), wish.get("most"))


def changes(plan: Any) -> dict[str, str]:
    return {step.id: str(step.action) for step in plan.changes}


def test_only_the_pool_is_planned_and_what_the_file_says_is_told(trial: Trial) -> None:
    plan = planned(trial, "user", nodes=3)

    assert [step.id for step in plan.steps] == ["cluster", "pool/user"]
    (change,) = plan.changes[0].changes
    assert (change.old, change.new, change.origin) == ("1 to 10", "3", None)
    assert "says 1 to 10: apply sets it back to 1 to 10" in plan.notes[0]


def test_one_bound_that_is_left_out_is_the_files(trial: Trial) -> None:
    assert planned(trial, "user", most=20).changes[0].changes[0].new == "1 to 20"
    assert changes(planned(trial, "user", least=1)) == {}


def test_a_pool_that_may_be_absent_is_made_and_goes(trial: Trial) -> None:
    assert changes(planned(trial, "gpu", nodes=0)) == {}
    assert changes(planned(trial, "gpu", nodes=1)) == {"pool/gpu": "create"}
    assert planned(trial, "gpu", most=2).changes[0].details == ("1 to 2 nodes of m3.large",)
    trial.site.add_group("gpu", "m3.large", 1, 1, 1)
    assert changes(planned(trial, "gpu", nodes=0)) == {"pool/gpu": "destroy"}


def test_other_differences_between_file_and_cluster_do_not_matter(trial: Trial) -> None:
    trial.site._row("user", machine="m3.tiny")
    trial.site.add_group("old", "m3.large", 1, 1, 1)

    assert changes(planned(trial, "gpu", nodes=1)) == {"pool/gpu": "create"}


@pytest.mark.parametrize(
    ("pool", "wish", "error", "said"),
    [
        ("core", {"nodes": 0}, Refused, "it runs core"),
        ("user", {"nodes": 0}, Refused, "1 nodes or more"),
        ("usr", {"nodes": 1}, UsageError, 'did you mean "user"'),
        ("user", {}, UsageError, "how many"),
        ("user", {"nodes": 1, "most": 2}, UsageError, "one or the other"),
        ("user", {"least": 11}, UsageError, "11 to 10"),
        ("user", {"nodes": 1001}, UsageError, "1000"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_cloud_is_asked(
    trial: Trial, pool: str, wish: dict[str, int], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        asked(trial, pool, **wish)
    assert said in str(caught.value)


def test_users_servers_on_nodes_that_may_go_are_counted(trial: Trial) -> None:
    api = trial.lab.api
    api.fail = lambda _: None
    for node in ("a", "b"):
        api.add("nodes", "", node, metadata={"labels": {LABEL: "user"}})
    labels = {"app.kubernetes.io/component": "singleuser-server"}
    api.add("pods", "main", "ada", metadata={"labels": labels}, spec={"nodeName": "b"}, status={"phase": "Running"})
    trial.site._row("user", count=2)

    assert "one user's server runs on its 2 nodes" in planned(trial, "user", nodes=1).notes[0]
    assert not any("user's server" in note for note in planned(trial, "user", nodes=2).notes)


def test_writing_changes_the_number_and_then_the_plan_has_nothing_to_say(trial: Trial) -> None:
    file = trial.target.cluster.file
    file.write_text(file.read_text().replace("      min: 1\n", "      min: 1  # nights\n"))
    file.chmod(0o640)
    before = file.read_text()
    wish = asked(trial, "user", least=2, most=20)

    fleet.write(wish, wish.rewritten())

    assert file.read_text() == before.replace("min: 1  # nights\n      max: 10", "min: 2  # nights\n      max: 20")
    assert file.stat().st_mode & 0o777 == 0o640
    trial.target = fleet.load(file)
    assert not planned(trial, "user", least=2, most=20).notes


def test_there_is_no_number_to_write_for_a_pool_that_goes(trial: Trial) -> None:
    with pytest.raises(UsageError, match="no number to write"):
        asked(trial, "gpu", nodes=0).rewritten()


def test_without_a_cluster_there_is_nothing_to_scale(trial: Trial) -> None:
    trial.site.clusters.clear()
    with pytest.raises(CloudError, match="is not there"):
        planned(trial, "user", nodes=2)


def test_nodes_of_somebody_elses_cluster_are_not_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)
    with pytest.raises(Refused, match="does not make the nodes of lab"):
        fleet.plan_scale(fleet.scale_wish(fleet.load(lab.file), "all", 2, None, None))


def installed(trial: Trial, *, absent: frozenset[str], digest: str = "") -> None:
    """The file's hub is on the cluster, whose API answers, as it is while these pools are not there."""
    trial.lab.api.fail = lambda _: None
    resolved = trial.target.resolved()
    (hub,) = (one for one in hubs.releases(resolved.cluster, resolved.description, absent) if one.hub)
    labels = {DIGEST: digest or hub.digest, CLUSTER: "pythia", HUB: "main", CHART: hub.chart.name}
    trial.lab.api.record("main", "main", 1, "deployed", **labels)
    trial.lab.api.running_hub("main", "main")


def test_a_pool_that_comes_is_offered_by_the_hubs_once_it_is_there(trial: Trial) -> None:
    installed(trial, absent=frozenset({"gpu"}))

    plan = planned(trial, "gpu", nodes=1)

    assert changes(plan) == {"pool/gpu": "create", "release/main": "change"}
    (release,) = (step for step in plan.steps if step.id == "release/main")
    assert "pool/gpu" in release.needs
    assert any("profileList" in change.key for change in release.changes)


def test_a_pool_that_goes_is_offered_by_no_hub_before_it_goes(trial: Trial) -> None:
    trial.site.add_group("gpu", "m3.large", 1, 1, 1)
    installed(trial, absent=frozenset())

    plan = planned(trial, "gpu", nodes=0)

    assert changes(plan) == {"pool/gpu": "destroy", "release/main": "change"}
    (pool,) = (step for step in plan.steps if step.id == "pool/gpu")
    assert "release/main" in pool.needs
    assert not any("next apply" in note for note in plan.notes)


def test_a_hub_that_differs_from_the_file_in_other_ways_too_is_left_to_apply(trial: Trial) -> None:
    installed(trial, absent=frozenset({"gpu"}), digest="edited")

    plan = planned(trial, "gpu", nodes=1)

    assert changes(plan) == {"pool/gpu": "create"}
    assert any("main is not as the file says in other ways too" in note for note in plan.notes)


def test_a_pool_that_only_grows_leaves_the_hubs_alone(trial: Trial) -> None:
    installed(trial, absent=frozenset({"gpu"}))
    assert changes(planned(trial, "user", nodes=3)) == {"pool/user": "change"}
