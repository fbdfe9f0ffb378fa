"""Do named steps side by side as their needs allow, and say so as it happens.

A step that fails stops those that need it; the others go on, and all failures are raised together at the end.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from hubfleet_sandbox.errors import SandboxError

Say = Callable[[str], None]
"""Tells the person something about the step under way."""


@dataclass(frozen=True)
class Step:
    """`do(say)` is called once every step in `needs` is done. `about`: how long it takes, as people say it."""

    name: str
    do: Callable[[Say], None]
    needs: tuple[str, ...] = ()
    about: str = ""


@dataclass
class Progress:
    """Prints a line when a step starts and when it ends; `seconds` keeps the times for `--json` and benchmarks."""

    quiet: bool = False
    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, text: str) -> None:
        """Print one line on standard error, with the seconds since the start."""
        if not self.quiet:
            with self._lock:
                sys.stderr.write(f"[{time.monotonic() - self.began:6.1f} s] {text}\n")
                sys.stderr.flush()


def run(steps: Sequence[Step], progress: Progress, *, workers: int = 8) -> None:
    """Run all steps. Raises SandboxError with every failure, each with its step's name.

    An interrupt is passed on at once: steps under way are not waited for, and the caller should end the process.
    """
    names = {step.name for step in steps}
    missing = {need for step in steps for need in step.needs} - names
    if missing:
        raise ValueError(f"steps need what is not among them: {sorted(missing)}")
    pool = ThreadPoolExecutor(workers, thread_name_prefix="step")
    try:
        failed = _in_order(steps, progress, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if failed:
        _raise(failed)


def _in_order(steps: Sequence[Step], progress: Progress, pool: ThreadPoolExecutor) -> dict[str, BaseException]:
    """Begin each step when what it needs is done; what failed, by name."""
    waiting, done, failed = list(steps), set[str](), dict[str, BaseException]()
    running: dict[Future[None], Step] = {}
    while True:
        for step in [step for step in waiting if done.issuperset(step.needs)]:
            waiting.remove(step)
            running[pool.submit(_one, step, progress)] = step
        if not running:
            return failed  # what is left, if anything, needs something that failed
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            step, error = running.pop(future), future.exception()
            if error is None:
                done.add(step.name)
            else:
                progress.line(f"{step.name} ✗")
                failed[step.name] = error


def _one(step: Step, progress: Progress) -> None:
    progress.line(f"{step.name} …{f' ({step.about})' if step.about else ''}")
    began = time.monotonic()
    step.do(lambda text: progress.line(f"{step.name}: {text}"))
    progress.seconds[step.name] = round(time.monotonic() - began, 2)
    progress.line(f"{step.name} ✓ {progress.seconds[step.name]:.1f} s")


def _raise(failed: dict[str, BaseException]) -> None:
    unexpected = next((e for e in failed.values() if not isinstance(e, SandboxError)), None)
    if unexpected is not None:
        raise unexpected
    raise SandboxError("\n".join(f"{name}: {error}" for name, error in failed.items()))
