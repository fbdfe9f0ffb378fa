"""The program that puts labels and taints of pools on nodes: what it changes, and what it never touches."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hubfleet

Node = dict[str, Any]
GPU = {"key": "example.org/gpu", "value": "true", "effect": "NoSchedule"}
IN_GPU = {"nodes": {"group": "gpu"}}
POOLS = {"gpu": IN_GPU | {"labels": {"example.org/gpu": "a100"}, "taints": ["example.org/gpu=true:NoSchedule"]}}
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-11-22T12:00:00Z"}


def program() -> ModuleType:
    place = Path(hubfleet.__file__).parent / "charts" / "labeller" / "files" / "labeller.py"
    spec = importlib.util.spec_from_file_location("labeller", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


labeller = program()


class Site:
    """An API server's nodes, as the labeller's Api gives them: a merge patch needs the present version."""

    def __init__(self) -> None:
        self.nodes_by_name: dict[str, Node] = {}
        self.version = 0
        self.patches: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.before_patch: Callable[[str], None] = lambda name: None

    def put(self, name: str, *, taints: list[Any] | None = None, **labels: str) -> Node:
        self.version += 1
        metadata = {"name": name, "resourceVersion": str(self.version), "labels": labels}
        self.nodes_by_name[name] = {"metadata": metadata, "spec": {"taints": taints} if taints else {}}
        return self.nodes_by_name[name]

    def nodes(self) -> tuple[list[Node], str]:
        return [json.loads(json.dumps(node)) for node in self.nodes_by_name.values()], str(self.version)

    def node(self, name: str) -> Node:
        if name not in self.nodes_by_name:
            raise labeller.Refused(404, "gone")
        return dict(json.loads(json.dumps(self.nodes_by_name[name])))

    def patch(self, name: str, body: Any) -> None:
        self.before_patch(name)
        node = self.nodes_by_name.get(name)
        if node is None:
            raise labeller.Refused(404, "gone")
        if body["metadata"].pop("resourceVersion") != node["metadata"]["resourceVersion"]:
            raise labeller.Refused(409, "the object has been modified")
        self.version += 1
        self.nodes_by_name[name] = merged(node, body)
        self.nodes_by_name[name]["metadata"]["resourceVersion"] = str(self.version)
        self.patches.append(name)

    def watch(self, version: str) -> Iterator[dict[str, Any]]:
        yield from self.events

    def labels(self, name: str) -> dict[str, str]:
        return dict(self.nodes_by_name[name]["metadata"]["labels"])

    def taints(self, name: str) -> list[Any]:
        return list(self.nodes_by_name[name]["spec"].get("taints", []))


def merged(there: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(there) if isinstance(there, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@pytest.fixture
def site() -> Site:
    return Site()


def once(site: Site, pools: Any = POOLS) -> list[str]:
    """One pass over every node; what was said."""
    said: list[str] = []
    labeller.Labeller(site, pools, say=said.append).every()
    return said


def test_a_node_of_the_pool_gets_its_labels_and_taints_and_others_nothing(site: Site) -> None:
    site.put("g1", group="gpu")
    site.put("u1", group="user")
    once(site)
    assert site.labels("g1") == {"group": "gpu", "example.org/gpu": "a100"}
    assert site.taints("g1") == [GPU]
    assert (site.labels("u1"), site.taints("u1"), site.patches) == ({"group": "user"}, [], ["g1"])


def test_a_second_pass_changes_nothing(site: Site) -> None:
    site.put("g1", group="gpu")
    once(site)
    assert once(site) == []
    assert site.patches == ["g1"]


def test_what_left_the_file_goes_and_what_others_set_stays(site: Site) -> None:
    site.put("g1", taints=[NOT_READY], group="gpu", theirs="x")
    once(site)
    other = {"key": "spot", "value": "", "effect": "NoExecute"}
    once(site, {"gpu": IN_GPU | {"labels": {"new": "1"}, "taints": ["spot:NoExecute"]}})
    assert site.labels("g1") == {"group": "gpu", "theirs": "x", "new": "1"}
    assert site.taints("g1") == [NOT_READY, other]
    once(site, {})
    assert site.labels("g1") == {"group": "gpu", "theirs": "x"}
    assert site.taints("g1") == [NOT_READY]
    assert site.nodes_by_name["g1"]["metadata"]["annotations"] == {}


def test_another_value_takes_the_place_of_the_old_one(site: Site) -> None:
    site.put("g1", taints=[GPU | {"value": "old"}], group="gpu", **{"example.org/gpu": "old"})
    once(site)
    assert (site.labels("g1")["example.org/gpu"], site.taints("g1")) == ("a100", [GPU])


def test_a_taint_that_is_there_keeps_its_time(site: Site) -> None:
    since = GPU | {"timeAdded": "2026-11-22T12:00:00Z"}
    site.put("g1", taints=[since], group="gpu")
    once(site)
    assert site.taints("g1") == [since]


def test_a_taint_with_another_effect_is_somebody_elses(site: Site) -> None:
    theirs = GPU | {"effect": "NoExecute"}
    site.put("g1", taints=[theirs], group="gpu")
    once(site)
    once(site, {})
    assert site.taints("g1") == [theirs]


def test_a_node_that_somebody_changes_at_the_same_time_keeps_both_changes(site: Site) -> None:
    site.put("g1", group="gpu")

    def somebody(name: str) -> None:
        site.before_patch = lambda _: None
        site.put(name, taints=[NOT_READY], group="gpu", theirs="x")

    site.before_patch = somebody
    once(site)
    assert site.labels("g1") == {"group": "gpu", "theirs": "x", "example.org/gpu": "a100"}
    assert site.taints("g1") == [NOT_READY, GPU]


def test_a_node_that_goes_meanwhile_is_no_failure(site: Site) -> None:
    site.put("g1", group="gpu")
    site.before_patch = lambda name: site.nodes_by_name.clear()
    once(site)
    assert site.patches == []


@pytest.mark.parametrize("mark", ["", "{", "[]", "3", '{"labels": null}'])
def test_a_mark_that_nobody_can_read_counts_as_none(site: Site, mark: str) -> None:
    site.put("g1", group="gpu")["metadata"]["annotations"] = {labeller.MARK: mark}
    once(site)
    assert site.taints("g1") == [GPU]


def test_a_node_that_cannot_be_changed_does_not_keep_the_others_waiting(site: Site) -> None:
    site.put("g1", group="gpu")
    site.put("g2", group="gpu")

    def refuse(name: str) -> None:
        if name == "g1":
            raise labeller.Refused(403, "forbidden")

    site.before_patch = refuse
    with pytest.raises(labeller.Refused):
        once(site)
    assert site.patches == ["g2"]


def test_nodes_that_come_later_are_seen_and_it_is_ready_before_it_watches(site: Site) -> None:
    late = Site().put("g2", group="gpu")
    site.put("g1", group="gpu")
    seen: list[list[str]] = []

    def ready() -> None:
        seen.append(list(site.patches))
        site.nodes_by_name["g2"] = late
        site.events = [{"type": "ADDED", "object": late}, {"type": "BOOKMARK", "object": late}]

    labeller.Labeller(site, POOLS, say=lambda _: None).follow(ready, rounds=1)
    assert seen == [["g1"]]
    assert site.patches == ["g1", "g2"]


def test_after_a_failure_it_lists_again_and_waits_longer_each_time(site: Site) -> None:
    site.put("g1", group="gpu")
    waits: list[float] = []
    lists = 0

    def broken() -> tuple[list[Node], str]:
        nonlocal lists
        lists += 1
        if lists < 4:
            raise ConnectionRefusedError
        return Site.nodes(site)

    site.nodes = broken  # type: ignore[method-assign]
    labeller.Labeller(site, POOLS, sleep=waits.append, say=lambda _: None).follow(lambda: None, rounds=4)
    assert (waits, site.patches) == ([1, 2, 4], ["g1"])


def test_a_version_that_is_too_old_means_a_new_list(site: Site) -> None:
    site.events = [{"type": "ERROR", "object": {"code": 410}}]
    ready: list[int] = []
    labeller.Labeller(site, POOLS, say=lambda _: None).follow(lambda: ready.append(1), rounds=2)
    assert len(ready) == 2


def test_cleaning_takes_everything_away_and_tries_again_for_a_while(site: Site) -> None:
    site.put("g1", taints=[NOT_READY], group="gpu")
    once(site)
    waits: list[float] = []

    def not_yet(name: str) -> None:
        if len(waits) < 2:
            raise labeller.Refused(403, "the role is not known yet")

    site.before_patch = not_yet
    assert labeller.Labeller(site, {}, sleep=waits.append, say=lambda _: None).clean()
    assert (site.labels("g1"), site.taints("g1")) == ({"group": "gpu"}, [NOT_READY])
    site.nodes_by_name["g1"]["metadata"]["annotations"] = {labeller.MARK: '{"labels": ["group"]}'}
    waits.clear()
    site.before_patch = lambda name: (_ for _ in ()).throw(labeller.Refused(403, "never"))
    assert not labeller.Labeller(site, {}, sleep=waits.append, say=lambda _: None).clean()


class _Wire(BaseHTTPRequestHandler):
    """Answers as an API server would, with what is in `answers`; keeps the requests."""

    answers: dict[str, tuple[int, bytes]]
    seen: list[tuple[str, str, str, bytes]]

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers["Authorization"], body))
        status, content = self.answers[f"{self.command} {self.path.partition('?')[0]}"]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PATCH = _any  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def wire() -> Iterator[tuple[Any, type[_Wire]]]:
    handler = type("Wire", (_Wire,), {"answers": {}, "seen": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield labeller.Api("127.0.0.1", http.server_port, None, lambda: "t0ken"), handler
    http.shutdown()
    http.server_close()
    thread.join(5)


def test_it_speaks_with_the_api_server_as_its_service_account(wire: tuple[Any, type[_Wire]]) -> None:
    api, server = wire
    server.answers = {
        "GET /api/v1/nodes": (200, b'{"metadata": {"resourceVersion": "7"}, "items": [{"a": 1}]}'),
        "PATCH /api/v1/nodes/g1": (200, b"{}"),
    }
    assert api.nodes() == ([{"a": 1}], "7")
    api.patch("g1", {"metadata": {}})
    assert {token for _, _, token, _ in server.seen} == {"Bearer t0ken"}
    assert server.seen[-1][3] == b'{"metadata": {}}'


def test_a_watch_gives_each_event_as_it_comes_and_ends_with_the_server(wire: tuple[Any, type[_Wire]]) -> None:
    api, server = wire
    server.answers = {"GET /api/v1/nodes": (200, b'{"type": "ADDED"}\n{"type": "BOOKMARK"}\n')}
    assert [event["type"] for event in api.watch("7")] == ["ADDED", "BOOKMARK"]
    assert "resourceVersion=7" in server.seen[0][1]


def test_a_refusal_says_its_status_and_its_words(wire: tuple[Any, type[_Wire]]) -> None:
    api, server = wire
    server.answers = {"GET /api/v1/nodes/g1": (403, b"nodes is forbidden")}
    with pytest.raises(labeller.Refused, match="HTTP 403: nodes is forbidden") as error:
        api.node("g1")
    assert error.value.status == 403
