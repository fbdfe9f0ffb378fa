"""Fleets: many clusters, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from hubfleet.spec.models.fields import Model, Name, Text, Values
from hubfleet.spec.models.hubs import ValuesFile


class HubDefaults(Model):
    """What hubs have that do not say otherwise: any key of a hub. Its `values` and `values_files` stay layers of their
    own, weaker than what the hub says in any way; every other key is merged with the hub's (`spec.defaulting`)."""

    values: Values = Field(default_factory=dict[str, Any])
    """As of a hub."""
    values_files: tuple[ValuesFile, ...] = ()
    """As of a hub."""


class Defaults(Model):
    """Of a cluster's file."""

    hub: HubDefaults = HubDefaults()
    """Any key of a hub."""


class FleetDefaults(Defaults):
    """Of a fleet's file."""

    cluster: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """Any key of a cluster file, but its name and hubs: merged into each cluster (`spec.defaulting`)."""


class FleetFile(Model):
    """What stands in a fleet's file."""

    clusters: Annotated[tuple[Text, ...], Field(min_length=1)]
    """The cluster files: paths from the fleet file's folder, or patterns: `clusters/*/cluster.yaml`."""
    rings: tuple[Name, ...] = ()
    """Names, in the order in which `apply` goes: it checks the hubs of one before it begins the next. Every hub is in
    one then: `ring: staging`."""
    defaults: FleetDefaults = FleetDefaults()
    """What every cluster and every hub has that does not say otherwise."""
