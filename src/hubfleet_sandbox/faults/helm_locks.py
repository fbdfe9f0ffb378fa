"""Holds the lock of a cluster's Helm release, as a `helm upgrade` of somebody else's does.

Helm has no other lock than the newest revision of a release, a secret: while its status is `pending-upgrade`, every
upgrade is refused with "another operation (install/upgrade/rollback) is in progress" (helm v3 pkg/action/upgrade.go).
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import RefusedError

if TYPE_CHECKING:
    from hubfleet_sandbox.faults import Book, Fault
    from hubfleet_sandbox.kubernetes.api import Client, Object

KIND = "helm-conflict"
_OURS, _UNTIL = "hubfleet-sandbox/fault", "hubfleet-sandbox/until"


def step(client: Client, book: Book) -> None:
    """Take and give back locks, as the book has it now. More than one may do this at once."""
    faults = {str(fault.id): fault for fault in book.of(KIND)}
    revisions, _ = client.list(kinds.SECRET.path(), labelSelector="owner=helm" if faults else _OURS)
    for secret in revisions:
        number = secret["metadata"]["labels"].get(_OURS)
        if number and (number not in faults or time.time() > float(secret["metadata"]["annotations"][_UNTIL])):
            client.delete(kinds.SECRET.of(secret))
    for secret in _newest(revisions):
        release = secret["metadata"]["labels"]["name"]
        pending = secret["metadata"]["labels"]["status"].startswith("pending")
        for fault in faults.values():
            free = not (pending or fault.over or release in fault.subjects)
            if free and fault.concerns(release):
                pending = _taken(client, secret, fault) and book.hold(fault, release)


def held(client: Client) -> list[str]:
    """The releases whose locks are held by a fault."""
    secrets, _ = client.list(kinds.SECRET.path(), labelSelector=_OURS)
    return [secret["metadata"]["labels"]["name"] for secret in secrets]


def _newest(secrets: list[Object]) -> list[Object]:
    """The last revision of each release."""
    found: dict[tuple[str, str], Object] = {}
    for secret in sorted(secrets, key=lambda one: int(one["metadata"]["labels"]["version"])):
        found[secret["metadata"]["namespace"], secret["metadata"]["labels"]["name"]] = secret
    return list(found.values())


def _taken(client: Client, last: Object, fault: Fault) -> bool:
    """Whether the revision after the last one could be made: the same once more, but under way."""
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(last["data"]["release"]))))
    release["version"] += 1
    release["info"] |= {"status": "pending-upgrade", "description": f"sandbox fault {fault.id}"}
    name = f"sh.helm.release.v1.{release['name']}.v{release['version']}"
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"status": "pending-upgrade", "version": str(release["version"]), _OURS: str(fault.id)}
    until = time.time() + (fault.seconds or 1e9)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": last["type"],
        "metadata": {
            "name": name,
            "labels": {**last["metadata"]["labels"], **labels},
            "annotations": {_UNTIL: str(until)},
        },
        "data": {"release": data},
    }
    try:
        client.create(kinds.SECRET.path(last["metadata"]["namespace"]), secret)
    except RefusedError as error:
        if error.status != 409:  # 409: an upgrade has begun this very moment
            raise
        return False
    return True
