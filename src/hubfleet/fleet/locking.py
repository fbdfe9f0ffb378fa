"""One writer per cluster: on this machine by a lock that the kernel lets go when its holder dies, however it dies;
across machines by a Lease in the cluster (engine.leases), as soon as there is one.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import platformdirs

from hubfleet.errors import CloudError, Layer, Refused

if TYPE_CHECKING:
    from hubfleet.engine.leases import Hold
    from hubfleet.events import Watch
    from hubfleet.fleet.loading import Target


def state_folder() -> Path:
    """Where hubfleet keeps locks and journals: nothing there is needed to go on after it is lost."""
    return platformdirs.user_state_path("hubfleet")


@contextmanager
def alone(target: Target, watch: Watch | None = None, *, breaks: str = "", adopt: bool = False) -> Generator[Hold]:
    """Nobody else changes this cluster meanwhile, here or elsewhere; to be given to whoever acts. Refused, with who
    does, if somebody is at it; `breaks` names one on another machine whose lock is to be taken from him.

    A cluster that is not there yet gets its Lease when its API answers: see `Hold.take`. One that hubfleet did not make
    gets none, and is Refused, unless it is to be taken over (`adopt`).
    """
    from hubfleet.engine.ground import ground
    from hubfleet.engine.leases import Hold
    from hubfleet.fleet.access import Access, kept

    name = target.cluster.name
    with ExitStack() as stack:
        stack.enter_context(only_writer(name))
        hold = Hold(name, f"{_user()}@{socket.gethostname()}:{os.getpid()}", _place(), breaks=breaks)
        try:
            stands_on = ground(target.description, watch, target.clouds)
            opened = Access(stands_on, name, watch)
            stack.callback(opened.close)
            doors = opened.doors_if_there()
            if doors is not None:
                if not adopt:
                    stands_on.refuse_foreign(lambda: kept(opened))
                hold.take(doors.kube)
        except CloudError as error:
            if error.status == 403:
                raise
            # else there may be nothing to lock; whoever needs what does not answer will tell
        stack.callback(hold.release)
        yield hold


@contextmanager
def only_writer(cluster: str) -> Generator[None]:
    """Nobody else on this machine changes this cluster meanwhile. Refused, with who does, if somebody is at it."""
    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{cluster}.holder.json"
    lock = filelock.FileLock(folder / f"{cluster}.lock", blocking=False, thread_local=False)
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


def _place() -> str:
    """What tells this state folder on this machine from every other."""
    folder = state_folder()
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(16))
    with suppress(FileExistsError):
        os.link(name, folder / "place")
    Path(name).unlink()
    return hashlib.sha256(f"{(folder / 'place').read_text()} {socket.gethostname()}".encode()).hexdigest()[:16]


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
