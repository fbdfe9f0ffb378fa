"""A cluster's two security groups, for its control plane and for its workers, with the rules of Cluster API's OpenStack
provider 0.10 (pkg/cloud/services/networking/securitygroups_rules.go, allowAllInClusterTraffic)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.neutron import Neutron

CONTROL_PLANE, WORKER = "controlPlaneSecurityGroup", "workerSecurityGroup"
"""Where the status of an OpenStackCluster has them."""

_SUFFIXES = {CONTROL_PLANE: "controlplane", WORKER: "worker"}

_NODE_PORTS = (30000, 32767)


def claim(neutron: Neutron, resource: str, ranges: Iterable[str]) -> dict[str, Object]:
    """Both groups, name and id, by CONTROL_PLANE and WORKER. `ranges` are those of the cluster's subnets."""
    found = {part: neutron.find("security-groups", name=name(resource, part)) for part in (CONTROL_PLANE, WORKER)}
    groups = {part: there[0] if there else _make(neutron, resource, part) for part, there in found.items()}
    ids = {part: str(group["id"]) for part, group in groups.items()}
    rules = {CONTROL_PLANE: control_plane_rules(ids), WORKER: worker_rules(ids, ranges)}
    for part, group in groups.items():
        have = group["security_group_rules"]
        missing = [rule for rule in rules[part] if not any(rule.items() <= other.items() for other in have)]
        if missing:
            neutron.make_all("security-group-rules", missing)
    return {part: {"name": group["name"], "id": group["id"]} for part, group in groups.items()}


def release(neutron: Neutron, resource: str) -> None:
    """Have neither."""
    for part in (CONTROL_PLANE, WORKER):
        neutron.delete("security-groups", name=name(resource, part))


def name(resource: str, part: str) -> str:
    """A group's name; `resource` is NAMESPACE-NAME."""
    return f"k8s-cluster-{resource}-secgroup-{_SUFFIXES[part]}"


def control_plane_rules(ids: dict[str, str]) -> list[Object]:
    """From everywhere to the API, from the cluster's machines to everything."""
    group = ids[CONTROL_PLANE]
    api = _rule(group, "Kubernetes API", protocol="tcp", ports=(6443, 6443))
    return [api, *(_rule(group, "In-cluster Ingress", remote_group_id=other) for other in (group, ids[WORKER]))]


def worker_rules(ids: dict[str, str], ranges: Iterable[str]) -> list[Object]:
    """From the cluster's subnets and machines to node ports, from its machines to everything."""
    group = ids[WORKER]
    sources = [{"remote_ip_prefix": cidr} for cidr in ranges]
    sources += [{"remote_group_id": other} for other in (group, ids[CONTROL_PLANE])]
    ports = [
        _rule(group, "Node Port Services", protocol=protocol, ports=_NODE_PORTS, **source)
        for source in sources
        for protocol in ("tcp", "udp")
    ]
    return [
        *ports,
        *(_rule(group, "In-cluster Ingress", remote_group_id=other) for other in (group, ids[CONTROL_PLANE])),
    ]


def _make(neutron: Neutron, resource: str, part: str) -> Object:
    return neutron.make("security-groups", {"name": name(resource, part), "description": "Cluster API managed group"})


def _rule(group: str, text: str, *, ports: tuple[int, int] | None = None, **more: str) -> Object:
    rule: Object = {"security_group_id": group, "description": text, "direction": "ingress", "ethertype": "IPv4"}
    least, most = ports or (None, None)
    return {**rule, "port_range_min": least, "port_range_max": most, **more}
