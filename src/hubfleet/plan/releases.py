"""Releases: what the file wants against what the cluster has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubfleet.errors import Layer, Refused
from hubfleet.hubs import Chart, Release
from hubfleet.hubs.platform import prometheus
from hubfleet.hubs.release import subject
from hubfleet.plan.secrecy import HIDDEN, harmless, is_secret, sounds_secret
from hubfleet.plan.steps import Action, Change, Step
from hubfleet.plan.volumes import HOME, SHARED, described
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
    address: str = ""
    """Its own load balancer's; "" where it has none."""
    claims: tuple[str, ...] = ()
    """Names of the claims in its namespace: homes, the hub's database."""
    values: Mapping[str, Any] | None = field(default=None, repr=False)
    """What it was last made from, secrets in clear; only asked for where the digest changed."""
    secret_keys: frozenset[KeyPath] | None = None
    """Which of these were secret; None if nobody wrote it down, and then all of them may have been."""

    @property
    def foreign(self) -> bool:
        """No hubfleet made it."""
        return not self.cluster

    @property
    def settled(self) -> bool:
        """Helm is done with it, and well."""
        return self.status == "deployed"

    @property
    def at_work(self) -> bool:
        """Helm is not done with it."""
        return self.status.startswith("pending") or self.status == "uninstalling"

    @property
    def keeps(self) -> bool:
        """People have something in it, which stays when it leaves the file: for `destroy` alone. What was measured is
        nothing of the kind."""
        return bool(self.hub or (self.claims and self.name != prometheus.NAME))


@dataclass(frozen=True)
class Removed:
    """Work of a step that takes a release away, with its claims or without."""

    release: Observed
    claims: bool


def steps(
    desired: Sequence[Release], observed: Sequence[Observed], cluster: Cluster, *, adopt: bool = False
) -> tuple[Step, ...]:
    """A step for each release: wanted ones in their order, then those whose hub left the file.

    `Step.work` is the Release, or for DESTROY a Removed. Refused where a release of that name is another cluster
    file's, or nobody's hubfleet made it, unless such ones are to be taken over (`adopt`).
    """
    there = {(one.namespace, one.name): one for one in observed}
    wanted = {(release.namespace, release.name) for release in desired}
    ours = [one for one in observed if one.cluster == cluster.name and (one.namespace, one.name) not in wanted]
    gone = [one for one in ours if one.status != UNINSTALLED or not one.keeps]
    return (
        *(_step(release, there.get((release.namespace, release.name)), cluster, adopt=adopt) for release in desired),
        *(_leave(one, desired, gone) for one in gone),
    )


def moves(desired: Sequence[Release], observed: Sequence[Observed]) -> Iterator[str]:
    """Of each hub whose address is about to change, for its DNS name: it goes behind an entry, or leaves it. And that
    the address of an entry goes, for those who are told of it."""
    there = {(one.namespace, one.name): one for one in observed}
    for release in desired:
        now = there.get((release.namespace, release.name))
        if now is None or not now.settled or not release.url:
            continue
        host = " and ".join(release.hosts)
        if release.entry and not release.entry.own and now.address:
            yield f"{release.subject} gives up its address {now.address}: have DNS of {host} point to the entry's"
        elif not release.entry and not now.address and not now.unready:
            yield f"{release.subject} gets an address of its own, and leaves the entry's: have DNS of {host} follow"
    wanted = {(release.namespace, release.name) for release in desired}
    for key, one in there.items():
        if key not in wanted and one.cluster and not one.hub and one.address:
            yield f"the address {one.address} of {one.name} goes for good"


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


def _step(release: Release, there: Observed | None, cluster: Cluster, *, adopt: bool) -> Step:
    if there is not None and there.cluster != cluster.name:
        _refuse_foreign(there, adopt=adopt)
    _refuse_to_leave_homes(release, there, cluster)
    action, details = _decide(release, there)
    if there is not None and there.foreign:
        details = (*_taken_over(there), *details)
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
    return (Action.FINISH, (there.unready,)) if there.unready and release.runs else (Action.KEEP, _told(release))


def _told(release: Release) -> tuple[str, ...]:
    return tuple(filter(None, (str(release.chart), release.url)))


def removal(observed: Sequence[Observed], cluster: Cluster, *, claims: bool) -> tuple[Step, ...]:
    """A step for each release of this cluster's file, past ones included. What people keep in them stays, unless
    `claims` go too."""
    ours = [one for one in observed if one.cluster == cluster.name]
    going = [one for one in ours if claims or one.status != UNINSTALLED or not one.keeps]
    return tuple(_remove(one, going, claims=claims) for one in going)


def _after_hubs(one: Observed, going: Sequence[Observed]) -> frozenset[str]:
    """What serves hubs goes after those that go: pods whose homes are on a server that is gone do not end."""
    return frozenset(f"release/{other.name}" for other in going if other.hub and not one.hub)


def _remove(one: Observed, going: Sequence[Observed], *, claims: bool) -> Step:
    lost = (f"home directories and database: {', '.join(one.claims)}",) if one.claims and one.keeps and claims else ()
    stays = (f"kept: {described(one.claims)}",) if one.claims and one.keeps and not claims else ()
    whose = subject(one.hub, one.name)
    return Step(
        f"release/{one.name}",
        Action.DESTROY,
        whose,
        Removed(one, claims=claims or not one.keeps),
        stays,
        loses=lost,
        needs=_after_hubs(one, going),
    )


def _leave(one: Observed, desired: Sequence[Release], going: Sequence[Observed]) -> Step:
    """A hub that left the file goes; what people keep in it does not. What served hubs goes when these do without."""
    why = "it is no longer in the file" if one.hub else "nothing in the file needs it any longer"
    stays = f"stays in the namespace {one.namespace}: {', '.join(one.claims)}"
    kept = stays if one.keeps else "what it measured goes with it"
    details = (why, *((kept,) if one.claims else ()))
    gone = Removed(one, claims=not one.keeps)
    needs = frozenset(f"release/{release.name}" for release in desired if release.hub and not one.hub)
    needs |= _after_hubs(one, going)
    return Step(f"release/{one.name}", Action.DESTROY, subject(one.hub, one.name), gone, details, needs=needs)


def _refuse_foreign(there: Observed, *, adopt: bool) -> None:
    """Refused if this release, which is not of this cluster's file, stays whose it is."""
    what = f"there is a release {there.name} in the namespace {there.namespace} already"
    elsewhere = "give the hub another name, or uninstall that release yourself"
    if not there.foreign:
        why = f"it belongs to the cluster file of {there.cluster}"
    elif not adopt:
        why = "hubfleet did not make it"
        elsewhere = f"to take it over: hubfleet plan --adopt, then hubfleet apply --adopt; else {elsewhere}"
    elif there.at_work:
        why = f"hubfleet did not make it, and Helm says {there.status}: somebody is at work on it"
        elsewhere = "wait until it is done, or mend it with the tool that made it (helm rollback), then plan again"
    else:
        return
    raise Refused(what, why=why, remedy=elsewhere, layer=Layer.HELM)


def _refuse_to_leave_homes(release: Release, there: Observed | None, cluster: Cluster) -> None:
    """Refused if people's homes are elsewhere than they are to be, since all would seem empty."""
    if there is None or not release.hub or cluster.homes(release.hub).start_empty:
        return
    own, shared = any(one.startswith(HOME) for one in there.claims), SHARED in there.claims
    if not (own or shared) or (shared if release.share else own):
        return
    where = ("in volumes of their own", "on one shared volume")
    now, then = where if release.share else where[::-1]
    raise Refused(
        f"the homes of hub {release.hub} are {now}, and would be {then}: all would seem empty",
        why="hubfleet does not copy what is in them",
        remedy=(
            "write it as it was: `homes:` with `quota` for a shared volume, without it for volumes of their own; to "
            "begin with empty homes, and keep the others unseen, write `homes: {start_empty: true}` in the hub"
        ),
        layer=Layer.STORAGE,
    )


def _taken_over(there: Observed) -> Iterator[str]:
    """What it means that a release becomes hubfleet's, for people."""
    yield "taken over, which hubfleet did not make"
    if there.claims:
        yield f"kept: {described(there.claims)}"
    yield f"the namespace {there.namespace} stays as it is, also when the hub goes"


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
    version = cluster.places.find(("charts", "versions", release.chart.name.replace("-", "_")))
    named = not release.hub or cluster.hubs[release.hub].chart == release.chart.name
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
    if is_secret(path, release.secret_paths) or sounds_secret(old) or _was_secret(there, path, old):
        old, new, secret = None, None, True
    else:
        old, secret = HIDDEN if there.foreign and not harmless(path, old) else old, False
    return Change(".".join(path), old, new, place(cluster, release, path), secret)


def _was_secret(there: Observed, path: tuple[str, ...], old: object) -> bool:
    """Where nobody wrote down which of our values were secret, all may have been. Of somebody else's release nobody
    ever did, and a plan that shows nothing of it is none that anybody can agree to: `plan.secrecy` tells what it
    shows."""
    if old is None or there.foreign:
        return False
    return there.secret_keys is None or is_secret(path, there.secret_keys)
