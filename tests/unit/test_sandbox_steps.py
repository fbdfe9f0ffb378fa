import signal
import threading

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.steps import Progress, Say, Step, run

LONG = 10.0  # seconds, never waited for unless something is wrong


def doing(done: list[str], name: str, *needs: str) -> Step:
    return Step(name, lambda _: done.append(name), needs)


def test_a_step_begins_when_what_it_needs_is_done() -> None:
    done: list[str] = []
    run([doing(done, "roof", "walls"), doing(done, "walls", "ground"), doing(done, "ground")], Progress(quiet=True))
    assert done == ["ground", "walls", "roof"]


def test_steps_that_do_not_need_each_other_go_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=LONG)  # neither passes alone
    steps = [Step("one", lambda _: meeting.wait() and None), Step("two", lambda _: meeting.wait() and None)]
    run(steps, Progress(quiet=True))
    assert not meeting.broken


def test_a_failure_stops_only_what_needs_it_and_is_raised_with_its_name() -> None:
    done: list[str] = []

    def fail(_: Say) -> None:
        raise SandboxError("no Go", remedy="install it")

    steps = [Step("programs", fail), doing(done, "cluster", "programs"), doing(done, "databases")]
    with pytest.raises(SandboxError, match=r"programs: no Go\n.*install it"):
        run(steps, Progress(quiet=True))
    assert done == ["databases"]


def test_all_failures_are_told() -> None:
    def failing(name: str) -> Step:
        def fail(_: Say) -> None:
            raise SandboxError(f"{name} is broken")

        return Step(name, fail)

    with pytest.raises(SandboxError) as caught:
        run([failing("images"), failing("programs")], Progress(quiet=True))
    assert "images: images is broken" in str(caught.value)
    assert "programs: programs is broken" in str(caught.value)


def test_what_nobody_expected_is_raised_as_it_is() -> None:
    def fail(_: Say) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run([Step("sums", fail)], Progress(quiet=True))


def test_a_need_that_is_not_among_the_steps_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="walls"):
        run([doing([], "roof", "walls")], Progress(quiet=True))


def test_progress_tells_begin_end_and_what_the_step_says(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    run([Step("images", lambda say: say("unpacking"), about="3 minutes")], progress)
    lines = [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["images … (3 minutes)", "images: unpacking", f"images ✓ {progress.seconds['images']:.1f} s"]


def test_an_interrupt_does_not_wait_for_the_steps_under_way() -> None:
    release, ended = threading.Event(), threading.Event()

    def slow(_: Say) -> None:
        release.wait(LONG)
        ended.set()

    steps = [Step("slow", slow), Step("quick", lambda _: signal.raise_signal(signal.SIGINT))]
    # Whoever runs the tests in the background may have told them to ignore interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(steps, Progress(quiet=True))
        assert not ended.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
        release.set()
