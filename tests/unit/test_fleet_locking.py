"""One writer per cluster; a lock outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from hubfleet import fleet
from hubfleet.errors import CloudError, Refused
from hubfleet.events import Watch
from hubfleet.fleet.locking import only_writer
from tests.unit.lab import Lab

HOLD = """
import time
from hubfleet.fleet.locking import only_writer
with only_writer("c"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def holder() -> subprocess.Popen[str]:
    """Another process that holds the cluster c."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)


def test_the_second_writer_is_refused_and_told_who_is_at_it(holder: subprocess.Popen[str]) -> None:
    try:
        with pytest.raises(Refused, match=f"process {holder.pid}"), only_writer("c"):
            pass
    finally:
        end(holder)


def test_another_cluster_is_free(holder: subprocess.Popen[str]) -> None:
    try:
        with only_writer("d"):
            pass
    finally:
        end(holder)


def test_a_writer_that_was_killed_holds_nothing(holder: subprocess.Popen[str]) -> None:
    end(holder)
    with only_writer("c"):
        assert os.getpid()


def test_a_user_without_a_name_can_write_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    with only_writer("c"), pytest.raises(Refused, match=f"user {os.getuid()}"), only_writer("c"):
        pass


LEASE = ("leases", "kube-system", "hubfleet-lab")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def test_a_writer_on_another_machine_is_refused_until_the_first_is_done(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = fleet.load(lab.file)
    with fleet.alone(target) as first:
        monkeypatch.setenv("XDG_STATE_HOME", str(lab.folder / "another machine"))
        with pytest.raises(Refused, match=first.holder), fleet.alone(target):
            pass
    assert LEASE not in lab.api.objects
    with fleet.alone(target) as second:
        assert second.place != first.place


def test_the_writer_who_is_named_loses_the_lock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = fleet.load(lab.file)
    with fleet.alone(target) as first:
        monkeypatch.setenv("XDG_STATE_HOME", str(lab.folder / "another machine"))
        with fleet.alone(target, breaks=first.holder) as second:
            assert (second.taken, second.place != first.place) == (True, True)


def test_a_machine_is_the_same_each_time(lab: Lab) -> None:
    target = fleet.load(lab.file)
    with fleet.alone(target) as first:
        pass
    with fleet.alone(target) as second:
        assert second.place == first.place


def test_a_cluster_whose_api_does_not_answer_is_locked_on_this_machine_only(lab: Lab) -> None:
    lab.away()
    target = fleet.load(lab.file)
    with fleet.alone(target) as hold, pytest.raises(Refused), fleet.alone(target):
        pass
    assert not hold.taken


def test_a_credential_that_may_not_lock_may_not_change_anything(lab: Lab) -> None:
    lab.api.fail = lambda request: httpx2.Response(403, json={"message": "leases is forbidden"})
    with pytest.raises(CloudError, match="more rights"), fleet.alone(fleet.load(lab.file)):
        pass


def test_a_run_that_loses_the_lock_stops_and_tells_who_has_it(lab: Lab) -> None:
    target = fleet.load(lab.file)
    with fleet.alone(target) as hold:
        plan = lab.plan()
        hold._lost = Refused("bob@desk:12 took the lock of lab over while this run was at it")
        with pytest.raises(Refused, match="bob@desk:12"):
            fleet.apply(target, plan, lab.said.append, Watch(), timeout=60, hold=hold)
    assert lab.actions()["release/main"] == "create"
