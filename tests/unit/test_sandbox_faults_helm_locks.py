import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.faults import Book, Fault, helm_locks
from hubfleet_sandbox.kubernetes import kinds

from .machine_room_fake import NAMESPACE, FakeApi

RELEASE = "pythia-abcdefghij12"


def revision(api: FakeApi, number: int, status: str = "deployed", name: str = RELEASE) -> None:
    """A release's secret, as Helm 3 writes it."""
    release = {"name": name, "version": number, "info": {"status": status}, "config": {"clusterNetworking": {}}}
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": name, "version": str(number), "status": status}
    metadata = {"name": f"sh.helm.release.v1.{name}.v{number}", "labels": labels}
    secret = {"kind": "Secret", "type": "helm.sh/release.v1", "metadata": metadata, "data": {"release": data}}
    api.create(kinds.SECRET.path(NAMESPACE), secret)


def newest(api: FakeApi) -> Any:
    """What Helm finds as the last revision."""
    secrets, _ = api.list(kinds.SECRET.path(NAMESPACE), labelSelector="owner=helm")
    last = max(secrets, key=lambda secret: int(secret["metadata"]["labels"]["version"]))
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(last["data"]["release"]))))


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_a_locked_release_looks_as_if_an_upgrade_were_under_way_and_goes_back_to_what_it_was(
    api: FakeApi, book: Book
) -> None:
    revision(api, 1, "superseded")
    revision(api, 2)
    fault = book.add(Fault("helm-conflict", cluster="pythia"))
    helm_locks.step(api, book)
    assert (newest(api)["version"], newest(api)["info"]["status"]) == (3, "pending-upgrade")
    assert newest(api)["config"] == {"clusterNetworking": {}}
    assert book.faults()[0].done == 1
    book.remove({fault.id})
    helm_locks.step(api, book)
    assert (newest(api)["version"], newest(api)["info"]["status"]) == (2, "deployed")


def test_a_lock_is_given_back_after_its_time_and_not_taken_again(api: FakeApi, book: Book) -> None:
    revision(api, 1)
    book.add(Fault("helm-conflict", seconds=1e-6))
    for _ in range(3):
        helm_locks.step(api, book)
    assert newest(api)["version"] == 1
    assert book.faults()[0].done == 1


def test_an_upgrade_that_is_under_way_is_not_disturbed(api: FakeApi, book: Book) -> None:
    revision(api, 1)
    revision(api, 2, "pending-upgrade")
    book.add(Fault("helm-conflict"))
    helm_locks.step(api, book)
    assert newest(api)["version"] == 2
    assert book.faults()[0].done == 0


def test_other_clusters_are_left_alone(api: FakeApi, book: Book) -> None:
    revision(api, 1, name="other-abcdefghij12")
    book.add(Fault("helm-conflict", cluster="pythia"))
    helm_locks.step(api, book)
    assert newest(api)["version"] == 1
