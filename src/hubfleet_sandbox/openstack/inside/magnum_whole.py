"""Magnum's API and conductor in one process, joined by oslo.messaging's in-process bus (`transport_url = fake://`).

The same objects as `magnum-api` and `magnum-conductor` start (magnum/wsgi/api.py, magnum/cmd/conductor.py), without a
message queue and without forked workers, which that bus could not reach.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_HANDLERS = (
    "indirection_api", "cluster_conductor", "conductor_listener", "credential_conductor", "ca_conductor",
    "federation_conductor", "nodegroup_conductor",
)  # fmt: skip


def _start() -> Any:
    conf = importlib.import_module("magnum.conf").CONF
    importlib.import_module("magnum.common.service").prepare_service(sys.argv)
    endpoints = [importlib.import_module(f"magnum.conductor.handlers.{name}").Handler() for name in _HANDLERS]
    host = importlib.import_module("magnum.common.short_id").generate_id()
    rpc = importlib.import_module("magnum.common.rpc_service").Service
    conductor = rpc.create(conf.conductor.topic, host, endpoints, binary="magnum-conductor")
    conductor.create_periodic_tasks()
    conductor.start()
    return importlib.import_module("magnum.api.app").load_app()


application = _start()
