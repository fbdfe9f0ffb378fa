"""Events, by which a controller tells users why it does not do what they asked for (`kubectl describe`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Client, Kind, Object


def warn(
    client: Client, kind: Kind, item: Object, reason: str, message: str, source: str, *, level: str = "Warning"
) -> None:
    """Record a warning about an object, or what is only news (`level`: Normal)."""
    metadata, now = item["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{uuid4().hex[:16]}", "namespace": metadata["namespace"]},
        "involvedObject": about,
        "type": level,
        "reason": reason,
        "message": message[:1000],
        "source": {"component": source},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    client.create(f"/api/v1/namespaces/{metadata['namespace']}/events", event)
