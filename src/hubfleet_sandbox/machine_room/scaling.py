"""How many nodes a group should have: more for pods that wait, fewer when nodes have nothing to do. Pure.

As the real autoscaler decides, in small: a node that is asked for and not there yet counts as there; of the groups that
would do, the one is taken whose node would be fullest (its expander `least-waste`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubfleet_sandbox.kubernetes.api import Object
from hubfleet_sandbox.machine_room import fitting
from hubfleet_sandbox.machine_room.fitting import Resources, Shape


@dataclass(frozen=True)
class Group:
    """A node group that scales by itself: its bounds, how many machines it is asked to have, how many nodes of them are
    not there yet, and what a new one would be like."""

    name: str
    least: int
    most: int
    size: int
    coming: int
    shape: Shape


@dataclass(frozen=True)
class Growth:
    """New sizes of the groups that grow; by pod (`namespace/name`), the group that grows for it, or why none does."""

    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    chosen: Mapping[str, str] = field(default_factory=dict[str, str])
    refused: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass
class Node:
    """One that pods can go to: what is left on it, and who is there. `group` is the one that grows by it, if new."""

    shape: Shape
    free: Resources
    group: str = ""
    pods: tuple[Object, ...] = ()

    def takes(self, pod: Object) -> bool:
        """Whether the pod could run there."""
        return not fitting.refusal(pod, self.shape, self.free) and not fitting.parted(pod, self.pods)


def name(pod: Object) -> str:
    """A pod's `namespace/name`."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def grow(pods: Sequence[Object], groups: Sequence[Group], there: Sequence[Node] = ()) -> Growth:
    """What to do about pods that have no node. Those that a node which is there, or comes, has room for only have to
    be patient: they are neither chosen nor refused."""
    nodes = [replace(node) for node in there]
    nodes += [Node(group.shape, group.shape.capacity) for group in groups for _ in range(group.coming)]
    chosen: dict[str, str] = {}
    refused: dict[str, str] = {}
    sizes = {group.name: group.size for group in groups}
    for pod in sorted(pods, key=name):
        node = next((node for node in nodes if node.takes(pod)), None)
        if node is None:
            group = _choose(pod, groups, sizes)
            if group is None:
                refused[name(pod)] = _reasons(pod, groups)
                continue
            sizes[group.name] += 1
            node = Node(group.shape, group.shape.capacity, group.name)
            nodes.append(node)
        node.free, node.pods = fitting.after(node.free, pod), (*node.pods, pod)
        if node.group:
            chosen[name(pod)] = node.group
    changed = {group.name: sizes[group.name] for group in groups if sizes[group.name] != group.size}
    return Growth(changed, chosen, refused)


def shrink(groups: Sequence[Group], idle: Mapping[str, Mapping[str, float]], patience: float) -> list[tuple[str, str]]:
    """The nodes to take away, with their groups: those idle for `patience` seconds, the longest first, down to a
    group's minimum. `idle`: by group, the seconds since each idle node has had nothing to do."""
    found: list[tuple[str, str]] = []
    for group in groups:
        nodes = sorted((-seconds, node) for node, seconds in idle.get(group.name, {}).items() if seconds >= patience)
        spare = 0 if group.coming else max(0, group.size - group.least)
        found += [(group.name, node) for _, node in nodes[:spare]]
    return found


def busy(pod: Object) -> bool:
    """Whether the pod keeps its node: not one of a DaemonSet, nor one of the node's own, nor one that has ended."""
    metadata = pod["metadata"]
    owners = {owner["kind"] for owner in metadata.get("ownerReferences", [])}
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not owners & {"DaemonSet", "Node"}


def _choose(pod: Object, groups: Sequence[Group], sizes: Mapping[str, int]) -> Group | None:
    able = [group for group in groups if sizes[group.name] < group.most and not fitting.refusal(pod, group.shape)]
    return min(able, key=lambda group: (_waste(pod, group), group.name), default=None)


def _waste(pod: Object, group: Group) -> float:
    """The part of a new node's cores and memory that the pod would leave unused, from 0 to 2."""
    wanted = fitting.requests(pod)
    kinds = [kind for kind in ("cpu", "memory") if group.shape.capacity.get(kind)]
    return sum(1 - float(wanted.get(kind, 0) / group.shape.capacity[kind]) for kind in kinds)


def _reasons(pod: Object, groups: Sequence[Group]) -> str:
    """As the autoscaler's event lists them: `1 max node group size reached, 2 Insufficient cpu`."""
    found: dict[str, int] = {}
    for group in groups:
        reason = fitting.refusal(pod, group.shape) or "max node group size reached"
        found[reason] = found.get(reason, 0) + 1
    return ", ".join(f"{count} {reason}" for reason, count in sorted(found.items()))
