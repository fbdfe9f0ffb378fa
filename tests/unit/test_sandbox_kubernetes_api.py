import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from hubfleet_sandbox.kubernetes import certificates, kinds
from hubfleet_sandbox.kubernetes.api import Client, RefusedError, UnreachableError, entries, section

PATH = kinds.CLUSTER.path("p1", "pythia")
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = certificates.authority("test")
    pair = certificates.sign(authority, "admin")
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(certificates.kubeconfig("https://api", authority.certificate, pair, cluster="c", user="u"))
    return path


def client(kubeconfig: Path, answer: Answer) -> Client:
    return Client(kubeconfig, transport=httpx.MockTransport(answer))


def refusal(status: int, reason: str) -> Answer:
    return lambda _: httpx.Response(status, json={"kind": "Status", "reason": reason, "message": f"it is {reason}"})


def test_paths_are_those_of_the_api() -> None:
    assert kinds.NODE.path(name="n1") == "/api/v1/nodes/n1"
    assert kinds.CLUSTER.path("p1") == "/apis/cluster.x-k8s.io/v1beta1/namespaces/p1/clusters"
    assert kinds.CLUSTER.of({"metadata": {"name": "x", "namespace": "p1"}}, "status").endswith("/p1/clusters/x/status")


def test_an_object_that_is_not_there_is_none(kubeconfig: Path) -> None:
    absent = client(kubeconfig, refusal(404, "NotFound"))
    assert absent.get(PATH) is None
    assert absent.merge(PATH, {}) is None
    absent.delete(PATH)


def test_a_refusal_says_what_and_why(kubeconfig: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        client(kubeconfig, refusal(409, "AlreadyExists")).create(PATH, {})
    assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")
    assert "it is AlreadyExists" in str(caught.value)


def test_a_server_that_is_away_is_told_from_one_that_refuses(kubeconfig: Path) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(UnreachableError, match="no answer from https://api"):
        client(kubeconfig, away).get(PATH)
    assert not client(kubeconfig, away).ready()


def test_a_change_is_a_merge_patch_and_a_wish_a_server_side_apply(kubeconfig: Path) -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Content-Type"], str(request.url.query, "ascii")))
        return httpx.Response(200, json={})

    both = client(kubeconfig, answer)
    both.merge(PATH, {"spec": {}})
    both.apply(PATH, {"spec": {}})
    assert seen == [
        ("application/merge-patch+json", ""),
        ("application/apply-patch+yaml", "fieldManager=hubfleet-sandbox&force=true"),
    ]


def test_a_watch_gives_events_until_the_server_ends_it(kubeconfig: Path) -> None:
    events = [{"type": "ADDED", "object": {"a": 1}}, {"type": "DELETED", "object": {"a": 2}}]
    text = "".join(json.dumps(event) + "\n" for event in events)
    found = list(client(kubeconfig, lambda _: httpx.Response(200, text=text)).watch(PATH, "5"))
    assert [(event.type, event.object) for event in found] == [("ADDED", {"a": 1}), ("DELETED", {"a": 2})]


def test_a_watch_from_too_old_a_version_is_refused_with_410(kubeconfig: Path) -> None:
    event = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    with pytest.raises(RefusedError) as caught:
        list(client(kubeconfig, lambda _: httpx.Response(200, text=json.dumps(event))).watch(PATH, "5"))
    assert caught.value.status == 410


def test_what_an_object_lacks_is_empty() -> None:
    assert section(None, "status", "a") == {}
    assert section({"status": None}, "status", "a") == {}
    assert section({"status": {"a": {"b": 1}}}, "status", "a") == {"b": 1}
    assert entries({"status": {}}, "status", "conditions") == []
