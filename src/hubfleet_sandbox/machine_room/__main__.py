"""The process of the machine room: `python -m hubfleet_sandbox.machine_room --state FOLDER ...`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client
from hubfleet_sandbox.machine_room import clusters, obstacles
from hubfleet_sandbox.machine_room.room import Room

if TYPE_CHECKING:
    from collections.abc import Generator

log = logging.getLogger("machine_room")
_GLANCE = 0.5  # seconds: how soon a process that died is noticed; changes of objects are noticed at once
_BREATH = 0.02  # seconds: changes that come together are looked at together


def main() -> int:
    """Run until killed; 1 if this sandbox has a machine room already, or no management cluster."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(prog="python -m hubfleet_sandbox.machine_room")
    for option in ("--state", "--programs", "--images"):
        parser.add_argument(option, type=Path, required=True)
    options = parser.parse_args()
    layout = layouts.load(options.state)
    if layout is None:
        log.error("there is no sandbox in %s", options.state)
        return 1
    try:
        with filelock.FileLock(layout.state / "machine-room.lock", timeout=0):
            _run(Room(layout, options.programs, options.images, Client(layout.management_kubeconfig)))
    except filelock.Timeout:
        log.exception("the sandbox in %s has a machine room already", layout.state)
        return 1
    return 0


def _run(room: Room) -> None:
    while not room.synced(5):
        log.warning("waiting for the management cluster")
    (room.layout.state / "machine-room.ready").write_text(str(os.getpid()))
    log.info("ready")
    while True:
        room.changed.clear()
        look(room)
        room.changed.wait(_GLANCE)
        time.sleep(_BREATH)


def look(room: Room) -> None:
    """Take everything one step further. What fails, for whatever reason, is told and looked at again the next time."""
    for cluster in room.all(kinds.CLUSTER):
        with _survived(cluster["metadata"]["name"]):
            clusters.reconcile(room, cluster)
    with _survived("locks of releases"):
        obstacles.lock_releases(room)


@contextmanager
def _survived(what: str) -> Generator[None]:
    try:
        yield
    except SandboxError as error:  # the API server is away, or somebody was quicker
        log.warning("%s: %s", what, error)
    except Exception:
        log.exception("%s", what)


if __name__ == "__main__":
    sys.exit(main())
