"""What a hub consists of: its Helm releases, as data. Pure.

What belongs here: turning a hub of the file into charts and finished values. What never will: a cloud's name (placement
and traits come from the provider's description), running Helm.
"""

from hubfleet.hubs import persistent
from hubfleet.hubs.release import Chart, Generated, Release
from hubfleet.provider import Description
from hubfleet.spec import Cluster

__all__ = ["Chart", "Generated", "Release", "releases"]


def releases(cluster: Cluster, description: Description) -> tuple[Release, ...]:
    """Every release of every hub, in the order of the file. The cluster's secrets are looked up (`spec.resolve`)."""
    return tuple(persistent.release(name, cluster, description) for name in cluster.hubs)
