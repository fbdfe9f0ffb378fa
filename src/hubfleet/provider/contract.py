"""The data that a provider gives, and the Protocol that it meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from hubfleet.spec.models import Cluster, NodeCount, Size, Taint

CONTRACT = 1
"""Version of this contract. A provider says which it was written for; another version is refused by name."""


@dataclass(frozen=True)
class Rates:
    """What machines cost. `per_core`: how a machine's name begins -> units for each vCPU and hour; the longest that
    fits holds. `source`: where the figures are published, and as of when."""

    unit: str
    per_core: Mapping[str, float]
    source: str

    def hourly(self, machine: str, cores: int) -> float | None:
        """Units an hour; None for a machine of which nothing is published."""
        fitting = [start for start in self.per_core if machine.startswith(start)]
        return cores * self.per_core[max(fitting, key=len)] if fitting else None


@dataclass(frozen=True)
class Autoscaler:
    """What Kubernetes' cluster-autoscaler has to know, on a cloud whose clusters come without one."""

    cloud: str
    """Its name for the cloud: `aws`."""
    cluster: str
    """By which it finds the groups of nodes that are its to change: they are tagged with it."""
    region: str
    account: Mapping[str, str] = field(default_factory=dict[str, str])
    """Annotations of its ServiceAccount, by which the cloud knows it."""


@dataclass(frozen=True)
class Traits:
    """What differs between clouds and matters above them. Nobody asks for a cloud's name."""

    min_pool_nodes: int
    """The fewest nodes that a pool that exists can have."""
    pool_label: str | None
    """Key of the label whose value on a node is its pool's name in the cloud; None where pools are not labelled."""
    storage_class: str | None = None
    """For claims; None: the cluster's default class."""
    load_balancer_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """For Services of type LoadBalancer."""
    autoscaler: Autoscaler | None = None
    """None where the cloud, or somebody, has seen to it."""
    rates: Rates | None = None
    """What machines cost; None where the provider knows no figures."""
    machines: Mapping[str, Size] = field(default_factory=dict[str, Size])
    """What machines have, as far as the provider knows without asking the cloud."""


@dataclass(frozen=True)
class MagnumPool:
    """A pool and the node group of Magnum that it is. `machine` is an OpenStack flavor."""

    pool: str
    node_group: str
    machine: str
    nodes: NodeCount
    role: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its nodes, as the file has them."""
    taints: tuple[Taint, ...] = ()
    """Likewise."""


@dataclass(frozen=True)
class MagnumCluster:
    """A cluster of Magnum with its node groups. `default_pool` is Magnum's default-worker, which cannot be deleted."""

    name: str
    cloud: str | None
    """Entry of clouds.yaml; None: the OS_* variables."""
    template: str
    """Name or UUID of a template of the site; looked up, and used by UUID."""
    keypair: str
    control_plane_machine: str
    control_plane_nodes: int
    default_pool: MagnumPool
    pools: tuple[MagnumPool, ...]
    """The others, in the order of the file."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Merged over the template's."""
    fixed_network: str | None = None
    fixed_subnet: str | None = None

    @property
    def every_pool(self) -> tuple[MagnumPool, ...]:
        """default_pool first."""
        return (self.default_pool, *self.pools)


@dataclass(frozen=True)
class ExistingCluster:
    """A cluster that somebody else made and keeps: hubfleet only puts hubs on it."""

    name: str
    kubeconfig: Path | None
    """None: the usual place (KUBECONFIG, ~/.kube/config)."""
    context: str | None


@dataclass(frozen=True)
class Description:
    """All that the floors above need to know of a cluster's cloud."""

    infrastructure: MagnumCluster | ExistingCluster
    traits: Traits
    placement: Mapping[str, Mapping[str, str]]
    """Pool -> labels that its nodes carry, and no others do: a node selector. Empty where nodes are not told apart."""
    notes: tuple[str, ...] = ()
    """What the operator should know and the plan shows (a pool with `min: 0` is absent while idle, ...)."""


class Provider(Protocol):
    """What an entry point of the group `hubfleet.providers` gives."""

    contract: int
    name: str
    summary: str
    """One line for `--help` and the documentation."""
    settings: type[BaseModel]
    """Model of the provider's block in the cluster file: frozen, unknown keys forbidden."""

    def describe(self, cluster: Cluster) -> Description:
        """The cluster as this cloud's data. Raises `spec.InvalidFiles` with every problem that only this cloud has
        with the file (a pool's name, a node count), each with its place."""
        ...
