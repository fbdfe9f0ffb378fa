"""What hubs stand on: the one seam between a cluster that hubfleet makes and one that is there already.

`ground(description)` is the only place that asks what kind of description a provider gave. Each kind is a module here
that meets `Ground`; how its steps come true is the engine's other modules', never here.
"""

from __future__ import annotations

from functools import partial

from hubfleet.engine.clouds import Clouds
from hubfleet.engine.ground.contract import Ground, GroundState, Infrastructure, PoolState
from hubfleet.engine.ground.existing import ExistingGround
from hubfleet.engine.ground.magnum import MagnumGround
from hubfleet.engine.way import Way
from hubfleet.events import Watch
from hubfleet.provider import Description, ExistingCluster, MagnumCluster
from hubfleet.tools.kube import Kube
from hubfleet.tools.magnum import Magnum

__all__ = ["Ground", "GroundState", "Infrastructure", "PoolState", "Way", "ground"]


def ground(description: Description, watch: Watch | None = None, clouds: Clouds | None = None) -> Ground:
    """The ground of a description; `watch` counts what its requests take, and `clouds` has those that are open already.
    CloudError if the cloud's entry is not there."""
    match description.infrastructure:
        case MagnumCluster() as cluster:
            cloud = (clouds or Clouds()).connect(cluster.cloud, watch)
            return MagnumGround(cluster, Magnum(cloud), description.traits.rates)
        case ExistingCluster() as cluster:
            return ExistingGround(cluster, partial(Kube, watch=watch))
