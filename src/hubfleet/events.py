"""What hubfleet says while it works: a stream of small facts, and a watch that knows on whom it waited.

Whoever acts gets a `Say`; the command line turns events into lines (or JSON lines), a journal keeps them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What an event tells about its subject."""

    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True)
class Event:
    """One fact. `subject`: a step's id ("cluster", "pool/user", "release/main") or a name; `seconds`: since STARTED."""

    kind: Kind
    cluster: str
    subject: str
    text: str = ""
    seconds: float | None = None


Say = Callable[[Event], None]


@dataclass
class Watch:
    """Keeps when hubfleet waited, and for whom, to tell its own share of the time. Threads may share one.

    `began`, on the same clock, is when the time to be shared out began: for a verb, when its process did.
    """

    clock: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)
    _spans: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def waiting(self, for_whom: str) -> Generator[None]:
        """The block's time is somebody else's: "OpenStack", "Magnum", "Helm", "pods", "nodes", "Kubernetes"."""
        began = self.clock()
        try:
            yield
        finally:
            with self._lock:
                self._spans.append((for_whom, began, self.clock()))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self.clock() - self.began

    def waited(self) -> dict[str, float]:
        """Seconds during which at least one wait for that party was under way; "any" is the union of all."""
        with self._lock:
            spans = list(self._spans)
        parties = {party: [(a, b) for p, a, b in spans if p == party] for party, _, _ in spans}
        return {party: _covered(own) for party, own in (parties | {"any": [(a, b) for _, a, b in spans]}).items()}


def _covered(spans: list[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total
