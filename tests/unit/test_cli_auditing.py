"""audit as a person and as a program see it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hubfleet.cli import app
from hubfleet.engine.audit import Auditor
from hubfleet.errors import CloudError, Interrupted, Refused, UsageError
from hubfleet.fleet import auditing
from hubfleet.plan import volumes
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack_inventory import Kind, Thing
from hubfleet.tools.openstack_quota import Room
from tests.unit.lab import Lab
from tests.unit.left_things import HOME, OTHER, RELEASE, VOLUME, Project

ADDRESS = Thing(
    Kind.FLOATING_IP,
    "f",
    "203.0.113.5",
    f"Floating IP for Kubernetes external service main/proxy-public from cluster {RELEASE}",
    created=datetime.now(UTC) - timedelta(days=3, minutes=1),
)
CLAIM = {volumes.CLAIM: "claim-ada", volumes.NAMESPACE: "main"}
ADA = replace(HOME, size=10, marks={**HOME.marks, **CLAIM})


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    found = Project(ADDRESS, replace(VOLUME, size=5), ADA, OTHER)
    found.rooms = {"floating IPs": Room(10, 3), "gigabytes": Room(1000, 40)}
    auditor = Auditor(found)  # type: ignore[arg-type]
    monkeypatch.setattr(auditing, "auditor", lambda *_: auditor)
    return found


def audit(*words: str) -> Result:
    return CliRunner().invoke(app.hubfleet, ["audit", *words], standalone_mode=False)


def test_people_see_a_table_for_each_cluster_what_is_kept_and_one_line_at_the_end(project: Project) -> None:
    ran = audit()
    head, address, volume, *rest = ran.stdout.splitlines()
    assert ran.return_value == 0
    assert head == f"cluster pythia is gone ({RELEASE}); left over:"
    assert address.split(maxsplit=3)[:3] == ["floating", "IP", "203.0.113.5"]
    assert address.endswith("3 days  1 of 10 floating IPs")
    assert volume.split() == ["volume", "pvc-1", "5", "GiB", "5", "of", "1000", "GiB"]
    assert rest == [
        "kept: 1 home (10 GiB) of hub main: found again when a cluster pythia is made",
        "2 things left over in js2. To take it away: the same command with --delete",
    ]


def test_an_exit_code_tells_a_script_that_something_is_left(project: Project) -> None:
    assert audit("--exit-code").return_value == 3
    project.things = {OTHER.id: OTHER, ADA.id: ADA}
    ran = audit("--exit-code")
    assert ran.return_value == 0
    assert "nothing is left over in js2" in ran.stdout


def test_a_program_gets_one_document(project: Project) -> None:
    found = json.loads(audit("--json").stdout)
    assert (found["cloud"], found["unseen"], found["elsewhere"]) == ("js2", [], 0)
    assert [one["id"] for one in found["left"]] == ["f", "v"]
    assert [one["id"] for one in found["kept"]] == ["h"]
    assert "living" not in found
    assert found["left"][0]["cost"] == "1 of 10 floating IPs"


def test_what_a_living_cluster_has_is_listed_when_asked_for(project: Project) -> None:
    project.clusters = [Cluster("u", "pythia", "CREATE_COMPLETE", "t", {}, release=RELEASE)]
    assert "203.0.113.5" not in audit().stdout
    ran = audit("--all")
    assert f"cluster pythia is there ({RELEASE}), and has:" in ran.stdout
    assert "203.0.113.5" in ran.stdout


def test_what_cannot_be_looked_at_is_said(project: Project) -> None:
    project.unseen = ("application credentials: HTTP 403",)
    ran = audit()
    assert "not seen: application credentials: HTTP 403" in ran.stdout
    assert "as far as can be seen" in ran.stdout


def test_nothing_is_deleted_when_nobody_is_there_to_be_asked(project: Project) -> None:
    ran = audit("--delete")
    assert isinstance(ran.exception, UsageError)
    assert set(project.things) == {"f", "v", "h", "o"}


def test_nothing_is_deleted_when_the_answer_is_no(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubfleet.cli.auditing.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    with pytest.raises(Interrupted):
        app.hubfleet.main(["audit", "--delete"], standalone_mode=False)
    assert set(project.things) == {"f", "v", "h", "o"}


def test_what_is_left_goes_and_homes_stay(project: Project) -> None:
    ran = audit("--delete", "--yes")
    assert (ran.return_value, ran.stdout) == (0, "2 things deleted\n")
    assert set(project.things) == {"h", "o"}


def test_what_stays_is_told_and_is_a_failure(project: Project) -> None:
    project.refuses["f"] = iter([CloudError("no", why="policy forbids it", status=403)] * 10**6)
    ran = audit("--delete", "--yes", "--timeout", "0")
    assert ran.return_value == 1
    assert "1 thing deleted, 1 stayed" in ran.stdout
    assert "! floating IP 203.0.113.5 (f): policy forbids it" in ran.stdout


def test_homes_go_with_their_clusters_name(project: Project) -> None:
    assert audit("--delete", "--yes", "--with-homes", "pythia").return_value == 0
    assert set(project.things) == {"o"}


def test_homes_of_a_living_cluster_are_refused(project: Project) -> None:
    project.clusters = [Cluster("u", "pythia", "CREATE_COMPLETE", "t", {}, release="pythia-a2b3c4d5e6f7")]
    ran = audit("--delete", "--yes", "--with-homes", "pythia")
    assert isinstance(ran.exception, Refused)
    assert set(project.things) == {"f", "v", "h", "o"}


def test_homes_need_the_name_of_the_files_cluster(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "auditor", lambda *_: Auditor(project, "pythia"))  # type: ignore[arg-type]
    ran = audit("--delete", "--yes", "--with-homes", "pithia")
    assert isinstance(ran.exception, Refused)
    assert "the file says 'pythia'" in str(ran.exception)


def test_homes_of_a_name_that_no_kept_home_has_are_an_error(project: Project) -> None:
    ran = audit("--delete", "--yes", "--with-homes", "pithia")
    assert isinstance(ran.exception, UsageError)
    assert 'did you mean "pythia"?' in str(ran.exception)
    assert set(project.things) == {"f", "v", "h", "o"}


def test_homes_are_for_deleting() -> None:
    assert isinstance(audit("--with-homes", "pythia").exception, UsageError)


def test_a_path_and_a_cloud_exclude_each_other() -> None:
    assert isinstance(audit(".", "--cloud", "js2").exception, UsageError)


def test_a_cluster_that_somebody_else_keeps_has_no_cloud_to_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = audit(str(Lab(tmp_path, monkeypatch).file))
    assert isinstance(ran.exception, UsageError)
    assert "there is no cloud account to look into" in str(ran.exception)
