"""`audit`: what clusters left in a cloud, also those that are gone and whose file is gone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hubfleet.engine.audit import Audit, Auditor, Stayed
from hubfleet.engine.clouds import Clouds
from hubfleet.engine.ground import ground
from hubfleet.engine.run import Clock
from hubfleet.errors import Refused, UsageError
from hubfleet.events import Say, Watch
from hubfleet.fleet.loading import CLUSTER_FILE, load
from hubfleet.fleet.locking import only_writer
from hubfleet.plan.leftovers import Item
from hubfleet.spec import FLEET_FILE
from hubfleet.spec.wording import did_you_mean
from hubfleet.tools.magnum import Magnum

__all__ = ["Audit", "Stayed", "auditor", "clean", "homes_of"]


def auditor(path: Path | None, cluster: str | None, cloud: str | None, watch: Watch) -> Auditor:
    """For the cluster of a file, or the one of this name of a fleet, in its cloud; or, given a cloud (an entry of
    clouds.yaml), for every cluster there. None of these: the file of this folder, else the cloud of the OS_*
    variables."""
    if (path is not None or cluster is not None) and cloud is not None:
        raise UsageError(
            "PATH and --cluster exclude --cloud",
            why="the former look for what one cluster left, --cloud for what any did",
            remedy="leave one of them out",
        )
    here = any(Path(name).exists() for name in (FLEET_FILE, CLUSTER_FILE))
    if path is not None or cluster is not None or (cloud is None and here):
        target = load(path or Path(), cluster)
        return ground(target.description, watch, target.clouds).auditor()
    return Auditor(Magnum(Clouds().connect(cloud, watch)))


def homes_of(seen: Audit, name: str) -> str:
    """The cluster whose homes may be deleted, by the name that was typed. Refused if it is another than the file's, or
    is there; UsageError if a whole cloud has none of that name."""
    if seen.cluster not in ("", name):
        what = f"{name!r} is not the name of this cluster"
        raise Refused(what, remedy=f"the file says {seen.cluster!r}; nothing was removed")
    if any(item.kept for item in seen.found.of(name).living):
        what = f"{name} is there, and its homes are in use"
        raise Refused(
            what, remedy=f"remove it first: hubfleet destroy; then hubfleet audit --delete --with-homes {name}"
        )
    kept = dict.fromkeys(item.cluster for item in seen.found.kept)
    if not seen.cluster and name not in kept:
        near = did_you_mean(name, list(kept))
        remedy = f"{near} There are homes of: {', '.join(kept) or 'none'}; nothing was removed".strip()
        raise UsageError(f"nobody has kept homes of a cluster {name!r} in this cloud", remedy=remedy)
    return name


def clean(one: Auditor, items: Collection[Item], say: Say, watch: Watch, *, timeout: float) -> tuple[Stayed, ...]:
    """Delete these; what stayed, and why. `timeout` in seconds."""
    if not one.cluster:
        return one.remove(items, say, watch, Clock(), timeout=timeout)
    with only_writer(one.cluster):
        return one.remove(items, say, watch, Clock(), timeout=timeout)
