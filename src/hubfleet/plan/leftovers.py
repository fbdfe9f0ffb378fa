"""What of a project's things a cluster that is gone left, what is kept on purpose, what living clusters have. Pure.

A thing is a cluster's if its makers wrote the release of Magnum's driver on it: the cluster's name (sanitized, cut at
30 characters), a hyphen, twelve characters of base32 (magnum-capi-helm 1.4 driver.py:1219, Magnum 23
common/short_id.py). That is never used again, and Magnum lists every cluster of the project, whoever made it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubfleet.plan import volumes
from hubfleet.tools.openstack_inventory import Kind, Thing
from hubfleet.tools.openstack_volumes import Volume

if TYPE_CHECKING:
    from hubfleet.provider import Rates
    from hubfleet.tools.magnum import Cluster
    from hubfleet.tools.openstack import Flavor
    from hubfleet.tools.openstack_quota import Rooms

_RELEASE = r"(?P<release>[a-z0-9][a-z0-9-]*-[a-z2-7]{12})"
_NAME = 30
"""Characters of a cluster's name in its release."""
_MARKS = (
    # Cluster API's OpenStack provider 0.10, pkg/cloud/services: networking, loadbalancer
    r"Created by cluster-api-provider-openstack cluster [a-z0-9-]*{project}-{release}",
    r"k8s-clusterapi-cluster-[a-z0-9-]*{project}-{release}(-kubeapi)?",
    r"k8s-cluster-[a-z0-9-]*{project}-{release}-secgroup-[a-z]+",
    # cloud-provider-openstack, pkg/openstack/loadbalancer.go
    r"kube_service_{release}_.+",
    r"Kubernetes external service \S+ from cluster {release}",
    r"Floating IP for Kubernetes external service \S+ from cluster {release}",
    r"Security Group for \S+ Service LoadBalancer in cluster {release}",
)
_UUID = re.compile(r"magnum-(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-f]+")
"""A credential of Magnum's (magnum-capi-helm 1.4 common/app_creds.py:66)."""
_TITLE = re.compile(r"Magnum cluster \((?P<name>.+)\)")
_NEVER = datetime.min.replace(tzinfo=UTC)
_NAMED = frozenset({Kind.SERVER, Kind.PORT, Kind.VOLUME, Kind.SERVER_GROUP, Kind.SNAPSHOT})
"""Kinds of which a cluster's bear its release as the beginning of their names and may have no other mark."""


@dataclass(frozen=True)
class Item:
    """A thing of a cluster's: its `cluster`'s name ("" where nothing tells it), and the `release` (of a credential,
    the UUID) by which it is known. `living`: Magnum has the cluster. `kept`: homes and databases, which stay on
    purpose. `held`: why it cannot go now, "" if it can."""

    thing: Thing
    cluster: str
    release: str
    living: bool = False
    kept: bool = False
    held: str = ""

    @property
    def title(self) -> str:
        """Kind, name and id."""
        named = f"{self.thing.name} ({self.thing.id})" if self.thing.name else self.thing.id
        return f"{self.thing.kind} {named}"

    @property
    def volume(self) -> Volume:
        """The thing as `plan.volumes` wants it."""
        one = self.thing
        return Volume(one.id, one.name, one.size or 0, one.status, one.created or _NEVER, one.marks)


@dataclass(frozen=True)
class Sorted:
    """`left`: of clusters that are gone. `kept`: likewise, but on purpose. `living`: of clusters that are there."""

    left: tuple[Item, ...] = ()
    kept: tuple[Item, ...] = ()
    living: tuple[Item, ...] = ()

    def of(self, cluster: str) -> Sorted:
        """What is of the clusters of this name alone. One that is gone may be known by its `stem` only."""
        names = {cluster, stem(cluster)}
        return Sorted(*(tuple(i for i in part if i.cluster in names) for part in (self.left, self.kept, self.living)))

    def by(self, ids: Collection[str]) -> Sorted:
        """What is known by these releases and UUIDs."""
        return Sorted(*(tuple(i for i in part if i.release in ids) for part in (self.left, self.kept, self.living)))


def sort(things: Sequence[Thing], clusters: Sequence[Cluster], project: str) -> Sorted:
    """`clusters` are all of the project (its id), asked for after the `things`: so one that was being made meanwhile is
    among them."""
    found = [*_items(things, clusters, re.sub("[^a-z0-9]", "", project.lower()))]
    gone = [item for item in found if not item.living]
    ours = {id_ for item in gone for id_ in (item.thing.id, *item.thing.parts)}
    gone = [_with_holder(item, ours) for item in gone]
    return Sorted(
        tuple(sorted((item for item in gone if not item.kept), key=_order)),
        tuple(sorted((item for item in gone if item.kept), key=_order)),
        tuple(sorted((item for item in found if item.living), key=_order)),
    )


def _items(things: Sequence[Thing], clusters: Sequence[Cluster], project: str) -> Iterator[Item]:
    marks = [re.compile(mark.replace("{project}", project).replace("{release}", _RELEASE)) for mark in _MARKS]
    written = [(thing, [*_written(thing, marks)]) for thing in things]
    known = {release for _, found in written for release in found}
    known |= {one.release for one in clusters if one.release}
    alive = _Alive(clusters)
    for thing, releases in written:
        if thing.kind is Kind.CREDENTIAL:
            yield from _credential(thing, alive)
            continue
        own = releases or [release for release in known if _begins(thing, release)]
        if own:
            yield _item(thing, next(filter(alive.release, own), own[0]), alive)


class _Alive:
    """The clusters that Magnum has."""

    def __init__(self, clusters: Sequence[Cluster]) -> None:
        self._names = {one.release: one.name for one in clusters if one.release}
        self._uuids = {one.uuid: one.name for one in clusters}
        self._unnamed = {stem(one.name): one.name for one in clusters if not one.release}
        self._stems = {stem(one.name): one.name for one in clusters}

    def release(self, release: str) -> str:
        """The name of the living cluster of this release, "" if there is none. One that has no release yet may be given
        this one just now."""
        return self._names.get(release) or self._unnamed.get(release[:-13], "")

    def uuid(self, uuid: str) -> str:
        """Likewise."""
        return self._uuids.get(uuid, "")

    def name(self, name: str) -> str:
        """The name of a living cluster that is called so, or whose releases begin so."""
        return name if name in self._uuids.values() else self._stems.get(name, "")


def stem(name: str) -> str:
    """How the releases of a cluster of this name begin (magnum-capi-helm 1.4 driver.py:1226)."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:_NAME]


def _written(thing: Thing, marks: Iterable[re.Pattern[str]]) -> Iterator[str]:
    for text in (thing.name, thing.description, *thing.tags):
        for mark in marks:
            if found := mark.fullmatch(text):
                yield found["release"]
    release = thing.marks.get(volumes.RELEASE, "")
    if re.fullmatch(_RELEASE, release):
        yield release


def _begins(thing: Thing, release: str) -> bool:
    return thing.kind in _NAMED and thing.name.startswith(f"{release}-")


def _credential(thing: Thing, alive: _Alive) -> Iterator[Item]:
    if found := _UUID.fullmatch(thing.name):
        title, living = _TITLE.fullmatch(thing.description), alive.uuid(found["uuid"])
        name = living or (title["name"] if title else "")
        yield Item(thing, "" if name == found["uuid"] else name, found["uuid"], bool(living))


def _item(thing: Thing, release: str, alive: _Alive) -> Item:
    """A volume that is kept, or that hubfleet marked, is of the living cluster of that name too: apply finds it."""
    living, kept = alive.release(release), volumes.lasts(thing.marks)
    name = thing.marks.get(volumes.CLUSTER) or release[:-13]
    if kept or volumes.CLUSTER in thing.marks:
        living = living or alive.name(name)
    return Item(thing, living or name, release, bool(living), kept)


def _with_holder(item: Item, ours: Collection[str]) -> Item:
    others = sorted(item.thing.users - set(ours))
    if not others:
        return item
    user = "a server" if item.thing.kind in (Kind.VOLUME, Kind.PORT) else others[0]
    return Item(item.thing, item.cluster, item.release, item.living, item.kept, f"{user} uses it")


_KINDS = list(Kind)


def _order(item: Item) -> tuple[str, str, int, str]:
    return item.cluster, item.release, _KINDS.index(item.thing.kind), item.thing.name


@dataclass(frozen=True)
class Price:
    """What things cost: by the provider's rates where it has any, else of the project's quota."""

    rates: Rates | None
    flavors: Mapping[str, Flavor]
    """By id."""
    rooms: Rooms

    def units(self, thing: Thing) -> float | None:
        """An hour; None where nothing is published."""
        flavor = self.flavors.get(thing.machine)
        return self.rates.hourly(flavor.name, flavor.vcpus) if self.rates and flavor else None

    def told(self, thing: Thing) -> str:
        """In words: "4 SU an hour", "1 of 10 floating IPs", "10 of 1000 GiB"; "" where nobody counts it."""
        units = self.units(thing)
        if units is not None and self.rates:
            return f"{units:g} {self.rates.unit} an hour"
        count, room, what = 1, self.rooms.get(f"{thing.kind}s"), f"{thing.kind}s"
        if thing.kind is Kind.VOLUME:
            count, room, what = thing.size or 0, self.rooms.get("gigabytes"), "GiB"
        if thing.kind is Kind.SERVER:
            room, what = self.rooms.get("instances"), "servers"
        return "" if room is None or room.limit is None else f"{count} of {room.limit} {what}"

    def size(self, thing: Thing) -> str:
        """In words: "10 GiB", the flavor's name, ""."""
        if thing.size is not None:
            return f"{thing.size} GiB"
        flavor = self.flavors.get(thing.machine)
        return flavor.name if flavor else ""


def age(created: datetime | None, now: datetime) -> str:
    """In words: "3 h", "12 days", "" where nobody tells."""
    if created is None:
        return ""
    minutes = max(0, (now - created).total_seconds()) / 60
    for size, unit in ((24 * 60, "day"), (60, "hour")):
        if minutes >= size:
            return f"{minutes // size:.0f} {unit}{'' if minutes < 2 * size else 's'}"
    return f"{minutes:.0f} min"
