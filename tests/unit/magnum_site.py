"""A site with Magnum, for tests: what a tenant sees of Magnum 23 with magnum-capi-helm 1.4, on a fake clock.

It keeps what matters to whoever makes requests: a change is an upgrade of one Helm release that takes a while; a second
one meanwhile fails; Magnum looks every ten seconds, and only at clusters that are in progress. Calls that the real door
does not have do not exist here either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hubfleet.errors import CloudError, Layer
from hubfleet.tools.kube_objects import Node, Pod
from hubfleet.tools.magnum import Cluster, NodeGroup, Template
from hubfleet.tools.openstack import Balancer, Credential, Flavor, Server, Token
from hubfleet.tools.openstack_errors import Unanswered
from hubfleet.tools.openstack_inventory import Inventory, Thing
from hubfleet.tools.openstack_quota import Room
from hubfleet.tools.openstack_volumes import Volume
from tests.unit.clocks import FakeClock

TEMPLATE = Template(
    "t-1", "kubernetes-1-33", "image", "kubernetes", {}, external_network="public", name_server="9.9.9.9"
)
CONFLICT = "Command: helm upgrade ... Exit code: 1 ... Stderr: 'Error: UPGRADE FAILED: release: already exists'"


@dataclass
class Machines:
    """What Cluster API has of a group: how many, and when they are ready."""

    count: int
    ready_at: float
    kubelet: str = "v1.33.2"


class Cloud:
    """The part of the cloud that is not Magnum."""

    name, project_id = "js2", "p"

    def __init__(self) -> None:
        self.owned: list[Thing] = []
        self.machines: tuple[Server, ...] = ()
        self.rooms: dict[str, Room] = {}
        self.under_way: set[str] = set()
        """Releases with which Cluster API has begun."""
        self.own: list[Credential] = []
        self.disks: dict[str, Volume] = {}
        self.octavia: tuple[Balancer, ...] | None = None
        """None: the cloud has none."""

    def flavors(self) -> tuple[Flavor, ...]:
        return (Flavor("f-1", "m3.quad", 4, 15360, 20), Flavor("f-2", "m3.large", 16, 61440, 60))

    def servers(self) -> tuple[Server, ...]:
        return self.machines

    def quota(self) -> dict[str, Room]:
        return self.rooms

    def balancers(self) -> tuple[Balancer, ...] | None:
        return self.octavia

    def begun(self, release: str) -> bool:
        return release in self.under_way

    def token(self) -> Token:
        who = ("ada", "u", "PHY123", "p")
        ends = datetime(2026, 11, 23, tzinfo=UTC)
        return Token(*who, frozenset({"member"}), ends, frozenset({"container-infra"}), None, "password")

    def application_credentials(self) -> tuple[Credential, ...]:
        return tuple(self.own)

    def offers(self, service: str) -> bool:
        return service in {"block-storage", "container-infra"}

    def volumes(self) -> tuple[Volume, ...]:
        return tuple(self.disks.values())

    def mark_volume(self, volume: str, metadata: Mapping[str, str]) -> None:
        self.disks[volume] = replace(self.disks[volume], metadata={**self.disks[volume].metadata, **metadata})

    def delete_volume(self, volume: str) -> None:
        if self.disks[volume].status != "available":
            raise CloudError("Invalid volume", layer=Layer.STORAGE, status=400)
        del self.disks[volume]

    def inventory(self) -> Inventory:
        return Inventory(tuple(self.owned))


class Site:
    """Stands for `tools.magnum.Magnum`. Seconds: `helm` for an upgrade, `control_plane` until the API has an address
    after it, `boot` for nodes."""

    def __init__(self, clock: FakeClock, *, helm: float = 2.0, control_plane: float = 20.0, boot: float = 30.0) -> None:
        self.clock, self.helm, self.control_plane, self.boot = clock, helm, control_plane, boot
        self.cloud = Cloud()
        self.clusters: dict[str, Cluster] = {}
        self.group_rows: dict[str, NodeGroup] = {}
        self.machines: dict[str, Machines] = {}
        self.requests: list[str] = []
        self.create_reason = ""
        """Not "": creating fails in the driver, with these words."""
        self.lose_answers = 0
        """So many POSTs are heard while their answer is lost."""
        self.pods: tuple[Pod, ...] = ()
        """So many requests are heard while their answer is lost."""
        self.unheard = 0
        """So many changes of groups are not heard at all."""
        self.stuck_addon = False
        self.now = "2026-11-22T15:00:00+00:00"
        """When clusters are written down."""
        self.kubernetes = {"t-1": "v1.33.2", "t-2": "v1.34.4"}
        """Of the site's templates."""
        self._api_version = "v1.33.2"
        self._rolls_until = float("-inf")
        self.forgetful = ""
        """The name of a group whose request Magnum forgets half way, once."""
        self.abandons = 0
        """So many clusters are written down, and then Magnum is killed."""
        self.killed_after_helm = False
        """Magnum is killed when Helm has installed the next cluster, so that no group ever has its release."""
        self._written: dict[str, float] = {}
        self._helm_until = float("-inf")
        self._events: list[tuple[float, Callable[[], None]]] = []
        self._next_look = clock.now() + 10
        self._lock = threading.RLock()

    # the door's face

    def cluster(self, name_or_uuid: str) -> Cluster | None:
        with self._lock:
            self._advance()
            found = next((c for c in self.clusters.values() if name_or_uuid in (c.name, c.uuid)), None)
            if found is None or found.uuid not in self._written:
                return found
            return replace(found, age=self.clock.now() - self._written[found.uuid])

    def every_cluster(self) -> tuple[Cluster, ...]:
        with self._lock:
            self._advance()
            return tuple(self.clusters.values())

    def named(self, name: str) -> tuple[Cluster, ...]:
        with self._lock:
            self._advance()
            found = (one for one in self.clusters.values() if one.name == name)
            return tuple(sorted(found, key=lambda one: (one.created, one.uuid)))

    def template(self, uuid: str) -> Template | None:
        return TEMPLATE if uuid == TEMPLATE.uuid else None

    def create_cluster(self, body: Mapping[str, Any]) -> str:
        with self._lock:
            self._advance()
            uuid = f"u-{len(self.requests)}"
            self.requests.append(f"create cluster {body['name']}")
            self._after(0.5, lambda: self._write_cluster(uuid, body))
            return self._answered(uuid)

    def delete_cluster(self, uuid: str) -> None:
        with self._lock:
            self._advance()
            self.requests.append(f"delete cluster {uuid}")
            self.clusters[uuid] = replace(self.clusters[uuid], status="DELETE_IN_PROGRESS")
            if self.forgetful == "delete":
                self.forgetful = ""
            else:
                self._after(15, lambda: self._forget(uuid))

    def resize(self, uuid: str, group: str, count: int) -> None:
        with self._lock:
            self._advance()
            name = self._named(group)
            self._heard()
            self.requests.append(f"resize {name} {count}")
            self._row(name, count=count, status="UPDATE_IN_PROGRESS")
            if name == self.forgetful:
                self.forgetful = ""
                return
            if name == "default-master":
                self.clusters[uuid] = replace(self.clusters[uuid], control_plane_nodes=count)
            self._upgrade(uuid, on_success=lambda: self._status(uuid, "UPDATE_IN_PROGRESS"), on_failure=name)
            self._answered(None)

    def upgrade(self, uuid: str, template: str) -> None:
        with self._lock:
            self._advance()
            self.requests.append(f"upgrade {template}")
            if not self.clusters[uuid].status.endswith("_COMPLETE"):
                return
            self.clusters[uuid] = replace(self.clusters[uuid], template=template)
            self._status(uuid, "UPDATE_IN_PROGRESS")
            for name in self.group_rows:
                self._row(name, status="UPDATE_IN_PROGRESS")
            self._rolls_until, new = float("inf"), self.kubernetes[template]
            rolls = lambda: self._after(self.control_plane, lambda: self._roll(uuid, new))  # noqa: E731
            self._upgrade(uuid, on_success=rolls, on_failure="default-worker")

    def brief_groups(self, uuid: str) -> tuple[NodeGroup, ...]:
        with self._lock:
            self._advance()
            if uuid not in self.clusters:
                return ()
            return tuple(replace(g, min=None, max=None, reason="", labels={}) for g in self.group_rows.values())

    def groups(self, uuid: str) -> tuple[NodeGroup, ...]:
        with self._lock:
            self._advance()
            return tuple(self.group_rows.values()) if uuid in self.clusters else ()

    def group(self, uuid: str, name_or_uuid: str) -> NodeGroup | None:
        return next((g for g in self.groups(uuid) if name_or_uuid in (g.name, g.uuid)), None)

    def create_group(self, uuid: str, body: Mapping[str, Any]) -> bool:
        with self._lock:
            self._advance()
            if not self.clusters[uuid].api_address:
                return False
            name = body["name"]
            assert name not in self.group_rows, f"the node group {name} was asked for twice"
            self.requests.append(f"create group {name}")
            self._status(uuid, "UPDATE_IN_PROGRESS")
            self.group_rows[name] = _group(
                name, body["flavor_id"], body["node_count"], body["min_node_count"], body["max_node_count"]
            )
            if name == self.forgetful:
                self.forgetful = ""
            else:
                self._upgrade(uuid, on_failure=name)
            return self._answered(True)

    def change_group(self, uuid: str, group: str, bounds: Mapping[str, int]) -> None:
        with self._lock:
            self._advance()
            name = self._named(group)
            row = self.group_rows[name]
            least, most = bounds["min_node_count"], bounds["max_node_count"]
            assert least <= row.count <= most, f"Magnum refuses this with 400: {row} {bounds}"
            self._heard()
            self.requests.append(f"change {name} {least} {most}")
            if row.status in {"CREATE_IN_PROGRESS", "CREATE_FAILED"}:
                return
            self._status(uuid, "UPDATE_IN_PROGRESS")
            self._row(name, min=least, max=most, status="UPDATE_IN_PROGRESS")
            self._upgrade(uuid, on_failure=name)
            self._answered(None)

    def delete_group(self, uuid: str, group: str) -> None:
        with self._lock:
            self._advance()
            self._heard()
            self.requests.append(f"delete group {group}")
            self._status(uuid, "UPDATE_IN_PROGRESS")
            self._row(group, status="DELETE_IN_PROGRESS")
            self._upgrade(uuid, on_failure=group, without=group)
            self._answered(None)

    def certificate_authority(self, uuid: str) -> str:
        return f"CA of {uuid}"

    def sign(self, uuid: str, request: str) -> str:
        assert "CERTIFICATE REQUEST" in request
        return f"certificate by {uuid}"

    # the cluster's own API

    def nodes(self) -> tuple[Node, ...]:
        """The nodes as Kubernetes has them."""
        with self._lock:
            self._advance()
            now = self.clock.now()
            return tuple(
                Node(f"{name}-{i}", True, "", {"capi.stackhpc.com/node-group": name}, {}, machines.kubelet, True, "")
                for name, machines in self.machines.items()
                for i in range(machines.count)
                if now >= machines.ready_at
            )

    def api_version(self) -> str:
        """Of the control plane."""
        with self._lock:
            self._advance()
            return self._api_version

    # behind it

    def add_cluster(self, name: str = "pythia", **changes: Any) -> Cluster:
        """A cluster that is there."""
        labels = {"hubfleet": "1", "auto_scaling_enabled": "true", "min_node_count": "1"}
        made = Cluster(
            uuid="u-old",
            name=name,
            status="CREATE_COMPLETE",
            template="t-1",
            labels=labels,
            api_address="https://10.0.0.1:6443",
            keypair="deploy",
            control_plane_machine="m3.quad",
            control_plane_nodes=1,
            release=f"{name}-abc",
            version="v1.33.2",
        )
        self.clusters["u-old"] = replace(made, **changes)
        return self.clusters["u-old"]

    def add_group(self, name: str, machine: str, count: int, least: int, most: int | None, **changes: Any) -> NodeGroup:
        """A node group that is there, with its nodes."""
        row = replace(_group(name, machine, count, least, most), status="CREATE_COMPLETE", release="r", **changes)
        self.group_rows[name] = row
        self.machines[name] = Machines(count, self.clock.now())
        return row

    def _heard(self) -> None:
        if self.unheard:
            self.unheard -= 1
            raise CloudError("Magnum answered 503", layer=Layer.MAGNUM, status=503)

    def _answered(self, answer: Any) -> Any:
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unanswered("POST failed at js2", why="Connection reset by peer", layer=Layer.NETWORK)
        return answer

    def _write_cluster(self, uuid: str, body: Mapping[str, Any]) -> None:
        self.clusters[uuid] = Cluster(
            uuid=uuid,
            name=body["name"],
            status="CREATE_IN_PROGRESS",
            template=body["cluster_template_id"],
            labels={key: str(value) for key, value in body["labels"].items()},
            keypair=body["keypair"],
            control_plane_machine=body["master_flavor_id"],
            control_plane_nodes=body["master_count"],
            created=self.now,
        )
        master = _group("default-master", body["master_flavor_id"], body["master_count"], 0, None)
        self.group_rows = {
            "default-master": replace(master, role="master"),
            "default-worker": _group("default-worker", body["flavor_id"], body["node_count"], 1, None),
        }
        self._written[uuid] = self.clock.now()
        if self.abandons:
            self.abandons -= 1
            return
        if self.create_reason:
            self._after(2, lambda: self._status(uuid, "CREATE_FAILED", reason=self.create_reason))
            return
        self.clusters[uuid] = replace(self.clusters[uuid], release=f"{body['name']}-abc")
        self._upgrade(uuid, on_success=lambda: self._installed(uuid), on_failure="default-worker")

    def _installed(self, uuid: str) -> None:
        if not self.killed_after_helm:
            self.group_rows = {name: replace(row, release="r") for name, row in self.group_rows.items()}
        self._after(self.control_plane, lambda: self._address(uuid))

    def _address(self, uuid: str) -> None:
        self.clusters[uuid] = replace(self.clusters[uuid], api_address="https://10.0.0.1:6443")

    def _upgrade(
        self, uuid: str, *, on_failure: str, on_success: Callable[[], None] = lambda: None, without: str = ""
    ) -> None:
        """Of all groups but the one that a request deletes: another that is on its way out comes back."""
        now = self.clock.now()
        if now < self._helm_until:
            self._after(0.7, lambda: self._conflict(uuid, on_failure))
            return
        self._helm_until = now + self.helm
        rows = {n: r for n, r in self.group_rows.items() if r.role != "master" and n != without}
        wanted = {n: (r.count, self._scales(uuid, r)) for n, r in rows.items()}

        def over() -> None:
            for name, (count, scales) in wanted.items():
                if name not in self.machines or (self.machines[name].count != count and not scales):
                    self.machines[name] = Machines(count, self.clock.now() + self.boot)
            for name in set(self.machines) - set(wanted):
                del self.machines[name]
            on_success()

        self._after(self.helm, over)

    def _scales(self, uuid: str, row: NodeGroup) -> bool:
        """The chart leaves such a group's number of nodes to the autoscaler (magnum-capi-helm 1.4 driver.py:718)."""
        return self.clusters[uuid].labels.get("auto_scaling_enabled") == "true" and row.min != (row.max or row.count)

    def _roll(self, uuid: str, kubernetes: str) -> None:
        """The control plane is new; now every pool's nodes, one of a pool at a time."""
        self.clusters[uuid] = replace(self.clusters[uuid], version=kubernetes)
        self._api_version = kubernetes
        self._rolls_until = self.clock.now() + self.boot * max(old.count for old in self.machines.values())
        for name, old in self.machines.items():
            self.machines[name] = Machines(old.count, self.clock.now() + self.boot * old.count, kubernetes)

    def _conflict(self, uuid: str, name: str) -> None:
        status = self.group_rows[name].status.replace("IN_PROGRESS", "FAILED")
        self._row(name, status=status, reason=CONFLICT)
        self._status(uuid, "UPDATE_FAILED")

    def _look(self) -> None:
        """Magnum's periodic task."""
        for uuid, cluster in list(self.clusters.items()):
            if not cluster.under_way or cluster.status.startswith("DELETE"):
                continue
            now, address = self.clock.now(), cluster.api_address
            if now < self._rolls_until:
                continue
            for name, row in list(self.group_rows.items()):
                machines = self.machines.get(name)
                if row.status == "DELETE_IN_PROGRESS" and machines is None:
                    del self.group_rows[name]
                elif (row.role == "master" and address) or (machines and now >= machines.ready_at):
                    self._row(name, status=row.status.partition("_")[0] + "_COMPLETE", reason="")
            waits = any(row.under_way for row in self.group_rows.values()) or self.stuck_addon
            if address and not waits:
                self._status(uuid, cluster.status.partition("_")[0] + "_COMPLETE")

    def _status(self, uuid: str, status: str, *, reason: str = "") -> None:
        faults = {g.name: g.reason for g in self.group_rows.values() if g.failed} if status.endswith("FAILED") else {}
        self.clusters[uuid] = replace(self.clusters[uuid], status=status, reason=reason, faults=faults)

    def _row(self, name: str, **changes: Any) -> None:
        self.group_rows[name] = replace(self.group_rows[name], **changes)

    def _named(self, group: str) -> str:
        return next(row.name for row in self.group_rows.values() if group in (row.name, row.uuid))

    def _forget(self, uuid: str) -> None:
        self.clusters.pop(uuid, None)
        if not self.clusters:
            self.group_rows, self.machines = {}, {}

    def _after(self, seconds: float, event: Callable[[], None]) -> None:
        self._events.append((self.clock.now() + seconds, event))

    def _advance(self) -> None:
        """Everything that has come due happens, in its order."""
        while True:
            now = self.clock.now()
            due = min((when for when, _ in self._events), default=float("inf"))
            if min(due, self._next_look) > now:
                return
            if due <= self._next_look:
                event = next(e for e in self._events if e[0] == due)
                self._events.remove(event)
                event[1]()
            else:
                self._next_look += 10
                self._look()


class Kube:
    """Stands for `tools.kube.Kube`, as far as clusters are concerned."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def ready(self) -> bool:
        return any(cluster.api_address for cluster in self._site.clusters.values())

    def version(self) -> str:
        if not self.ready():
            raise CloudError("the API server does not answer", layer=Layer.KUBERNETES)
        return self._site.api_version()

    def nodes(self) -> tuple[Node, ...]:
        if not self.ready():
            raise CloudError("the API server does not answer", layer=Layer.KUBERNETES)
        return self._site.nodes()

    def pods(self, namespace: None) -> tuple[Pod, ...]:
        return self._site.pods


def _group(name: str, machine: str, count: int, least: int, most: int | None) -> NodeGroup:
    default = name.startswith("default-")
    labels = {"hubfleet": "1"} | ({} if default else {"hubfleet_group": name})
    return NodeGroup(f"g-{name}", name, machine, "CREATE_IN_PROGRESS", count, default, "worker", labels, least, most)
