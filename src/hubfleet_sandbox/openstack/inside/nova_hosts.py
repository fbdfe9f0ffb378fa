"""A scheduler and a compute host that are played: every server fits, and runs at once, with no hypervisor behind it.

What they write is what Nova's own write (nova/scheduler/manager.py, nova/compute/manager.py), with Nova's own objects:
states, times, actions, the port's owner and the server's addresses. Imported where Nova is configured already.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

HOST = "sandbox"
"""The name of the only host: `[DEFAULT] host` in nova.conf."""

NODE: dict[str, object] = {
    "hypervisor_hostname": HOST,
    "uuid": "0c6f6ca8-6a9f-4dbc-8e42-5a5ac7f3bd6a",
    "hypervisor_type": "played",
    "hypervisor_version": 1,
    "cpu_info": "",
    **dict.fromkeys(("vcpus", "memory_mb", "local_gb"), 1 << 30),
    **dict.fromkeys(("vcpus_used", "memory_mb_used", "local_gb_used"), 0),
}
"""The host's record as a compute node: room for everything, and nobody counts what is used."""

_NO_ROOM = Path(os.environ.get("HUBFLEET_SANDBOX", "/nonexistent")) / "faults" / "no-valid-host"


class Scheduler:
    """Chooses the host for every server, but for those whose flavor is named in the file STATE/faults/no-valid-host
    (a name a line, `*` for any): for these no host is found."""

    def __init__(self) -> None:
        self.target = importlib.import_module("oslo_messaging").Target(version="4.5")

    def select_destinations(
        self, context: Any, spec_obj: Any, instance_uuids: list[str], **_: object
    ) -> list[list[Any]]:
        """A host for each server. Raises NoValidHost."""
        objects = importlib.import_module("nova.objects")
        if {spec_obj.flavor.name, "*"} & no_room():
            error = importlib.import_module("nova.exception").NoValidHost
            raise error(reason="There are not enough hosts available.")  # nova/scheduler/manager.py:571
        cell = objects.HostMapping.get_by_host(context, HOST).cell_mapping.uuid
        names = {"service_host": HOST, "nodename": HOST, "compute_node_uuid": NODE["uuid"], "cell_uuid": cell}
        none = dict.fromkeys(("limits", "allocation_request", "allocation_request_version", "availability_zone"))
        return [[objects.Selection(**names, **none)] for _ in instance_uuids]


def no_room() -> set[str]:
    """Names of the flavors that no host has room for just now."""
    return set(_NO_ROOM.read_text().split()) if _NO_ROOM.exists() else set()


class Compute:
    """Runs servers and ends them."""

    def __init__(self) -> None:
        self.target = importlib.import_module("oslo_messaging").Target(version="6.5")
        self._networks = importlib.import_module("nova.network.neutron")
        self._network = self._networks.API()
        self._model = importlib.import_module("nova.network.model")
        self._objects = importlib.import_module("nova.objects")
        self._report = importlib.import_module("nova.compute.utils").EventReporter
        self._now = importlib.import_module("oslo_utils.timeutils").utcnow
        self._vm = importlib.import_module("nova.compute.vm_states")
        self._power = importlib.import_module("nova.compute.power_state")

    def build_and_run_instance(self, context: Any, instance: Any, requested_networks: Any, **_: object) -> None:
        """Give the server its ports, then let it be active; or in error, with the reason as its fault."""
        instance.host = instance.node = instance.launched_on = HOST
        instance.compute_id = self._objects.ComputeNode.get_by_host_and_nodename(context, HOST, HOST).id
        instance.save()
        try:
            with self._report(context, "compute__do_build_and_run_instance", HOST, instance.uuid):
                self._plug(context, instance, [one.port_id for one in requested_networks if one.port_id])
                instance.vm_state, instance.power_state = self._vm.ACTIVE, self._power.RUNNING
                instance.task_state, instance.launched_at = None, self._now()
                instance.save()
        except Exception as error:
            instance.vm_state, instance.task_state = self._vm.ERROR, None
            instance.save()
            faults = importlib.import_module("nova.compute.utils")
            faults.add_instance_fault_from_exc(context, instance, error)
            raise

    def resume(self) -> None:
        """End what was to be ended when Nova was killed, as nova-compute does when it starts: the bus forgets."""
        context = importlib.import_module("nova.context").get_admin_context()
        for instance in self._objects.InstanceList.get_by_host(context, HOST):
            if instance.task_state == "deleting":
                self.terminate_instance(context, instance)

    def terminate_instance(self, context: Any, instance: Any, **_: object) -> None:
        """Take the server's ports from it, and delete it. If that fails, it can be asked for again, as nova-compute has
        it (reverts_task_state): Nova's API does not pass on what is asked of a server that is being deleted."""
        try:
            with self._report(context, "compute_terminate_instance", HOST, instance.uuid, graceful_exit=True):
                self._network.deallocate_for_instance(context, instance)
                instance.vm_state, instance.power_state = self._vm.DELETED, self._power.NOSTATE
                instance.task_state, instance.terminated_at = None, self._now()
                instance.save()
                instance.destroy()
        except Exception:
            instance.task_state = None
            instance.save()
            raise

    def _plug(self, context: Any, instance: Any, ports: list[str]) -> None:
        """The server becomes its ports' owner. They are not bound to the host: no agent is there to bind them, so
        Nova's own allocate_for_instance would give up."""
        neutron = self._networks.get_client(context, admin=True)
        owner = {"device_id": instance.uuid, "device_owner": f"compute:{instance.availability_zone}"}
        interfaces = [self._interface(neutron, neutron.update_port(port, {"port": owner})["port"]) for port in ports]
        known = self._model.NetworkInfo(interfaces)
        self._networks.update_instance_cache_with_nw_info(self._network, context, instance, nw_info=known)

    def _interface(self, neutron: Any, port: Any) -> Any:
        """As Nova's cache has it. It was there before the server, so it outlives the server (preserve_on_delete)."""
        network = neutron.show_network(port["network_id"])["network"]
        subnets = neutron.list_subnets(network_id=network["id"])["subnets"]
        addresses = {one["subnet_id"]: self._model.FixedIP(address=one["ip_address"]) for one in port["fixed_ips"]}
        parts = [
            self._model.Subnet(cidr=one["cidr"], ips=[addresses[one["id"]]], version=one["ip_version"])
            for one in subnets
            if one["id"] in addresses
        ]
        meta = {"tenant_id": network["tenant_id"], "mtu": network["mtu"]}
        return self._model.VIF(
            id=port["id"],
            address=port["mac_address"],
            network=self._model.Network(id=network["id"], label=network["name"], subnets=parts, **meta),
            type="unbound",
            active=True,
            preserve_on_delete=True,
        )


class NoPlacement:
    """In the part of Nova's client of Placement, where there is none: nothing is allocated, nothing to free."""

    def delete_allocation_for_instance(self, *_: object, **__: object) -> bool:
        """Nothing was there to delete."""
        return False
