"""Where everything of one sandbox is: folders, ports, addresses and the names of its kernel objects.

Pure and cheap: two sandboxes can run side by side because every name and number here derives from `slot`.
"""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from hubfleet_sandbox.errors import SandboxError

SLOTS = 32
PORTS_PER_SLOT = 500
FIRST_PORT = 16000  # the last slot ends below 32768, where Linux begins to give ports to outgoing connections

# Offsets from `Layout.ports`. Workload clusters take theirs from CLUSTERS on, ten each.
SERVICE_PORTS = {
    "keystone": 0,
    "glance": 1,
    "nova": 2,
    "neutron": 3,
    "cinder": 4,
    "magnum": 5,
    "charts": 6,
    "management-api": 10,
    "management-etcd": 11,
    "management-etcd-peer": 12,
    "management-controllers": 13,
}
CLUSTERS = 50
PORTS_PER_CLUSTER = 10

MARK = "HUBFLEET_SANDBOX"
"""Environment variable that every process of a sandbox carries; its value is `Layout.mark`. `stop` finds by it what
no pid file names (a start killed half way, the shims of containerd)."""


def default_state() -> Path:
    """The folder of the one sandbox that most people have."""
    return platformdirs.user_state_path("hubfleet") / "sandbox"


def default_cache() -> Path:
    """What is expensive to make and serves every sandbox of this user: programs, images, databases."""
    override = os.environ.get("HUBFLEET_SANDBOX_CACHE")
    return Path(override) if override else platformdirs.user_cache_path("hubfleet") / "sandbox"


@dataclass(frozen=True)
class Layout:
    """One sandbox's folders, ports and names.

    `slot` (0 to 31) chooses the bridge, the node network 172.30.SLOT.0/24 and the pod network 10.(128+SLOT).0.0/16;
    `ports` is the first of its 500 TCP ports on loopback and on the node network's gateway.
    """

    state: Path
    cache: Path
    slot: int
    ports: int

    @property
    def mark(self) -> str:
        """Value of the `MARK` variable: the state folder, which only one sandbox has."""
        return str(self.state)

    @property
    def record(self) -> Path:
        """The file that says that a sandbox is here, and with which slot and ports."""
        return self.state / "sandbox.json"

    @property
    def run(self) -> Path:
        """Pid files and sockets, on a short path: a Unix socket's may have 108 characters."""
        return Path("/run") / f"hubfleet-{self.slot}"

    @property
    def pids(self) -> Path:
        """One file a process: see `processes`."""
        return self.state / "pids"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.state / "logs"

    @property
    def openstack(self) -> Path:
        """Databases, configuration and keys of the OpenStack services."""
        return self.state / "openstack"

    @property
    def management(self) -> Path:
        """The management cluster: certificates, etcd."""
        return self.state / "management"

    @property
    def clusters(self) -> Path:
        """A folder for each workload cluster's control plane."""
        return self.state / "clusters"

    @property
    def nodes(self) -> Path:
        """A folder for each node: containerd's and the kubelet's data."""
        return self.state / "nodes"

    @property
    def volumes(self) -> Path:
        """What is in the volumes of Cinder: a folder for each, named by its id."""
        return self.state / "volumes"

    @property
    def home(self) -> Path:
        """What the sandbox's user has: clouds.yaml, kubeconfigs, programs on PATH."""
        return self.state / "home"

    @property
    def clouds_yaml(self) -> Path:
        """The client's configuration; the entry `sandbox` is an unrestricted application credential."""
        return self.home / "clouds.yaml"

    @property
    def management_kubeconfig(self) -> Path:
        """For the operator of the site (Magnum, the machine room), not for its users."""
        return self.home / "management.kubeconfig"

    @property
    def bridge(self) -> str:
        """The network interface that joins the nodes, and on which the host has the gateway's address."""
        return f"hf{self.slot}"

    @property
    def namespace_prefix(self) -> str:
        """Names of the nodes' network namespaces begin so: `hf0-n3` is node 3 of slot 0."""
        return f"hf{self.slot}-"

    @property
    def cgroup_prefix(self) -> str:
        """Names of the nodes' control groups begin so, in every controller."""
        return f"hf{self.slot}-"

    @property
    def node_network(self) -> ipaddress.IPv4Network:
        """Nodes have .10 to .99, LoadBalancer Services .100 to .249."""
        return ipaddress.IPv4Network(f"172.30.{self.slot}.0/24")

    @property
    def gateway(self) -> str:
        """The host's address on the node network: API servers and cluster DNS listen there too."""
        return f"172.30.{self.slot}.1"

    def node_address(self, number: int) -> str:
        """The address of node `number`, 0 to 89, unique in the sandbox."""
        if not 0 <= number < 90:
            raise ValueError(f"a sandbox has at most 90 nodes; there is no node {number}")
        return str(self.node_network[10 + number])

    def service_address(self, number: int) -> str:
        """The address of LoadBalancer Service `number`, 0 to 149, unique in the sandbox."""
        if not 0 <= number < 150:
            raise ValueError(f"a sandbox has at most 150 load balancers; there is no number {number}")
        return str(self.node_network[100 + number])

    def pod_network(self, number: int) -> ipaddress.IPv4Network:
        """The pod network of node `number`."""
        return ipaddress.IPv4Network(f"10.{128 + self.slot}.{number}.0/24")

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Every pod of every cluster of this sandbox."""
        return ipaddress.IPv4Network(f"10.{128 + self.slot}.0.0/16")

    def port(self, service: str) -> int:
        """The TCP port of a service named in `SERVICE_PORTS`."""
        return self.ports + SERVICE_PORTS[service]

    def cluster_port(self, cluster: int, offset: int) -> int:
        """Port `offset` (0 to 9) of the workload cluster number `cluster` (0 to 44)."""
        if not (0 <= cluster < (PORTS_PER_SLOT - CLUSTERS) // PORTS_PER_CLUSTER and 0 <= offset < PORTS_PER_CLUSTER):
            raise ValueError(f"a sandbox has at most 45 clusters of 10 ports; there is no {cluster}/{offset}")
        return self.ports + CLUSTERS + PORTS_PER_CLUSTER * cluster + offset

    def url(self, service: str) -> str:
        """The base address of a service on loopback."""
        return f"http://127.0.0.1:{self.port(service)}"

    def save(self) -> None:
        """Write `record`, so that later commands find this sandbox by its state folder alone."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.record.write_text(json.dumps({k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}))


def load(state: Path) -> Layout | None:
    """The sandbox of this state folder, or None if there is none."""
    try:
        found = json.loads((state / "sandbox.json").read_text())
    except FileNotFoundError:
        return None
    return Layout(state=state, cache=Path(found["cache"]), slot=found["slot"], ports=found["ports"])


def new(state: Path, cache: Path, taken: set[int], ports: int | None = None) -> Layout:
    """A layout on the first slot that is not in `taken`. Raises SandboxError if there is none."""
    slot = next((n for n in range(SLOTS) if n not in taken), None)
    if slot is None:
        raise SandboxError(f"all {SLOTS} slots for sandboxes are taken on this machine", remedy="stop one of them")
    return Layout(state, cache, slot, FIRST_PORT + PORTS_PER_SLOT * slot if ports is None else ports)
