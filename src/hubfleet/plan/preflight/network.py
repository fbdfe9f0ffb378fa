"""The networks: where nodes are, and how the world reaches them."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.plan.preflight.facts import Facts, ambiguous, place, template_of, unknown
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Template
from hubfleet.tools.openstack import Network


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    """The file's network and subnet, the template's external network, and the router between them."""
    yield from _named(desired, facts, file)
    template = template_of(desired, facts)
    if template is None:
        return
    outside = _outside(template, facts)
    if outside is None:
        yield _no_way_out(template, facts, place(file, "template"))
    inside = _inside(desired, template, facts)
    if inside is None:
        yield from _name_server(desired, template, file)
    elif outside is not None:
        yield from _connected(inside, outside, facts, place(file, "network"))


def _named(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    inner = [(network.id, network.name) for network in facts.networks if not network.external]
    wished = [
        ("network", desired.fixed_network, inner),
        ("subnet", desired.fixed_subnet, [(subnet.id, subnet.name) for subnet in facts.subnets]),
    ]
    for kind, wish, there in wished:
        fitting = [id_ for id_, name in there if wish in (id_, name)]
        if wish and not fitting:
            yield unknown(kind, wish, [name for _, name in there], Layer.OPENSTACK, place(file, kind), facts)
        elif wish and len(fitting) > 1:
            yield ambiguous(kind, wish, fitting, Layer.OPENSTACK, place(file, kind))


def _outside(template: Template, facts: Facts) -> Network | None:
    wish = template.external_network
    return next((one for one in facts.networks if one.external and wish in (one.id, one.name)), None)


def _inside(desired: MagnumCluster, template: Template, facts: Facts) -> Network | None:
    """The network that nodes will be on; None if the cluster makes one of its own."""
    wish = desired.fixed_network or template.fixed_network
    return next((one for one in facts.networks if not one.external and wish in (one.id, one.name)), None)


def _no_way_out(template: Template, facts: Facts, origin: spec.Position) -> Finding:
    there = ", ".join(one.name for one in facts.networks if one.external) or "none"
    wish = template.external_network
    what = f"{facts.cloud} has no external network {wish}" if wish else "there is no external network"
    return Finding(
        Layer.NETWORK,
        f"{what}: the template {template.name} names {'it' if wish else 'none'}",
        f"the addresses of the Kubernetes API and of hubs come from it; {facts.token.user} sees: {there}",
        "choose another template, or ask the site to mend this one",
        origin=origin,
    )


def _name_server(desired: MagnumCluster, template: Template, file: spec.Cluster) -> Iterator[Finding]:
    """Only a network that the cluster makes itself gets the template's name server (capi-helm-charts,
    cluster-openstack.yaml, managedSubnets)."""
    if not (template.name_server or desired.fixed_network or template.fixed_network):
        yield Finding(
            Layer.NETWORK,
            f"the template {template.name} has no name server for the network that the cluster makes",
            "its nodes resolve names only where the cloud's own DHCP does it for them",
            "if nodes cannot pull images, name a `network` that has a name server, or choose another template",
            fatal=False,
            origin=place(file, "template"),
        )


def _connected(inside: Network, outside: Network, facts: Facts, origin: spec.Position) -> Iterator[Finding]:
    """Of somebody else's network (a shared one) we do not see the router: nothing is said of it."""
    if not any(subnet.network == inside.id for subnet in facts.subnets):
        yield Finding(
            Layer.NETWORK,
            f"the network {inside.name} has no subnet",
            "nodes would get no address",
            f"add one: openstack subnet create --network {inside.name} --subnet-range 10.1.0.0/24 NAME",
            origin=origin,
        )
    ours = inside.project == facts.token.project_id
    if ours and not any(r.outside == outside.id and inside.id in r.inside for r in facts.routers):
        yield Finding(
            Layer.NETWORK,
            f"no router leads from the network {inside.name} to {outside.name}",
            "without one, nothing on it can have a floating IP: not the Kubernetes API, and no hub",
            f"connect them: openstack router create --external-gateway {outside.name} NAME,"
            f" then openstack router add subnet NAME SUBNET-OF-{inside.name}",
            origin=origin,
        )
