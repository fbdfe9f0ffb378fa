"""A clock for tests: time passes only when nobody has anything to do but sleep, and then at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hubfleet.engine.run import Clock

DAZE = 0.02
"""Seconds of the real clock for which a thread that is awake is waited for; else it has ended, or waits for another."""


class FakeClock(Clock):
    """Threads may share one: each sleeps as long as it wants to, beside the others, however the machine treats them."""

    def __init__(self) -> None:
        super().__init__()
        self._now, self._turn = 1000.0, threading.Condition()
        self._sleepers: dict[int, float] = {}
        self._awake: dict[int, float] = {}
        """By thread (0: one that is about to start): since when, by the real clock."""
        self._later: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        """Something that happens that many seconds from now, while somebody sleeps."""
        self._later.append((self.now() + seconds, do))

    def now(self) -> float:
        with self._turn:
            return self._now

    def restart(self) -> None:
        """As the clock of a new run, whose threads are about to start."""
        self._stopped.clear()
        with self._turn:
            self._awake[0] = time.monotonic()

    def sleep(self, seconds: float) -> None:
        super().sleep(0)
        me = threading.get_ident()
        with self._turn:
            self._awake.pop(me, None)
            if seconds > 0:
                self._sleep(me, self._now + seconds)
            self._awake[me] = time.monotonic()
            due = [one for one in self._later if one[0] <= self._now]
            self._later = [one for one in self._later if one not in due]
        for _, do in due:
            do()

    def stop(self) -> None:
        super().stop()
        with self._turn:
            self._turn.notify_all()

    def _sleep(self, me: int, until: float) -> None:
        self._sleepers[me] = until
        self._turn.notify_all()
        try:
            while min(self._sleepers.values()) < until or self._somebody_is_at_it():
                self._turn.wait(DAZE / 4)
                super().sleep(0)
        finally:
            del self._sleepers[me]
            self._turn.notify_all()
        self._now = max(self._now, until)

    def _somebody_is_at_it(self) -> bool:
        real = time.monotonic()
        self._awake = {thread: since for thread, since in self._awake.items() if real - since < DAZE}
        return bool(self._awake)
