"""`status`: what is there now: the cloud's word, Kubernetes' nodes, Helm's releases, hubs answering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from hubfleet import hubs
from hubfleet.checks import hub as hub_check
from hubfleet.checks.stages import Stage
from hubfleet.engine import entries, expiry, kubeconfigs, names, releases, rollout
from hubfleet.engine.expiry import Expiry
from hubfleet.engine.ground import Ground, GroundState, PoolState, ground
from hubfleet.engine.names import HostName
from hubfleet.engine.rollout import State
from hubfleet.errors import CloudError
from hubfleet.fleet import journal
from hubfleet.fleet.access import Access, access, first_line
from hubfleet.fleet.loading import Target
from hubfleet.hubs import Entry
from hubfleet.plan.releases import CLUSTER
from hubfleet.tools.kube_certificates import Certificate
from hubfleet.tools.kube_objects import Node, Record

_NOT_INSTALLED = "not installed: hubfleet apply"
_NOTHING = "nothing of it is there"
_NO_ENTRY = "the entry that it shares has no address yet"


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
    least: int
    """How many nodes it must have now."""
    why: str = ""
    """At which stage it is, or why it hangs, where nodes are missing."""

    @property
    def well(self) -> bool:
        """It has its nodes, and all are ready."""
        return len(self.nodes) >= self.least and all(node.ready for node in self.nodes)


@dataclass(frozen=True)
class HubState:
    """A hub. `release` is Helm's word ("" if there is none); `address` its load balancer's; `why` it does not answer,
    or what is not there yet of one that does."""

    name: str
    url: str
    address: str
    release: str
    answers: bool
    version: str
    why: str


@dataclass(frozen=True)
class PlatformState:
    """A release that serves all hubs. `release` as for a hub; `why` what is not well, "" when it runs."""

    name: str
    release: str
    well: bool
    why: str


@dataclass(frozen=True)
class Status:
    """One screen. `api` is a sentence about the Kubernetes API; `last` is the last run that this machine knows of."""

    cluster: str
    exists: bool
    infrastructure: str
    api: str
    pools: tuple[Pool, ...]
    hubs: tuple[HubState, ...]
    last: journal.Last | None
    well: bool
    credentials: tuple[Expiry, ...] = ()
    """What hubfleet and the cluster log in with, and how long it lasts."""
    platform: tuple[PlatformState, ...] = ()
    names: tuple[HostName, ...] = ()
    """Of what has an address (hubs, Grafana): their DNS records, and what they and their certificates lack."""


def status(target: Target) -> Status:
    """Look. Needs no secret. Raises only where not even the cloud can be asked."""
    stands_on = ground(target.description)
    with access(stands_on, target.cluster.name) as opened, ThreadPoolExecutor(4, thread_name_prefix="status") as pool:
        there = pool.submit(stands_on.state)
        wanted = _wanted(target)
        api = _api(opened, wanted)
        seen = tuple(pool.map(partial(_hub, api=api), (release for release in wanted if release.hub)))
        state = there.result()
        pools = _explained(target, stands_on, state, api, opened, _pools(target, state, api.nodes))
    platform = tuple(_platform(release, api) for release in wanted if not release.hub)
    known = names.seen([one for one in wanted if one.url and api.address(one)], api.address, api.certificates)
    certified = (one.certificate is None for one in known)
    fit = (*(p.well for p in pools), *(one.well for one in platform), *(one.answers for one in seen), *certified)
    well = state.well and api.answers and all(fit)
    last = journal.last(target.cluster.name)
    ends = (*state.credentials, *api.credentials)
    return Status(
        target.cluster.name, state.exists, state.text, api.said, pools, seen, last, well, ends, platform, known
    )


@dataclass(frozen=True)
class _Api:
    """What the cluster's API says, in a few requests; nothing if it does not answer."""

    said: str
    answers: bool = False
    nodes: tuple[Node, ...] = ()
    records: Mapping[tuple[str, str], Record] = field(default_factory=dict[tuple[str, str], Record])
    states: Mapping[tuple[str, str], State] = field(default_factory=dict[tuple[str, str], State])
    credentials: tuple[Expiry, ...] = ()
    entries: Mapping[Entry, str] = field(default_factory=dict[Entry, str])
    """The addresses that somebody else's controllers tell."""
    certificates: tuple[Certificate, ...] | None = None

    def address(self, release: hubs.Release) -> str:
        """At which a hub is reached; "" while that is not known."""
        entry = release.entry
        if entry and entry in self.entries:
            return self.entries[entry]
        there = self.states.get((entry.namespace, entry.name) if entry else (release.namespace, release.name))
        return there.address if there else ""


def _api(opened: Access, wanted: Sequence[hubs.Release]) -> _Api:
    try:
        doors = opened.doors_if_there()
        if doors is None:
            return _Api("there is no Kubernetes API (yet)")
        said, kube = f"the Kubernetes API answers, {doors.kube.version()}", doors.kube
        ends = expiry.of_api(kube.server, kubeconfigs.client_certificate(doors.kubeconfig.read_text()))
        others = (one for one in wanted if one.entry and one.entry.kind != "Service")
        told = {one.entry: entries.address(one, kube) for one in others if one.entry}
        made = names.made(wanted, kube)
        return _Api(said, True, kube.nodes(), releases.newest(kube), rollout.look(kube, None), ends, told, made)
    except CloudError as error:
        return _Api(first_line(error))


def _wanted(target: Target) -> tuple[hubs.Release, ...]:
    return target.without_secrets().releases()


def _pools(target: Target, state: GroundState, nodes: Sequence[Node]) -> tuple[Pool, ...]:
    """The cloud's pools; where it knows of none, those of the file whose nodes can be told apart, else all nodes."""
    placement = target.description.placement
    told = tuple(PoolState(name, "", "", "", 0) for name, labels in placement.items() if labels)
    return tuple(
        Pool(
            *(one.name, one.machine, one.wanted, one.state),
            tuple(_node(node) for node in nodes if _carries(node, placement.get(one.name, {}))),
            one.least,
        )
        for one in state.pools or told or (PoolState("all nodes", "", "", "", 0),)
        if state.exists
    )


def _explained(
    target: Target, stands_on: Ground, state: GroundState, api: _Api, opened: Access, pools: tuple[Pool, ...]
) -> tuple[Pool, ...]:
    """The same with what they wait for. Asks more, so only where something is missing."""
    if not state.exists or (api.answers and all(pool.well for pool in pools)):
        return pools
    placement = target.description.placement
    nodes = {name: [node for node in api.nodes if _carries(node, labels)] for name, labels in placement.items()}
    try:
        stages = stands_on.stages(nodes, opened.doors().kube if api.answers else None)
    except CloudError:
        return pools
    cluster = stages.get("")
    told = {pool.name: stages.get(pool.name, cluster) for pool in pools}
    return tuple(replace(pool, why=_words(told[pool.name])) for pool in pools)


def _words(stage: Stage | None) -> str:
    if stage is None:
        return ""
    return f"{stage.text}; {stage.remedy}" if stage.remedy else stage.text


def _carries(node: Node, labels: Mapping[str, str]) -> bool:
    return all(node.labels.get(key) == value for key, value in labels.items())


def _node(found: Node) -> NodeState:
    return NodeState(found.name, found.ready, found.kubelet, found.why)


def _platform(release: hubs.Release, api: _Api) -> PlatformState:
    key = (release.namespace, release.name)
    record, there = api.records.get(key), api.states.get(key)
    why = api.said if not api.answers else _NOT_INSTALLED if record is None else _lacks(release, there)
    return PlatformState(release.name, record.status if record else "", not why, why)


def _lacks(release: hubs.Release, there: State | None) -> str:
    if not release.runs:
        return ""
    return there.unready if there else _NOTHING


def _hub(release: hubs.Release, api: _Api) -> HubState:
    record, address = api.records.get((release.namespace, release.name)), api.address(release)
    state = HubState(
        release.hub,
        release.url,
        f"http://{address}" if address else "",
        record.status if record else "",
        answers=False,
        version="",
        why=_NO_ENTRY if release.entry else "its load balancer has no address yet",
    )
    if not api.answers:
        return replace(state, why=api.said)
    if record is None or CLUSTER not in record.labels:
        return replace(state, why=_NOT_INSTALLED)
    if not address:
        return state
    health = hub_check.answers(address, release.door)
    lacks = _lacks(release, api.states.get((release.namespace, release.name)))
    return replace(state, answers=health.answers, version=health.version, why=health.why or lacks)
