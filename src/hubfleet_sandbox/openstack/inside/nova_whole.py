"""Nova's API, its conductor, and a scheduler and a compute host that are played, in one process.

The conductor is Nova's own (nova/conductor/manager.py, ComputeTaskManager): it writes servers into the cell's database,
checks quotas again, and buries in cell0 what no host takes. The other two are in `nova_hosts`. They are joined by
oslo.messaging's in-process bus (`transport_url = fake://`), as in `magnum_whole`; there is no Placement.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import Any

nova_hosts: Any = importlib.import_module("nova_hosts")


def _start() -> Any:
    application = importlib.import_module("nova.wsgi.osapi_compute").application
    _register_host()
    task_manager, compute = _conductor(), nova_hosts.Compute()
    for topic, endpoint in (
        (importlib.import_module("nova.conductor.rpcapi").RPC_TOPIC, task_manager),
        (importlib.import_module("nova.scheduler.rpcapi").RPC_TOPIC, nova_hosts.Scheduler()),
        (importlib.import_module("nova.compute.rpcapi").RPC_TOPIC, compute),
    ):
        _serve(topic, endpoint)
    threading.Thread(target=_afterwards, args=(compute,), daemon=True).start()
    return application


def _afterwards(compute: Any) -> None:
    """What can wait until Nova answers: the clients that its first server would else wait for, and what was left."""
    for name in ("neutronclient.v2_0.client", "glanceclient.v2.client", "cinderclient.v3.client"):
        importlib.import_module(name)
    compute.resume()


def _conductor() -> Any:
    # The report client is the conductor's line to Placement, where nothing is ever allocated here.
    report: Any = importlib.import_module("nova.scheduler.client.report")
    report.report_client_singleton = nova_hosts.NoPlacement
    return importlib.import_module("nova.conductor.manager").ComputeTaskManager()


def _serve(topic: str, endpoint: Any) -> None:
    target = importlib.import_module("oslo_messaging").Target(topic=topic, server=nova_hosts.HOST)
    serializer = importlib.import_module("nova.objects.base").NovaObjectSerializer()
    importlib.import_module("nova.rpc").get_server(target, [endpoint], serializer).start()


def _register_host() -> None:
    """As nova-compute's first start and `nova-manage cell_v2 discover_hosts` do. What is there already stays."""
    objects, errors = importlib.import_module("nova.objects"), importlib.import_module("nova.exception")
    twice = importlib.import_module("oslo_db.exception").DBDuplicateEntry
    context = importlib.import_module("nova.context").get_admin_context()
    host, names = nova_hosts.HOST, {"binary": "nova-compute", "topic": "compute", "report_count": 0}
    cell = next(one for one in objects.CellMappingList.get_all(context) if not one.is_cell0())
    for record in (
        objects.Service(context, host=host, **names),
        objects.ComputeNode(context, host=host, **nova_hosts.NODE),
        objects.HostMapping(context, host=host, cell_mapping=cell),
    ):
        with contextlib.suppress(errors.ServiceBinaryExists, errors.DuplicateRecord, twice):
            record.create()


application = _start()
