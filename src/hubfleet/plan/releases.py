"""Releases: what the file wants against what the cluster has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hubfleet.errors import Layer, Refused
from hubfleet.hubs import Chart, Release
from hubfleet.hubs.release import subject
from hubfleet.plan.steps import Action, Change, Step
from hubfleet.plan.volumes import described
from hubfleet.spec import Cluster, KeyPath, Position, origin
from hubfleet.spec.trees import leaves

DIGEST = "hubfleet.org/digest"
"""Label of a release: `Release.digest` of what it was made from."""
HUB = "hubfleet.org/hub"
"""Label of a release: the hub of the file that it is for. One of the platform has none."""
UNINSTALLED = "uninstalled"
"""The status of a release of which only its namespace is left, with its claims: it was removed, or half so."""
CLUSTER = "hubfleet.org/cluster"
"""Label of a release and of a namespace that hubfleet made: the cluster's name in its file."""
SECRETS = "hubfleet.org/secret-keys"
"""Annotation of Helm's record of a release: the paths of the secrets in the values that it was made from, as JSON."""
_SECRET_NAMES = ("password", "secret", "token", "key", "credential", "extraenv", "extrafiles")
"""Parts of names under which people keep secrets, also in clear."""
CHART = "hubfleet.org/chart"
"""Label of a release: its chart's name."""
VERSION = "hubfleet.org/chart-version"
"""Label of a release: its chart's version, as far as a label takes it."""


@dataclass(frozen=True)
class Observed:
    """A release that the cluster has (its newest revision), as `engine.releases.observe` found it."""

    name: str
    namespace: str
    revision: int
    status: str
    """Helm's word: deployed, failed, pending-install, ...; "uninstalled" where only its namespace is left."""
    hub: str
    """"" where it is one of the platform, or hubfleet did not make it."""
    cluster: str
    """The cluster of whose file it is; "" where hubfleet did not make it."""
    digest: str
    chart: str = ""
    """Its chart's name, where it is known."""
    version: str = ""
    """Its chart's, where it is known, as `version` gives it."""
    unready: str = ""
    """What of it is not there yet, in words; "" when all is."""
    claims: tuple[str, ...] = ()
    """Names of the claims in its namespace: homes, the hub's database."""
    values: Mapping[str, Any] | None = field(default=None, repr=False)
    """What it was last made from, secrets in clear; only asked for where the digest changed."""
    secret_keys: frozenset[KeyPath] | None = None
    """Which of these were secret; None if nobody wrote it down, and then all of them may have been."""

    @property
    def settled(self) -> bool:
        """Helm is done with it, and well."""
        return self.status == "deployed"

    @property
    def keeps(self) -> bool:
        """People have something in it, which stays when it leaves the file: for `destroy` alone."""
        return bool(self.hub or self.claims)


@dataclass(frozen=True)
class Removed:
    """Work of a step that takes a release away, with its claims or without."""

    release: Observed
    claims: bool


def steps(desired: Sequence[Release], observed: Sequence[Observed], cluster: Cluster) -> tuple[Step, ...]:
    """A step for each release: wanted ones in their order, then those whose hub left the file.

    `Step.work` is the Release, or for DESTROY a Removed. Refused where a release of that name is somebody else's.
    """
    there = {(one.namespace, one.name): one for one in observed}
    wanted = {(release.namespace, release.name) for release in desired}
    ours = [one for one in observed if one.cluster == cluster.name and (one.namespace, one.name) not in wanted]
    gone = [one for one in ours if one.status != UNINSTALLED or not one.keeps]
    return (
        *(_step(release, there.get((release.namespace, release.name)), cluster) for release in desired),
        *map(_leave, gone),
    )


def place(cluster: Cluster, release: Release, path: Sequence[str | int]) -> Position:
    """Where a key of a release's values is set, or the key from which it is computed; of one that is set nowhere (any
    more), what the release is made from."""
    try:
        return origin(cluster, release.layers, tuple(path)).position
    except LookupError:
        return cluster.position(*release.source)


def after_homes(release: str) -> str:
    """The id of the step (`plan.homes`) that a release of this name waits for, if there is one."""
    return f"homes/{release}"


def version(chart: Chart) -> str:
    """A chart's version as a label's value: 4.4.0+x becomes 4.4.0_x, as Helm's own labels have it."""
    return chart.version.replace("+", "_")[:63].rstrip("._-")


def _step(release: Release, there: Observed | None, cluster: Cluster) -> Step:
    if there is not None and there.cluster != cluster.name:
        raise _not_ours(there)
    action, details = _decide(release, there)
    changes = _changes(release, there, cluster) if there and action in (Action.CHANGE, Action.REPLACE) else ()
    if action is Action.CHANGE and not changes and there and there.values is not None:
        details = (*details, "its values are the same, the chart's own files differ, or come from elsewhere")
    return Step(
        id=f"release/{release.name}",
        action=action,
        subject=release.subject,
        work=release,
        details=details,
        changes=changes,
        needs=release.needs | {after_homes(release.name)},
    )


def _decide(release: Release, there: Observed | None) -> tuple[Action, tuple[str, ...]]:
    if there is None or there.status == UNINSTALLED:
        return Action.CREATE, _told(release)
    if there.chart not in ("", release.chart.name):
        # Kubernetes does not let one chart's deployments become another's: their selectors are immutable.
        return Action.REPLACE, (
            f"{release.chart} instead of {there.chart}: running servers stop, homes and database stay",
        )
    if there.digest != release.digest:
        return Action.CHANGE, (str(release.chart),)
    if not there.settled:
        return Action.FINISH, (f"Helm says {there.status}",)
    return (Action.FINISH, (there.unready,)) if there.unready else (Action.KEEP, _told(release))


def _told(release: Release) -> tuple[str, ...]:
    return tuple(filter(None, (str(release.chart), release.url)))


def removal(observed: Sequence[Observed], cluster: Cluster, *, claims: bool) -> tuple[Step, ...]:
    """A step for each release of this cluster's file, past ones included. What people keep in them stays, unless
    `claims` go too."""
    ours = [one for one in observed if one.cluster == cluster.name]
    return tuple(_remove(one, claims=claims) for one in ours if claims or one.status != UNINSTALLED or not one.keeps)


def _remove(one: Observed, *, claims: bool) -> Step:
    lost = (f"home directories and database: {', '.join(one.claims)}",) if one.claims and claims else ()
    stays = (f"kept: {described(one.claims)}",) if one.claims and not claims else ()
    whose = subject(one.hub, one.name)
    return Step(
        f"release/{one.name}", Action.DESTROY, whose, Removed(one, claims=claims or not one.keeps), stays, loses=lost
    )


def _leave(one: Observed) -> Step:
    """A hub that left the file goes; what people keep in it does not."""
    why = "it is no longer in the file" if one.hub else "nothing in the file needs it any longer"
    kept = f"stays in the namespace {one.namespace}: {', '.join(one.claims)}"
    details = (why, *((kept,) if one.claims else ()))
    gone = Removed(one, claims=not one.keeps)
    return Step(f"release/{one.name}", Action.DESTROY, subject(one.hub, one.name), gone, details)


def _not_ours(there: Observed) -> Refused:
    owner = f"it belongs to the cluster file of {there.cluster}" if there.cluster else "hubfleet did not make it"
    return Refused(
        f"there is a release {there.name} in the namespace {there.namespace} already",
        why=owner,
        remedy="give the hub another name, or uninstall that release yourself",
        layer=Layer.HELM,
    )


def _changes(release: Release, there: Observed, cluster: Cluster) -> tuple[Change, ...]:
    of_values = () if there.values is None else _of_values(release, there, there.values, cluster)
    return (*_of_chart(release, there, cluster), *of_values)


def _of_chart(release: Release, there: Observed, cluster: Cluster) -> Iterator[Change]:
    new = version(release.chart)
    if there.chart == release.chart.name and there.version not in ("", new):
        at = _says_version(release, cluster)
        yield Change("chart", f"{there.chart} {there.version}", f"{release.chart.name} {new}", at)


def _says_version(release: Release, cluster: Cluster) -> Position:
    """Where the version of its chart is set, or the chart."""
    version = cluster.places.find(("charts", "versions", release.chart.name))
    named = bool(release.hub) and cluster.hubs[release.hub].chart == release.chart.name
    return version.position if version and named else cluster.position(*release.source, "chart")


def _of_values(release: Release, there: Observed, old: Mapping[str, Any], cluster: Cluster) -> tuple[Change, ...]:
    generated = {one.path for one in release.generated}
    before, after = dict(leaves(old)), dict(leaves(release.values))
    differing = [
        path
        for path in sorted({*before, *after}, key=str)
        if before.get(path) != after.get(path) and path not in generated
    ]
    return tuple(_change(release, there, path, before.get(path), after.get(path), cluster) for path in differing)


def _change(
    release: Release, there: Observed, path: tuple[str, ...], old: object, new: object, cluster: Cluster
) -> Change:
    was_secret = old is not None and (there.secret_keys is None or _is_secret(path, there.secret_keys))
    secret = was_secret or _is_secret(path, release.secret_paths) or _sounds_secret(old)
    key = ".".join(path)
    return Change(key, None if secret else old, None if secret else new, place(cluster, release, path), secret)


def _is_secret(path: tuple[str, ...], known: frozenset[KeyPath]) -> bool:
    """By what the files say, or said; and by its name, for one that was written in clear."""
    # A list is compared as a whole: it is secret if anything in it is.
    return any(map(_named_secret, path)) or any(one[: len(path)] == path for one in known)


def _named_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_NAMES)


def _sounds_secret(old: object) -> bool:
    """Whether there is a key in a list's maps that may name a secret."""
    if isinstance(old, Mapping):
        entries = cast("Mapping[str, object]", old).items()
        return any(_named_secret(key) or _sounds_secret(value) for key, value in entries)
    return isinstance(old, list) and any(map(_sounds_secret, cast("list[object]", old)))
