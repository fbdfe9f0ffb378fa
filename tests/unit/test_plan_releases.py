"""What is planned for releases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.errors import Refused
from hubfleet.hubs import Release, releases
from hubfleet.plan.releases import Observed, Removed, moves, removal, steps
from hubfleet.plan.secrecy import HIDDEN
from hubfleet.plan.steps import Action, Step
from hubfleet.spec import Cluster, merge
from tests.unit.hub_files import describe, load


class Trial:
    """A cluster file with one hub, and what the cluster has of it."""

    def __init__(self, folder: Path, **hub: Any) -> None:
        self.file: Cluster = load(folder, **{"chart": "lite", **hub})
        (self.release,) = releases(self.file, describe(self.file))
        self.there = installed(self.release, self.file.name)

    def step(self, there: Observed) -> Step:
        (found,) = steps([self.release], [there], self.file)
        return found


def installed(release: Release, cluster: str) -> Observed:
    there = Observed("main", "main", 1, "deployed", "main", cluster, release.digest)
    return replace(there, secret_keys=release.secret_paths)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_a_release_that_is_not_there_is_created(trial: Trial) -> None:
    (step,) = steps([trial.release], [], trial.file)
    assert (step.id, step.action, step.work) == ("release/main", Action.CREATE, trial.release)
    assert step.needs == {"cluster", "homes/main"}


def test_a_hub_of_which_only_the_homes_are_left_is_created_on_them(trial: Trial) -> None:
    left = replace(trial.there, status="uninstalled", revision=0, digest="", claims=("claim-ann",))
    assert trial.step(left).action is Action.CREATE


def test_what_is_left_of_a_hub_that_left_the_file_is_for_destroy_with_homes_alone(trial: Trial) -> None:
    left = replace(trial.there, status="uninstalled", revision=0, digest="", claims=("claim-ann",))
    assert steps([], [left], trial.file) == ()
    assert removal([left], trial.file, claims=False) == ()
    (destroyed,) = removal([left], trial.file, claims=True)
    assert (destroyed.action, "claim-ann" in destroyed.loses[0]) == (Action.DESTROY, True)


def test_a_release_made_from_the_same_is_kept(trial: Trial) -> None:
    assert trial.step(trial.there).action is Action.KEEP


@pytest.mark.parametrize("status", ["failed", "pending-install", "pending-upgrade", "uninstalling"])
def test_a_release_that_was_not_finished_is(trial: Trial, status: str) -> None:
    step = trial.step(replace(trial.there, status=status))
    assert step.action is Action.FINISH
    assert status in step.details[0]


def test_a_release_whose_pods_do_not_run_yet_is_finished(trial: Trial) -> None:
    step = trial.step(replace(trial.there, unready="waiting for the pods of hub"))
    assert (step.action, step.details) == (Action.FINISH, ("waiting for the pods of hub",))


def test_another_chart_takes_the_place_of_the_old_one_and_homes_stay(trial: Trial) -> None:
    step = trial.step(replace(trial.there, digest="other", chart="jupyterhub"))
    assert (step.action, step.loses) == (Action.REPLACE, ())
    assert "lite 0.1.0 instead of jupyterhub" in step.details[0]
    assert trial.step(replace(trial.there, chart="lite")).action is Action.KEEP


def test_a_change_tells_the_keys_that_differ_and_where_they_are_set(tmp_path: Path) -> None:
    trial = Trial(tmp_path, values={"singleuser": {"startTimeout": 60}})
    old = {**trial.release.values, "singleuser": {**trial.release.values["singleuser"], "startTimeout": 30}}
    step = trial.step(replace(trial.there, digest="other", values=old))
    (change,) = step.changes
    assert (step.action, change.key, change.old, change.new) == (Action.CHANGE, "singleuser.startTimeout", 30, 60)
    assert change.origin == trial.file.position("hubs", "main", "values", "singleuser", "startTimeout")


def test_a_computed_key_is_said_to_come_from_the_hub(trial: Trial) -> None:
    old = {**trial.release.values, "cull": {**trial.release.values["cull"], "timeout": 1}}
    (change,) = trial.step(replace(trial.there, digest="other", values=old)).changes
    assert (change.key, change.origin) == ("cull.timeout", trial.file.position("hubs", "main"))


def test_a_changed_image_is_told_with_the_line_that_names_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path, image="quay.io/a/b:2")
    old = {
        **trial.release.values,
        "singleuser": {**trial.release.values["singleuser"], "image": {"name": "quay.io/a/b", "tag": "1"}},
    }
    (change,) = trial.step(replace(trial.there, digest="other", values=old)).changes
    assert (change.key, change.old, change.new) == ("singleuser.image.tag", "1", "2")
    assert change.origin == trial.file.position("hubs", "main", "image")


def test_a_newer_chart_is_told_by_its_version(trial: Trial) -> None:
    there = replace(trial.there, digest="other", chart="lite", version="0.0.9", values=trial.release.values)
    (change,) = trial.step(there).changes
    assert (change.key, change.old, change.new) == ("chart", "lite 0.0.9", "lite 0.1.0")


def test_another_version_of_upstreams_chart_is_told_where_the_file_sets_it(tmp_path: Path) -> None:
    versions = {"charts": {"versions": {"jupyterhub": "4.3.2"}}}
    trial = Trial(tmp_path, chart="jupyterhub", top=versions)
    there = replace(trial.there, digest="other", chart="jupyterhub", version="4.4.0", values=trial.release.values)
    (change,) = trial.step(there).changes
    assert (change.key, change.old, change.new) == ("chart", "jupyterhub 4.4.0", "jupyterhub 4.3.2")
    assert change.origin == trial.file.position("charts", "versions", "jupyterhub")


def test_a_chart_whose_files_changed_alone_is_told_in_words(trial: Trial) -> None:
    there = replace(trial.there, digest="other", chart="lite", version="0.1.0", values=trial.release.values)
    step = trial.step(there)
    assert (step.action, step.changes) == (Action.CHANGE, ())
    assert "the chart's own files differ" in step.details[-1]


def test_what_may_have_been_a_secret_is_not_shown_after_it_left_the_file(trial: Trial) -> None:
    env = {"extraEnv": {"DATABASE": "0ld"}, "extraContainers": [{"env": [{"name": "X", "apiToken": "f0rmer"}]}]}
    old = {**trial.release.values, "hub": {**trial.release.values["hub"], **env}}
    changes = trial.step(replace(trial.there, digest="other", values=old)).changes
    assert [one.secret for one in changes] == [True, True]
    assert not any(secret in repr(changes) for secret in ("0ld", "f0rmer"))


def test_a_changed_secret_is_told_without_its_values(tmp_path: Path) -> None:
    trial = Trial(tmp_path, values={"hub": {"extraEnv": {"X": "${env:TOKEN}"}}})
    hub = trial.release.values["hub"]
    old = {**trial.release.values, "hub": {**hub, "extraEnv": {"X": "0ld", "OLD_PASSWORD": "f0rmer"}}}
    changes = trial.step(replace(trial.there, digest="other", values=old)).changes
    assert [(one.key, one.secret) for one in changes] == [("hub.extraEnv.OLD_PASSWORD", True), ("hub.extraEnv.X", True)]
    assert not any(secret in repr(changes) for secret in ("0ld", "f0rmer", "t0k3n"))


def test_what_was_a_secret_is_not_shown_when_it_is_none_any_more(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    old = merge(trial.release.values, {"hub": {"nodeSelector": {"x": "hush-1"}, "config": {"A": {"b": "hush-2"}}}})
    paths = {("hub", "nodeSelector", "x"), ("hub", "config", "A", "b")}
    changes = trial.step(replace(trial.there, digest="other", values=old, secret_keys=frozenset(paths))).changes
    assert {change.key for change in changes} == {"hub.nodeSelector.x", "hub.config.A.b"}
    assert "hush" not in "".join(map(str, changes))


def test_where_nobody_wrote_down_what_was_secret_no_old_value_is_shown(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    old = merge(trial.release.values, {"hub": {"config": {"A": {"b": "hush"}}}, "cull": {"every": 1}})
    changes = trial.step(replace(trial.there, digest="other", values=old, secret_keys=None)).changes
    assert {(change.key, change.old, change.secret) for change in changes} == {
        ("hub.config.A.b", None, True),
        ("cull.every", None, True),
    }


def test_generated_secrets_are_no_change(trial: Trial) -> None:
    hub = trial.release.values["hub"]
    config = {**hub["config"], "SharedPasswordAuthenticator": {"user_password": "made"}}
    old = {**trial.release.values, "hub": {**hub, "config": config}}
    assert trial.step(replace(trial.there, digest="other", values=old)).changes == ()


def test_a_release_whose_hub_left_the_file_goes_and_what_people_keep_in_it_stays(trial: Trial) -> None:
    gone = replace(trial.there, name="old", namespace="old", hub="old", claims=("claim-ann", "hub-db-dir"))
    kept, destroyed = steps([trial.release], [trial.there, gone], trial.file)
    assert (kept.action, destroyed.action, destroyed.work) == (Action.KEEP, Action.DESTROY, Removed(gone, claims=False))
    assert destroyed.loses == ()
    assert "stays in the namespace old: claim-ann, hub-db-dir" in destroyed.details[1]


def test_removing_a_cluster_takes_every_hub_of_its_file_and_no_other(trial: Trial) -> None:
    others = replace(trial.there, name="theirs", namespace="theirs", cluster="other")
    (only,) = removal([trial.there, others], trial.file, claims=True)
    assert only.work == Removed(trial.there, claims=True)


def test_removing_a_cluster_keeps_what_people_have_in_it_unless_told_otherwise(trial: Trial) -> None:
    full = replace(trial.there, claims=("claim-ann", "claim-ben", "hub-db-dir"))
    platform = replace(trial.there, name="p", namespace="p", hub="")
    kept, empty = removal([full, platform], trial.file, claims=False)
    assert (kept.work, kept.loses) == (Removed(full, claims=False), ())
    assert kept.details == ("kept: 2 homes and the database",)
    assert empty.work == Removed(platform, claims=True)
    (lost, _) = removal([full, platform], trial.file, claims=True)
    assert lost.loses == ("home directories and database: claim-ann, claim-ben, hub-db-dir",)


def test_what_prometheus_measured_is_nothing_that_people_keep(trial: Trial) -> None:
    name = "hubfleet-prometheus"
    watcher = replace(trial.there, name=name, namespace=name, hub="", claims=(name,))
    for step in (*removal([watcher], trial.file, claims=False), *steps([], [watcher], trial.file)):
        assert (step.work, step.loses) == (Removed(watcher, claims=True), ())
    (left,) = steps([], [watcher], trial.file)
    assert left.details == ("nothing in the file needs it any longer", "what it measured goes with it")


def test_a_release_that_holds_nothing_costs_nothing(trial: Trial) -> None:
    gone = replace(trial.there, name="old", namespace="old")
    assert [step.loses for step in steps([], [gone], trial.file)] == [()]


def test_releases_of_another_clusters_file_are_left_alone(trial: Trial) -> None:
    others = replace(trial.there, name="theirs", namespace="theirs", cluster="other")
    assert [step.id for step in steps([trial.release], [trial.there, others], trial.file)] == ["release/main"]


@pytest.mark.parametrize(
    ("owner", "words", "remedy"),
    [
        ("", "hubfleet did not make it", "hubfleet apply --adopt; else give the hub another name"),
        ("other", "cluster file of other", "give the hub another name"),
    ],
)
def test_a_release_of_somebody_else_is_not_taken_over_unasked(
    trial: Trial, owner: str, words: str, remedy: str
) -> None:
    with pytest.raises(Refused) as error:
        trial.step(replace(trial.there, cluster=owner))
    assert words in error.value.why
    assert remedy in error.value.remedy
    assert error.value.exit_code == 4


def stranger(trial: Trial, values: dict[str, Any], **changes: Any) -> Observed:
    """The hub's release as somebody else's Helm made it, with other values of these keys."""
    old = merge(trial.release.values, values)
    plain = Observed("main", "main", 7, "deployed", "", "", "", chart="lite", version="0.1.0", values=old)
    return replace(plain, **changes)


def taken_over(trial: Trial, there: Observed) -> Step:
    (found,) = steps([trial.release], [there], trial.file, adopt=True)
    return found


def test_a_release_is_taken_over_with_what_people_keep_and_in_its_own_namespace(trial: Trial) -> None:
    step = taken_over(trial, stranger(trial, {}, claims=("claim-ann", "hub-db-dir")))
    assert (step.action, step.work, step.loses) == (Action.CHANGE, trial.release, ())
    assert step.details[:3] == (
        "taken over, which hubfleet did not make",
        "kept: 1 home and the database",
        "the namespace main stays as it is, also when the hub goes",
    )


def test_another_charts_release_is_replaced_when_it_is_taken_over(trial: Trial) -> None:
    step = taken_over(trial, stranger(trial, {}, chart="basehub"))
    assert step.action is Action.REPLACE
    assert step.details[-1] == "lite 0.1.0 instead of basehub: running servers stop, homes and database stay"


def test_a_release_of_another_clusters_file_is_never_taken_over(trial: Trial) -> None:
    with pytest.raises(Refused) as error:
        taken_over(trial, replace(trial.there, cluster="other"))
    assert "--adopt" not in error.value.remedy


@pytest.mark.parametrize("status", ["pending-upgrade", "uninstalling"])
def test_a_release_on_which_somebody_is_at_work_is_not_taken_over(trial: Trial, status: str) -> None:
    with pytest.raises(Refused, match="main") as error:
        taken_over(trial, stranger(trial, {}, status=status))
    assert f"Helm says {status}: somebody is at work on it" in error.value.why


def test_a_plan_that_takes_over_shows_old_values_that_can_be_no_secret_and_no_other(trial: Trial) -> None:
    hidden = {
        "db": {"url": "postgres://hub:hush-1@db/hub"},
        "config": {"GitHubOAuthenticator": {"client_secret": "hush-2", "oauth_callback_url": "https://hush-3"}},
        "extraConfig": {"own": "c.X.y = 'hush-4'"},
        "args": ["--hush-5"],
        "services": {"s": {"apiToken": "hush-6"}},
    }
    old: dict[str, Any] = {
        "hub": hidden | {"nodeSelector": {"pool": "core"}},
        "singleuser": {"image": {"name": "quay.io/a/b", "tag": "7"}, "memory": {"limit": "2G"}},
        "cull": {"every": 61},
    }
    step = taken_over(trial, stranger(trial, old))
    told = {one.key: one.old for one in step.changes if not one.secret}
    assert "hush" not in repr(step.changes)
    assert {one.key for one in step.changes if one.secret} == {
        "hub.config.GitHubOAuthenticator.client_secret",
        "hub.services.s.apiToken",
    }
    assert {key for key, value in told.items() if value == HIDDEN} == {
        "hub.db.url",
        "hub.config.GitHubOAuthenticator.oauth_callback_url",
        "hub.extraConfig.own",
        "hub.args",
    }
    shown = {"hub.nodeSelector.pool": "core", "singleuser.image.name": "quay.io/a/b", "singleuser.image.tag": "7"}
    shown |= {"singleuser.memory.limit": "2G"}
    assert shown.items() <= told.items()
    (culling,) = [one for one in step.changes if one.key == "cull.every"]
    assert (culling.old, culling.new) == (61, trial.release.values["cull"]["every"])


def behind(folder: Path) -> list[Release]:
    file = load(folder, chart="lite", top={"ingress": {"shared": True}})
    return [*releases(file, describe(file))]


def test_who_goes_behind_an_entry_is_told_that_the_address_changes(trial: Trial, tmp_path: Path) -> None:
    now = replace(trial.there, address="192.0.2.7")
    (told,) = moves(behind(tmp_path), [now])
    assert "192.0.2.7" in told
    assert "DNS of hub.example.org" in told
    assert [*moves([trial.release], [now])] == []


def test_who_leaves_the_entry_is_told_so_and_that_its_address_goes(trial: Trial, tmp_path: Path) -> None:
    entry, hub = behind(tmp_path)
    there = [
        installed(hub, trial.file.name),
        Observed(entry.name, entry.namespace, 1, "deployed", "", trial.file.name, "x", address="192.0.2.9"),
    ]
    assert [*moves([entry, hub], there)] == []
    own, gone = moves([trial.release], there)
    assert "an address of its own" in own
    assert "192.0.2.9 of hubfleet-entry goes for good" in gone


def test_the_entry_goes_when_hubs_do_without_it(trial: Trial, tmp_path: Path) -> None:
    entry, hub = behind(tmp_path)
    there = [
        installed(hub, trial.file.name),
        Observed(entry.name, entry.namespace, 1, "deployed", "", trial.file.name, "x"),
    ]
    changed, gone = steps([trial.release], there, trial.file)
    assert (changed.action, gone.action) == (Action.CHANGE, Action.DESTROY)
    assert gone.needs == {changed.id}
    assert gone.work == Removed(there[1], claims=True)


SHARED = {"size": "500Gi", "quota": "10Gi"}


def moving(folder: Path, claims: tuple[str, ...], **homes: Any) -> tuple[Step, ...]:
    """What is planned where a hub that runs has these claims, and the file says this of its homes."""
    file = load(folder, chart="jupyterhub", homes=homes)
    wanted = releases(file, describe(file))
    there = replace(installed(wanted[-1], file.name), digest="other", claims=claims)
    return steps(wanted, [there], file)


@pytest.mark.parametrize(
    ("claims", "homes", "why"),
    [
        (("claim-ann", "hub-db-dir"), SHARED, "are in volumes of their own, and would be on one shared volume"),
        (("home-nfs", "hub-db-dir"), {"size": "5Gi"}, "are on one shared volume, and would be in volumes of their own"),
    ],
)
def test_homes_that_would_seem_empty_are_not_left_unasked(
    tmp_path: Path, claims: tuple[str, ...], homes: dict[str, Any], why: str
) -> None:
    with pytest.raises(Refused, match=why) as refused:
        moving(tmp_path, claims, **homes)
    assert "start_empty: true" in refused.value.remedy
    assert moving(tmp_path, claims, **homes, start_empty=True)[-1].action is Action.CHANGE


def test_homes_that_are_where_they_are_to_be_are_no_matter(tmp_path: Path) -> None:
    both = ("claim-ann", "home-nfs", "hub-db-dir")
    for claims, homes in ((both, SHARED), (both, {"size": "5Gi"}), (("hub-db-dir",), SHARED), (("claim-a",), {})):
        assert moving(tmp_path, claims, **homes)[-1].action is Action.CHANGE


def test_the_server_of_homes_goes_after_the_hub_whose_pods_have_them(tmp_path: Path) -> None:
    file = load(tmp_path, chart="jupyterhub", homes=SHARED)
    server, hub = releases(file, describe(file))
    there = [
        replace(installed(hub, file.name), claims=("home-nfs", "hub-db-dir")),
        Observed(server.name, server.namespace, 1, "deployed", "", file.name, server.digest, claims=("home-nfs",)),
    ]
    gone = {step.id: step for step in removal(there, file, claims=False)}
    assert gone["release/hubfleet-homes-main"].needs == {"release/main"}
    assert "the shared homes" in str(gone["release/hubfleet-homes-main"].details)
    left = {step.id: step for step in steps([], there, file)}
    assert left["release/hubfleet-homes-main"].needs == {"release/main"}
    assert not left["release/hubfleet-homes-main"].work.claims  # type: ignore[union-attr]
    lost = {step.id: step.loses for step in removal(there, file, claims=True)}
    assert lost["release/hubfleet-homes-main"] == ("home directories and database: home-nfs",)
