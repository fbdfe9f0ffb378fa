"""A project with what a cluster that is gone left in it, for tests of audits."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.errors import CloudError
from hubfleet.plan import volumes
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack_inventory import Inventory, Kind, Thing
from hubfleet.tools.openstack_quota import Room

PROJECT = "p"
RELEASE = "pythia-k5s6t7u2v3w4"
RESOURCE = f"magnum-{PROJECT}-{RELEASE}"
PORT = Thing(Kind.PORT, "p", f"{RELEASE}-user-1-0", users=frozenset({"s"}))
GROUP = Thing(Kind.SECURITY_GROUP, "g", f"k8s-cluster-{RESOURCE}-secgroup-worker")
SERVER = Thing(Kind.SERVER, "s", f"{RELEASE}-user-1")
VOLUME = Thing(Kind.VOLUME, "v", "pvc-1", marks={volumes.RELEASE: RELEASE})
HOME = Thing(Kind.VOLUME, "h", "pvc-2", marks={volumes.RELEASE: RELEASE, volumes.KEEP: "true"})
OTHER = Thing(Kind.SERVER, "o", "web-1")


class Project:
    """Stands for `Cloud` and `Magnum`. `slow`: how many looks a thing stays for; `refuses`: why it cannot go."""

    name, project_id = "js2", PROJECT

    def __init__(self, *things: Thing) -> None:
        self.things, self.cloud = {one.id: one for one in things}, self
        self.clusters: list[Cluster] = []
        self.unseen: tuple[str, ...] = ()
        self.rooms: dict[str, Room] = {}
        self.slow: dict[str, int] = {}
        self.refuses: dict[str, Iterator[CloudError]] = {}
        self.going: set[str] = set()
        self.asked: list[str] = []

    def inventory(self) -> Inventory:
        return Inventory(tuple(self.things.values()), self.unseen)

    def every_cluster(self) -> tuple[Cluster, ...]:
        return tuple(self.clusters)

    def flavors(self) -> tuple[()]:
        return ()

    def quota(self) -> dict[str, Room]:
        return self.rooms

    def remove(self, thing: Thing) -> None:
        self.asked.append(thing.id)
        if refusal := next(self.refuses.get(thing.id, iter(())), None):
            raise refusal
        self.going.add(thing.id)

    def there(self, thing: Thing) -> bool:
        assert thing.id in self.going, "asked about what nobody deleted"
        self.slow[thing.id] = self.slow.get(thing.id, 0) - 1
        if self.slow[thing.id] < 0:
            del self.things[thing.id]
            return False
        return True
