"""The faults that the machine room plays: nodes that never join, control planes that take long, locked releases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubfleet_sandbox import settings
from hubfleet_sandbox.faults import helm_locks
from hubfleet_sandbox.machine_room.room import GROUP_LABEL

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

NEVER_JOINS, SLOW_CREATE = "node-never-joins", "slow-create"


def booting(room: Room, family: Family, machine: Object) -> str:
    """Why a machine does not boot (yet); empty if nothing holds it."""
    age = _age(machine)
    # Kubernetes writes down whole seconds.
    if (wanted := settings.read(room.layout).node_boot) and age < wanted + 1.0:
        return f"the machine boots for {wanted:g} s"
    name, group = machine["metadata"]["name"], machine["metadata"]["labels"].get(GROUP_LABEL, "")
    for fault in room.faults.of(NEVER_JOINS):
        lasts = fault.seconds is None or age < fault.seconds + 1.0
        if lasts and fault.concerns(family.name, group) and room.faults.hold(fault, name):
            return f"the machine runs, and its kubelet does not join (sandbox fault {fault.id})"
    return ""


def delaying(room: Room, family: Family, plane: Object) -> str:
    """Why a control plane is not begun (yet); empty if nothing holds it."""
    for fault in room.faults.of(SLOW_CREATE):
        late = _age(plane) < (fault.seconds or 0) + 1.0
        if late and fault.concerns(family.name) and room.faults.hold(fault, family.name):
            return f"the control plane takes {fault.seconds:g} s to begin (sandbox fault {fault.id})"
    return ""


def lock_releases(room: Room) -> None:
    """Hold and give back locks of Helm releases."""
    if room.faults.used:
        helm_locks.step(room.client, room.faults)


def _age(item: Object) -> float:
    """In seconds."""
    created: str = item["metadata"]["creationTimestamp"]
    return (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()
