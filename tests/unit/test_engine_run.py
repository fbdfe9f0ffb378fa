"""Jobs run side by side, as soon as what they need is over."""

from __future__ import annotations

import threading

import pytest

from hubfleet.engine.run import Clock, Job, pause, run, side_by_side, together
from hubfleet.errors import CloudError, HubfleetError, Interrupted
from hubfleet.events import Event, Kind


def test_a_job_runs_after_those_it_needs() -> None:
    order: list[str] = []
    jobs = [
        Job("release/main", lambda: order.append("release/main"), frozenset({"cluster", "pool/user"})),
        Job("pool/user", lambda: order.append("pool/user"), frozenset({"cluster"})),
        Job("cluster", lambda: order.append("cluster")),
    ]

    run(jobs, cluster="c", say=lambda _: None)

    assert order == ["cluster", "pool/user", "release/main"]


def test_jobs_that_do_not_need_each_other_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    run([Job("a", lambda: str(meeting.wait())), Job("b", lambda: str(meeting.wait()))], cluster="c", say=lambda _: None)


def test_what_is_needed_and_not_among_the_jobs_counts_as_over() -> None:
    done: list[str] = []

    run([Job("release/main", lambda: done.append("x"), frozenset({"cluster"}))], cluster="c", say=lambda _: None)

    assert done == ["x"]


def test_after_a_failure_nothing_new_starts_and_others_stop_waiting() -> None:
    clock, started = Clock(), []

    def fails() -> None:
        raise CloudError("Magnum said no")

    jobs = [
        Job("cluster", fails),
        Job("pool/user", lambda: clock.sleep(600)),
        Job("release/main", lambda: started.append("x"), frozenset({"cluster"})),
    ]

    with pytest.raises(CloudError, match="Magnum said no"):
        run(jobs, cluster="c", say=lambda _: None, clock=clock)
    assert started == []


def test_a_second_failure_is_a_note_of_the_first() -> None:
    both = threading.Barrier(2, timeout=10)

    def fails(text: str) -> None:
        both.wait()
        raise CloudError(text)

    with pytest.raises(CloudError) as caught:
        run([Job("a", lambda: fails("one")), Job("b", lambda: fails("two"))], cluster="c", say=lambda _: None)
    assert {str(caught.value), *caught.value.__notes__} == {"one", "two"}


def test_what_several_say_is_told_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def failing() -> str:
        both.wait()
        raise HubfleetError("the API does not answer")

    with pytest.raises(HubfleetError) as caught:
        run([Job("a", failing), Job("b", failing)], cluster="c", say=lambda _: None)
    assert getattr(caught.value, "__notes__", []) == []


def test_each_job_is_told_of_with_its_result_and_time() -> None:
    told: list[Event] = []

    run([Job("cluster", lambda: "ready")], cluster="pythia", say=told.append)

    assert [(e.kind, e.cluster, e.subject, e.text) for e in told] == [
        (Kind.STARTED, "pythia", "cluster", ""),
        (Kind.DONE, "pythia", "cluster", "ready"),
    ]
    assert told[1].seconds is not None


def test_jobs_that_need_each_other_in_a_circle_are_an_error() -> None:
    circle = [Job("a", lambda: None, frozenset({"b"})), Job("b", lambda: None, frozenset({"a"}))]

    with pytest.raises(HubfleetError, match="a, b"):
        run(circle, cluster="c", say=lambda _: None)


def test_a_stopped_clock_wakes_sleepers() -> None:
    clock = Clock()
    clock.stop()

    with pytest.raises(Interrupted):
        clock.sleep(600)


def test_answers_asked_side_by_side_come_by_name() -> None:
    meeting = threading.Barrier(2, timeout=10)

    answers = together({"a": lambda: meeting.wait() * 0 + 1, "b": lambda: meeting.wait() * 0 + 2})

    assert answers == {"a": 1, "b": 2}


def test_the_first_failure_of_several_questions_is_raised() -> None:
    def fails() -> int:
        raise CloudError("no")

    with pytest.raises(CloudError, match="no"):
        together({"a": lambda: 1, "b": fails})


def test_the_longer_a_wait_the_more_seldom_a_look_but_never_a_twentieth_of_it_too_late() -> None:
    assert [pause(waited, least=0.3) for waited in (0, 5, 20, 60, 100, 3600)] == [0.3, 0.3, 1, 3, 5, 5]


def test_of_several_asked_side_by_side_each_answers_for_itself() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def fails(_: Clock) -> str:
        meeting.wait()
        raise CloudError("Magnum said no")

    def answers(_: Clock) -> str:
        meeting.wait()
        return "well"

    found = side_by_side({"a": fails, "b": answers})

    assert list(found) == ["a", "b"]
    assert found["b"] == "well"
    assert isinstance(found["a"], CloudError)


def test_what_nobody_foresaw_is_raised_when_all_are_over() -> None:
    over: list[str] = []

    def mistake(_: Clock) -> None:
        raise TypeError("a mistake")

    with pytest.raises(TypeError, match="a mistake"):
        side_by_side({"a": mistake, "b": lambda _: over.append("b")})
    assert over == ["b"]


def test_ctrl_c_ends_all_waits_of_all_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    begun = threading.Barrier(3, timeout=10)

    def waits(clock: Clock) -> None:
        begun.wait()
        try:
            clock.sleep(600)
        except Interrupted:
            ended.append("x")
            raise

    def interrupted(*_: object, **__: object) -> None:
        begun.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr("hubfleet.engine.run.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side({"a": waits, "b": waits})
    assert ended == ["x", "x"]
