"""Reads what a cloud has, side by side: for the plan, and for the judgement whether the plan can work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hubfleet.engine.run import together
from hubfleet.plan.infrastructure import Observed, going, stillborn
from hubfleet.plan.preflight import Facts
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Magnum, NodeGroup
from hubfleet.tools.openstack import Network, Subnet


@dataclass(frozen=True)
class Seen:
    """`observed` is for `plan.infrastructure.steps`, `facts` for `plan.preflight.findings`."""

    observed: Observed
    facts: Facts


def look(magnum: Magnum, desired: MagnumCluster) -> Seen:
    """Everything that a plan for this cluster needs of the cloud. CloudError if it cannot be asked."""
    cloud = magnum.cloud
    token = cloud.token()  # first and alone: a wrong credential gives one failure, at once
    asks: dict[str, Callable[[], Any]] = {
        "cluster": lambda: observe(magnum, desired),
        "templates": magnum.templates,
        "flavors": cloud.flavors,
        "keypairs": cloud.keypairs,
        "networks": cloud.networks,
        "subnets": cloud.subnets,
        "volume_types": cloud.volume_types,
        "quota": cloud.quota,
    }
    if "container-infra" not in token.services:
        asks |= {"cluster": lambda: Observed(None), "templates": lambda: ()}
    answers = together(asks)
    there: Observed = answers.pop("cluster")
    cluster = there.cluster
    facts = Facts(
        cloud=cloud.name,
        token=token,
        now=datetime.now(UTC),
        exists=cluster is not None and not (going(cluster) or stillborn(cluster)),
        machines=_machines(there.groups),
        **answers,
    )
    template = next((t for t in facts.templates if desired.template in (t.uuid, t.name)), None)
    network, subnet = _network(desired, facts.networks, facts.subnets)
    return Seen(Observed(template, cluster, there.groups, network, subnet), facts)


def observe(magnum: Magnum, desired: MagnumCluster) -> Observed:
    """The cluster of this name and its node groups only, with no template."""
    cluster = magnum.cluster(desired.name)
    return Observed(None, cluster, magnum.groups(cluster.uuid) if cluster else ())


def _machines(groups: tuple[NodeGroup, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.machine] += group.count
    return counts


def _network(
    desired: MagnumCluster, networks: tuple[Network, ...], subnets: tuple[Subnet, ...]
) -> tuple[str | None, str | None]:
    """UUIDs of the network and subnet. Where the file names no subnet it is the network's only one for IPv4: the
    driver would take any (an allocation's network on Jetstream2 has one for IPv6, too)."""
    network = next((n.id for n in networks if desired.fixed_network in (n.id, n.name)), desired.fixed_network)
    if desired.fixed_subnet:
        wish = desired.fixed_subnet
        return network, next((s.id for s in subnets if wish in (s.id, s.name)), wish)
    four = [subnet.id for subnet in subnets if subnet.network == network and subnet.version == 4]
    return network, four[0] if len(four) == 1 else None
