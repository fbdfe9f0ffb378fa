"""The cluster autoscaler of one cluster, as the driver's chart asks for it: a Deployment beside the cluster.

What it does on the management cluster it does as the Deployment's service account, so that the real API server allows
or refuses it by the chart's Role; how fast and for which cluster, its arguments say.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client, RefusedError, entries, section
from hubfleet_sandbox.machine_room import autoscaler_reports, draining, fitting, scaling
from hubfleet_sandbox.machine_room.machine_deployments import DELETE_MARK, DEPLOYMENT_LABEL, LEAST, MOST
from hubfleet_sandbox.machine_room.room import deleting, true

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.fitting import Resources, Shape
    from hubfleet_sandbox.machine_room.informer import Informer
    from hubfleet_sandbox.machine_room.scaling import Group

log = logging.getLogger(__name__)
_DISCOVERY = "clusterapi:"
_OWN_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")  # of one node's state, not of its kind


@dataclass(frozen=True)
class Options:
    """The arguments of the real program that are obeyed. Times in seconds."""

    namespace: str
    cluster: str
    delay: float
    unneeded: float


@dataclass(frozen=True)
class Inside:
    """The workload cluster: its API, and what it has."""

    client: Client
    nodes: Informer
    pods: Informer


@dataclass(frozen=True)
class Found:
    """A group, its MachineDeployment, and its machines that are to stay, by the names of their nodes."""

    group: Group
    deployment: Object
    machines: Mapping[str, Object]


def options(deployment: Object | None) -> Options | None:
    """What a Deployment asks the autoscaler to do; None if there is none, or it is to rest."""
    containers = entries(deployment, "spec", "template", "spec", "containers")
    if not containers or section(deployment, "spec").get("replicas", 1) == 0:
        return None
    given = dict(argument.removeprefix("--").split("=", 1) for argument in containers[0]["args"] if "=" in argument)
    where = given.get("node-group-auto-discovery", "").removeprefix(_DISCOVERY)
    chosen = dict(pair.split("=", 1) for pair in where.split(",") if "=" in pair)
    return Options(
        chosen.get("namespace", ""),
        chosen.get("clusterName", ""),
        draining.seconds(given.get("new-pod-scale-up-delay", "0s")),
        draining.seconds(given.get("scale-down-unneeded-time", "10m")),
    )


class Autoscaler:
    """Grows and shrinks the groups of one cluster, a step at a time."""

    def __init__(self, kubeconfig: Path, namespace: str, cluster: str, inside: Inside) -> None:
        self._kubeconfig, self._inside = kubeconfig, inside
        self._site = Client(kubeconfig)
        self._deployment = kinds.DEPLOYMENT.path(namespace, f"{cluster}-autoscaler")
        self._acting: tuple[str, Client] | None = None
        self._since: dict[str, float] = {}
        self._reports = autoscaler_reports.Reports(inside.client)
        self._refusal = ""

    def step(self) -> None:
        """Look once, and do what is to be done. Nothing happens while no Deployment asks for it."""
        deployment = self._site.get(self._deployment)
        wanted = options(deployment)
        if wanted is None or deployment is None:
            return
        try:
            found = self._groups(self._as(deployment), wanted)
            self._grow(self._as(deployment), found, wanted)
            self._shrink(self._as(deployment), found, wanted)
        except RefusedError as error:
            if error.why != self._refusal:  # the real one fills its log with it, which only the site can read
                log.error("autoscaler of %s: %s", wanted.cluster, error)  # noqa: TRY400
            self._refusal = error.why
            return
        self._refusal = ""
        self._reports.status([one.group for one in found], wanted.namespace)

    def _as(self, deployment: Object) -> Client:
        """The management cluster, with the rights of the Deployment's service account."""
        account = deployment["spec"]["template"]["spec"].get("serviceAccountName", "default")
        user = f"system:serviceaccount:{deployment['metadata']['namespace']}:{account}"
        if self._acting is None or self._acting[0] != user:
            self._acting = user, Client(self._kubeconfig, user=user)
        return self._acting[1]

    def _groups(self, site: Client, wanted: Options) -> list[Found]:
        deployments, _ = site.list(kinds.MACHINE_DEPLOYMENT.path(wanted.namespace))
        machines, _ = site.list(kinds.MACHINE.path(wanted.namespace))
        scaled = [item for item in deployments if {LEAST, MOST} <= section(item, "metadata", "annotations").keys()]
        ours = [item for item in scaled if item["spec"]["clusterName"] == wanted.cluster and not deleting(item)]
        return [self._found(site, item, machines) for item in ours if item["spec"].get("replicas") is not None]

    def _found(self, site: Client, item: Object, machines: Sequence[Object]) -> Found:
        metadata, size = item["metadata"], int(item["spec"]["replicas"])
        mine = [one for one in machines if section(one, "metadata", "labels").get(DEPLOYMENT_LABEL) == metadata["name"]]
        staying = {name: one for one in mine if not deleting(one) and (name := self._ready(one))}
        bounds = section(metadata, "annotations")
        group = scaling.Group(
            metadata["name"],
            int(bounds[LEAST]),
            int(bounds[MOST]),
            size,
            max(0, size - len(staying)),
            self._shape(site, item, list(staying)),
        )
        return Found(group, item, staying)

    def _ready(self, machine: Object) -> str:
        """The name of a machine's node, if it is ready."""
        name: str = section(machine, "status", "nodeRef").get("name", "")
        return name if true(self._inside.nodes.get("", name), "Ready") else ""

    def _shape(self, site: Client, item: Object, nodes: Sequence[str]) -> Shape:
        """What a new node would be like: one that the group has; without one, what its template says."""
        template = item["spec"]["template"]
        path = kinds.MACHINE_TEMPLATE.path(item["metadata"]["namespace"], template["spec"]["infrastructureRef"]["name"])
        capacity = section(site.get(path), "status", "capacity")
        example = self._inside.nodes.get("", nodes[0]) if nodes else None
        if example is None:
            return fitting.Shape(section(template, "metadata", "labels"), (), fitting.resources(capacity))
        return self._likeness(example)

    def _likeness(self, node: Object) -> Shape:
        """A new node like this one: without its name and its state, but with the pods of DaemonSets."""
        metadata, name = node["metadata"], node["metadata"]["name"]
        labels = {key: value for key, value in metadata["labels"].items() if key != "kubernetes.io/hostname"}
        taints = [taint for taint in entries(node, "spec", "taints") if not taint["key"].startswith(_OWN_TAINTS)]
        free = fitting.resources(section(node, "status", "allocatable"))
        for pod in self._on(name):
            if not scaling.busy(pod) and section(pod, "status").get("phase") == "Running":
                free = fitting.after(free, pod)
        return fitting.Shape(labels, taints, free)

    def _on(self, node: str) -> list[Object]:
        return [pod for pod in self._inside.pods.items if pod["spec"].get("nodeName") == node]

    def _grow(self, site: Client, found: Sequence[Found], wanted: Options) -> None:
        waiting = [pod for pod in self._inside.pods.items if _unschedulable(pod)]
        pods = [pod for pod in waiting if self._for(f"pod {pod['metadata']['uid']}") >= wanted.delay]
        growth = scaling.grow(pods, [one.group for one in found], self._there())
        for one in found:
            size = growth.sizes.get(one.group.name)
            if size:
                log.info("%s: %d -> %d nodes (at most %d)", one.group.name, one.group.size, size, one.group.most)
                _scale(site, one.deployment, size)
        self._reports.pods(pods, growth, [one.group for one in found], wanted.namespace)
        self._forget("pod ", {f"pod {pod['metadata']['uid']}" for pod in waiting})

    def _there(self) -> list[scaling.Node]:
        """The nodes that pods can be scheduled to, with what is left on each."""
        ready = [node for node in self._inside.nodes.items if true(node, "Ready")]
        return [self._left(node) for node in ready if not section(node, "spec").get("unschedulable")]

    def _left(self, node: Object) -> scaling.Node:
        capacity = fitting.resources(section(node, "status", "allocatable"))
        left: Resources = capacity
        here = self._on(node["metadata"]["name"])
        staying = [pod for pod in here if section(pod, "status").get("phase") not in ("Succeeded", "Failed")]
        for pod in staying:
            left = fitting.after(left, pod)
        shape = fitting.Shape(node["metadata"]["labels"], entries(node, "spec", "taints"), capacity)
        return scaling.Node(shape, left, pods=tuple(staying))

    def _shrink(self, site: Client, found: Sequence[Found], wanted: Options) -> None:
        idle: dict[str, dict[str, float]] = {}
        for one in found:
            empty = [node for node in one.machines if not any(scaling.busy(pod) for pod in self._on(node))]
            idle[one.group.name] = {node: self._for(f"node {node}") for node in empty}
        self._forget("node ", {f"node {node}" for nodes in idle.values() for node in nodes})
        sizes = {one.group.name: one.group.size for one in found}
        by_name = {one.group.name: one for one in found}
        for group, node in scaling.shrink([one.group for one in found], idle, wanted.unneeded):
            sizes[group] -= 1
            log.info("%s: %d nodes, without %s, which is idle", group, sizes[group], node)
            machine = by_name[group].machines[node]
            marks = {**section(machine, "metadata", "annotations"), DELETE_MARK: str(int(time.time()))}
            site.replace(
                kinds.MACHINE.of(machine), {**machine, "metadata": {**machine["metadata"], "annotations": marks}}
            )
            _scale(site, by_name[group].deployment, sizes[group])

    def _for(self, what: str) -> float:
        """Seconds since this was first so."""
        now = time.monotonic()
        return now - self._since.setdefault(what, now)

    def _forget(self, kind: str, still: set[str]) -> None:
        """What is not so any more begins anew the next time."""
        for what in [what for what in self._since if what.startswith(kind) and what not in still]:
            del self._since[what]


def _scale(site: Client, deployment: Object, size: int) -> None:
    site.merge(kinds.MACHINE_DEPLOYMENT.of(deployment, "scale"), {"spec": {"replicas": size}})


def _unschedulable(pod: Object) -> bool:
    if pod["spec"].get("nodeName") or deleting(pod):
        return False
    said = entries(pod, "status", "conditions")
    return any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in said)
