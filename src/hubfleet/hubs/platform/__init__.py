"""What serves all hubs of a cluster: a release each, made from what the file says and only where something needs it.

What belongs here: one module for each such release, its values and what hubs' values need for it. What never will: a
hub's own release. Pure.
"""

from __future__ import annotations

from hubfleet.hubs.platform import (
    autoscaler,
    certificates,
    entry,
    grafana,
    homes,
    image_registry,
    labeller,
    prometheus,
)
from hubfleet.hubs.release import Release
from hubfleet.provider import Description
from hubfleet.spec import Cluster

__all__ = ["releases", "unrevealed"]


def releases(cluster: Cluster, description: Description) -> tuple[Release, ...]:
    """Those that the cluster needs. Their secrets are looked up (`spec.resolve`)."""
    return tuple(one.revealed() for one in unrevealed(cluster, description))


def unrevealed(cluster: Cluster, description: Description) -> tuple[Release, ...]:
    """The same to look at, whoever has the secrets: in their values they are `Secret`s."""
    every = (one.release(cluster, description) for one in (labeller, autoscaler, entry, prometheus, grafana))
    several = (homes, image_registry, certificates)
    return (*filter(None, every), *(found for one in several for found in one.releases(cluster, description)))
