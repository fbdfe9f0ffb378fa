"""The network that a cluster's machines are on: one of the project's, or one of the cluster's own.

Names and descriptions are those of Cluster API's OpenStack provider 0.10 (pkg/cloud/services/networking: network.go,
router.go, floatingip.go), by which audits know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes.api import entries, section

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.neutron import Neutron


def description(resource: str) -> str:
    """Of all that is made for a cluster; `resource` is NAMESPACE-NAME."""
    return f"Created by cluster-api-provider-openstack cluster {resource}"


def claim(neutron: Neutron, spec: Object, resource: str) -> Object:
    """The network with its subnets, for the cluster's status; made, with a router to the external network, if the
    specification names none."""
    subnets = entries(spec, "managedSubnets")
    network = _own(neutron, spec, subnets, resource) if subnets else _named(neutron, spec)
    wanted = {entry["id"] for entry in entries(spec, "subnets") if "id" in entry}
    found = [one for one in neutron.find("subnets", network_id=network["id"]) if not wanted or one["id"] in wanted]
    parts = [{"id": one["id"], "name": one["name"], "cidr": one["cidr"]} for one in found]
    return {"id": network["id"], "name": network["name"], "subnets": parts}


def release(neutron: Neutron, spec: Object, resource: str) -> None:
    """Take the cluster's own network and router away; a network of the project stays."""
    if not entries(spec, "managedSubnets"):
        return
    name = _name(resource)
    for router in neutron.find("routers", name=name):
        for port in neutron.find("ports", device_id=router["id"], device_owner="network:router_interface"):
            neutron.change("routers", router["id"], "remove_router_interface", {"port_id": port["id"]})
    neutron.delete("routers", name=name)
    neutron.delete("networks", name=name)


def claim_address(neutron: Neutron, external: str, resource: str) -> str:
    """The floating IP of the cluster's API, made on this external network if there is none."""
    text = description(resource)
    found = neutron.find("floatingips", description=text)
    if not found:
        found = [neutron.make("floatingips", {"floating_network_id": external, "description": text})]
    return str(found[0]["floating_ip_address"])


def release_address(neutron: Neutron, resource: str) -> None:
    """Have none."""
    neutron.delete("floatingips", description=description(resource))


def _named(neutron: Neutron, spec: Object) -> Object:
    wanted = section(spec, "network")
    query = {"id": wanted["id"]} if "id" in wanted else {"name": section(wanted, "filter").get("name", "")}
    found = neutron.find("networks", **query)
    if not found:
        raise SandboxError(f"the cluster's network is not there: {wanted}")
    return found[0]


def _own(neutron: Neutron, spec: Object, subnets: list[Object], resource: str) -> Object:
    name, text = _name(resource), description(resource)
    network = neutron.ensure("networks", {"name": name, "description": text})
    cidr = subnets[0]["cidr"]
    servers = subnets[0].get("dnsNameservers", [])
    subnet: Object = {"name": name, "description": text, "network_id": network["id"], "cidr": cidr, "ip_version": 4}
    made = neutron.ensure("subnets", {**subnet, "dns_nameservers": servers})
    external = section(spec, "externalNetwork").get("id")
    if external:
        gateway = {"network_id": external}
        router = neutron.ensure("routers", {"name": name, "description": text, "external_gateway_info": gateway})
        if not neutron.find("ports", device_id=router["id"], network_id=network["id"]):
            neutron.change("routers", router["id"], "add_router_interface", {"subnet_id": made["id"]})
    return network


def _name(resource: str) -> str:
    return f"k8s-clusterapi-cluster-{resource}"
