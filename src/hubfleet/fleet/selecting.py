"""Which clusters and hubs of a fleet a command line means. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hubfleet.errors import UsageError
from hubfleet.spec import Cluster, Fleet, Member
from hubfleet.spec.wording import did_you_mean


@dataclass(frozen=True)
class Selection:
    """Names of clusters, hubs and rings; none means all. Where hubs and rings are given, a hub must be in both."""

    clusters: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    rings: tuple[str, ...] = ()

    @property
    def of_hubs(self) -> bool:
        """Some hubs of a cluster may be left out."""
        return bool(self.hubs or self.rings)


def members(fleet: Fleet, selection: Selection) -> tuple[Member, ...]:
    """Those cluster files that are meant; one that is too broken to tell is, where no cluster is named. UsageError for
    a name that nothing has."""
    named = [one for one in fleet.members if not selection.clusters or one.name in selection.clusters]
    unread = [str(one.file) for one in fleet.members if not one.name]
    why = f"what {', '.join(unread)} says could not be read" if unread else ""
    _known("cluster", selection.clusters, [one.name for one in fleet.members if one.name], why)
    clusters = [one.cluster for one in named if one.cluster]
    if all(one.cluster for one in named):
        _known("hub", selection.hubs, [hub for cluster in clusters for hub in cluster.hubs])
        rings = [hub.ring for cluster in clusters for hub in cluster.hubs.values() if hub.ring]
        _known("ring", selection.rings, fleet.rings or rings)
    return tuple(one for one in named if one.cluster is None or _wanted(one.cluster, selection))


def chosen(cluster: Cluster, selection: Selection) -> frozenset[str] | None:
    """The hubs of this cluster that are meant; None for all, where the selection leaves none out."""
    if not selection.of_hubs:
        return None
    return frozenset(
        name
        for name, hub in cluster.hubs.items()
        if (not selection.hubs or name in selection.hubs) and (not selection.rings or hub.ring in selection.rings)
    )


def _wanted(cluster: Cluster, selection: Selection) -> bool:
    hubs = chosen(cluster, selection)
    return hubs is None or bool(hubs)


def _known(kind: str, names: Iterable[str], known: Collection[str], why: str = "") -> None:
    there: Sequence[str] = list(dict.fromkeys(known))
    for name in names:
        if name not in there:
            remedy = f"{did_you_mean(name, there)} There is: {', '.join(there) or 'none'}".strip()
            raise UsageError(f"there is no {kind} {name!r}", why=why, remedy=remedy)
