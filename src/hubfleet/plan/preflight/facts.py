"""What preflight judges by, and the words that its judges share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Template
from hubfleet.tools.openstack import Flavor, Image, Network, Router, Subnet, Token
from hubfleet.tools.openstack_quota import Room

TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
"""oslo's notion, in lower case."""


@dataclass(frozen=True)
class Facts:
    """What the cloud has and lets us do, as read just now. From `keypairs` to `images`, only what a cluster is made
    with: not asked for where it is there."""

    cloud: str
    token: Token
    now: datetime
    templates: tuple[Template, ...]
    flavors: tuple[Flavor, ...]
    volume_types: tuple[str, ...]
    quota: Mapping[str, Room]
    """By the names of `tools.openstack_quota.rooms`, and "clusters"."""
    keypairs: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    routers: tuple[Router, ...] = ()
    images: tuple[Image, ...] = ()
    """Those of the template's name."""
    exists: bool = False
    """The cluster is there."""
    owner: str | None = None
    """The id of its user."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its labels."""
    machines: Mapping[str, int] | None = None
    """How many machines of which flavor this cluster has; they are in the quota's use already."""


def template_of(desired: MagnumCluster, facts: Facts) -> Template | None:
    """The template that is meant, if it is just one."""
    found = [one for one in usable(facts) if desired.template in (one.uuid, one.name)]
    return found[0] if len(found) == 1 else None


def usable(facts: Facts) -> list[Template]:
    """The templates that make Kubernetes."""
    return [template for template in facts.templates if template.coe in {"kubernetes", ""}]


def labels_of(desired: MagnumCluster, facts: Facts) -> Mapping[str, str]:
    """The labels that the cluster has, or would have: the file's merged over the template's."""
    if facts.exists:
        return facts.labels
    template = template_of(desired, facts)
    return {**(template.labels if template else {}), **desired.labels}


def place(file: spec.Cluster, *key: str) -> spec.Position:
    """Where this key of the provider's block is in the file."""
    return file.position("provider", file.provider.name, *key)


def unknown(
    kind: str,
    wish: str,
    there: Sequence[str],
    layer: Layer,
    origin: spec.Position,
    facts: Facts,
    *,
    why: str = "",
    advice: str = "",
) -> Finding:
    """That the cloud has nothing of that name, with what it has."""
    names = sorted(set(there))
    close = difflib.get_close_matches(wish, names, 1)
    remedy = (f"did you mean {close[0]}?" if close else "choose one that is there") + advice
    seen = f"there are: {some(names)}" if names else f"the project {facts.token.project} sees none"
    return Finding(layer, f"{facts.cloud} has no {kind} named {wish}", seen + why, remedy, origin=origin)


def ambiguous(kind: str, wish: str, ids: Sequence[str], layer: Layer, origin: spec.Position) -> Finding:
    """That several things have that name."""
    return Finding(layer, f"several {kind}s are named {wish}", "", f"give the UUID of one: {some(ids)}", origin=origin)


def some(names: Sequence[str], most: int = 20) -> str:
    """Names in a line, not too many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def number(labels: Mapping[str, str], key: str) -> int:
    """A label's number; 0 where it is none."""
    text = labels.get(key, "")
    return int(text) if text.isdigit() else 0
