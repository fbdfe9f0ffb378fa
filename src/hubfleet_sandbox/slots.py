"""Which sandbox has which slot of this machine, and who may change a sandbox right now.

Both locks go with the process that holds them, and leave no file: a socket without a path, and a lock on the state
folder itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Generator

    from hubfleet_sandbox.layout import Layout

_OWNER = "owner"
_CLAIMING = "\0hubfleet-sandbox-slots"  # an abstract address: the kernel forgets it with its socket


@contextlib.contextmanager
def changing(state: Path) -> Generator[None]:
    """Hold the right to change the sandbox of this state folder. SandboxError at once if another process has it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise SandboxError(
            "another command is starting or stopping this sandbox",
            why=f"it holds the lock on {state}",
            remedy="wait until it is done, or interrupt it; then run this one again",
        ) from None
    try:
        yield
    finally:
        os.close(folder)


def find(state: Path, cache: Path, ports: int | None) -> Layout:
    """The layout of the sandbox in this state folder, or the one that a new sandbox there would get."""
    found = layouts.load(state)
    if found is None or _owner(found) not in (None, str(state)):
        return layouts.new(state, cache, taken(cache), ports)
    if ports not in (None, found.ports):
        raise SandboxError(
            f"this sandbox has the ports from {found.ports}, not {ports}", remedy="`hubfleet sandbox stop` it first"
        )
    return found


def claim(state: Path, cache: Path, ports: int | None) -> Layout:
    """As `find`, and from now on the slot is this sandbox's."""
    with _claiming():
        layout = find(state, cache, ports)
        layout.run.mkdir(parents=True, exist_ok=True)
        (layout.run / _OWNER).write_text(str(state))
        layout.save()
    return layout


def forget(state: Path) -> None:
    """Give up a slot that was claimed for this state folder by a start that was killed before it wrote its record."""
    for layout in _every(Path()):
        if _claimed_by(layout) == str(state):
            shutil.rmtree(layout.run, ignore_errors=True)


def owns(layout: Layout) -> bool:
    """Whether what has the names of this sandbox's slot is its own: after a reboot another may have its slot."""
    return _owner(layout) in (None, str(layout.state))


@contextlib.contextmanager
def alone(cache: Path) -> Generator[bool]:
    """Whether no sandbox is on this machine; none comes while this is held."""
    with _claiming():
        yield not any(_owner(layout) for layout in _every(cache))


def taken(cache: Path) -> set[int]:
    """Slots that some sandbox has: claimed, or with a bridge that is still there, or with its first port in use."""
    return {layout.slot for layout in _every(cache) if _owner(layout) or _bridge(layout) or _in_use(layout)}


def _every(cache: Path) -> list[Layout]:
    return [layouts.new(Path("/"), cache, set(range(slot))) for slot in range(layouts.SLOTS)]


def _owner(layout: Layout) -> str | None:
    """The state folder of the sandbox that claimed the slot, if that sandbox is still there."""
    state = _claimed_by(layout)
    return state if state and (Path(state) / layout.record.name).exists() else None


def _claimed_by(layout: Layout) -> str | None:
    try:
        return (layout.run / _OWNER).read_text()
    except FileNotFoundError:
        return None


def _bridge(layout: Layout) -> bool:
    return Path(f"/sys/class/net/{layout.bridge}").exists()


def _in_use(layout: Layout) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", layout.ports))
        except OSError:
            return True
    return False


@contextlib.contextmanager
def _claiming() -> Generator[None]:
    end = time.monotonic() + 30
    with socket.socket(socket.AF_UNIX) as lock:
        while True:
            try:
                lock.bind(_CLAIMING)
                break
            except OSError:
                if time.monotonic() > end:
                    raise SandboxError("another sandbox has been choosing its slot for 30 s") from None
                time.sleep(0.05)
        yield
