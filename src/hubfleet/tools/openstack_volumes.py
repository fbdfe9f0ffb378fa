"""Volumes of Cinder, and what is written on them: the only thing about a volume that outlives its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hubfleet.tools.openstack_session import Session

PAGE = 1000
"""How many are asked for at once: a service gives at most that many (cinder 29, osapi_max_limit)."""


@dataclass(frozen=True)
class Volume:
    """A volume of Cinder. `size` in GiB; `status` is Cinder's word ("available", "in-use", "deleting");
    `metadata` what its makers wrote on it."""

    id: str
    name: str
    size: int
    status: str
    created: datetime
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


def volumes(cloud: Session) -> tuple[Volume, ...]:
    """Every volume of the project, by name."""
    found: list[Volume] = []
    while True:
        after = f"&marker={found[-1].id}" if found else ""
        page = cloud.get("block-storage", f"/volumes/detail?limit={PAGE}{after}").body["volumes"]
        found += map(_volume, page)
        if len(page) < PAGE:
            return tuple(sorted(found, key=lambda one: (one.name, one.id)))


def mark(cloud: Session, volume: str, metadata: Mapping[str, str]) -> None:
    """Write this on a volume, beside what is there. Nothing happens to one that is gone."""
    body = {"metadata": dict(metadata)}
    cloud.send("block-storage", "POST", f"/volumes/{volume}/metadata", body, allow=(404,), harmless=True)


def delete(cloud: Session, volume: str) -> None:
    """Ask for the deletion of a volume that nothing uses. One that is gone is fine; one that something has begun to use
    stays (Cinder says 400 or 409), which is to be seen by listing."""
    cloud.send("block-storage", "DELETE", f"/volumes/{volume}", allow=(400, 404, 409), harmless=True)


def _volume(found: Mapping[str, Any]) -> Volume:
    created = datetime.fromisoformat(found["created_at"])
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    return Volume(found["id"], found["name"] or "", found["size"], found["status"], created, found["metadata"])
