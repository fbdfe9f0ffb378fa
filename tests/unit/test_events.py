"""Waits are counted once, however many wait at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.events import Watch


def clock(*ticks: float) -> Iterator[float]:
    return iter(ticks)


def test_waits_at_the_same_time_count_once() -> None:
    ticks = clock(0, 2, 8, 10)
    watch = Watch(lambda: next(ticks))
    with watch.waiting("Magnum"), watch.waiting("Helm"):
        pass
    assert watch.waited() == {"Helm": 6, "Magnum": 10, "any": 10}


def test_waits_one_after_another_add_up() -> None:
    ticks = clock(0, 2, 5, 9)
    watch = Watch(lambda: next(ticks))
    for _ in range(2):
        with watch.waiting("pods"):
            pass
    assert watch.waited() == {"pods": 6, "any": 6}


def test_a_wait_that_fails_counts_too() -> None:
    ticks = clock(1, 4)
    watch = Watch(lambda: next(ticks))
    try:
        with watch.waiting("Magnum"):
            raise ValueError
    except ValueError:
        pass
    assert watch.waited()["Magnum"] == 3


def test_who_never_waited_has_waited_for_nobody() -> None:
    assert Watch().waited() == {"any": 0}


def test_what_nobody_was_waited_for_is_hubfleets_own_from_the_beginning_on() -> None:
    ticks = clock(4, 9, 10)
    watch = Watch(lambda: next(ticks), began=1)
    with watch.waiting("Helm"):
        pass
    assert watch.seconds - watch.waited()["any"] == 4
