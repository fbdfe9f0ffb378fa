"""Runs jobs side by side, each as soon as what it needs is over; and the clock they all wait by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar

from hubfleet.errors import HubfleetError, Interrupted
from hubfleet.events import Event, Kind, Say
from hubfleet.tools import process

T = TypeVar("T")


class Clock:
    """Time for everything that waits. `stop` wakes every sleeper with Interrupted: so one failure ends all waits.

    Tests give a clock of their own with `now` and `sleep`, and take no time.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Returns after that many seconds; Interrupted as soon as somebody stopped the clock."""
        if self._stopped.wait(max(0.0, seconds)):
            raise Interrupted("stopped while waiting", remedy="apply again: it goes on where this run stopped")

    def stop(self) -> None:
        """Ends every sleep under way and to come."""
        self._stopped.set()


def pause(waited: float, *, least: float) -> float:
    """Seconds to sleep before the next look, after so many in vain. So hubfleet sees what it waits for at most `least`
    or a twentieth of the wait too late, and leaves a cloud alone that takes its time: down to a look every 5 s."""
    return min(5.0, max(least, waited / 20))


@dataclass(frozen=True)
class Job:
    """Something to do, in a thread of its own. `needs` are ids of jobs; those that are not there count as over."""

    id: str
    run: Callable[[], str | None]
    """Does it, and gives what to tell about it in a few words, or None. Raises HubfleetError."""
    needs: frozenset[str] = field(default_factory=frozenset[str])


def run(jobs: Iterable[Job], *, cluster: str, say: Say, clock: Clock | None = None, side_by_side: int = 16) -> None:
    """Runs all jobs, each after those it needs. Says when each starts and ends.

    After a failure nothing new starts and all waits on `clock` end; then the first failure is raised, and other ones
    are its notes. Jobs that need each other in a circle are a HubfleetError. Ctrl-C stops everything likewise.
    """
    return _Runner(list(jobs), cluster, say, clock or Clock(), side_by_side).run()


class _Runner:
    def __init__(self, jobs: list[Job], cluster: str, say: Say, clock: Clock, side_by_side: int) -> None:
        self._waiting: dict[str, Job] = {job.id: job for job in jobs}
        self._cluster, self._say, self._clock, self._side_by_side = cluster, say, clock, side_by_side
        self._over: set[str] = set()
        self._busy: set[str] = set()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        known = frozenset(self._waiting)
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(max_workers=self._side_by_side, thread_name_prefix="job") as pool:
            try:
                while True:
                    for job in self._ready(known):
                        running[pool.submit(self._do, job)] = job.id
                    if not running:
                        break
                    self._collect(running)
            except BaseException:  # Ctrl-C, or SIGTERM
                self._clock.stop()
                while self._busy:
                    process.end_all()  # again and again: a job may be about to start one
                    time.sleep(0.1)
                raise
        self._judge()

    def _ready(self, known: frozenset[str]) -> list[Job]:
        if self._failures:
            return []
        ready = [job for job in self._waiting.values() if (job.needs & known) <= self._over]
        for job in ready:
            del self._waiting[job.id]
        return ready

    def _collect(self, running: dict[Future[None], str]) -> None:
        # With a time-out: a signal that comes in the moment before a wait is only seen after it.
        done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            id_ = running.pop(future)
            failure = future.exception()
            if failure is None:
                self._over.add(id_)
            else:
                self._failures.append(failure)
                self._clock.stop()

    def _do(self, job: Job) -> None:
        self._busy.add(job.id)
        try:
            self._clock.sleep(0)  # Interrupted, if it is stopped
            self._timed(job)
        finally:
            self._busy.discard(job.id)

    def _timed(self, job: Job) -> None:
        began = self._clock.now()
        self._tell(Kind.STARTED, job.id)
        try:
            text = job.run()
        except Interrupted as stopped:
            self._tell(Kind.NOTE, job.id, stopped.what, self._clock.now() - began)
            raise
        except BaseException as failure:
            told = failure.what if isinstance(failure, HubfleetError) else str(failure)
            self._tell(Kind.FAILED, job.id, told, self._clock.now() - began)
            raise
        self._tell(Kind.DONE, job.id, text or "", self._clock.now() - began)

    def _tell(self, kind: Kind, subject: str, text: str = "", seconds: float | None = None) -> None:
        self._say(Event(kind, self._cluster, subject, text, seconds))

    def _judge(self) -> None:
        causes = [failure for failure in self._failures if not isinstance(failure, Interrupted)] or self._failures
        if causes:
            for further in dict.fromkeys(str(cause) for cause in causes if str(cause) != str(causes[0])):
                causes[0].add_note(further)
            raise causes[0]
        if self._waiting:
            what = f"these wait for each other: {', '.join(self._waiting)}"
            raise HubfleetError(what, remedy="a mistake of hubfleet's: please report it")


def side_by_side(asks: Mapping[str, Callable[[Clock], T]], *, most: int = 8) -> dict[str, T | HubfleetError]:
    """All answers, or the errors in their place: of one another they know nothing. Ctrl-C stops every clock, and so
    all that wait by one, and ends what they run; any other exception is raised when all are over."""
    clocks = {name: Clock() for name in asks}
    answers: dict[str, T | HubfleetError] = {}
    with ThreadPoolExecutor(max_workers=min(most, len(asks) or 1), thread_name_prefix="side") as pool:
        futures = {name: pool.submit(_answered, ask, clocks[name]) for name, ask in asks.items()}
        try:
            while wait(futures.values(), timeout=0.5).not_done:  # short: see _collect
                pass
        except BaseException:
            for future in futures.values():
                future.cancel()
            while any(not future.done() for future in futures.values()):
                for clock in clocks.values():
                    clock.stop()
                process.end_all()
                time.sleep(0.1)
            raise
        for name, future in futures.items():
            answers[name] = future.result()
    return answers


def _answered(ask: Callable[[Clock], T], clock: Clock) -> T | HubfleetError:
    try:
        return ask(clock)
    except HubfleetError as error:
        return error


def together(asks: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """All answers, asked side by side; the first failure (in the order given) is raised."""
    with ThreadPoolExecutor(max_workers=max(1, len(asks)), thread_name_prefix="ask") as pool:
        futures = {name: pool.submit(ask) for name, ask in asks.items()}
        return {name: future.result() for name, future in futures.items()}
