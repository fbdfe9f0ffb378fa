"""What the clouds with Magnum share: their block of the file, and how it becomes a description. Names no cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BeforeValidator, Field

from hubfleet.provider.contract import CONTRACT, Description, MagnumCluster, MagnumPool, Rates, Traits
from hubfleet.spec.models import Cluster, ControlPlane, Model, Pool, Size, as_text
from hubfleet.spec.problems import InvalidFiles, Problem

NODE_GROUP_LABEL = "capi.stackhpc.com/node-group"
"""The one label of a node group that reaches its nodes (capi-helm-charts, KubeadmConfigTemplate)."""
DEFAULT_WORKER = "default-worker"
RESERVED = frozenset({DEFAULT_WORKER, "default-master"})
NODE_GROUP_NAME = re.compile(r"[a-z][a-z0-9-]+[a-z0-9]")
"""What the chart takes (capi-helm-charts, values.schema.json)."""
REFUSED_LABELS = {
    "max_node_count": "it would freeze the size of default-worker for ever; give the pool `nodes: {min: …, max: …}`",
    "min_node_count": "hubfleet sets it from the pool that runs core",
    "auto_scaling_enabled": "say `autoscaling: true` or `false` in the provider's block",
    "capi_helm_chart_version": "the driver takes it from the site's template alone and ignores it here",
    "hubfleet": "hubfleet marks its clusters with it",
    "hubfleet_maker": "hubfleet tells its clusters apart by it",
}


class MagnumSettings(Model):
    """The block of a cloud with Magnum."""

    cloud: str | None = None
    """Entry of clouds.yaml. Left out: OS_CLOUD, or the other OS_* variables."""
    template: Annotated[str, Field(min_length=1)]
    """Name or UUID of a cluster template of the site (`openstack coe cluster template list`)."""
    keypair: Annotated[str, Field(min_length=1)]
    """Name of an SSH key pair of yours (`openstack keypair list`)."""
    control_plane: ControlPlane
    network: str | None = None
    """Name or UUID of the network that nodes are on. Left out: the template's, or one of their own."""
    subnet: str | None = None
    """Name or UUID of the subnet. Left out: the network's, where it has just one for IPv4."""
    autoscaling: bool = True
    """Whether pools may have a least and a most number of nodes. Cannot be changed once the cluster is there."""
    labels: Mapping[str, Annotated[str, BeforeValidator(as_text)]] = Field(default_factory=dict[str, str])
    """Labels of the cluster for Magnum's driver, merged over the template's."""


@dataclass(frozen=True)
class MagnumProvider:
    """A provider that is a cloud with Magnum and the Cluster API driver (magnum-capi-helm). `labels` are for every
    cluster there; those of the file win."""

    name: str
    summary: str
    settings: type[MagnumSettings]
    labels: Mapping[str, str]
    rates: Rates | None = None
    machines: Mapping[str, Size] = field(default_factory=dict[str, Size])
    contract: int = CONTRACT

    def describe(self, cluster: Cluster) -> Description:
        """The cluster as Magnum's data: the pool that runs core is default-worker, the others are groups of their
        own. InvalidFiles with every problem that only Magnum has with the file."""
        settings = cluster.provider.settings
        problems = [*_label_problems(cluster, settings), *_pool_problems(cluster, settings)]
        if problems:
            raise InvalidFiles(problems)
        pools = {name: _pool(name, pool) for name, pool in cluster.pools.items()}
        core = next(name for name, pool in cluster.pools.items() if "core" in pool.runs)
        infrastructure = MagnumCluster(
            name=cluster.name,
            cloud=settings.cloud,
            template=settings.template,
            keypair=settings.keypair,
            control_plane_machine=settings.control_plane.machine,
            control_plane_nodes=settings.control_plane.nodes,
            default_pool=pools[core],
            pools=tuple(pool for name, pool in pools.items() if name != core),
            labels={**self.labels, **settings.labels, "auto_scaling_enabled": str(settings.autoscaling).lower()},
            fixed_network=settings.network,
            fixed_subnet=settings.subnet,
        )
        placement = {name: {NODE_GROUP_LABEL: pool.node_group} for name, pool in pools.items()}
        traits = Traits(min_pool_nodes=1, pool_label=NODE_GROUP_LABEL, rates=self.rates, machines=self.machines)
        return Description(infrastructure, traits, placement)


def _pool(name: str, pool: Pool) -> MagnumPool:
    group = DEFAULT_WORKER if "core" in pool.runs else name
    return MagnumPool(
        name, group, pool.machine or "", pool.nodes, role="worker", labels=pool.labels, taints=pool.taints
    )


def _label_problems(cluster: Cluster, settings: MagnumSettings) -> Iterator[Problem]:
    for label in settings.labels:
        if why := REFUSED_LABELS.get(label):
            path = ("provider", cluster.provider.name, "labels", label)
            yield Problem(cluster.position(*path), "this label is not to be set", ".".join(path), why)


def _pool_problems(cluster: Cluster, settings: MagnumSettings) -> Iterator[Problem]:
    core = [name for name, pool in cluster.pools.items() if "core" in pool.runs]
    if len(core) != 1:
        what = f"exactly one pool must run core, as it is Magnum's default-worker; here: {', '.join(core) or 'none'}"
        yield Problem(cluster.position("pools"), what, "pools", "give one pool `runs: [core]`")
    for name, pool in cluster.pools.items():
        if "core" not in pool.runs and (name in RESERVED or not NODE_GROUP_NAME.fullmatch(name)):
            yield Problem(
                cluster.position("pools", name),
                "not a name for a pool of Magnum",
                f"pools.{name}",
                f"three or more of a-z, 0-9 and -, a letter first, no - last; not {' or '.join(sorted(RESERVED))}",
            )
        yield from _size_problems(cluster, settings, name, pool)


def _size_problems(cluster: Cluster, settings: MagnumSettings, name: str, pool: Pool) -> Iterator[Problem]:
    nodes = cluster.position("pools", name, "nodes")
    if not pool.machine:
        remedy = "add `machine:` with a flavor of the cloud (openstack flavor list)"
        yield Problem(cluster.position("pools", name), "has no machine", f"pools.{name}", remedy)
    if not settings.autoscaling and not pool.nodes.fixed:
        remedy = "give one number, or take `autoscaling: false` away"
        yield Problem(nodes, "a least and a most number of nodes need autoscaling", f"pools.{name}.nodes", remedy)
