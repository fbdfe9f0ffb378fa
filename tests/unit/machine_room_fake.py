"""A management cluster in memory, and a site where control planes and nodes are lines in a diary."""

from __future__ import annotations

import copy
import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client, Event, Kind, Object, RefusedError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.machine_room import clusters, control_planes, infrastructure, machines
from hubfleet_sandbox.machine_room.credentials import Clouds
from hubfleet_sandbox.machine_room.room import Family, Room

from .openstack_fake import FakeCloud

NAMESPACE = "magnum-p1"
_PATH = re.compile(
    r"^(?P<base>/apis?/.+?)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?P<status>/status)?$"
)


class FakeApi(Client):
    """As the API server: versions, generations, finalizers, watches. Refuses kinds that nobody defined."""

    def __init__(self) -> None:
        self.now = "2026-01-01T00:00:00Z"
        self._items: dict[tuple[str, str, str], Object] = {}
        self._events: list[tuple[int, str, Event]] = []
        self._versions = itertools.count(1)
        self._changed = threading.Condition()

    def get(self, path: str) -> Object | None:
        with self._changed:
            return copy.deepcopy(self._items.get(self._key(path)))

    def list(self, path: str, **parameters: str) -> tuple[list[Object], str]:
        plural, namespace, _ = self._key(path)
        pairs = [pair.partition("=") for pair in parameters.get("labelSelector", "").split(",") if pair]
        with self._changed:
            found = [item for key, item in self._items.items() if key[0] == plural and namespace in ("", key[1])]
            for name, equals, value in pairs:  # without "=": whether the label is there
                labelled = [item for item in found if name in item["metadata"].get("labels", {})]
                found = [item for item in labelled if not equals or item["metadata"]["labels"][name] == value]
            return copy.deepcopy(found), str(next(self._versions))

    def create(self, path: str, item: Object) -> Object:
        made = copy.deepcopy(item)
        made["metadata"].setdefault("namespace", self._key(path)[1])
        made["metadata"] |= {
            "generation": 1,
            "uid": f"uid-{made['metadata']['name']}",
            "creationTimestamp": self.now,
        }
        plural, namespace, _ = self._key(path)
        key = (plural, namespace, made["metadata"]["name"])
        if key in self._items:
            raise RefusedError("POST", 409, "AlreadyExists", path)
        return self._store(key, made, "ADDED")

    def merge(self, path: str, patch: Object) -> Object | None:
        key = self._key(path)
        with self._changed:
            if key not in self._items:
                return None
            item = copy.deepcopy(self._items[key])
            spec = copy.deepcopy(item.get("spec"))
            _merge(item, patch)
            if item.get("spec") != spec:
                item["metadata"]["generation"] += 1
            gone = "deletionTimestamp" in item["metadata"] and not item["metadata"].get("finalizers")
            return self._store(key, item, "DELETED" if gone else "MODIFIED")

    def delete(self, path: str) -> None:
        key = self._key(path)
        with self._changed:
            if key in self._items:
                item = copy.deepcopy(self._items[key])
                item["metadata"]["deletionTimestamp"] = self.now
                self._store(key, item, "MODIFIED" if item["metadata"].get("finalizers") else "DELETED")

    def watch(self, path: str, version: str, *, seconds: int = 300) -> Iterator[Event]:
        plural, end = self._key(path)[0], time.monotonic() + seconds
        seen = int(version)
        while time.monotonic() < end:
            with self._changed:
                news = [(at, event) for at, kind, event in self._events if at > seen and kind == plural]
                if not news:
                    self._changed.wait(0.1)
            for at, event in news:
                seen = at
                yield event

    def _store(self, key: tuple[str, str, str], item: Object, event: str) -> Object:
        with self._changed:
            version = next(self._versions)
            item["metadata"]["resourceVersion"] = str(version)
            if event == "DELETED":
                self._items.pop(key, None)
            else:
                self._items[key] = item
            self._events.append((version, key[0], Event(event, copy.deepcopy(item))))
            self._changed.notify_all()
        return copy.deepcopy(item)

    @staticmethod
    def _key(path: str) -> tuple[str, str, str]:
        found = _PATH.match(path)
        if not found or found["plural"] not in {kind.plural for kind in kinds.CUSTOM} | {"secrets"}:
            raise RefusedError(path, 404, "NotFound", "the server could not find the requested resource")
        return found["plural"], found["namespace"] or "", found["name"] or ""


class FakeWorkload:
    """A workload cluster whose nodes are ready as soon as they are booted."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def node(self, name: str) -> Object | None:
        ready = {"type": "Ready", "status": "True"}
        return {"metadata": {"name": name}, "status": {"conditions": [ready]}} if name in self._site.nodes else None

    def drain(self, name: str, patience: float, moot: Callable[[], bool]) -> None:
        assert patience > 0
        assert not moot()
        if name in self._site.nodes:  # else there is no such Node, and nothing to empty
            self._site.diary.append(f"~node {self._site.nodes[name]}")

    def forget(self, name: str) -> None:
        self._site.nodes.pop(name, None)

    def stop(self) -> None:
        pass


class Site:
    """What runs: `planes` by cluster, `nodes` by machine; `diary` has all that came and went, in order. Control
    planes start while `hold` is set. `cloud`, if a test has one, is every cluster's."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.planes: set[str] = set()
        self.nodes: dict[str, int] = {}
        self.broken: set[str] = set()
        self.cloud: FakeCloud | None = None
        self.diary: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.api = FakeApi()
        self.layout = Layout(folder, folder / "cache", 30, 31000)
        self._patch(monkeypatch)
        self.room = self.another_room()

    def another_room(self) -> Room:
        """A machine room that knows nothing but what the management cluster says."""
        room = Room(self.layout, Path("/programs"), Path("/images"), self.api)
        assert room.synced(5)
        self.room = room
        return room

    def settle(self, done: Callable[[], bool], timeout: float = 10.0) -> None:
        """Let the machine room work until `done`; AssertionError if that does not come."""
        end = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < end, f"never came true; so far: {self.diary}"
            self.room.changed.clear()
            for cluster in self.room.all(kinds.CLUSTER):
                clusters.reconcile(self.room, cluster)
            self.room.changed.wait(0.02)

    def read(self, kind: Kind, name: str) -> Object:
        """An object, as the management cluster has it now."""
        item = self.api.get(kind.path(NAMESPACE, name))
        assert item is not None, f"there is no {kind.name} {name}"
        return item

    def listed(self, kind: Kind) -> list[Object]:
        """Every object of a kind."""
        return self.api.list(kind.path())[0]

    def _patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plane = control_planes.control_plane
        monkeypatch.setattr(plane, "dead", lambda _, one: [] if one.cluster in self.planes else ["apiserver"])
        monkeypatch.setattr(plane, "remove", lambda _, one: self._end_plane(one.cluster))
        monkeypatch.setattr(control_planes, "_start", lambda _, group, __: self._start_plane(group.name))
        monkeypatch.setattr(control_planes, "Workload", lambda *_: FakeWorkload(self))
        monkeypatch.setattr(machines, "_boot", lambda _, __, machine: self._boot(machine))
        monkeypatch.setattr(machines.nodes, "remove", lambda _, number: self._remove(number))
        monkeypatch.setattr(machines.processes, "find", lambda _, name: int(name.split("/")[1]) in self.nodes.values())
        monkeypatch.setattr(Clouds, "of", lambda *_: self.cloud)
        for sign, name in (("+", "_claim"), ("-", "_release")):
            monkeypatch.setattr(infrastructure, name, self._told(f"{sign}cloud", getattr(infrastructure, name)))

    def _told(self, what: str, do: Callable[..., None]) -> Callable[..., None]:
        def tell(room: Room, family: Family, item: Object) -> None:
            self.diary.append(f"{what} {family.name}")
            do(room, family, item)

        return tell

    def _start_plane(self, cluster: str) -> None:
        assert self.hold.wait(10)
        self.planes.add(cluster)
        self.diary.append(f"+plane {cluster}")

    def _end_plane(self, cluster: str) -> None:
        self.planes.discard(cluster)
        self.diary.append(f"-plane {cluster}")

    def _boot(self, machine: Object) -> None:
        name, number = machine["metadata"]["name"], int(machine["metadata"]["annotations"]["hubfleet-sandbox/node"])
        if any(part in name for part in self.broken):
            raise RuntimeError("no machine to be had")
        assert number not in self.nodes.values(), "two machines on one node"
        self.nodes[name] = number
        self.diary.append(f"+node {number}")

    def _remove(self, number: int) -> None:
        self.nodes = {name: one for name, one in self.nodes.items() if one != number}
        self.diary.append(f"-node {number}")


def install(api: FakeApi, name: str, groups: dict[str, int | tuple[int, int]], version: str = "v1.33.1") -> None:
    """What `helm upgrade --install` of the chart does: (min, max) is a group that scales by itself."""
    part = f"{name}-control-plane"
    _apply(api, kinds.CLUSTER, name, {"infrastructureRef": {"name": name}, "controlPlaneRef": {"name": part}})
    _apply(api, kinds.OPENSTACK_CLUSTER, name, {"network": {"id": "net-users"}, "managedSecurityGroups": {}})
    machine = {"flavor": "m3.small", "image": {"id": "image"}, "sshKeyName": "deploy"}
    mine = {"capi.stackhpc.com/cluster": name}
    _apply(api, kinds.MACHINE_TEMPLATE, "m", {"template": {"spec": machine}}, mine)
    plane: Object = {"replicas": 1, "version": version, "machineTemplate": {"infrastructureRef": {"name": "m"}}}
    _apply(api, kinds.CONTROL_PLANE, part, plane)
    for group, size in groups.items():
        labels = {"capi.stackhpc.com/cluster": name, "capi.stackhpc.com/node-group": group}
        references = {"infrastructureRef": {"name": "m"}, "bootstrap": {"configRef": {"name": "b"}}}
        spec: Object = {"clusterName": name}
        spec["template"] = {
            "metadata": {"labels": labels},
            "spec": {"clusterName": name, "version": version, **references},
        }
        annotations = {}
        if isinstance(size, int):
            spec["replicas"] = size
        else:
            key = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-{}-size"
            annotations = {key.format("min"): str(size[0]), key.format("max"): str(size[1])}
        _apply(api, kinds.MACHINE_DEPLOYMENT, f"{name}-{group}", spec, labels, annotations)


def _apply(api: FakeApi, kind: Kind, name: str, spec: Object, labels: Any = None, annotations: Any = None) -> None:
    if api.merge(kind.path(NAMESPACE, name), {"spec": spec}) is None:
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}, "annotations": annotations or {}}
        api.create(
            kind.path(NAMESPACE),
            {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec},
        )


def _merge(item: Object, patch: Object) -> None:
    for name, value in patch.items():
        if value is None:
            item.pop(name, None)
        elif isinstance(value, dict) and isinstance(item.get(name), dict):
            _merge(item[name], value)
        else:
            item[name] = copy.deepcopy(value)
