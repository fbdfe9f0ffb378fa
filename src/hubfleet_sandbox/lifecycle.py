"""Start and stop a sandbox: what is done, and what needs what."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import images, machine_room, processes, settings, slots
from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox import status as statuses
from hubfleet_sandbox import steps as stepping
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import chart_repository, management, programs
from hubfleet_sandbox.nodes import node
from hubfleet_sandbox.openstack import clients, databases, services, venv
from hubfleet_sandbox.steps import Progress, Step

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.steps import Say

COMMANDS = ("openstack", "helm", "kubectl")
"""What `home/bin` has."""


@dataclass(frozen=True)
class Cached:
    """Which of the expensive things are in the cache."""

    programs: bool
    images: bool
    openstack: bool

    @property
    def all(self) -> bool:
        """Whether nothing is left to build."""
        return self.programs and self.images and self.openstack


def cached(cache: Path) -> Cached:
    """What is made already (a quick look)."""
    able = shutil.which("containerd") is not None  # the images depend on its version
    return Cached(programs.cached(cache), able and images.cached(cache), venv.there(cache))


def start(layout: Layout, progress: Progress) -> None:
    """Bring everything up that does not run. Raises SandboxError with all that went wrong, part by part."""
    # Whatever a step runs carries the mark, so that `stop` finds it when this process is killed.
    os.environ[layouts.MARK] = layout.mark
    for folder in (layout.logs, layout.pids, layout.home, layout.home / "bin"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        stepping.run(_Start(layout).steps(cached(layout.cache)), progress)
        _look(layout)
    except KeyboardInterrupt:  # end compilers and installers; what is to stay stays, for the next start
        processes.stop(processes.started_here(layout), grace=0)
        raise


def _look(layout: Layout) -> None:
    if dead := [name for name in statuses.expected() if not processes.find(layout, name)]:
        raise SandboxError(
            f"{', '.join(dead)} died just after starting",
            why=f"their logs may say it: {layout.logs}",
            remedy="`hubfleet sandbox start` again starts what is dead",
        )


class _Start:
    """The steps of a start, and what they hand on to each other."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.cache = layout.cache

    def steps(self, made: Cached) -> list[Step]:
        """In the order in which they are worth beginning."""
        return [
            Step("openstack installed", self._venv, about="" if made.openstack else "half a minute"),
            Step("programs", self._programs, about="" if made.programs else "7 minutes"),
            Step("images", self._images, about="" if made.images else "3 minutes"),
            Step("databases", self._databases, ("openstack installed",)),
            Step("management cluster", self._management, ("programs",)),
            Step("chart repository", self._charts, ("programs",)),
            Step("openstack", self._openstack, ("databases", "programs")),
            Step("machine room", self._machine_room, ("management cluster", "images")),
            Step("commands", self._commands, ("programs", "openstack installed")),
        ]

    def _venv(self, say: Say) -> None:
        self.venv = venv.get(self.cache, say)

    def _programs(self, say: Say) -> None:
        self.programs = programs.get(self.cache, say)

    def _images(self, say: Say) -> None:
        self.images = images.get(self.cache, say)

    def _databases(self, say: Say) -> None:
        if not databases.placed(self.layout):
            databases.place(self.layout, databases.get(self.layout, self.venv, say), self.venv)
        clients.write(self.layout, databases.read(self.layout.openstack))

    def _management(self, say: Say) -> None:
        management.start(self.layout, self.programs, say)

    def _charts(self, _: Say) -> None:
        chart_repository.start(self.layout, self.programs)

    def _openstack(self, say: Say) -> None:
        services.start(self.layout, self.venv, self.programs, say)
        services.wake_keystone(self.layout, databases.read(self.layout.openstack).secrets)

    def _machine_room(self, _: Say) -> None:
        machine_room.start(self.layout, self.programs, self.images)

    def _commands(self, _: Say) -> None:
        for name in COMMANDS:
            target = (self.venv / "bin" if name == "openstack" else self.programs) / name
            link = self.layout.home / "bin" / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def stop(layout: Layout, say: Say) -> None:
    """End everything and remove all of the sandbox but its logs. Raises SandboxError if something cannot be ended."""
    room = processes.find(layout, machine_room.NAME)
    if room:
        processes.stop([room], grace=0)  # first: it would mend what we break
    say("nodes")
    if own := slots.owns(layout):
        node.sweep(layout)
    say("processes")
    for _ in range(5):  # what is being stopped may still start another
        left = {process.pid: process for process in (*processes.known(layout), *processes.marked(layout))}
        if not left:
            break
        processes.stop(left.values(), grace=0)  # all they have is thrown away
    else:
        names = ", ".join(f"{process.name} ({process.pid})" for process in processes.marked(layout))
        raise SandboxError(f"these processes do not end: {names}", remedy="look at them; then run `stop` again")
    _forget(layout, own=own)
    _prune(layout.cache)


def _prune(cache: Path) -> None:
    """Delete what is old in the cache, if no sandbox is on this machine that might use it."""
    with slots.alone(cache) as alone:
        old = entries.set_aside(cache) if alone else []
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)


def _forget(layout: Layout, *, own: bool) -> None:
    """The record goes last: until then another `stop` can go on."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    within = [place for place in mounted if place.startswith(f"{layout.state}/")]
    if within:
        raise SandboxError(
            f"something is mounted in {layout.state}",
            why=", ".join(within),
            remedy="unmount it, or what it shows would be deleted; then run `stop` again",
        )
    if own:
        shutil.rmtree(layout.run, ignore_errors=True)
    for path in layout.state.iterdir():
        if path.is_dir() and path != layout.logs:
            _remove(path)
        elif path not in (layout.logs, layout.record):
            path.unlink()
    layout.record.unlink()


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise SandboxError(
            f"{folder} cannot be removed", why=str(error), remedy="end what uses it; then run `stop` again"
        ) from error


def started(layout: Layout) -> bool:
    """Whether every process of a whole start runs."""
    return all(processes.find(layout, name) for name in statuses.expected())


def mend(state: Path, cache: Path, ports: int | None, progress: Progress, node_boot: float | None = None) -> Layout:
    """Claim a slot for the sandbox if it has none, and start it; the layout it got. `node_boot`: see `Settings`; None
    leaves it as it is."""
    layout = slots.claim(state, cache, ports)
    if node_boot is not None:
        settings.write(layout, replace(settings.read(layout), node_boot=node_boot))
    start(layout, progress)
    return layout
