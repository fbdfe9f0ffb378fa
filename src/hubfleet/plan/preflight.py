"""Whether a plan can work: facts of the cloud in, findings out. Pure.

Magnum takes most impossible wishes with 202 and fails minutes later, in words of another layer; so all is asked before.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Template
from hubfleet.tools.openstack import Flavor, Network, Room, Subnet, Token

SMALL_CLASS = 30
"""Users for whom there should be room without asking anybody."""
MINIMUM_VCPUS, MINIMUM_RAM = 2, 2048
"""The driver's (magnum-capi-helm 1.4 conf.py, minimum_flavor_vcpus and _ram, MiB)."""
SOON = timedelta(days=30)
READ_ONLY = frozenset({"reader", "auditor", "load-balancer_observer"})


@dataclass(frozen=True)
class Facts:
    """What the cloud has and lets us do, as read just now."""

    cloud: str
    token: Token
    now: datetime
    templates: tuple[Template, ...]
    flavors: tuple[Flavor, ...]
    keypairs: tuple[str, ...]
    networks: tuple[Network, ...]
    subnets: tuple[Subnet, ...]
    volume_types: tuple[str, ...]
    quota: Mapping[str, Room]
    exists: bool = False
    """The cluster is there: what is only needed to make one is not asked for."""
    machines: Mapping[str, int] | None = None
    """How many machines of which flavor this cluster has; they are in the quota's use already."""


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> tuple[Finding, ...]:
    """Everything in the way, and everything worth knowing, at once."""
    found = [*_credential(facts), *_machines(desired, facts, file), *_quota(desired, facts), *_homes(facts, file)]
    if not facts.exists:
        found += [*_wishes(desired, facts, file), *_networks(desired, facts, file)]
    return tuple(found)


# who we are


def _credential(facts: Facts) -> Iterator[Finding]:
    token, credential = facts.token, facts.token.credential
    if credential and credential.restricted and not facts.exists:
        yield Finding(
            Layer.CREDENTIAL,
            f"the application credential {credential.name} is restricted",
            "Magnum makes an application credential of its own for each cluster, which a restricted one may not",
            "make a new one with `openstack application credential create --unrestricted NAME`"
            " (dashboard: tick Unrestricted) and put it into clouds.yaml",
        )
    if credential and credential.expires and credential.expires - facts.now < SOON:
        days = (credential.expires - facts.now).days
        yield Finding(
            Layer.CREDENTIAL,
            f"the application credential {credential.name} expires in {days} days",
            f"on {credential.expires:%Y-%m-%d}; hubfleet cannot log in after that",
            "make a new one in time, and put it into clouds.yaml",
            fatal=False,
        )
    if not token.roles - READ_ONLY:
        yield Finding(
            Layer.CREDENTIAL,
            f"{token.user} may only read in the project {token.project}",
            f"its roles are: {', '.join(sorted(token.roles)) or 'none'}",
            "ask the project's owner for the role `member`, or use a credential that has it",
        )
    if "container-infra" not in token.services:
        yield Finding(
            Layer.MAGNUM,
            f"{facts.cloud} has no Magnum for the project {token.project}",
            "its catalog lists no service of type container-infra",
            "choose another cloud, or ask its operators",
        )
    yield from _load_balancers(token)


def _load_balancers(token: Token) -> Iterator[Finding]:
    allowed = {"load-balancer_member", "load-balancer_admin", "member", "_member_", "admin"}
    if "load-balancer" in token.services and not token.roles & allowed:
        yield Finding(
            Layer.CREDENTIAL,
            f"{token.user} may not make load balancers",
            "the Kubernetes API and the hubs' address are load balancers; the role load-balancer_member is missing",
            "make a credential with that role",
            fatal=False,
        )


# what the file names


def _wishes(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    def place(key: str) -> spec.Position:
        return file.position("provider", file.provider.name, key)

    usable = [template for template in facts.templates if template.coe in {"kubernetes", ""}]
    if not any(desired.template in (template.name, template.uuid) for template in usable):
        names = [template.name for template in usable]
        yield _unknown("cluster template", desired.template, names, Layer.MAGNUM, place("template"), facts)
    elif sum(desired.template == template.name for template in usable) > 1:
        uuids = ", ".join(template.uuid for template in usable if template.name == desired.template)
        what = f"several cluster templates are named {desired.template}"
        yield Finding(Layer.MAGNUM, what, "", f"give the UUID of one: {uuids}", origin=place("template"))
    if desired.keypair not in facts.keypairs:
        advice = "; make one with `openstack keypair create --public-key ~/.ssh/id_ed25519.pub NAME`"
        yield _unknown("key pair", desired.keypair, facts.keypairs, Layer.OPENSTACK, place("keypair"), facts, advice)
    if not facts.volume_types:
        yield Finding(
            Layer.OPENSTACK,
            f"{facts.cloud} has no volume type",
            "Magnum's driver makes a storage class of each, and fails where there is none",
            "ask the cloud's operators for a volume type",
        )


def _networks(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    inner = [network for network in facts.networks if not network.external]
    subnets = [(subnet.id, subnet.name) for subnet in facts.subnets]
    wished = [
        ("network", desired.fixed_network, [(network.id, network.name) for network in inner]),
        ("subnet", desired.fixed_subnet, subnets),
    ]
    for kind, wish, there in wished:
        place = file.position("provider", file.provider.name, kind)
        fitting = [pair for pair in there if wish in pair]
        if wish and not fitting:
            yield _unknown(kind, wish, [name for _, name in there], Layer.OPENSTACK, place, facts)
        elif wish and len(fitting) > 1:
            ids = ", ".join(id_ for id_, _ in fitting)
            yield Finding(
                Layer.OPENSTACK, f"several {kind}s are named {wish}", "", f"give the UUID of one: {ids}", origin=place
            )


def _unknown(
    kind: str,
    wish: str,
    there: Sequence[str],
    layer: Layer,
    origin: spec.Position,
    facts: Facts,
    advice: str = "",
) -> Finding:
    names = sorted(set(there))
    close = difflib.get_close_matches(wish, names, 1)
    remedy = (f"did you mean {close[0]}?" if close else "choose one that is there") + advice
    why = f"there are: {_some(names)}" if names else f"the project {facts.token.project} sees none"
    return Finding(layer, f"{facts.cloud} has no {kind} named {wish}", why, remedy, origin=origin)


def _some(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# machines


def _machines(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    control_plane = file.position("provider", file.provider.name, "control_plane", "machine")
    wished = {desired.control_plane_machine: control_plane}
    for pool in reversed(desired.every_pool):
        wished[pool.machine] = file.position("pools", pool.pool, "machine")
    for machine, origin in wished.items():
        flavor = _flavor(machine, facts)
        if flavor is None:
            names = [flavor.name for flavor in facts.flavors]
            yield _unknown("flavor", machine, names, Layer.OPENSTACK, origin, facts)
        elif flavor.vcpus < MINIMUM_VCPUS or flavor.ram < MINIMUM_RAM:
            large = [f.name for f in facts.flavors if f.vcpus >= MINIMUM_VCPUS and f.ram >= MINIMUM_RAM]
            yield Finding(
                Layer.DRIVER,
                f"the flavor {machine} is too small for a node of Kubernetes",
                f"it has {flavor.vcpus} vCPU and {flavor.ram} MiB; {MINIMUM_VCPUS} and {MINIMUM_RAM} are the least",
                f"choose a larger one: {_some(large)}" if large else "ask the cloud's operators for a larger flavor",
                origin=origin,
            )


def _flavor(machine: str, facts: Facts) -> Flavor | None:
    return next((flavor for flavor in facts.flavors if machine in (flavor.name, flavor.id)), None)


# quota


def _quota(desired: MagnumCluster, facts: Facts) -> Iterator[Finding]:
    least, most = (_needs(_counts(desired, peak=peak), facts) for peak in (False, True))
    for what, room in facts.quota.items():
        if room.left is None:
            continue
        if least[what] > room.left:
            yield _short(what, least[what], room, "the cluster needs", fatal=True)
        elif most[what] > room.left:
            yield _short(what, most[what], room, "with every pool at its maximum the cluster would need", fatal=False)


def _homes(facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    """Each hub's database takes a volume, and each user's home: the quota ends with the users (Jetstream2 gives 10)."""
    room = facts.quota.get("volumes")
    if room is None or room.left is None or facts.exists:
        return
    users = room.left - len(file.hubs)
    if users < SMALL_CLASS:
        yield Finding(
            Layer.QUOTA,
            f"there is room for the homes of {max(0, users)} users",
            f"each home takes a volume, and each hub's database; the project may have {room.limit} and has {room.used}",
            "ask for more volumes before more people come",
            fatal=users < 0,
            origin=file.position("storage", "homes"),
        )


def _counts(desired: MagnumCluster, *, peak: bool) -> Counter[str]:
    counts = Counter({desired.control_plane_machine: desired.control_plane_nodes})
    for pool in desired.every_pool:
        counts[pool.machine] += pool.nodes.max if peak else pool.nodes.min
    return counts


def _needs(counts: Counter[str], facts: Facts) -> Counter[str]:
    """What is still to be taken from the quota. The API's load balancer and the hubs' have a floating IP each."""
    missing = counts - Counter(facts.machines or {})
    needs: Counter[str] = Counter({"floating IPs": 0 if facts.exists else 2})
    for machine, count in missing.items():
        flavor = _flavor(machine, facts)
        needs["instances"] += count
        if flavor:
            needs["cores"] += count * flavor.vcpus
            needs["ram"] += count * flavor.ram
    return needs


def _short(what: str, needed: int, room: Room, who: str, *, fatal: bool) -> Finding:
    unit = " MiB of RAM" if what == "ram" else f" {what}"
    return Finding(
        Layer.QUOTA,
        f"{who} {needed}{unit}, and {room.left} are left",
        f"the project may have {room.limit}{unit} and uses {room.used}",
        "ask for more quota, use smaller or fewer machines, or delete what is not needed",
        fatal=fatal,
    )
