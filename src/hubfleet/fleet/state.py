"""`status`: what is there now: the cloud's word, Kubernetes' nodes, Helm's releases, hubs answering."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from hubfleet import hubs
from hubfleet.checks import hub as hub_check
from hubfleet.engine import releases
from hubfleet.engine.ground import GroundState, PoolState, ground
from hubfleet.errors import CloudError, HubfleetError
from hubfleet.fleet import journal
from hubfleet.fleet.access import Access, Doors, access, first_line
from hubfleet.fleet.loading import Target
from hubfleet.plan.releases import Observed
from hubfleet.tools.kube_objects import Node


@dataclass(frozen=True)
class NodeState:
    """A node as Kubernetes has it."""

    name: str
    ready: bool
    kubelet: str
    why: str


@dataclass(frozen=True)
class Pool:
    """A pool: what the file wants, what the cloud says, which nodes there are."""

    name: str
    machine: str
    wanted: str
    state: str
    nodes: tuple[NodeState, ...]


@dataclass(frozen=True)
class HubState:
    """A hub. `release` is Helm's word ("" if there is none); `address` its load balancer's."""

    name: str
    url: str
    address: str
    release: str
    answers: bool
    version: str
    why: str


@dataclass(frozen=True)
class Status:
    """One screen. `last` is the last run that this machine knows of."""

    cluster: str
    exists: bool
    infrastructure: str
    api: str
    pools: tuple[Pool, ...]
    hubs: tuple[HubState, ...]
    last: journal.Last | None
    well: bool


def status(target: Target) -> Status:
    """Look. Raises only where not even the cloud can be asked."""
    stands_on = ground(target.description)
    with access(stands_on, target.cluster.name) as opened, ThreadPoolExecutor(4, thread_name_prefix="status") as pool:
        there = pool.submit(stands_on.state)
        doors, api = _doors(opened)
        nodes = doors.kube.nodes() if doors else ()
        seen = _hubs(target, doors, pool)
        state = there.result()
    pools = _pools(target, state, nodes)
    well = (
        state.well
        and doors is not None
        and all(one.answers for one in seen)
        and all(n.ready for p in pools for n in p.nodes)
    )
    last = journal.last(target.cluster.name)
    return Status(target.cluster.name, state.exists, state.text, api, pools, seen, last, well)


def _doors(opened: Access) -> tuple[Doors | None, str]:
    try:
        doors = opened.doors_if_there()
        return (doors, f"answers, {doors.kube.version()}") if doors else (None, "does not answer (yet)")
    except CloudError as error:
        return None, first_line(error)


def _pools(target: Target, state: GroundState, nodes: Sequence[Node]) -> tuple[Pool, ...]:
    label = target.description.traits.pool_label
    known = state.pools or (PoolState("all nodes", "", "", "", None),)
    return tuple(
        Pool(
            p.name,
            p.machine,
            p.wanted,
            p.state,
            tuple(_node(n) for n in nodes if p.label is None or n.labels.get(label or "") == p.label),
        )
        for p in known
        if state.exists
    )


def _node(found: Node) -> NodeState:
    return NodeState(found.name, found.ready, found.kubelet, found.why)


def _hubs(target: Target, doors: Doors | None, pool: ThreadPoolExecutor) -> tuple[HubState, ...]:
    if doors is None:
        return tuple(
            HubState(name, f"https://{hub.domain}", "", "", answers=False, version="", why="no cluster")
            for name, hub in target.cluster.hubs.items()
        )
    resolved = target.resolved()
    wanted = hubs.releases(resolved.cluster, resolved.description)
    there = {one.name: one for one in releases.observe(wanted, doors.kube, doors.helm)}
    states = [there.get(release.name) for release in wanted]
    return tuple(pool.map(_hub, wanted, states, repeat(doors)))


def _hub(release: hubs.Release, there: Observed | None, doors: Doors) -> HubState:
    if there is None:
        return HubState(
            release.hub, release.url, "", "", answers=False, version="", why="not installed: hubfleet apply"
        )
    try:
        address = releases.credentials(release, doors.kube).address
        if not address:
            why = "its load balancer has no address yet"
            return HubState(release.hub, release.url, "", there.status, answers=False, version="", why=why)
        health = hub_check.answers(address.removeprefix("http://"), release.url)
    except HubfleetError as error:
        return HubState(release.hub, release.url, "", there.status, answers=False, version="", why=first_line(error))
    return HubState(release.hub, release.url, address, there.status, health.answers, health.version, health.why)
