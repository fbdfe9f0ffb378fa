import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import MARK, Layout

SLEEP = ["sleep", "60"]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path / "state", tmp_path / "cache", slot=31, ports=31000)
    yield made
    processes.stop([*processes.known(made), *processes.marked(made)], grace=0)


def test_a_process_is_found_under_its_name_until_it_is_stopped(layout: Layout) -> None:
    started = processes.start(layout, "nodes/1/kubelet", SLEEP)
    assert processes.find(layout, "nodes/1/kubelet") == started
    assert processes.known(layout) == [started]
    processes.stop([started])
    assert not started.alive
    assert processes.find(layout, "nodes/1/kubelet") is None
    assert processes.recorded(layout, "nodes/1/kubelet") == started


def test_a_pid_that_a_stranger_has_now_is_not_taken_for_ours(layout: Layout) -> None:
    stranger = processes.start(layout, "stranger", SLEEP)
    layout.pids.joinpath("keystone").write_text(f"{stranger.pid} {stranger.started - 1}\n")
    assert processes.find(layout, "keystone") is None
    ours = processes.recorded(layout, "keystone")
    assert ours is not None
    processes.stop([ours])
    assert stranger.alive


def test_whoever_is_stopped_is_reaped_at_whatever_moment_it_ends(layout: Layout) -> None:
    stopped = [processes.start(layout, f"sleeper{number}", SLEEP) for number in range(30)]
    for one in stopped:
        processes.stop([one], grace=0)
    assert [one.pid for one in stopped if Path(f"/proc/{one.pid}").exists()] == []


def test_a_process_is_known_although_we_were_killed_just_after_starting_it(layout: Layout) -> None:
    script = f"""
import os, signal, subprocess
from pathlib import Path
from hubfleet_sandbox import processes
from hubfleet_sandbox.layout import Layout
processes.Process = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
processes.start(Layout(Path({str(layout.state)!r}), Path(), 31, 31000), "etcd", {SLEEP!r})
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    processes.wait("etcd", lambda: processes.find(layout, "etcd") is not None, timeout=10)
    found = processes.find(layout, "etcd")
    assert found is not None
    processes.wait("sleep", lambda: processes.command(found) == "sleep 60", timeout=10)


def test_what_answers_for_a_process_that_died_is_not_taken_for_it(layout: Layout) -> None:
    process = processes.start(layout, "apiserver", ["sh", "-c", "echo the port is taken; exit 1"])
    processes.wait("its end", lambda: not process.alive, timeout=10)
    with pytest.raises(SandboxError, match=r"apiserver died\n.*the port is taken"):
        processes.wait("apiserver", lambda: True, timeout=10, process=process, layout=layout)


def test_a_pid_file_that_was_cut_is_as_good_as_none(layout: Layout) -> None:
    layout.pids.mkdir(parents=True)
    (layout.pids / "keystone").write_text("")
    assert processes.find(layout, "keystone") is None
    assert processes.known(layout) == []


def test_what_a_process_starts_carries_the_mark_of_its_sandbox(layout: Layout) -> None:
    parent = processes.start(layout, "shim", ["sh", "-c", "sleep 60 & sleep 60"])
    processes.wait("children", lambda: len(processes.marked(layout)) >= 3, timeout=10)
    processes.stop([parent], grace=0)
    left = processes.marked(layout)
    assert {process.name for process in left} == {"sleep"}
    processes.stop(left, grace=0)
    assert processes.marked(layout) == []


def pids(layout: Layout) -> list[int]:
    """Of the processes with this sandbox's mark."""
    return [process.pid for process in processes.marked(layout)]


def test_the_mark_of_a_sandbox_below_is_ours_and_that_of_a_neighbour_is_not(layout: Layout) -> None:
    below = Layout(layout.state / "making", layout.cache, layout.slot, layout.ports)
    neighbour = Layout(Path(f"{layout.state}-2"), layout.cache, layout.slot, layout.ports)
    inner, other = processes.start(below, "inner", SLEEP), processes.start(neighbour, "other", SLEEP)
    try:
        # The kernel shows a process without an environment for the moment in which it becomes another program.
        shown = [(below, inner), (neighbour, other)]
        for where, one in shown:
            processes.wait("its mark", lambda: one.pid in pids(where), timeout=10)  # noqa: B023 (waited for at once)
        assert pids(layout) == [inner.pid]
    finally:
        processes.stop([inner, other], grace=0)


def test_what_is_run_to_be_waited_for_is_told_from_what_is_to_stay(layout: Layout) -> None:
    processes.start(layout, "etcd", ["sh", "-c", "sleep 60 & wait"])
    compiler = subprocess.Popen(["sh", "-c", "sleep 60 & wait"])
    try:
        processes.wait("children", lambda: len(processes.started_here(layout)) == 2, timeout=10)
        found = {processes.command(process) for process in processes.started_here(layout)}
        assert found == {"sh -c sleep 60 & wait", "sleep 60"}
        assert compiler.pid in {process.pid for process in processes.started_here(layout)}
        assert processes.find(layout, "etcd") not in processes.started_here(layout)
    finally:
        processes.stop(processes.started_here(layout), grace=0)
        compiler.wait()


def test_a_process_that_ignores_sigterm_is_killed(layout: Layout) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('set', flush=True); time.sleep(60)"
    )
    process = processes.start(layout, "stubborn", [sys.executable, "-c", stubborn])
    log = layout.logs / "stubborn.log"
    processes.wait("it", lambda: "set" in log.read_text(), timeout=10, process=process, layout=layout)
    processes.stop([process], grace=0.2)
    assert not process.alive


def test_processes_get_little_of_our_environment(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/somewhere.pem")
    found = processes.run(["env"], timeout=10, layout=layout, env={"OS_CLOUD": "sandbox"})
    names = {line.partition("=")[0] for line in found.splitlines()}
    assert {"PATH", "HOME", "OS_CLOUD", MARK} <= names
    assert "REQUESTS_CA_BUNDLE" not in names


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"exit code 3\n.*no room"):
        processes.run(["sh", "-c", "echo no room >&2; exit 3"], timeout=10)
    log = tmp_path / "logs" / "build.log"
    with pytest.raises(SandboxError, match=r"no room\n.*see .*build.log"):
        processes.run(["sh", "-c", "echo no room; exit 3"], timeout=10, log=log)


def test_a_program_that_is_not_there_or_does_not_end_is_told() -> None:
    with pytest.raises(SandboxError, match="no-such-program is not there"):
        processes.run(["no-such-program"], timeout=10)
    with pytest.raises(SandboxError, match="sleep did not finish"):
        processes.run(SLEEP, timeout=0.1)


def test_waiting_ends_when_the_process_dies_and_shows_its_last_words(layout: Layout) -> None:
    process = processes.start(layout, "nova", ["sh", "-c", "echo no database; exit 1"])
    with pytest.raises(SandboxError, match=r"nova died\n.*no database"):
        processes.wait("nova", lambda: False, timeout=10, process=process, layout=layout)


def test_waiting_ends_when_time_is_up() -> None:
    began = time.monotonic()
    with pytest.raises(SandboxError, match="keystone was not ready"):
        processes.wait("keystone", lambda: False, timeout=0.1)
    assert time.monotonic() - began < 10


def test_a_process_that_another_one_started_can_be_adopted(layout: Layout) -> None:
    pid = os.posix_spawnp("sleep", SLEEP, os.environ)
    try:
        assert processes.adopt(layout, "glance", pid).alive
        assert processes.find(layout, "glance") is not None
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert processes.find(layout, "glance") is None
