"""Reads what a cloud has, side by side: for the plan, and for the judgement whether the plan can work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hubfleet.engine.run import together
from hubfleet.plan.infrastructure import Observed, abandoned, stands
from hubfleet.plan.preflight import Facts
from hubfleet.plan.preflight.facts import template_of
from hubfleet.plan.upgrades import Offer
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup, Template
from hubfleet.tools.openstack import Flavor, Image, Network, Server, Subnet, is_uuid
from hubfleet.tools.openstack_quota import Room


@dataclass(frozen=True)
class Seen:
    """`observed` is for `plan.infrastructure.steps`, `facts` for `plan.preflight.findings`."""

    observed: Observed
    facts: Facts


def look(magnum: Magnum, desired: MagnumCluster) -> Seen:
    """Everything that a plan for this cluster needs of the cloud, each asked side by side with the others. CloudError
    if it cannot be asked."""
    cloud = magnum.cloud
    cloud.secret()  # first and alone: a wrong credential gives one failure, at once
    asks: dict[str, Callable[[], Any]] = {
        "token": cloud.token,
        "there": lambda: _there(magnum, desired),
        "templates": lambda: _templates(magnum, desired),
        "flavors": cloud.flavors,
        "volume_types": cloud.volume_types,
        "quota": cloud.quota,
    }
    if not cloud.offers("container-infra"):
        asks |= {"there": lambda: (Observed(None), ()), "templates": lambda: ()}
    answers = together(asks)
    there, servers = answers.pop("there")
    cluster: Cluster | None = there.cluster
    facts = Facts(cloud=cloud.name, now=datetime.now(UTC), **answers)
    if cluster is None or not stands(there):
        facts = _to_make_one(magnum, desired, facts)
    else:
        machines = _machines(there.groups, servers, facts.flavors)
        facts = replace(facts, exists=True, owner=cluster.user, labels=cluster.labels, machines=machines)
    template = next((t for t in facts.templates if desired.template in (t.uuid, t.name)), None)
    network, subnet = _network(desired, facts.networks, facts.subnets)
    observed = replace(there, template=template, network=network, subnet=subnet, flavors=facts.flavors)
    return Seen(observed, facts)


def _there(magnum: Magnum, desired: MagnumCluster) -> tuple[Observed, tuple[Server, ...]]:
    """The cluster of this name, and Nova's machines that bear the name of its release."""
    cluster = magnum.cluster(desired.name)
    if cluster is None:
        return Observed(None), ()
    asks: dict[str, Callable[[], Any]] = {"groups": lambda: magnum.groups(cluster.uuid)}
    if cluster.release:
        asks["servers"] = magnum.cloud.servers
    answers = together(asks)
    servers = tuple(s for s in answers.get("servers", ()) if s.name.startswith(f"{cluster.release}-"))
    return Observed(None, cluster, answers["groups"], abandoned=forgotten(magnum, cluster, answers["groups"])), servers


def forgotten(magnum: Magnum, cluster: Cluster, groups: tuple[NodeGroup, ...], waited: float = 0.0) -> bool:
    """Whether its making has stopped for good, which somebody has watched for `waited` seconds. A request to Neutron,
    where it seems so."""
    if not abandoned(cluster, groups, waited):
        return False
    return cluster.release is None or not magnum.cloud.begun(cluster.release)


def _templates(magnum: Magnum, desired: MagnumCluster) -> tuple[Template, ...]:
    """The site's, and the one of the file that may be hidden from lists: by its UUID it can be had all the same."""
    found = magnum.templates()
    if is_uuid(desired.template) and all(desired.template != template.uuid for template in found):
        hidden = magnum.template(desired.template)
        return (*found, hidden) if hidden else found
    return found


def _to_make_one(magnum: Magnum, desired: MagnumCluster, facts: Facts) -> Facts:
    """With what is only needed to make a cluster."""
    cloud, template = magnum.cloud, template_of(desired, facts)
    asks: dict[str, Callable[[], Any]] = {
        "keypairs": cloud.keypairs,
        "networks": cloud.networks,
        "subnets": cloud.subnets,
        "routers": cloud.routers,
    }
    if template is not None:
        asks["images"] = lambda: cloud.images([template.image])
    if facts.templates:
        asks["clusters"] = magnum.quota
    answers = together(asks)
    clusters: Room | None = answers.pop("clusters", None)
    return replace(facts, quota={**facts.quota, **({"clusters": clusters} if clusters else {})}, **answers)


def observe(magnum: Magnum, desired: MagnumCluster) -> Observed:
    """The cluster of this name and its node groups only, with no template."""
    cluster = magnum.cluster(desired.name)
    if cluster is None:
        return Observed(None)
    groups = magnum.groups(cluster.uuid)
    return Observed(None, cluster, groups, abandoned=forgotten(magnum, cluster, groups))


def offers(magnum: Magnum) -> tuple[Offer, ...]:
    """The site's templates with the Kubernetes of their images. Two requests."""
    templates = [template for template in magnum.templates() if template.coe in {"kubernetes", ""}]
    images = magnum.cloud.images({template.image for template in templates})
    return offered(templates, images)


def offer(magnum: Magnum, uuid: str) -> Offer | None:
    """That template, also one that the site hides from lists; None where nobody shows it. Two requests."""
    template = magnum.template(uuid)
    return None if template is None else offered([template], magnum.cloud.images({template.image}))[0]


def offered(templates: Iterable[Template], images: Iterable[Image]) -> tuple[Offer, ...]:
    """Each template with what its image (by name or UUID) tells."""
    told = {key: image.kubernetes for image in images for key in (image.id, image.name)}
    return tuple(Offer(template, told.get(template.image, "")) for template in templates)


def _machines(groups: tuple[NodeGroup, ...], servers: tuple[Server, ...], flavors: tuple[Flavor, ...]) -> Counter[str]:
    """How many of which flavor the cluster has, as Nova counts; a Magnum whose Nova shows none of them counts by
    groups, which do not follow the autoscaler."""
    names = {flavor.id: flavor.name for flavor in flavors}
    if servers:
        return Counter(names.get(server.flavor, server.flavor) for server in servers)
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
