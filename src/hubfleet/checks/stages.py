"""At which stage the making of a cluster or a pool is, from what a tenant can see; and, where it hangs, why. Pure.

The same judgement serves the lines of progress, the error at the end of patience, and `status`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubfleet.errors import Layer
from hubfleet.tools.kube_objects import Node, Pod
from hubfleet.tools.magnum import Cluster, NodeGroup
from hubfleet.tools.openstack import Balancer, Flavor, Server
from hubfleet.tools.openstack_quota import Room

BOOT = 600.0
"""Seconds after which a machine that runs and has not become a node is not simply booting any more."""
CONTROL_PLANE = 1200.0
"""Seconds after which a control plane is late: load balancer, first machine, kubeadm."""
_NO_IMAGE = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})
_NO_NETWORK = re.compile(r"cni|NetworkPluginNotReady|network plugin", re.IGNORECASE)


@dataclass(frozen=True)
class Stage:
    """Where it is (`layer`), in a few words, and what would help. `stuck`: it does not mend itself as a rule."""

    layer: Layer
    text: str
    remedy: str = ""
    stuck: bool = False
    unasked: bool = False
    """Nova has fewer machines than there are to be, and nothing is seen to hinder it: perhaps nobody asks for them."""


@dataclass(frozen=True)
class PoolSeen:
    """A pool: how many nodes it shall have, Magnum's word of its group, the nodes that Kubernetes has, and the pods of
    the cluster's addons. `servers` None: Nova was not asked. `waited` seconds so far. `machine`: its flavor."""

    wanted: int
    group: NodeGroup | None
    nodes: Sequence[Node]
    waited: float
    servers: Sequence[Server] | None = None
    rooms: Mapping[str, Room] = field(default_factory=dict[str, Room])
    addons: Sequence[Pod] = ()
    machine: Flavor | None = None


def of_pool(seen: PoolSeen) -> Stage:
    """At which stage a pool is whose nodes are not all there and ready."""
    ready = sum(node.ready for node in seen.nodes)
    missing = max(0, seen.wanted - len(seen.nodes))
    head = f"waiting for {seen.wanted - ready} of {seen.wanted} nodes"
    found = next(_of_machines(seen, missing), None) if missing else None
    found = found or next(_of_nodes(seen), None)
    if found is None:
        return Stage(Layer.CLUSTER_API, f"{len(seen.nodes)} of {seen.wanted} nodes registered, {ready} ready")
    return replace(found, text=f"{head}: {found.text}")


def _of_machines(seen: PoolSeen, missing: int) -> Iterator[Stage]:
    """Why nodes are not registered, the surest reason first."""
    if seen.group is not None and seen.group.failed and seen.group.reason:
        yield Stage(Layer.MAGNUM, f"Magnum says {seen.group.status}: {seen.group.reason}", "apply again", stuck=True)
    if seen.servers is None:
        return
    yield from _failed(seen.servers)
    if len(seen.servers) < seen.wanted:
        yield from _no_room(seen.rooms, seen.machine)
    yield from _unregistered(seen.servers, {node.name for node in seen.nodes}, missing, seen.waited)


def _failed(servers: Sequence[Server]) -> Iterator[Stage]:
    for server in servers:
        if server.status == "ERROR":
            yield _fault(server)


def _fault(server: Server) -> Stage:
    said = server.fault or "it gives no reason"
    text = f"Nova says of {server.name}: {said}"
    if "no valid host" in said.lower():
        remedy = (
            "the cloud has no room for such a machine now: it is tried again by itself; "
            "choose another machine if it lasts, and see the cloud's announcements"
        )
        return Stage(Layer.OPENSTACK, text, remedy, stuck=True)
    if "quota" in said.lower():
        return Stage(Layer.QUOTA, text, _MORE, stuck=True)
    remedy = f"it is replaced by itself; if it happens again: openstack server show {server.id}, and the operators"
    return Stage(Layer.OPENSTACK, text, remedy, stuck=True)


_MORE = "make pools smaller, end what else runs in the project, or ask for more quota; what waits goes on by itself"


def _no_room(rooms: Mapping[str, Room], machine: Flavor | None) -> Iterator[Stage]:
    """Cluster API asks Nova again and again for what the quota does not allow, and Nova keeps no trace of it."""
    takes = {"cores": machine.vcpus, "ram": machine.ram} if machine else _LEAST
    for name in ("instances", "cores", "ram", "ports", "volumes"):
        room = rooms.get(name)
        if room is not None and room.limit is not None and (room.left or 0) < takes.get(name, 1):
            left = f": {room.left} left, and a machine takes {takes[name]}" if room.left and machine else ""
            text = f"the project's quota of {name} is used up ({room.used} of {room.limit}{left})"
            yield Stage(Layer.QUOTA, text, _MORE, stuck=True)


_LEAST = {"cores": 2, "ram": 2048}
"""Of the smallest machine that the driver takes (magnum-capi-helm 1.4 driver.py:748)."""


def _unregistered(servers: Sequence[Server], nodes: Collection[str], missing: int, waited: float) -> Iterator[Stage]:
    building = [one for one in servers if one.status == "BUILD"]
    running = [one for one in servers if one.status == "ACTIVE" and one.name not in nodes]
    stopped = [one for one in servers if one.status in ("SHUTOFF", "SUSPENDED", "PAUSED", "SHELVED_OFFLOADED")]
    if not servers:
        yield Stage(
            Layer.CLUSTER_API,
            "Nova has no machine of it",
            "Cluster API, in the site's management cluster, has not asked for one or may not: if it lasts, tell the "
            "cloud's operators the cluster's UUID",
            stuck=waited > BOOT,
            unasked=True,
        )
    elif stopped:
        names = ", ".join(one.name for one in stopped)
        remedy = "start it: openstack server start NAME"
        yield Stage(Layer.OPENSTACK, f"{names} is {stopped[0].status}", remedy, stuck=True)
    elif building:
        yield Stage(Layer.OPENSTACK, f"Nova builds {len(building)} of its machines")
    elif running and waited > BOOT:
        names = ", ".join(one.name for one in running)
        remedy = (
            f"read its console (openstack console log show {running[0].id}): cloud-init's errors are at the end; "
            "see whether its subnet has a router and name servers, and its security groups let the nodes speak"
        )
        yield Stage(Layer.NODE, f"{names} runs and does not become a node", remedy, stuck=True)
    elif running:
        yield Stage(Layer.NODE, f"{len(running)} of its machines boot")
    elif missing:
        yield Stage(Layer.CLUSTER_API, f"Nova has {len(servers)} of its machines so far", unasked=True)


def _of_nodes(seen: PoolSeen) -> Iterator[Stage]:
    """Why nodes that are registered are not ready."""
    unready = [node for node in seen.nodes if not node.ready]
    if not unready:
        return
    node, trouble = unready[0], addon_trouble(seen.addons)
    if _NO_NETWORK.search(node.why):
        text = f"{node.name} has no pod network yet: {trouble.text if trouble else node.why}"
        remedy = trouble.remedy if trouble else "the pod network (CNI) starts by itself: hubfleet kubectl get pods -A"
        yield Stage(trouble.layer if trouble else Layer.NODE, text, remedy, stuck=bool(trouble))
    elif trouble:
        yield trouble
    else:
        yield Stage(Layer.NODE, f"{node.name}: {node.why}" if node.why else f"{node.name} is not ready")


def addon_trouble(pods: Sequence[Pod]) -> Stage | None:
    """The first of the cluster's own pods (network, storage, cloud controller, DNS) that cannot start."""
    for pod in pods:
        for container in pod.containers:
            where = f"{pod.namespace}/{pod.name}"
            if container.waiting in _NO_IMAGE:
                text = f"{where} on {pod.node or 'its node'} cannot get the image {container.image}"
                remedy = "see whether nodes reach that registry; what waits goes on by itself"
                return Stage(Layer.NODE, text, remedy, stuck=True)
            if container.waiting == "CrashLoopBackOff":
                text = f"{where} ends again and again (exit code {container.exit_code})"
                remedy = f"hubfleet kubectl logs --previous -n {pod.namespace} {pod.name} tells more"
                return Stage(Layer.KUBERNETES, text, remedy, stuck=True)
    return None


@dataclass(frozen=True)
class ClusterSeen:
    """A cluster whose Kubernetes API does not answer yet. `servers` None: Nova was not asked; `balancers` None: Octavia
    was not, or there is none."""

    cluster: Cluster | None
    waited: float
    servers: Sequence[Server] | None = None
    rooms: Mapping[str, Room] = field(default_factory=dict[str, Room])
    balancers: Sequence[Balancer] | None = None


def of_cluster(seen: ClusterSeen) -> Stage:
    """At which stage the control plane is."""
    there = seen.cluster
    if there is None:
        return Stage(Layer.MAGNUM, "Magnum knows nothing of the cluster yet", "apply again", stuck=seen.waited > BOOT)
    if not there.release:
        remedy = "Magnum's conductor may be busy or down: if it lasts, tell the cloud's operators"
        return Stage(Layer.DRIVER, "Magnum's driver installs the cluster's release", remedy, stuck=seen.waited > BOOT)
    late = seen.waited > CONTROL_PLANE
    failed = next(_failed(seen.servers or ()), None)
    if failed is not None:
        return Stage(failed.layer, f"waiting for the control plane: {failed.text}", failed.remedy, stuck=True)
    balancer = balancer_of(there.release, seen.balancers or ())
    if not there.api_address:
        return _unaddressed(seen, balancer, late)
    if balancer is not None and balancer.status == "ERROR":
        return _cut_off(there.api_address, balancer)
    return _unanswering(there, seen.servers, late)


_WAITING = "waiting for the API's address"


def _unaddressed(seen: ClusterSeen, balancer: Balancer | None, late: bool) -> Stage:
    """The first things that Cluster API makes: network, security groups, load balancer, floating IP."""
    if balancer is not None and balancer.status == "ERROR":
        return _unmade(balancer)
    for name in ("floating IPs",) if balancer else ("load balancers", "floating IPs"):
        room = seen.rooms.get(name)
        if room is not None and room.left == 0:
            text = f"the API gets no address: the quota of {name} is used up ({room.used} of {room.limit})"
            remedy = "remove one that nobody needs (hubfleet audit), or ask for more"
            return Stage(Layer.QUOTA, text, remedy, stuck=True)
    if balancer is not None:
        return _balancing(balancer, late)
    if seen.balancers is not None:
        remedy = (
            "its network and security groups come first: openstack network list shows how far Cluster API came; if it "
            "lasts, tell the cloud's operators the cluster's UUID"
        )
        return Stage(Layer.NETWORK, f"{_WAITING}: Octavia has no load balancer of it yet", remedy, stuck=late)
    remedy = (
        "its network, load balancer and floating IP are made first: openstack loadbalancer list shows the balancer's "
        "state; if it is in ERROR or missing, tell the cloud's operators"
    )
    return Stage(Layer.NETWORK, f"{_WAITING} (network, load balancer)", remedy, stuck=late)


def _unmade(balancer: Balancer) -> Stage:
    """Cluster API waits for what it finds by its name to become ACTIVE, for ever, and makes another where it finds none
    (cluster-api-provider-openstack pkg/cloud/services/loadbalancer/loadbalancer.go, getOrCreateAPILoadBalancer)."""
    remedy = (
        f"openstack loadbalancer delete --cascade {balancer.id}: Cluster API makes another by itself; if that fails, "
        "tell the cloud's operators"
    )
    return Stage(Layer.NETWORK, f"{_WAITING}: the load balancer {_state(balancer)}", remedy, stuck=True)


def _balancing(balancer: Balancer, late: bool) -> Stage:
    head = f"{_WAITING}: the load balancer {_state(balancer)}"
    if balancer.status == "ACTIVE":
        remedy = "its floating IP comes next: openstack floating ip list; if it lasts, tell the cloud's operators"
        return Stage(Layer.NETWORK, head, remedy, stuck=late)
    remedy = f"only the cloud's operators see what Octavia does: if it lasts, tell them the load balancer {balancer.id}"
    return Stage(Layer.NETWORK, head, remedy, stuck=late or (balancer.age or 0) > BOOT)


def _cut_off(address: str, balancer: Balancer) -> Stage:
    text = f"the API's address {address} is known and does not answer: the load balancer {balancer.name} is in ERROR"
    remedy = f"tell the cloud's operators the load balancer {balancer.id}: they can have Octavia make it anew"
    return Stage(Layer.NETWORK, text, remedy, stuck=True)


def _state(balancer: Balancer) -> str:
    when = "" if balancer.age is None else f", {balancer.age:.0f} s after it was asked for"
    return f"{balancer.name} is {balancer.status}{when}"


def _unanswering(there: Cluster, servers: Sequence[Server] | None, late: bool) -> Stage:
    head = f"the API's address {there.api_address} is known and does not answer"
    if servers is not None and not servers:
        remedy = "Cluster API has not asked Nova for a control-plane machine: if it lasts, tell the cloud's operators"
        return Stage(Layer.CLUSTER_API, f"{head}: Nova has no machine of the control plane", remedy, stuck=late)
    building = [one for one in servers or () if one.status == "BUILD"]
    doing = "Nova builds its first machine" if building else "its first machine boots" if servers else "it boots"
    remedy = (
        "see whether this machine may reach that address (a firewall, a VPN); else read the console of the "
        "control-plane machine: openstack server list, openstack console log show NAME"
    )
    return Stage(Layer.NETWORK if late else Layer.NODE, f"{head}: {doing}", remedy, stuck=late)


def balancer_of(release: str, balancers: Sequence[Balancer]) -> Balancer | None:
    """That of the cluster's API, by its name: k8s-clusterapi-cluster-NAMESPACE-RELEASE-kubeapi
    (cluster-api-provider-openstack pkg/cloud/services/loadbalancer/loadbalancer.go, getLoadBalancerName). The namespace
    begins as the site's driver is configured to (magnum-capi-helm 1.4 driver_utils.py:22)."""
    start, end = "k8s-clusterapi-cluster-", f"-{release}-kubeapi"
    return next((one for one in balancers if one.name.startswith(start) and one.name.endswith(end)), None)


def servers_of(group: str, release: str, groups: Collection[str], servers: Sequence[Server]) -> tuple[Server, ...]:
    """Those of a node group, by their names: RELEASE-GROUP-… (capi-helm-charts). A group `gpu` is not one `gpu-large`,
    and `control-plane` counts as a group."""
    known = sorted({*groups, group, "control-plane"}, key=len, reverse=True)

    def owner(server: Server) -> str | None:
        return next((one for one in known if server.name.startswith(f"{release}-{one}-")), None)

    return tuple(one for one in servers if owner(one) == group)
