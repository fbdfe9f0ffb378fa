"""`rotate`: a new application credential for the cluster."""

from __future__ import annotations

from hubfleet.engine.ground import Way, ground
from hubfleet.engine.rotation import Rotated
from hubfleet.engine.run import Clock
from hubfleet.events import Say, Watch
from hubfleet.fleet.access import access, kept
from hubfleet.fleet.loading import Target
from hubfleet.fleet.locking import only_writer


def rotate(target: Target, say: Say, watch: Watch, *, timeout: float, adopt: bool = False) -> Rotated:
    """Have the cloud make the cluster's own credential anew; it is ours from then on, and with `adopt` so is a cluster
    that hubfleet did not make. `timeout`: seconds to wait for what uses it. Refused for a cluster that has none which
    hubfleet could make.

    The lock is this machine's alone: a Lease would need a kubeconfig, which an earlier owner's cluster gives afterwards
    only; and Magnum carries out rotations one after another.
    """
    stands_on = ground(target.description, watch, target.clouds)
    with only_writer(target.cluster.name), access(stands_on, target.cluster.name, watch) as opened:
        return stands_on.rotate(Way(say, watch, Clock(), timeout), lambda: kept(opened), adopt=adopt)
