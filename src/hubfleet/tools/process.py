"""Other people's programs: the only place that starts one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from hubfleet.errors import HubfleetError, Layer

GRACE = 5.0
"""Seconds between asking a program to end (SIGTERM) and making it (SIGKILL)."""
LOOK = 2.0
"""Seconds after which `run` does what there is to do meanwhile."""
_TAIL = 2000
_MASK = "••••"
_live: set[subprocess.Popen[str]] = set()
"""Programs that run now. Kept here because Ctrl-C reaches the main thread only, and must end every one."""
_withheld: set[str] = set()
"""Environment variables that no program gets. Kept here so that none is started past it, by whomever."""
_NEEDED = {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"}
"""Variables that programs cannot do without, and that hold no secret."""
_SHORT = 4
"""Characters; a shorter piece of a secret is in any text, and masking it would only make that unreadable."""


@dataclass(frozen=True)
class Completed:
    """A program that ended well."""

    stdout: str
    stderr: str
    seconds: float


class ProcessFailed(HubfleetError):
    """A program that is not there, ended with an error, or did not end in time. Secrets are masked."""

    def __init__(self, argv: Sequence[str], code: int | None, stderr: str, *, what: str = "", remedy: str = "") -> None:
        self.argv, self.code, self.stderr = tuple(argv), code, stderr
        told = what or f"`{' '.join(argv)}` ended with {code}"
        super().__init__(told, why=stderr, remedy=remedy, layer=Layer.HERE)


class Run(Protocol):
    """What `run` is, for whoever is given one: the real one, or a `Scripted` in tests."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        secrets: Sequence[str] = (),
        meanwhile: Callable[[], None] | None = None,
    ) -> Completed: ...


def withhold(names: Iterable[str]) -> None:
    """No program that is started from now on gets these environment variables: they hold secrets of the files."""
    _withheld.update(set(names) - _NEEDED)


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    input: str | None = None,  # noqa: A002  (the word of the standard library's)
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    secrets: Sequence[str] = (),
    meanwhile: Callable[[], None] | None = None,
) -> Completed:
    """Run a program to its end, at most `timeout` seconds; `env` is its whole environment (None: ours), less what is
    to `withhold`. `meanwhile` is called every `LOOK` seconds while it runs, and ends it by raising anything.

    The program gets a process group of its own, and nothing of that group outlives this call, whether it ends by
    time-out, by Ctrl-C or by an error here. Raises ProcessFailed; `secrets` are masked in it.
    """
    began = time.monotonic()
    mask = masker(secrets)
    child = _start(argv, mask, has_input=input is not None, env=env, cwd=cwd)
    _live.add(child)
    try:
        stdout, stderr = _communicated(child, input, began + timeout, meanwhile)
    except subprocess.TimeoutExpired:
        stderr = _end(child)
        what = f"`{mask(' '.join(argv))}` did not end within {timeout:g} s and was stopped"
        raise ProcessFailed([mask(word) for word in argv], None, _tail(mask(stderr)), what=what) from None
    except BaseException:
        _end(child)
        raise
    finally:
        _live.discard(child)
    if child.returncode != 0:
        raise ProcessFailed([mask(word) for word in argv], child.returncode, _tail(mask(stderr)))
    return Completed(stdout, stderr, time.monotonic() - began)


def _communicated(
    child: subprocess.Popen[str], given: str | None, end: float, meanwhile: Callable[[], None] | None
) -> tuple[str, str]:
    """What it said, once it has ended. subprocess.TimeoutExpired after `end`, on the monotonic clock."""
    if meanwhile is None:
        return child.communicate(given, timeout=max(end - time.monotonic(), 0))
    if child.stdin is not None:
        # a second communicate would not go on with what the first had left to write (CPython 3.11, subprocess.py)
        threading.Thread(target=_feed, args=(child.stdin, given or ""), daemon=True).start()
        child.stdin = None
    while True:
        try:
            return child.communicate(timeout=min(max(end - time.monotonic(), 0), LOOK))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        meanwhile()


def _feed(pipe: IO[str], text: str) -> None:
    with suppress(OSError), pipe:
        pipe.write(text)


def end_all() -> None:
    """Asks every program that `run` runs now, in whichever thread, to end; those calls then raise ProcessFailed."""
    for child in tuple(_live):
        _signal(child, signal.SIGTERM)


def on_terminal(argv: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run a program on our own terminal, with `env` as its whole environment, less what is to `withhold`: its input,
    its output, its signals. Its exit code (128 + the signal's number if one ended it). ProcessFailed if it is not
    there."""
    if not shutil.which(argv[0], path=env.get("PATH")):
        raise _missing(argv)
    try:
        child = subprocess.Popen(argv, env=_environment(env))
    except OSError as error:
        raise ProcessFailed(argv, None, str(error), what=f"`{argv[0]}` cannot be started") from error
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the program too, which decides what it means
            continue
        except BaseException:  # somebody ends us alone (SIGTERM)
            child.terminate()
            raise
        return code if code >= 0 else 128 - code


def _start(
    argv: Sequence[str], mask: Callable[[str], str], *, has_input: bool, env: Mapping[str, str] | None, cwd: Path | None
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(os.environ if env is None else env),
            cwd=cwd,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise _missing([mask(word) for word in argv]) from error
    except OSError as error:
        words = [mask(word) for word in argv]
        raise ProcessFailed(words, None, str(error), what=f"`{words[0]}` cannot be started") from error


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _withheld}


def _missing(argv: Sequence[str]) -> ProcessFailed:
    what = f"the program `{argv[0]}` is not there"
    return ProcessFailed(argv, None, "", what=what, remedy=f"install {argv[0]}, or put it on PATH")


def _end(child: subprocess.Popen[str]) -> str:
    """Ends the whole group, gently first. What it said on stderr."""
    _signal(child, signal.SIGTERM)
    try:
        return child.communicate(timeout=GRACE)[1]
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal(child, signal.SIGKILL)  # those of the group that the leader has left behind, too
    return child.communicate()[1]


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _tail(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _TAIL else f"…{text[-_TAIL:]}"


def masker(secrets: Sequence[str]) -> Callable[[str], str]:
    """Takes these secrets out of a text, also where a program tells them in quotes, line by line, or in base64."""
    known = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)

    def mask(text: str) -> str:
        for secret in known:
            text = text.replace(secret, _MASK)
        return text

    return mask


def _forms(secret: str) -> Iterator[str]:
    """How a secret can be told. Of several lines, each may come alone."""
    if secret:
        yield secret
    for part in {secret, *secret.splitlines(), *map(str.strip, secret.splitlines())}:
        if len(part) >= _SHORT:
            yield from (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
            yield base64.b64encode(part.encode()).decode()


_Answer = tuple[int, str, str]


def began() -> float:
    """When this process began, on the clock of time.monotonic, within 0.01 s; so that what Python and its imports take
    is counted, too. Where there is no /proc (macOS): now."""
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return time.monotonic()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - age


@dataclass
class Scripted:
    """A `Run` for tests: answers the commands it was told of, refuses all others, and keeps what was run.

    >>> run = Scripted()
    >>> run.answer(["helm", "version"], stdout="v3")
    >>> run(["helm", "version"], timeout=1).stdout
    'v3'
    """

    calls: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    inputs: list[str | None] = field(default_factory=list["str | None"])
    _answers: dict[tuple[str, ...], list[_Answer]] = field(default_factory=dict[tuple[str, ...], "list[_Answer]"])

    def answer(self, prefix: Sequence[str], stdout: str = "", *, stderr: str = "", code: int = 0) -> None:
        """Commands that begin so are answered so. Several answers for one beginning come in turn, the last for ever."""
        self._answers.setdefault(tuple(prefix), []).append((code, stdout, stderr))

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ARG002
        input: str | None = None,  # noqa: A002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        cwd: Path | None = None,  # noqa: ARG002
        secrets: Sequence[str] = (),
        meanwhile: Callable[[], None] | None = None,  # noqa: ARG002
    ) -> Completed:
        """As `run` does. AssertionError for a command that nobody told of."""
        fitting = [prefix for prefix in self._answers if tuple(argv[: len(prefix)]) == prefix]
        if not fitting:
            raise AssertionError(f"nobody expected this command: {' '.join(argv)}")
        self.calls.append(tuple(argv))
        self.inputs.append(input)
        answers = self._answers[max(fitting, key=len)]
        code, stdout, stderr = answers.pop(0) if len(answers) > 1 else answers[0]
        if code != 0:
            raise ProcessFailed(argv, code, masker(secrets)(stderr))
        return Completed(stdout, stderr, 0.0)
