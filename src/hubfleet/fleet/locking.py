"""One writer per cluster on this machine: a lock that the kernel lets go when its holder dies, however it dies.

Two machines do not see each other's locks: a Lease in the cluster will be for that.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import filelock
import platformdirs

from hubfleet.errors import Layer, Refused


def state_folder() -> Path:
    """Where hubfleet keeps locks and journals: nothing there is needed to go on after it is lost."""
    return platformdirs.user_state_path("hubfleet")


@contextmanager
def only_writer(cluster: str) -> Generator[None]:
    """Nobody else on this machine changes this cluster meanwhile. Refused, with who does, if somebody is at it."""
    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{cluster}.holder.json"
    lock = filelock.FileLock(folder / f"{cluster}.lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise _held(cluster, note) from error
    try:
        note.write_text(json.dumps({"user": _user(), "pid": os.getpid(), "since": time.time()}))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container whose user has no name
        return f"user {os.getuid()}"


def _held(cluster: str, note: Path) -> Refused:
    try:
        holder = json.loads(note.read_text())
        who = f"{holder['user']}, process {holder['pid']}, for {time.time() - holder['since']:.0f} s"
    except (OSError, ValueError, KeyError):
        who = "another hubfleet"
    return Refused(
        f"{cluster} is being changed by {who}",
        why="one cluster has one writer at a time",
        remedy="wait until it is done (hubfleet status looks without changing), or end that process and apply again",
        layer=Layer.HERE,
    )
