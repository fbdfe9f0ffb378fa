"""One writer per cluster; a lock outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.errors import Refused
from hubfleet.fleet.locking import only_writer

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
