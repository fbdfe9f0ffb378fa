"""What of a sandbox runs, where, and what in it is real."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import machine_room, processes, settings
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client, Object, entries, section
from hubfleet_sandbox.openstack.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.processes import Process

REAL = (
    "Keystone, Magnum with magnum-capi-helm, Glance, Nova, Neutron and Cinder: their APIs, on SQLite; Nova's conductor",
    "what a cluster has in OpenStack, as records with quota: servers, ports, groups, networks, floating IPs, volumes",
    "the management cluster: etcd, kube-apiserver, kube-controller-manager; Helm and its releases",
    "workload clusters: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, CoreDNS, with Magnum's CA",
    "nodes: containerd, kubelet, kube-proxy, pods, images, pod and service networks",
)
SIMULATED = (
    "virtual machines: a node is a set of namespaces on this machine; it tells its flavor's cores and memory",
    "GPUs: nodes of g3 flavors offer nvidia.com/gpu, and there is none behind it",
    "the cluster autoscaler: played with the rights and arguments of the chart's; an empty node goes after 15 s",
    "Nova's scheduler and compute: every server in the quota fits and runs at once; there is no Placement",
    "Cluster API's controllers and its OpenStack provider: the machine room plays them",
    "the openstack-cluster chart and Cluster API's resource definitions: stand-ins of our own",
    "Kubernetes' older minors: 1.34's code with an older minor's APIs and features (KEP-4330), and that one's name",
    "a control plane of three: one, counted as three (with three servers in Nova)",
    "Octavia: no load balancers as records; Services of that type get an address on the node network and a floating IP",
    "the data path of Neutron and the volumes of Cinder: records with quota, no packets and no disks behind them",
)


@dataclass(frozen=True)
class Service:
    """A process that should run. `memory` in MB, what it shares with others counted in part; 0 when it is dead."""

    name: str
    address: str
    pid: int
    alive: bool
    memory: int


@dataclass(frozen=True)
class Node:
    """A node of a cluster: what the management cluster says of its Machine."""

    name: str
    cluster: str
    group: str
    phase: str
    address: str


@dataclass(frozen=True)
class Cluster:
    """A workload cluster, as the management cluster has it. `name` is Magnum's `stack_id`."""

    name: str
    phase: str
    address: str


@dataclass(frozen=True)
class Status:
    """One sandbox. `state`: running, partly (something is dead, or a start was killed) or stopped."""

    state: str
    folder: str
    slot: int | None
    ports: int | None
    services: tuple[Service, ...]
    clusters: tuple[Cluster, ...]
    nodes: tuple[Node, ...]
    memory: int
    """MB of all its processes, those of the services among them, each measured once."""
    node_boot: float = 0.0
    """Seconds that every node takes at least to boot."""
    real: tuple[str, ...] = REAL
    simulated: tuple[str, ...] = SIMULATED


def expected() -> list[str]:
    """The names of the processes that a whole sandbox has, whatever clusters are on it."""
    management = [f"management/{name}" for name in ("etcd", "apiserver", "controllers")]
    return [*(service.name for service in SERVICES), "charts", *management, machine_room.NAME]


def read(layout: Layout | None, state: Path) -> Status:
    """The status of the sandbox in this state folder. Nothing is asked of the cloud's own APIs."""
    if layout is None:
        return Status("stopped", str(state), None, None, (), (), (), 0)
    names = sorted({*expected(), *(process.name for process in processes.known(layout))})
    found = {name: process for name in names if (process := processes.find(layout, name))}
    pids = {process.pid for process in (*found.values(), *processes.marked(layout))}
    memory = {pid: _memory(pid) for pid in pids}  # once each: a sum of other readings can be less than its parts
    services = tuple(_service(layout, name, found.get(name), memory) for name in names)
    clusters, nodes = _clusters(layout)
    whole = all(service.alive for service in services if service.name in expected())
    running = "running" if whole else "partly" if any(service.alive for service in services) else "stopped"
    boot = settings.read(layout).node_boot
    total = sum(memory.values()) // 1024
    return Status(running, str(state), layout.slot, layout.ports, services, clusters, nodes, total, boot)


def _service(layout: Layout, name: str, alive: Process | None, memory: Mapping[int, int]) -> Service:
    process = alive or processes.recorded(layout, name)
    pid = process.pid if process else 0
    return Service(name, _address(layout, name), pid, alive is not None, memory[pid] // 1024 if alive else 0)


def _address(layout: Layout, name: str) -> str:
    if name == "management/apiserver":
        return f"https://127.0.0.1:{layout.port('management-api')}"
    if name in {"charts", *(service.name for service in SERVICES)}:
        return layout.url(name)
    return ""


def _memory(pid: int) -> int:
    """Proportional set size in KB: services are forks that share pages, which must not be counted twice."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
    return 0


def _clusters(layout: Layout) -> tuple[tuple[Cluster, ...], tuple[Node, ...]]:
    if not processes.find(layout, "management/apiserver"):
        return (), ()
    client = Client(layout.management_kubeconfig, timeout=5)
    try:
        clusters = client.list(kinds.CLUSTER.path())[0]
        machines = client.list(kinds.MACHINE.path())[0]
    except SandboxError:
        return (), ()  # not ready yet
    finally:
        client.close()
    return tuple(map(_cluster, clusters)), tuple(map(_node, machines))


def _cluster(item: Object) -> Cluster:
    endpoint = section(item, "spec", "controlPlaneEndpoint")
    address = f"https://{endpoint['host']}:{endpoint['port']}" if endpoint.get("port") else ""
    return Cluster(item["metadata"]["name"], section(item, "status").get("phase", ""), address)


def _node(item: Object) -> Node:
    labels, status = section(item, "metadata", "labels"), section(item, "status")
    addresses = {one["type"]: one["address"] for one in entries(status, "addresses")}
    return Node(
        item["metadata"]["name"],
        item["spec"].get("clusterName", ""),
        labels.get("capi.stackhpc.com/node-group", ""),
        status.get("phase", ""),
        addresses.get("InternalIP", ""),
    )
