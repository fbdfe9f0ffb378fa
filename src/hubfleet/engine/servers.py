"""Users' servers: who would lose one if a node went, and a wait until nobody would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hubfleet.checks.pods import USERS_SERVERS
from hubfleet.engine.run import Clock
from hubfleet.errors import CloudError
from hubfleet.tools.kube import Kube, Pod
from hubfleet.words import counted

USER = "hub.jupyter.org/username"
"""Label of a server's pod (KubeSpawner); the user's name as far as a label takes it."""
EVERY = 5.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Server:
    """A user's server that runs or starts. `hub` is its namespace, which is the hub's name where hubfleet made it."""

    hub: str
    user: str
    node: str


def running(kube: Kube) -> tuple[Server, ...]:
    """Every user's server of the cluster, of all its hubs."""
    pods = kube.pods(None, USERS_SERVERS)
    return tuple(map(_server, filter(_lives, pods)))


@dataclass(frozen=True)
class Running:
    """How many users' servers run on a pool's nodes, and how many nodes it has."""

    servers: int
    nodes: int


def by_pool(kube: Kube, placement: Mapping[str, Mapping[str, str]]) -> dict[str, Running]:
    """Of those pools whose nodes can be told apart. `placement`: the labels that a pool's nodes carry. CloudError if
    the API does not answer."""
    nodes = {node.name: node.labels for node in kube.nodes()}
    hosts = [server.node for server in running(kube)]
    return {pool: _on(hosts, nodes, labels) for pool, labels in placement.items() if labels}


def told(servers: Iterable[Server]) -> str:
    """For people: "3 servers (main: 2, lab: 1)"."""
    hubs = Counter(server.hub for server in servers)
    count = sum(hubs.values())
    each = ", ".join(f"{hub}: {number}" for hub, number in sorted(hubs.items()))
    return f"{counted(count, 'server')} ({each})" if count else "no server"


def wait_for_users(
    kube: Callable[[], Kube], tell: Callable[[str], None], clock: Clock, *, patience: float
) -> tuple[Server, ...]:
    """Until no server runs, at most `patience` seconds; those that run still. An API that stumbles is asked again."""
    end, still = clock.now() + patience, running(kube())
    while still and clock.now() < end:
        left = (end - clock.now()) / 60
        tell(f"waiting for users: {told(still)} still run; going on in {left:.0f} min at the latest")
        clock.sleep(min(EVERY, max(0.1, end - clock.now())))
        still = _looked(kube, still)
    return still


def _looked(kube: Callable[[], Kube], before: tuple[Server, ...]) -> tuple[Server, ...]:
    try:
        return running(kube())
    except CloudError as error:
        if error.status is not None and error.status < 500:
            raise
        return before


def _lives(pod: Pod) -> bool:
    return not pod.deleting and pod.phase in {"Pending", "Running"}


def _server(pod: Pod) -> Server:
    return Server(pod.namespace, pod.labels.get(USER) or pod.name, pod.node)


def _on(hosts: list[str], nodes: Mapping[str, Mapping[str, str]], labels: Mapping[str, str]) -> Running:
    own = {name for name, carried in nodes.items() if labels.items() <= carried.items()}
    return Running(sum(host in own for host in hosts), len(own))
