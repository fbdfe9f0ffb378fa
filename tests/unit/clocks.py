"""A clock for tests: time passes only when somebody sleeps, and then at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hubfleet.engine.run import Clock


class FakeClock(Clock):
    """Threads may share one: each sleep moves time for all."""

    def __init__(self) -> None:
        super().__init__()
        self._now, self._lock = 1000.0, threading.Lock()
        self._later: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        """Something that happens that many seconds from now, while somebody sleeps."""
        self._later.append((self.now() + seconds, do))

    def now(self) -> float:
        with self._lock:
            return self._now

    def restart(self) -> None:
        """As the clock of a new run."""
        self._stopped.clear()

    def sleep(self, seconds: float) -> None:
        super().sleep(0)
        with self._lock:
            self._now += max(0.0, seconds)
            due = [one for one in self._later if one[0] <= self._now]
            self._later = [one for one in self._later if one not in due]
        for _, do in due:
            do()
        time.sleep(0)  # let the others look
