"""The quotas: what is still missing of the cluster, against what is left of the project.

What a cluster takes (magnum-capi-helm 1.4; capi-helm-charts, cluster-openstack.yaml; Cluster API's OpenStack provider,
CAPO): for each node a server and a port; for the Kubernetes API and for each hub, or the entry that hubs share, a load
balancer with a port and a floating IP; security groups for control plane and workers, with their rules; a network of
its own with subnet and router where none is named; volumes where labels ask for root volumes or for etcd's. It makes no
server group and no key pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.hubs.platform import entry
from hubfleet.plan.preflight.facts import TRUE, Facts, labels_of, number, template_of
from hubfleet.plan.preflight.machines import ROOT_VOLUME, flavor
from hubfleet.plan.sizes import counts
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.spec.models import InCluster
from hubfleet.tools.openstack_quota import Room

SMALL_CLASS = 30
"""Users for whom there should be room without asking anybody."""
SECURITY_GROUPS, SECURITY_GROUP_RULES = 2, 11
"""CAPO's, with allowAllInClusterTraffic: two rules out of each group, the API's port, node ports of TCP and UDP, and
each group from itself and from the other."""
_SERVICES = {
    **dict.fromkeys(("instances", "cores", "ram"), "Nova"),
    **dict.fromkeys(("volumes", "gigabytes"), "Cinder"),
    "clusters": "Magnum",
    "load balancers": "Octavia",
}


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    """What cannot be had at all is fatal; what is missing for the largest the cluster may become is worth knowing."""
    least, most = (_needs(desired, facts, file, counts(desired, peak=peak)) for peak in (False, True))
    for what, room in facts.quota.items():
        if room.left is None:
            continue
        if least[what] > room.left:
            yield _short(what, least[what], room, "the cluster needs", fatal=True)
        elif most[what] > room.left:
            yield _short(what, most[what], room, "with every pool at its maximum the cluster would need", fatal=False)
    if not facts.exists:
        yield from _kept(facts, file, least["volumes"])


def _kept(facts: Facts, file: spec.Cluster, nodes: int) -> Iterator[Finding]:
    """Each hub's database takes a volume, the homes of all its users or of each, and images that it builds, if they are
    kept in the cluster. Where each home takes one the quota ends with the users (Jetstream2 gives 10). `nodes`: volumes
    that nodes take before."""
    room = facts.quota.get("volumes")
    if room is None or room.left is None or nodes > room.left:
        return
    wanted = nodes + sum(_volumes(name, file) for name in file.hubs)
    if file.gives_volumes:
        yield from _homes(room, room.left - wanted, file)
    elif wanted > room.left:
        yield _short("volumes", wanted, room, "with what its hubs keep the cluster needs", fatal=True)


def _volumes(name: str, file: spec.Cluster) -> int:
    """How many a hub takes that nobody uses yet."""
    return 1 + file.shares_homes(name) + isinstance(file.hubs[name].built_images, InCluster)


def _homes(room: Room, users: int, file: spec.Cluster) -> Iterator[Finding]:
    if users < SMALL_CLASS:
        yield Finding(
            Layer.QUOTA,
            f"there is room for the homes of {max(0, users)} users",
            f"each home takes a volume, and each hub's database; the project may have {room.limit} and has {room.used}",
            "ask for more volumes before more people come, or share one: homes: {size: 500Gi, quota: 10Gi}",
            fatal=users < 0,
            origin=file.position("storage", "homes"),
        )


def _needs(desired: MagnumCluster, facts: Facts, file: spec.Cluster, wanted: Counter[str]) -> Counter[str]:
    """What is still to be taken from the quota."""
    missing = wanted - Counter(facts.machines or {})
    nodes, labels = missing.total(), labels_of(desired, facts)
    needs: Counter[str] = Counter({"instances": nodes, "ports": nodes})
    for machine, count in missing.items():
        if found := flavor(machine, facts):
            needs["cores"] += count * found.vcpus
            needs["ram"] += count * found.ram
    _add_volumes(needs, nodes, number(labels, ROOT_VOLUME), labels.get("boot_volume_type", ""))
    if not facts.exists:
        needs.update(_once(desired, facts, file, labels))
    return needs


def _once(desired: MagnumCluster, facts: Facts, file: spec.Cluster, labels: Mapping[str, str]) -> Counter[str]:
    """What is taken when the cluster and its hubs are made, whatever its size."""
    balancers = 1 + _balancers(file)
    public = labels.get("master_lb_floating_ip_enabled", "true").strip().lower() in TRUE
    needs = Counter(
        {
            "clusters": 1,
            "load balancers": balancers,
            "ports": balancers,
            "floating IPs": balancers if public else balancers - 1,
            "security groups": SECURITY_GROUPS,
            "security group rules": SECURITY_GROUP_RULES,
        }
    )
    template = template_of(desired, facts)
    if template and not (desired.fixed_network or template.fixed_network):
        needs.update({"networks": 1, "subnets": 1, "routers": 1})
    if labels.get("etcd_blockdevice_type") != "local":
        size = number(labels, "etcd_blockdevice_size") or number(labels, "etcd_volume_size")
        _add_volumes(needs, desired.control_plane_nodes, size, labels.get("etcd_blockdevice_volume_type", ""))
    return needs


def _balancers(file: spec.Cluster) -> int:
    """One of each hub's own, and one for all that share an entry of ours."""
    shared = file.ingress.class_name is None and any(entry.all_hosts(file))
    return sum(not entry.through(hub, file) for hub in file.hubs) + shared


def _add_volumes(needs: Counter[str], count: int, size: int, kind: str) -> None:
    """`size` in GiB; 0: there are none."""
    for of_kind in ("", f" of {kind}") if kind and size else ("",):
        needs[f"volumes{of_kind}"] += count if size else 0
        needs[f"gigabytes{of_kind}"] += count * size


def _short(what: str, needed: int, room: Room, who: str, *, fatal: bool) -> Finding:
    unit = " MiB of RAM" if what == "ram" else f" {what}"
    service = _SERVICES.get(what.partition(" of ")[0], "Neutron")
    return Finding(
        Layer.QUOTA,
        f"{who} {needed}{unit}, and {room.left} are left",
        f"the project may have {room.limit}{unit} ({service}) and uses {room.used}",
        "ask for more quota, use smaller or fewer machines, or delete what is not needed",
        fatal=fatal,
    )
