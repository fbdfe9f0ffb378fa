"""What a sandbox has on this machine outside its logs: looked for from outside, with none of the sandbox's own code."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

_LISTENING = "0A"  # a TCP socket's state in /proc/net/tcp, include/net/tcp_states.h in Linux


@dataclass(frozen=True)
class Traces:
    """Each a set of what was found, in words for the reader of a failed test."""

    processes: frozenset[str]
    mounts: frozenset[str]
    interfaces: frozenset[str]
    namespaces: frozenset[str]
    control_groups: frozenset[str]
    ports: frozenset[str]
    locks: frozenset[str]
    files: frozenset[str]

    @property
    def kinds(self) -> set[str]:
        """Of which kind there are any."""
        return {field.name for field in fields(self) if getattr(self, field.name)}


def look(state: Path, slot: int, first_port: int, namespaces: Iterable[str] = ()) -> Traces:
    """All that is there of the sandbox with this state folder and slot.

    `namespaces`: network namespaces (`net:[4026532000]`) that were its own when it ran.
    """
    places = (str(state), f"/run/hubfleet-{slot}")
    pids = {pid for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")) if pid != os.getpid()}
    own = {pid for pid in pids if _concerns(pid, places, slot)}
    nets = {pid: _link(Path(f"/proc/{pid}/ns/net")) for pid in pids}
    # Linux gives the number of a namespace that went to the next one that is made, a neighbour's node's for example.
    not_a_neighbours = {net for pid, net in nets.items() if not _is_a_neighbours(pid, places, slot)}
    found = {nets[pid] for pid in own} | (not_a_neighbours & set(namespaces))
    return Traces(
        processes=frozenset(f"{pid} {_text(pid, 'cmdline')[:200]}".replace("\0", " ") for pid in own),
        mounts=frozenset(line for pid in [*pids, os.getpid()] for line in _mounts(pid, places)),
        interfaces=frozenset(path.name for path in Path("/sys/class/net").iterdir() if _named(path.name, slot)),
        namespaces=frozenset(found - {_link(Path("/proc/self/ns/net")), ""}),
        control_groups=frozenset(_control_groups(slot)),
        ports=frozenset(_listening(slot, first_port)),
        locks=frozenset(_locks(places)),
        files=frozenset(_files(state, places[1])),
    )


def commands() -> list[str]:
    """The command line of every process of this machine."""
    return [_text(int(path.name), "cmdline").replace("\0", " ") for path in Path("/proc").glob("[0-9]*")]


def _concerns(pid: int, places: tuple[str, ...], slot: int) -> bool:
    """Whether a process has the mark, is in a node's control group, or holds, runs or names anything of the sandbox."""
    mark = f"HUBFLEET_SANDBOX={places[0]}"
    marked = any(f"{word}/".startswith(f"{mark}/") for word in _text(pid, "environ").split("\0"))
    with contextlib.suppress(OSError):
        process = Path(f"/proc/{pid}")
        links = [process / "cwd", process / "root", process / "exe", *(process / "fd").iterdir()]
        held = [f"{_link(link)}/" for link in links]
        if any(path.startswith(f"{place}/") for path in held for place in places):
            return True
    named = any(f"{place}/" in f"{word}/" for word in _text(pid, "cmdline").split("\0") for place in places)
    return marked or named or f"/hf{slot}-" in _text(pid, "cgroup")


def _is_a_neighbours(pid: int, places: tuple[str, ...], slot: int) -> bool:
    """Whether a process has the mark of another sandbox, or is in a control group of its nodes."""
    grouped = any(int(number) != slot for number in re.findall(r"/hf(\d+)-", _text(pid, "cgroup")))
    marks = (word.partition("=") for word in _text(pid, "environ").split("\0"))
    return grouped or any(
        name == "HUBFLEET_SANDBOX" and not f"{state}/".startswith(f"{places[0]}/") for name, _, state in marks
    )


def _mounts(pid: int, places: tuple[str, ...]) -> list[str]:
    return [line for line in _text(pid, "mountinfo").splitlines() if any(f"{place}/" in line for place in places)]


def _named(interface: str, slot: int) -> bool:
    return interface == f"hf{slot}" or interface.startswith(f"hf{slot}n")


def _control_groups(slot: int) -> list[str]:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    hierarchies = [Path(words[1]) for words in mounts if words[2] in ("cgroup", "cgroup2")]
    return [str(path) for hierarchy in hierarchies for path in hierarchy.glob(f"**/hf{slot}-*")]


def _listening(slot: int, first: int) -> list[str]:
    """Sockets on a port of the sandbox, or on an address of its node network."""
    network, found = ipaddress.ip_network(f"172.30.{slot}.0/24"), list[str]()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            address, port = words[1].split(":")
            ours = len(address) == 8 and ipaddress.ip_address(bytes.fromhex(address)[::-1]) in network
            if words[3] == _LISTENING and (ours or first <= int(port, 16) < first + 500):
                found.append(f"{table} {int(port, 16)}")
    return found


def _locks(places: tuple[str, ...]) -> list[str]:
    """Locks on files of the sandbox (by their inode), and sockets with a name there."""
    files = [path for place in map(Path, places) for path in [place, *place.rglob("*")] if path.exists()]
    inodes = {_inode(path): str(path) for path in files}
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    locked = [inodes[words[-3]] for words in lines if words[-3] in inodes]
    sockets = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()]
    return locked + [name for name in sockets if any(name.startswith(f"{place}/") for place in places)]


def _files(state: Path, run: str) -> list[str]:
    left = [str(path) for path in state.iterdir() if path.name != "logs"] if state.exists() else []
    return [*left, *([run] if Path(run).exists() else [])]


def _inode(path: Path) -> str:
    """As /proc/locks has it."""
    status = path.stat()
    return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"


def _text(pid: int, name: str) -> str:
    """A file of /proc; "" if the process has ended by now."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
