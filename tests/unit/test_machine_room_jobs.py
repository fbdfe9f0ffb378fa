import threading
import time
from collections.abc import Callable

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.machine_room.jobs import Jobs


@pytest.fixture
def changed() -> threading.Event:
    return threading.Event()


@pytest.fixture
def jobs(changed: threading.Event) -> Jobs:
    return Jobs(changed)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_job_is_done_once(jobs: Jobs) -> None:
    done: list[int] = []
    until(lambda: jobs.done("node", "boot", lambda: done.append(1)))
    assert jobs.done("node", "boot", lambda: done.append(2))
    assert done == [1]


def test_whoever_waits_is_woken(jobs: Jobs, changed: threading.Event) -> None:
    jobs.done("node", "boot", lambda: None)
    assert changed.wait(5)


def test_one_thing_has_one_job_at_a_time_and_others_go_on(jobs: Jobs) -> None:
    hold, removed = threading.Event(), threading.Event()
    jobs.done("a", "boot", lambda: assert_(hold.wait(10)))
    assert not jobs.done("a", "remove", removed.set)
    until(lambda: jobs.done("b", "boot", lambda: None))
    assert not removed.is_set()
    hold.set()
    until(lambda: jobs.done("a", "remove", removed.set))
    assert removed.is_set()


def test_a_job_that_fails_says_why_and_is_tried_again(jobs: Jobs) -> None:
    tries: list[int] = []

    def sometimes() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SandboxError("no space")

    until(lambda: bool(jobs.done("node", "boot", sometimes) or jobs.error("node")))
    assert jobs.error("node") == "no space"
    until(lambda: jobs.done("node", "boot", sometimes))
    assert jobs.error("node") == ""
    assert len(tries) == 2


def test_a_job_that_fails_is_not_hurried_by_forgetting_it(jobs: Jobs) -> None:
    tries: list[int] = []

    def never() -> None:
        tries.append(1)
        raise SandboxError("no space")

    until(lambda: bool(jobs.done("node", "boot", never) or jobs.error("node")))
    for _ in range(20):
        jobs.forget("node")
        assert not jobs.done("node", "boot", never)
    assert len(tries) == 1


def test_what_is_forgotten_is_done_anew(jobs: Jobs) -> None:
    done: list[int] = []
    until(lambda: jobs.done("node", "boot", lambda: done.append(1)))
    jobs.forget("node")
    until(lambda: jobs.done("node", "boot", lambda: done.append(2)))
    assert done == [1, 2]


def assert_(truth: bool) -> None:
    assert truth


def test_why_a_job_failed_is_told_while_it_is_tried_again(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, tries = threading.Event(), list[int]()

    def fail_and_then_wait() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SandboxError("no room")
        go_on.wait(10)

    monkeypatch.setattr("hubfleet_sandbox.machine_room.jobs._LONGEST", 0.01)
    until(lambda: jobs.done("node", "boot", fail_and_then_wait) or len(tries) == 2)
    assert jobs.error("node") == "no room"
    go_on.set()
    until(lambda: jobs.done("node", "boot", fail_and_then_wait))
    assert jobs.error("node") == ""
