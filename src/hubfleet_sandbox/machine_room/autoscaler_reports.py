"""What an autoscaler tells the users of a cluster: events of pods, and the ConfigMap with its state."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import yaml

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.machine_room import scaling
from hubfleet_sandbox.nodes import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubfleet_sandbox.kubernetes.api import Client, Object
    from hubfleet_sandbox.machine_room.scaling import Group, Growth

_NAME = "cluster-autoscaler"
_STATUS_EVERY = 10.0  # seconds, as the real one


class Reports:
    """Tells what is new, once. `inside` is the workload cluster."""

    def __init__(self, inside: Client) -> None:
        self._inside = inside
        self._told: dict[str, str] = {}
        self._written = 0.0

    def pods(self, pods: Sequence[Object], growth: Growth, groups: Sequence[Group], namespace: str) -> None:
        """Tell the pods that wait whether a group grows for them; else why not."""
        by_name = {group.name: group for group in groups}
        waiting: dict[str, str] = {}
        for pod in pods:
            name, uid = scaling.name(pod), pod["metadata"]["uid"]
            waiting[uid] = self._told.get(uid, "")
            if name in growth.chosen:
                group = by_name[growth.chosen[name]]
                change = f"{group.size}->{growth.sizes[group.name]} (max: {group.most})"
                message = f"pod triggered scale-up: [{{MachineDeployment/{namespace}/{group.name} {change}}}]"
                waiting[uid] = self._tell(pod, "TriggeredScaleUp", message)
            elif name in growth.refused:
                message = f"pod didn't trigger scale-up: {growth.refused[name]}"
                waiting[uid] = self._tell(pod, "NotTriggerScaleUp", message)
        self._told = waiting

    def status(self, groups: Sequence[Group], namespace: str) -> None:
        """Write the state of the groups down where users may read it."""
        if time.monotonic() - self._written < _STATUS_EVERY:
            return
        self._written = time.monotonic()
        metadata = {"name": f"{_NAME}-status", "namespace": "kube-system"}
        item = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"status": _status(groups, namespace)},
        }
        self._inside.apply(kinds.CONFIG_MAP.path("kube-system", metadata["name"]), item)

    def _tell(self, pod: Object, reason: str, message: str) -> str:
        if self._told.get(pod["metadata"]["uid"]) != message:
            events.warn(self._inside, kinds.POD, pod, reason, message, _NAME, level="Normal")
        return message


def _status(groups: Sequence[Group], namespace: str) -> str:
    """In the form that cluster-autoscaler has had since 1.30, with what is known here."""
    found = [
        {
            "name": f"MachineDeployment/{namespace}/{group.name}",
            "health": {
                "status": "Healthy",
                "nodeCounts": {"registered": {"total": group.size - group.coming, "ready": group.size - group.coming}},
                "cloudProviderTarget": group.size,
                "minSize": group.least,
                "maxSize": group.most,
            },
            "scaleUp": {"status": "InProgress" if group.coming else "NoActivity"},
        }
        for group in groups
    ]
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    return yaml.safe_dump({"time": moment, "autoscalerStatus": "Running", "nodeGroups": found}, sort_keys=False)
