"""Whether a pod could run on a node of a certain shape: the part of the scheduler's rules that autoscaling needs. Pure.

Resources, node selectors, required node affinity, taints, pods that must not share a node. Not: volumes, other
affinity to pods, topology spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hubfleet_sandbox.kubernetes.api import Object, entries, section
from hubfleet_sandbox.nodes.quantity import amount

Resources = Mapping[str, Decimal]


@dataclass(frozen=True)
class Shape:
    """A node: its labels, its taints, and what it offers to pods."""

    labels: Mapping[str, str]
    taints: Sequence[Object]
    capacity: Resources


def resources(quantities: Mapping[str, str]) -> Resources:
    """Quantities as numbers: cores, bytes, pieces."""
    return {name: amount(str(value)) for name, value in quantities.items()}


def requests(pod: Object) -> Resources:
    """What a pod asks for: its containers together, or its largest init container if that is more."""
    found: dict[str, Decimal] = {"pods": Decimal(1)}
    for container in entries(pod, "spec", "containers"):
        for name, value in _wanted(container).items():
            found[name] = found.get(name, Decimal(0)) + value
    for container in entries(pod, "spec", "initContainers"):
        for name, value in _wanted(container).items():
            found[name] = max(found.get(name, Decimal(0)), value)
    return found


def refusal(pod: Object, shape: Shape, free: Resources | None = None) -> str:
    """Why the pod cannot run there, in the scheduler's words; "" if it can. `free` is what is left of a node that
    others run on."""
    if not _selected(pod, shape.labels):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in shape.taints:
        if taint["effect"] != "PreferNoSchedule" and not _tolerated(pod, taint):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    left = shape.capacity if free is None else free
    for name, value in requests(pod).items():
        if value > left.get(name, Decimal(110 if name == "pods" else 0)):
            return "Too many pods" if name == "pods" else f"Insufficient {name}"
    return ""


def parted(pod: Object, others: Sequence[Object]) -> bool:
    """Whether the pod must not share a node with one of those: required anti-affinity by host name and matchLabels, to
    pods of its own namespace, as the pod itself says it."""
    terms = entries(pod, "spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    unwanted = [
        section(term, "labelSelector").get("matchLabels", {}).items()
        for term in terms
        if term["topologyKey"] == "kubernetes.io/hostname"
    ]
    near = [one["metadata"] for one in others if one["metadata"]["namespace"] == pod["metadata"]["namespace"]]
    return any(labels <= section(one, "labels").items() for labels in unwanted for one in near)


def after(free: Resources, pod: Object) -> Resources:
    """What is left when the pod runs there too."""
    wanted = requests(pod)
    return {name: value - wanted.get(name, Decimal(0)) for name, value in free.items()}


def _wanted(container: Object) -> Resources:
    """Requests; limits where only those are given, as the API server fills them in."""
    given = section(container, "resources")
    return resources({**(given.get("limits") or {}), **(given.get("requests") or {})})


def _selected(pod: Object, labels: Mapping[str, str]) -> bool:
    chosen = section(pod, "spec", "nodeSelector")
    if any(labels.get(name) != value for name, value in chosen.items()):
        return False
    required = section(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = entries(required, "nodeSelectorTerms")
    return not required or any(_holds(term, labels) for term in terms)


def _holds(term: Object, labels: Mapping[str, str]) -> bool:
    if term.get("matchFields"):  # a certain node, by its name: no new one has it
        return False
    expressions = entries(term, "matchExpressions")
    return bool(expressions) and all(_true(expression, labels.get(expression["key"])) for expression in expressions)


_OPERATORS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value is not None and value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: _number(value) is not None and (_number(value) or 0) > int(values[0]),
    "Lt": lambda value, values: _number(value) is not None and (_number(value) or 0) < int(values[0]),
}


def _true(expression: Object, value: str | None) -> bool:
    return _OPERATORS[expression["operator"]](value, expression.get("values") or [])


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.lstrip("-").isdigit() else None


def _tolerated(pod: Object, taint: Object) -> bool:
    return any(_tolerates(toleration, taint) for toleration in entries(pod, "spec", "tolerations"))


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    exists = toleration.get("operator") == "Exists"
    return exists or toleration.get("value", "") == taint.get("value", "")
