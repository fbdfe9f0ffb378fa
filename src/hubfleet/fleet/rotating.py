"""`rotate`: a new application credential for the cluster."""

from __future__ import annotations

from hubfleet.engine import rotation
from hubfleet.engine.ground import MagnumGround, Way, ground
from hubfleet.engine.rotation import Rotated
from hubfleet.engine.run import Clock
from hubfleet.errors import Layer, Refused
from hubfleet.events import Say, Watch
from hubfleet.fleet.loading import Target
from hubfleet.fleet.locking import only_writer
from hubfleet.tools.kube import Kube


def rotate(target: Target, say: Say, watch: Watch, *, timeout: float) -> Rotated:
    """Have Magnum make the cluster's own application credential anew; it is ours from then on. `timeout`: seconds to
    wait for what uses it. Refused for a cluster that is not Magnum's.

    The lock is this machine's alone: a Lease would need a kubeconfig, which an earlier owner's cluster gives afterwards
    only; and Magnum carries out rotations one after another.
    """
    stands_on = ground(target.description, watch)
    if not isinstance(stands_on, MagnumGround):
        raise Refused(
            f"{target.cluster.name} has no credential that hubfleet could make anew",
            why="somebody else made this cluster, and keeps it",
            remedy="ask whoever keeps it",
            layer=Layer.CREDENTIAL,
        )
    with only_writer(target.cluster.name):
        way = Way(say, watch, Clock(), timeout)
        return rotation.rotate(stands_on.magnum, target.cluster.name, Kube, way)
