"""Clusters: a whole file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SkipValidation

from hubfleet.spec.models.charts import Charts
from hubfleet.spec.models.fields import NO_OTHER_NAMES, ClassName, Email, Model, Name, Text, Values
from hubfleet.spec.models.fleets import Defaults, FleetFile
from hubfleet.spec.models.hubs import Homes, Hub
from hubfleet.spec.models.monitoring import Monitoring
from hubfleet.spec.models.pools import Pool
from hubfleet.spec.places import Place, Places
from hubfleet.spec.problems import Position


def _no_truth_value(value: Any) -> Any:
    """For Python, and so for pydantic's Literal, true is 1."""
    if isinstance(value, bool):
        raise ValueError("needs a number: 1, 3 or 5")  # noqa: TRY004 (pydantic's way)
    return value


class ControlPlane(Model):
    """The machines of the Kubernetes control plane, on clouds where they are the user's to choose."""

    machine: Text
    """The kind of machine, by the cloud's name for it; 2 CPUs or more."""
    nodes: Annotated[Literal[1, 3, 5], BeforeValidator(_no_truth_value)] = 1
    """How many; 3 or 5 go on working when one is lost."""


class Storage(Model):
    """What lasts on this cluster."""

    homes: Homes = Homes()
    """Home directories of every hub that does not say otherwise."""
    storage_class: Text | None = None
    """The StorageClass of all claims; left out, the provider's or the cluster's default."""


class Ingress(Model):
    """How the world comes in."""

    email: Email | None = None
    """An address for Let's Encrypt. With it, hubs of the upstream chart get certificates, and so do all hubs behind the
    entry, by a cert-manager of hubfleet's if there is no `issuer`."""
    shared: bool | None = None
    """Whether all hubs have one load balancer, and one address, together: the cluster's entry. Left out, each
    persistent hub has a load balancer of its own, unless `class` names an entry that is there already. BinderHubs,
    which have two names each, always share it."""
    api: Literal["ingress", "gateway"] = "ingress"
    """The kind of objects by which the entry finds hubs: Ingress, or HTTPRoute of the Gateway API."""
    class_name: ClassName | None = Field(default=None, alias="class")
    """An entry that the cluster has already, and hubfleet installs none: an IngressClass, or with `api: gateway` a
    Gateway, as NAMESPACE/NAME."""
    issuer: Text | None = None
    """The ClusterIssuer of a cert-manager that the cluster has already: hubs behind the entry get its certificates."""
    values: Values = Field(default_factory=dict[str, Any])
    """Anything that Traefik's chart takes, of the entry that hubfleet installs; wins over what hubfleet computes.
    Those of a fleet's defaults count only in clusters that have such an entry."""


class ProviderBlock(Model):
    """Which provider, and its own settings (an instance of its `settings` model). In a file: `{NAME: SETTINGS}`."""

    name: str
    settings: Any


class ClusterFile(Model):
    """What stands in a cluster file."""

    name: Name
    """The cluster's name, unique in the fleet."""
    provider: ProviderBlock
    """The cloud: exactly one provider, with its own settings below it."""
    pools: Annotated[Mapping[Name, Pool], NO_OTHER_NAMES]
    """The node pools, by name. One runs core; one runs users where there are hubs."""
    storage: Storage = Storage()
    """What lasts on this cluster."""
    ingress: Ingress = Ingress()
    """How the world comes in."""
    monitoring: Monitoring | None = None
    """What watches the hubs: `{}` installs it, and left out there is none."""
    charts: Charts = Charts()
    """Where the charts of others come from."""
    hubs: Annotated[Mapping[Name, Hub], NO_OTHER_NAMES] = Field(default_factory=dict[str, Hub])
    """The hubs, by name; the name is also that of the hub's namespace."""
    defaults: Defaults = Defaults()
    """What its hubs have that do not say otherwise."""


class Cluster(ClusterFile):
    """A cluster of the files, valid: what its own file says, completed by the fleet's defaults.

    `places`: where a key's path is written. Values of a values file are under ("hubs", HUB, "values_files", INDEX,
    ...), the fleet's file under ("fleet", ...).
    """

    file: Path = Field(exclude=True)
    fleet: FleetFile | None = Field(default=None, exclude=True)
    places: SkipValidation[Places] = Field(exclude=True, repr=False)

    def place(self, *path: str | int) -> Place:
        """Where this key is written, or the nearest key above it that is."""
        return self.places.at(path)

    def position(self, *path: str | int) -> Position:
        """The position of `place`."""
        return self.places.at(path).position

    def homes(self, hub: str) -> Homes:
        """Of this hub: its own, or as `storage` has it."""
        return self.hubs[hub].homes or self.storage.homes

    def shares_homes(self, hub: str) -> bool:
        """Whether all users of this hub have their homes on one volume."""
        wanted = self.hubs[hub]
        return not wanted.ephemeral and wanted.chart != "lite" and self.homes(hub).quota is not None

    @property
    def gives_volumes(self) -> bool:
        """Whether a hub makes a volume for each of its users."""
        return any(not hub.ephemeral and not self.shares_homes(name) for name, hub in self.hubs.items())

    def folder(self, *path: str | int) -> Path:
        """From which a path counts that stands at this key: the folder of the file in which it is written."""
        return self.places.file(path).parent
