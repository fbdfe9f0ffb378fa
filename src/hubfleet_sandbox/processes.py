"""Start, find and stop the processes of a sandbox: the only module of this package that starts one.

A process is known by its pid *and* its start time, so that a pid used again by a stranger is never stopped, and every
process carries `layout.MARK` in its environment, so that none is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import MARK, Layout


@dataclass(frozen=True)
class Process:
    """A running process of a sandbox. `started` is in clock ticks since boot (field 22 of /proc/PID/stat)."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return _started(self.pid) == self.started


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    log: Path | None = None,
    layout: Layout | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    `env` is added to this process's environment, or, with `layout`, to that of the sandbox's own processes. With
    `log`, all output goes to that file instead (and "" is returned). Raises SandboxError with the command, its exit
    code and the end of its output.
    """
    words = [str(word) for word in argv]
    environment = {**os.environ, **(env or {})} if layout is None else _environment(layout, env)
    run_it = partial(
        subprocess.run, words, text=True, timeout=timeout, env=environment, cwd=cwd, input=stdin, check=False
    )
    try:
        if log is None:
            done = run_it(capture_output=True)
            out, err = done.stdout, done.stderr or done.stdout
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as file:
                done = run_it(stdout=file, stderr=subprocess.STDOUT)
            out, err = "", log.read_text(errors="replace")
    except subprocess.TimeoutExpired as error:
        raise SandboxError(
            f"{words[0]} did not finish in {timeout:.0f} s", why=" ".join(words), remedy=f"see {log}" if log else ""
        ) from error
    except FileNotFoundError as error:
        raise SandboxError(f"{words[0]} is not there", why=str(error)) from error
    if done.returncode:
        raise SandboxError(
            f"{' '.join(words)[:300]}: exit code {done.returncode}",
            why=err.strip()[-2000:],
            remedy=f"see {log}" if log else "",
        )
    return out


def start(
    layout: Layout,
    name: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a process that outlives this one; its output goes to `logs/NAME.log`, its identity to `pids/NAME`.

    `env` replaces the environment but for PATH, HOME and `MARK`. `name` may hold "/" (`nodes/3/kubelet`).
    """
    log, pid_file = layout.logs / f"{name}.log", layout.pids / name
    for file in (log, pid_file):
        file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.unlink(missing_ok=True)
    environment = _environment(layout, env)
    with log.open("a") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _WRITE_DOWN, str(pid_file), *(str(word) for word in argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    _children.append(child)
    process = Process(name, child.pid, _started(child.pid) or 0)
    # It writes its pid itself, so that it is not lost when we are killed here; until then nobody could find it.
    _wait_until(lambda: recorded(layout, name) is not None or not process.alive, _WRITTEN_WITHIN, 0.002)
    return process


def adopt(layout: Layout, name: str, pid: int) -> Process:
    """Take a running process, started by another one of this sandbox, as if `start` had started it."""
    process, pid_file = Process(name, pid, _started(pid) or 0), layout.pids / name
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(f"{process.pid} {process.started}\n")
    return process


def find(layout: Layout, name: str) -> Process | None:
    """The process started under this name, if it still runs."""
    process = recorded(layout, name)
    return process if process and process.alive else None


def recorded(layout: Layout, name: str) -> Process | None:
    """The process last started under this name, whether it runs or not."""
    try:
        pid, started = (layout.pids / name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return Process(name, int(pid), int(started))


def known(layout: Layout) -> list[Process]:
    """Every process that a pid file names and that still runs."""
    if not layout.pids.is_dir():
        return []
    names = (str(path.relative_to(layout.pids)) for path in sorted(layout.pids.rglob("*")) if path.is_file())
    return [process for name in names if (process := find(layout, name))]


def marked(layout: Layout) -> list[Process]:
    """Every process on this machine, but this one, that was started with this sandbox's mark, or one below it."""
    found: list[Process] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if _carries((entry / "environ").read_bytes(), layout) and (started := _started(int(entry.name))):
                found.append(Process((entry / "comm").read_text().strip(), int(entry.name), started))
        except OSError:  # it ended while we looked, or is not ours to read
            continue
    return found


def _carries(environ: bytes, layout: Layout) -> bool:
    mark = f"{MARK}={layout.mark}".encode()
    return any(variable == mark or variable.startswith(mark + b"/") for variable in environ.split(b"\0"))


def started_here(layout: Layout) -> list[Process]:
    """What this process has started, directly or not, but for what it started under a name, to stay."""
    stays, parents = {process.pid for process in known(layout)}, _parents()

    def ours(pid: int) -> bool:
        while pid not in stays and pid in parents:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False

    found = [(pid, _started(pid)) for pid in parents if ours(pid)]
    return [Process(str(pid), pid, started) for pid, started in found if started]


def _parents() -> dict[int, int]:
    """The parent of every process on this machine."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def command(process: Process) -> str:
    """Its command line, "" if it has ended."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def stop(processes: Iterable[Process], *, grace: float = 5.0) -> None:
    """End these processes: SIGTERM, and SIGKILL for those that are still there after `grace` seconds."""
    left = [process for process in processes if _signal(process, signal.SIGTERM)]
    _wait_until(lambda: not any(process.alive for process in left), grace)
    left = [process for process in left if _signal(process, signal.SIGKILL)]
    _wait_until(lambda: not any(process.alive for process in left), 5.0)


def wait(
    what: str,
    ready: Callable[[], bool],
    *,
    timeout: float,
    process: Process | None = None,
    layout: Layout | None = None,
    every: float = 0.1,
) -> None:
    """Wait until `ready()`; SandboxError with the end of the process's log if it dies or time runs out."""
    end = time.monotonic() + timeout
    while True:
        # Looked at first: what answers for a process that is dead is another one, which has its port.
        dead = process is not None and not process.alive
        if not dead and ready():
            return
        if dead or time.monotonic() > end:
            log = layout.logs / f"{process.name}.log" if process and layout else None
            tail = log.read_text(errors="replace")[-1500:].strip() if log and log.exists() else ""
            raise SandboxError(
                f"{what} {'died' if dead else f'was not ready after {timeout:.0f} s'}",
                why=tail,
                remedy=f"see {log}" if log else "",
            )
        time.sleep(every)


# A process writes itself down before it becomes the program: if we are killed just after starting it, it is known all
# the same, and no second one is started beside it. The shell's name has no spaces: its start time is word 22.
_WRITE_DOWN = 'echo "$$ $(cut -d " " -f 22 /proc/$$/stat)" > "$0" && exec "$@"'
_WRITTEN_WITHIN = 10.0  # seconds; a few milliseconds as a rule
_children: list[subprocess.Popen[bytes]] = []  # kept so that they are reaped, and not warned about


def _environment(layout: Layout, env: Mapping[str, str] | None) -> dict[str, str]:
    """Little of ours: proxies and CA bundles meant for the outside break what talks only inside (Magnum's requests)."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"), **(env or {}), MARK: layout.mark}


def _started(pid: int) -> int | None:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if after_name[0] != "Z":
        return int(after_name[19])
    for child in _children:  # only now: one that ends between the two would be left, and warned about
        if child.pid == pid:
            child.poll()
    return None


def _signal(process: Process, number: signal.Signals) -> bool:
    if not process.alive:
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _wait_until(done: Callable[[], bool], timeout: float, every: float = 0.05) -> None:
    end = time.monotonic() + timeout
    while not done() and time.monotonic() < end:
        time.sleep(every)
