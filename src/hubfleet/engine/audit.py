"""What clusters left in a cloud: found at any time, and taken away when somebody says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hubfleet.engine.run import Clock
from hubfleet.errors import CloudError
from hubfleet.events import Event, Say, Watch
from hubfleet.events import Kind as Said
from hubfleet.plan.leftovers import Item, Price, Sorted, sort
from hubfleet.provider import Rates
from hubfleet.tools.magnum import Magnum
from hubfleet.tools.openstack_inventory import Kind, Thing

_EVERY = 1.0
_IN_USE = (400, 409)
_PATIENCE = 60.0
"""Seconds for what used a thing to let go of it."""


@dataclass(frozen=True)
class Audit:
    """What was found at `at`. `cluster` "": of every cluster; else `elsewhere` is how many things others left.
    `unseen`: what could not be looked at, and why."""

    cloud: str
    cluster: str
    at: datetime
    found: Sorted
    price: Price
    unseen: tuple[str, ...] = ()
    elsewhere: int = 0

    def goes(self, homes_of: str = "") -> tuple[Item, ...]:
        """What a deletion takes: what is left over and free; the kept too of the cluster that is named."""
        kept = self.found.of(homes_of).kept if homes_of else ()
        return tuple(item for item in (*self.found.left, *kept) if not item.held)


@dataclass(frozen=True)
class Stayed:
    """What could not be deleted, and why."""

    item: Item
    why: str


@dataclass(frozen=True)
class Auditor:
    """Of a cloud's project, for clusters of one name ("": of every name)."""

    magnum: Magnum
    cluster: str = ""
    rates: Rates | None = None

    def look(self) -> Audit:
        """What there is, and what it costs."""
        cloud = self.magnum.cloud
        every, unseen = self.found()
        found = every.of(self.cluster) if self.cluster else every
        price = Price(self.rates, {one.id: one for one in cloud.flavors()}, cloud.quota())
        elsewhere = len(every.left) - len(found.left)
        return Audit(cloud.name, self.cluster, datetime.now(UTC), found, price, unseen, elsewhere)

    def found(self) -> tuple[Sorted, tuple[str, ...]]:
        """What there is of every cluster, and what could not be looked at. Things first, then the clusters: what
        belongs to a cluster that was asked for meanwhile is never taken for left over."""
        seen = self.magnum.cloud.inventory()
        return sort(seen.things, self.magnum.every_cluster(), self.magnum.cloud.project_id), seen.unseen

    def remove(
        self, items: Collection[Item], say: Say, watch: Watch, clock: Clock, *, timeout: float
    ) -> tuple[Stayed, ...]:
        """Delete these, kind after kind, and wait until each is seen to be gone. Looks again first: what a living
        cluster has by now, or somebody uses, stays. `timeout`: seconds for the whole."""
        now, _ = self.found()
        free = {item.thing.id: item for item in (*now.left, *now.kept) if not item.held}
        held = {item.thing.id: item.held for item in (*now.left, *now.kept) if item.held}
        held |= {item.thing.id: f"it is of {item.cluster}, which is there again" for item in now.living}
        stayed = [Stayed(item, held[item.thing.id]) for item in items if item.thing.id in held]
        work = _Removal(self.magnum, say, clock, clock.now() + timeout)
        with watch.waiting("OpenStack"):
            for kind in Kind:
                wanted = [item for item in items if item.thing.kind is kind and item.thing.id in free]
                stayed += work.kind(wanted)
        return tuple(stayed)


@dataclass
class _Removal:
    """Of things of one kind after another, until `end`."""

    magnum: Magnum
    say: Say
    clock: Clock
    end: float
    _asked: set[str] = field(default_factory=set[str])

    def kind(self, items: Sequence[Item]) -> list[Stayed]:
        """Those that stayed."""
        began, left = self.clock.now(), list(items)
        why: dict[str, str] = {}
        while left:
            for item in left:
                self._ask(item.thing, why)
            left = [item for item in left if self._stands(item)]
            waited = self.clock.now() - began
            hopeless = all(item.thing.id not in self._asked for item in left) and waited > _PATIENCE
            if not left or hopeless or self.clock.now() >= self.end:
                break
            self.clock.sleep(_EVERY)
        late = "the cloud has not deleted it yet"
        return [Stayed(item, why.get(item.thing.id, late)) for item in left]

    def _ask(self, thing: Thing, why: dict[str, str]) -> None:
        """Once, and again while something uses it."""
        if thing.id in self._asked:
            return
        try:
            self.magnum.cloud.remove(thing)
        except CloudError as error:
            why[thing.id] = error.why or error.what
            if error.status not in (*_IN_USE, 401, 403):
                raise
        else:
            self._asked.add(thing.id)
            why.pop(thing.id, None)

    def _stands(self, item: Item) -> bool:
        if item.thing.id in self._asked and not self.magnum.cloud.there(item.thing):
            self.say(Event(Said.DONE, item.cluster, item.title, "gone"))
            return False
        return True
