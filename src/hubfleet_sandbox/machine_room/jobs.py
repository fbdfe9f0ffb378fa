"""Work that takes longer than a glance: done in threads, one job at a time for each thing, again if it failed."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

log = logging.getLogger(__name__)
_LONGEST = 15.0  # seconds between two attempts


@dataclass
class _Slot:
    job: str
    future: Future[None]
    failures: int = 0
    again: float = 0.0
    before: BaseException | None = None


class Jobs:
    """A slot is the thing that is worked on; `changed` is set when a job ends."""

    def __init__(self, changed: threading.Event, workers: int = 16) -> None:
        self._changed = changed
        self._slots: dict[str, _Slot] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")

    def done(self, slot: str, job: str, do: Callable[[], None]) -> bool:
        """Whether this job of this slot has succeeded. It is begun when nothing else runs in the slot; one that
        failed is begun again after a while. To be called from one thread only."""
        found = self._slots.get(slot)
        if found is None:
            self._begin(slot, job, do)
        elif not found.future.done():
            return False
        elif found.job != job:
            self._begin(slot, job, do)
        elif found.future.exception() is None:
            return True
        elif found.again == 0.0:
            found.failures += 1
            found.again = time.monotonic() + min(0.5 * 2**found.failures, _LONGEST)
        elif time.monotonic() >= found.again:
            self._begin(slot, job, do, found.failures, found.future.exception())
        return False

    def error(self, slot: str) -> str:
        """Why the job of this slot failed; empty if it did not."""
        return str(self.failure(slot) or "")

    def failure(self, slot: str) -> BaseException | None:
        """As it was raised; while the job is tried again, how it failed the time before."""
        found = self._slots.get(slot)
        if found is None:
            return None
        return found.future.exception() if found.future.done() else found.before

    def forget(self, slot: str) -> None:
        """Let what has succeeded be done anew the next time."""
        found = self._slots.get(slot)
        if found and found.future.done() and found.future.exception() is None:
            del self._slots[slot]

    def _begin(
        self, slot: str, job: str, do: Callable[[], None], failures: int = 0, before: BaseException | None = None
    ) -> None:
        future = self._pool.submit(_run, f"{job} {slot}", do)
        self._slots[slot] = _Slot(job, future, failures, before=before)
        future.add_done_callback(lambda _: self._changed.set())


def _run(name: str, do: Callable[[], None]) -> None:
    began = time.monotonic()
    try:
        do()
    except SandboxError as error:
        log.warning("%s failed after %.1f s: %s", name, time.monotonic() - began, error)
        raise
    except Exception:
        log.exception("%s failed after %.1f s", name, time.monotonic() - began)
        raise
    log.info("%s: %.1f s", name, time.monotonic() - began)
