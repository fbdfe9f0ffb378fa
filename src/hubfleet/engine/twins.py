"""Two hubfleets that make a cluster of the same name at the same time: Magnum lets names be shared. The oldest stays,
and whoever made a younger one deletes it."""

from __future__ import annotations

from hubfleet.engine.magnum_view import View
from hubfleet.errors import Layer, Refused
from hubfleet.plan.requests import MAKER, MARK
from hubfleet.tools.magnum import Cluster


def settle(view: View, maker: str) -> None:
    """To be called when the driver has installed the release of the cluster that is followed.

    Deletes what this maker made of younger clusters, and follows the oldest if it is of this maker, too (a request
    whose answer got lost was made twice). Refused if the oldest is somebody else's and ours, followed until now, went.
    """
    clusters = [one for one in view.magnum.named(view.name) if MARK in one.labels and not one.going]
    if not maker or not clusters:
        return
    oldest, *younger = clusters
    gone = [one.uuid for one in younger if one.labels.get(MAKER) == maker and _removable(view, one)]
    for uuid in gone:
        view.tell("cluster", f"deleting a second one of that name ({uuid}): {oldest.uuid} is older")
        view.magnum.delete_cluster(uuid)
    if view.uuid not in gone:
        return
    view.follow(oldest.uuid)
    if oldest.labels.get(MAKER) != maker:
        raise Refused(
            f"another hubfleet makes the cluster {view.name} at the same time",
            why=f"its cluster {oldest.uuid} of {oldest.created} is the older one; ours, which was empty, was deleted",
            remedy="apply again when the other is done: it goes on with that cluster",
            layer=Layer.MAGNUM,
        )


def _removable(view: View, cluster: Cluster) -> bool:
    """Nothing was ever asked for on it, and its release is installed: Magnum does not keep a deletion apart from the
    installation before it; what is deleted too early stays in DELETE_IN_PROGRESS for ever."""
    groups = view.magnum.brief_groups(cluster.uuid)
    return all(group.default for group in groups) and any(group.release for group in groups)
