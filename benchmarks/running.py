"""Runs hubfleet as a person does, and the sandbox that it is measured on."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import say

HUBFLEET = Path(sys.executable).with_name("hubfleet")
_LONG = 3600.0
"""Seconds after which a program hangs."""


def timed(*argv: str | Path, env: Mapping[str, str] | None = None) -> float:
    """Seconds that a program takes. It must end well: else SystemExit, and what it said is told."""
    began = time.monotonic()
    done = subprocess.run(
        argv, check=False, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=_LONG
    )
    if done.returncode:
        raise failed(" ".join(map(str, argv)), done.stderr)
    return time.monotonic() - began


def failed(what: str, said: str) -> SystemExit:
    """To be raised. It is told at once, since cleaning up may fail after it."""
    say(f"{what} failed:\n{said}")
    return SystemExit(1)


@dataclass(frozen=True)
class Applied:
    """An `apply`: seconds of its whole process, its events with the seconds since the process began, its outcome."""

    seconds: float
    events: tuple[tuple[float, dict[str, Any]], ...]
    outcome: dict[str, Any]

    def last(self, kind: str, subject: str, text: str = "") -> float | None:
        """When the last event of this kind came, of a subject that begins so, with a text that begins so."""
        found = [
            at
            for at, event in self.events
            if event["kind"] == kind and event["subject"].startswith(subject) and event["text"].startswith(text)
        ]
        return max(found, default=None)


def apply(folder: Path, env: Mapping[str, str]) -> Applied:
    """`hubfleet apply`. SystemExit if it fails, and what it said is told."""
    began = time.monotonic()
    events: list[tuple[float, dict[str, Any]]] = []
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [HUBFLEET, "apply", folder, "--yes", "--json"], stdout=subprocess.PIPE, stderr=said, text=True, env=env
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                events.append((time.monotonic() - began, json.loads(line)))  # noqa: PERF401 (the moment it comes)
            process.wait(_LONG)
        except BaseException:
            process.terminate()  # it stops between two requests; what it made is destroyed by whoever called us
            raise
        if process.returncode:
            said.seek(0)
            raise failed("hubfleet apply", said.read())
    return Applied(time.monotonic() - began, tuple(events[:-1]), events[-1][1])


@dataclass(frozen=True)
class Sandbox:
    """One that runs: its state folder, and the environment for programs that use it. `steps`: seconds of each step of
    its start, and of the whole; empty if it was there."""

    state: Path
    env: Mapping[str, str]
    steps: Mapping[str, float]
    seconds: float | None = None


@contextlib.contextmanager
def sandbox(state: Path | None, env: Mapping[str, str], *options: str) -> Generator[Sandbox]:
    """The one that runs in `state`, which goes on; None: a new one, started with these options and stopped."""
    with tempfile.TemporaryDirectory(prefix="hf-bench-") as folder:
        # Locks and journals of its own: somebody may apply the same example meanwhile.
        own = {"XDG_STATE_HOME": f"{folder}/locks"}
        if state is not None:
            yield Sandbox(state, {**_environment(state, env), **own}, {})
            return
        new = Path(folder) / "s"
        try:
            steps, seconds = _start(new, env, options)
            yield Sandbox(new, {**_environment(new, env), **own}, steps, seconds)
        finally:
            timed(HUBFLEET, "sandbox", "stop", "--state", new, env=env)


def _start(state: Path, env: Mapping[str, str], options: tuple[str, ...]) -> tuple[dict[str, float], float]:
    argv: list[str | Path] = [HUBFLEET, "sandbox", "start", "--install", "--json", "--state", state, *options]
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env, timeout=_LONG)
    if done.returncode:
        raise failed("hubfleet sandbox start", done.stderr)
    steps: dict[str, float] = json.loads(done.stdout)["steps"]
    return steps, time.monotonic() - began


def _environment(state: Path, env: Mapping[str, str]) -> dict[str, str]:
    """This environment plus the exports of `hubfleet sandbox env`, read as a shell reads them."""
    script = f'eval "$({HUBFLEET} sandbox env --state {state})" && env -0'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=env)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)
