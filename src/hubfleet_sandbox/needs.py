"""What a sandbox needs of this machine: all of it is tried, and all that is missing is said at once."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from hubfleet_sandbox import images, processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import SERVICE_PORTS
from hubfleet_sandbox.nodes import cgroups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.steps import Say


@dataclass(frozen=True)
class Missing:
    """Something that is not there. `package` is the Debian package that brings it, "" if none does."""

    what: str
    remedy: str
    package: str = ""


# Program or file -> the Debian package that it is in.
_TO_RUN = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
}
_TO_BUILD_IMAGES = {
    "mmdebstrap": "mmdebstrap",
    "cc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
}
# Tried in namespaces of their own, so that nothing of them stays. What -> shell command.
_KERNEL = {
    "network namespaces": "true",
    "virtual Ethernet (veth)": "ip link add hfa type veth peer name hfb",
    "bridges": "ip link add hfa type bridge",
    "network address translation (iptables nat)": "iptables -t nat -L -n",
    "the overlay file system": "mount -t tmpfs none /tmp && mkdir /tmp/a /tmp/b /tmp/c /tmp/d"
    " && mount -t overlay -o lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/c none /tmp/d",
}
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_GIGABYTE = 1 << 30
_MEMORY = 3 * _GIGABYTE  # OpenStack 0.8, management 0.5, a cluster of two nodes with a hub 1.7
_DISK_TO_RUN, _DISK_TO_BUILD = 2 * _GIGABYTE, 10 * _GIGABYTE


def missing(layout: Layout, *, building: bool) -> list[Missing]:
    """All that this machine lacks for this sandbox. `building`: something is still to be made for the cache."""
    if not sys.platform.startswith("linux"):
        return [Missing(f"Linux (this is {sys.platform})", "use a Linux machine or a virtual one")]
    if os.geteuid() != 0:
        return [*_packages(layout), Missing("the rights of root", "run it with sudo")]
    lacking = _packages(layout)
    kernel = [*_kernel({one.package for one in lacking}), *_controllers()]
    return [*lacking, *kernel, *_room(layout, building=building), *_ports(layout)]


def install(lacking: Sequence[Missing], say: Say, cache: Path) -> None:
    """Install the Debian packages among what is missing. Raises SandboxError with apt's own words.

    Sandboxes of one cache do so one after another: apt refuses to run twice at once.
    """
    packages = sorted({one.package for one in lacking if one.package})
    if not packages:
        return
    if shutil.which("apt-get") is None:
        remedy = f"install what is in these Debian packages: {' '.join(packages)}"
        raise SandboxError("--install needs apt-get, which is not here", remedy=remedy)
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    say(f"installing {', '.join(packages)}")
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / "packages.lock", timeout=3600):
        try:
            processes.run(command, timeout=1200, env=env)
        except SandboxError:  # most often: there are no package lists yet, or they are old
            processes.run(["apt-get", "update", "--quiet"], timeout=600, env=env)
            processes.run(command, timeout=1200, env=env)


def refusal(lacking: Sequence[Missing]) -> SandboxError:
    """The error that says all of it."""
    packages = sorted({one.package for one in lacking if one.package})
    lines = [f"  - {one.what}: {one.remedy}" for one in lacking]
    hint = f"`--install` installs the Debian packages ({' '.join(packages)})" if packages else ""
    return SandboxError("this machine lacks what a sandbox needs:\n" + "\n".join(lines), remedy=hint)


def _packages(layout: Layout) -> list[Missing]:
    wanted = dict(_TO_RUN)
    lacking = [one for one in _TO_RUN if not _there(one)]
    # Whether the images are made already can only be asked when containerd is there: they depend on its version.
    if "containerd" in lacking or not images.cached(layout.cache):
        wanted |= _TO_BUILD_IMAGES
        lacking += [one for one in _TO_BUILD_IMAGES if not _there(one)]
    return [Missing(one, f"Debian package {wanted[one]}", wanted[one]) for one in lacking]


def _there(program: str) -> bool:
    if program.startswith("/"):
        return Path(program).exists()
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _kernel(packages: set[str]) -> Iterator[Missing]:
    """Only what there are the programs to try with: a package that is missing is said already."""
    if "util-linux" in packages:
        return
    for what, command in _KERNEL.items():
        if ("ip " in command and "iproute2" in packages) or ("iptables" in command and "iptables" in packages):
            continue
        argv = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "sh", "-c", command]
        try:
            processes.run(argv, timeout=30)
        except SandboxError as error:
            words = (error.why.splitlines() or [error.what])[-1]
            yield Missing(what, f"the kernel, or a container around us, refuses it ({words})")


def _controllers() -> Iterator[Missing]:
    """Control groups of version 1 (a hierarchy for each controller, or several) or 2 (one file lists them)."""
    found = {name for hierarchy in cgroups.hierarchies() for name in _controlled(hierarchy)}
    for name in _CONTROLLERS:
        if name not in found:
            yield Missing(f"the control group controller {name}", "mount it, or boot with it enabled")


def _controlled(hierarchy: Path) -> list[str]:
    listed = hierarchy / "cgroup.controllers"
    return listed.read_text().split() if listed.exists() else hierarchy.name.split(",")


def _room(layout: Layout, *, building: bool) -> Iterator[Missing]:
    wanted = _DISK_TO_BUILD if building else _DISK_TO_RUN
    for folder in {layout.cache if building else layout.state, layout.state}:
        free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
        if free < wanted:
            yield Missing(
                f"{wanted / _GIGABYTE:.0f} GB of disk at {folder} ({free / _GIGABYTE:.1f} are free)",
                "free some, or choose other folders: --state, and HUBFLEET_SANDBOX_CACHE",
            )
    available = _memory_available()
    if available < _MEMORY and not processes.known(layout):
        yield Missing(
            f"{_MEMORY / _GIGABYTE:.0f} GB of memory ({available / _GIGABYTE:.1f} are available)", "end other programs"
        )


def _memory_available() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def _ports(layout: Layout) -> Iterator[Missing]:
    if processes.known(layout):
        return  # it runs: the ports are its own
    for service in SERVICE_PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", layout.port(service)))
            except OSError:
                what = f"TCP port {layout.port(service)} for {service}"
                yield Missing(what, "another program has it: choose others with --ports")
