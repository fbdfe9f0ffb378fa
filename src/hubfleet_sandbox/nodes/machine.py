"""The machine under a node: namespaces with a first process, a root of their own where it matters, a network interface.

The machine sees this machine's files, but for /run, /var/log and the folders of Kubernetes in /var/lib, which are its
own. So its programs find everything in the usual places, and two machines do not meet.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.nodes import cgroups, hardware, network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubfleet_sandbox.layout import Layout

_NAMESPACES = ["--mount", "--propagation", "private", "--net", "--uts", "--pid", "--fork", "--kill-child"]

OWN_FOLDERS = {
    "kubelet": "/var/lib/kubelet",
    "containerd": "/var/lib/containerd",
    "cni": "/var/lib/cni",
    "log": "/var/log",
}
"""Folders of a machine's disk (`disk / NAME`), and where it sees them."""


@dataclass(frozen=True)
class Machine:
    """Machine `number` of a sandbox; it exists once `power_on` has been called."""

    layout: Layout
    number: int

    @property
    def disk(self) -> Path:
        """Its folder on this machine, which outlives `power_off`."""
        return self.layout.nodes / str(self.number)

    @property
    def cgroup(self) -> str:
        """The name of its control group, in every hierarchy."""
        return f"{self.layout.cgroup_prefix}n{self.number}"

    @property
    def address(self) -> str:
        """Its address on the node network."""
        return self.layout.node_address(self.number)

    @property
    def running(self) -> processes.Process | None:
        """The process that holds its namespaces, if it is on."""
        return processes.find(self.layout, self._process("machine"))

    def power_on(self, init: Path, name: str, size: tuple[int, int] | None = None) -> None:
        """Make it run, with `init` as its first process and this host name. Nothing happens if it does. `size` is the
        cores and bytes of memory that it seems to have; this machine's without it."""
        running, complete = self.running, self.disk / "complete"
        if running and complete.exists() and complete.read_text() == str(running.pid):
            return
        self.power_off()  # one that died, or was begun and not finished, may have left something
        cgroups.make(self.cgroup)
        network.establish(self.layout)
        process = self._begin(init, name, hardware.describe(self.disk / "hardware", *size) if size else {})
        network.connect(self.layout, self.number, process.pid, self.within(process.pid))
        complete.write_text(str(process.pid))

    def power_off(self) -> None:
        """End it and everything in it, at once. Its disk stays."""
        if process := self.running:
            processes.stop([process], grace=0)  # its first process is killed with it, and with that all others
        cgroups.remove(self.cgroup)
        network.disconnect(self.layout, self.number)

    def start(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> processes.Process:
        """Start a program in it, if it does not run there already. It ends with the machine, or when it is stopped."""
        found = processes.find(self.layout, self._process(name))
        if found:
            return found
        # nsenter waits outside for its only child, which must not outlive it; the child is known by the name.
        words = [*self.within(self._pid()), "setpriv", "--pdeathsig", "KILL", *argv]
        outside = processes.start(self.layout, self._process(name), words, env=env)
        what = f"{name} of machine {self.number}"
        processes.wait(what, lambda: bool(_child(outside.pid)), timeout=10, process=outside, every=0.005)
        return processes.adopt(self.layout, outside.name, _child(outside.pid) or outside.pid)

    def run(self, argv: Sequence[str | Path], *, timeout: float = 30) -> str:
        """Run a program in it to its end, and return its output. Raises SandboxError if it fails or it is off."""
        return processes.run([*self.within(self._pid()), *argv], timeout=timeout)

    def within(self, pid: int) -> list[str]:
        """The beginning of a command line that runs in the namespaces made by process `pid` (`unshare`'s own)."""
        kinds = {"net": "net", "mount": "mnt", "uts": "uts", "pid": "pid_for_children"}
        return ["nsenter", *(f"--{option}=/proc/{pid}/ns/{name}" for option, name in kinds.items()), "--"]

    def _process(self, name: str) -> str:
        return f"nodes/{self.number}/{name}"

    def _pid(self) -> int:
        machine = self.running
        if machine is None:
            raise SandboxError(f"machine {self.number} is off", remedy="see whether it was killed; the node comes back")
        return machine.pid

    def _begin(self, init: Path, name: str, own: Mapping[Path, Path]) -> processes.Process:
        """Start its first process, and wait until its files are in place."""
        ready = self.disk / "ready"
        ready.unlink(missing_ok=True)
        for folder in OWN_FOLDERS:
            (self.disk / folder).mkdir(parents=True, exist_ok=True)
        argv = ["unshare", *_NAMESPACES, "sh", "-ec", self._beginning(init, name, own)]
        process = processes.start(self.layout, self._process("machine"), argv)
        what = f"machine {self.number}"
        processes.wait(what, ready.exists, timeout=30, process=process, layout=self.layout, every=0.02)
        return process

    def _beginning(self, init: Path, name: str, own: Mapping[Path, Path]) -> str:
        """What happens before the first process: its view of files (`own` instead of the kernel's), its name."""
        lines = ["mount --make-rshared /"]  # as on a real machine: volumes with mountPropagation need it
        for folder, place in OWN_FOLDERS.items():
            lines += [f"mkdir -p {place}", f"mount --bind {_quoted(self.disk / folder)} {place}"]
        # /etc/resolv.conf may be a link into /run; containerd fails if it leads nowhere.
        lines += ["resolver=$(readlink -f /etc/resolv.conf)", f"cat $resolver > {_quoted(self.disk / 'resolv.conf')}"]
        lines += ["mount -t tmpfs -o mode=755 tmpfs /run", "mkdir -p /run/lock", "mount -t proc proc /proc"]
        lines += [f"mount --bind {_quoted(source)} {place}" for place, source in own.items()]
        copy = f"mkdir -p ${{resolver%/*}} && cp {_quoted(self.disk / 'resolv.conf')} $resolver"
        lines += [f"case $resolver in /run/*) {copy};; esac"]
        lines += [f"hostname {name}", f"touch {_quoted(self.disk / 'ready')}", f"exec {_quoted(init)}"]
        return "\n".join(lines)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None
