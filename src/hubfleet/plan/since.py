"""What changed between two states of the files, with no cluster asked: the plan of who reviews a pull request. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hubfleet.hubs import Release
from hubfleet.plan.releases import Observed, steps, version
from hubfleet.plan.steps import Action, Change, Plan, Step
from hubfleet.spec import Cluster
from hubfleet.spec.problems import written
from hubfleet.spec.trees import leaves

_GONE = "no file has it any longer: `apply` leaves it as it is, `hubfleet destroy` with the files of then removes it"


@dataclass(frozen=True)
class State:
    """A cluster as the files have it, and what would be installed on it; secrets as they are written, not looked up."""

    cluster: Cluster
    releases: Sequence[Release]


def compare(before: State | None, after: State) -> Plan:
    """What `apply` would do to a cluster that is as the files were; with no `before`, all of it is new."""
    name = after.cluster.name
    if before is None:
        made = Step("cluster", Action.CREATE, f"cluster {name}", None)
        return Plan(name, (made, *steps(after.releases, (), after.cluster)))
    changes = tuple(_changes(before.cluster, after.cluster))
    own = Step("cluster", Action.CHANGE if changes else Action.KEEP, f"cluster {name}", None, changes=changes)
    there = [_installed(release, name) for release in before.releases]
    return Plan(name, (own, *steps(after.releases, there, after.cluster)))


def settled(cluster: Cluster) -> Plan:
    """Of a cluster of which no file changed. Its releases are not listed: to know them is most of the work."""
    return Plan(cluster.name, (Step("cluster", Action.KEEP, f"cluster {cluster.name}", None),))


def gone(before: State) -> Plan:
    """Of a cluster that no file has any more."""
    name = before.cluster.name
    return Plan(name, (Step("cluster", Action.DESTROY, f"cluster {name}", None, details=(_GONE,)),))


def _installed(release: Release, cluster: str) -> Observed:
    """The release, as it would be seen if it were there."""
    return Observed(
        name=release.name,
        namespace=release.namespace,
        revision=1,
        status="deployed",
        hub=release.hub,
        cluster=cluster,
        digest=release.digest,
        chart=release.chart.name,
        version=version(release.chart),
        values=release.values,
        secret_keys=release.secret_paths,
    )


def _changes(before: Cluster, after: Cluster) -> Iterator[Change]:
    """Keys of the cluster itself that differ."""
    old, new = ({path: value for path, value in leaves(_tree(one)) if value != []} for one in (before, after))
    for path in sorted({*old, *new}, key=str):
        if old.get(path) != new.get(path):
            yield Change(written(path), old.get(path), new.get(path), after.position(*path))


def _tree(cluster: Cluster) -> dict[str, Any]:
    """What the files say of the cluster itself; a secret as its reference."""
    tree = cluster.model_dump(mode="json", exclude={"name", "hubs", "defaults", "provider"})
    settings = cluster.provider.settings.model_dump(mode="json")
    return {"provider": {cluster.provider.name: settings}, **tree}
