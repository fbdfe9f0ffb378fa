"""The node network: a bridge of this machine's, with a cable to each node.

All pods of a sandbox are on one network with the nodes: a node answers ARP for its own pods (proxy ARP), so no node
needs a route to another's, and none has to be told when one comes or goes.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubfleet_sandbox.layout import Layout

_MOUNT_POINTS = ("/var/lib/kubelet", "/var/lib/containerd", "/var/lib/cni")


def establish(layout: Layout) -> None:
    """Make the bridge if it is not there: this machine has the gateway's address from then on."""
    with _lock(layout):
        if layout.bridge not in _interfaces():
            _ip("link", "add", layout.bridge, "type", "bridge")
        _ip("address", "replace", f"{layout.gateway}/{layout.node_network.prefixlen}", "dev", layout.bridge)
        _ip("link", "set", layout.bridge, "up")
        _ip("route", "replace", str(layout.pods), "dev", layout.bridge, "src", layout.gateway)


def connect(layout: Layout, number: int, pid: int, within: Sequence[str]) -> None:
    """Give the network namespace of process `pid` its interface, address and routes; `within` runs programs there."""
    cable = _cable(layout, number)
    # The address of the hardware follows from the number, so that no neighbour remembers a wrong one.
    hardware = f"02:68:66:{layout.slot:02x}:00:{number:02x}"
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "address", hardware, "netns", str(pid))
    _ip("link", "set", cable, "master", layout.bridge, "up")
    address = f"{layout.node_address(number)}/{layout.node_network.prefixlen}"
    settings = {"ip_forward": 1, "conf/eth0/proxy_arp": 1, "neigh/eth0/proxy_delay": 0}
    lines = [
        "ip link set lo up",
        f"ip address add {address} dev eth0",
        "ip link set eth0 up",
        f"ip route add default via {layout.gateway}",
        f"ip route add {layout.pods} dev eth0",
        *(f"echo {value} > /proc/sys/net/ipv4/{name}" for name, value in settings.items()),
    ]
    processes.run([*within, "sh", "-ec", "\n".join(lines)], timeout=30)


def disconnect(layout: Layout, number: int) -> None:
    """Remove a node's cable. Nothing happens if there is none."""
    _remove(_cable(layout, number))


def forget(layout: Layout, address: str) -> None:
    """Let this machine ask anew which node has an address."""
    with contextlib.suppress(SandboxError):  # it did not know
        _ip("neighbour", "delete", address, "dev", layout.bridge)


def numbers(layout: Layout) -> set[int]:
    """Numbers of the nodes that have a cable."""
    prefix = _cable(layout, 0)[:-1]
    return {int(name.removeprefix(prefix)) for name in _interfaces() if name.startswith(prefix)}


def dismantle(layout: Layout) -> None:
    """Remove the bridge; with the last sandbox's, the empty folders in /var/lib that nodes put theirs over."""
    with _lock(layout):
        _remove(layout.bridge)
        # While another sandbox has nodes these stay: removing a folder undoes what is mounted on it in any namespace.
        if not any(name.startswith("hf") and name[2:].isdigit() for name in _interfaces()):
            for path in _MOUNT_POINTS:
                with contextlib.suppress(OSError):  # not empty (somebody else's), or not there
                    Path(path).rmdir()


def _cable(layout: Layout, number: int) -> str:
    return f"{layout.bridge}n{number}"


def _lock(layout: Layout) -> filelock.BaseFileLock:
    layout.cache.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(layout.cache / "network.lock", timeout=60)


def _interfaces() -> set[str]:
    return {str(link["ifname"]) for link in json.loads(_ip("-json", "link", "show"))}


def _remove(interface: str) -> None:
    try:
        _ip("link", "delete", interface)
    except SandboxError:
        if interface in _interfaces():
            raise


def _ip(*words: str) -> str:
    return processes.run(["ip", *words], timeout=30)
