"""Node groups that make every later request of their cluster fail. Pure.

With autoscaling the driver judges the bounds of every group of a cluster at each request, whatever it is about, and
refuses a minimum of 0, which is Magnum's own default (magnum-capi-helm 1.4 driver.py:718, :835; Magnum 23
api/controllers/v1/nodegroup.py:231). A deletion leaves out the one group that it deletes: so one such group can go, and
two cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

from hubfleet.errors import Layer
from hubfleet.plan import requests
from hubfleet.plan.steps import Finding
from hubfleet.tools.magnum import Cluster, NodeGroup


def poisoned(there: Cluster, groups: Sequence[NodeGroup]) -> tuple[NodeGroup, ...]:
    """The groups that the driver will not have."""
    if not requests.autoscaling(there.labels):
        return ()
    return tuple(g for g in groups if not g.default and g.role != "master" and g.min is not None and g.min < 1)


def finding(there: Cluster, groups: Sequence[NodeGroup]) -> Finding | None:
    """What is wrong, which groups are to blame, and what is possible; None where nothing is."""
    bad = poisoned(there, groups)
    if not bad:
        return None
    names = ", ".join(group.name for group in bad)
    which = f"the node group {names} has" if len(bad) == 1 else f"the node groups {names} have"
    return Finding(
        Layer.DRIVER,
        f"{which} a minimum of 0 nodes, and so Magnum carries out no change of this cluster any more",
        "Magnum's driver judges every group at each request and refuses a minimum below 1 where there is autoscaling",
        _one(there, bad[0]) if len(bad) == 1 else _several(there),
    )


def _one(there: Cluster, group: NodeGroup) -> str:
    return (
        f"delete it while it is the only one: openstack coe nodegroup delete {there.uuid} {group.name}"
        " (give a new one --min-nodes 1, or write it into the file as a pool)"
    )


def _several(there: Cluster) -> str:
    return (
        "none of them can be deleted or changed, as the others are judged with it; hubs go on running, but the cluster"
        f" {there.name} can only be replaced: apply the file under another `name`, move the homes"
        " (docs/how-to/pools.md), then `hubfleet destroy` this one; or ask the operators to delete the rows of these"
        " groups from Magnum's database"
    )
