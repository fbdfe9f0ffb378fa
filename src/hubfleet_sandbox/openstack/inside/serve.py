"""Serve OpenStack APIs: `serve.py SERVICES.json NAME...`, a process for each NAME.

The processes are forks of one that has imported what they all need (SQLAlchemy, oslo, Keystone's middleware): half of
the time that a service takes to start, and a third of its memory. Prints `NAME PID` for each and ends; each goes on in
a session of its own, with its output in its log.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

# In all, or all but one or two, of the six services (found by comparing their sys.modules). None of them starts a
# thread or chooses between eventlet and threads, which is each service's own business.
_IN_COMMON = (
    "sqlalchemy.orm", "oslo_db.sqlalchemy.enginefacade", "oslo_messaging", "oslo_policy.policy", "oslo_log.log",
    "keystonemiddleware.auth_token", "oslo_middleware", "osprofiler.web", "cryptography.x509", "jsonschema",
    "paste.deploy", "routes", "webob", "alembic", "openstack", "oslo_versionedobjects.base", "pecan", "waitress",
)  # fmt: skip


def main() -> None:
    """Fork and serve, as the module says."""
    services: dict[str, dict[str, Any]] = json.loads(Path(sys.argv[1]).read_text())
    _import_common()
    importlib.import_module("sqlite_locks").install()
    if threading.active_count() > 1:
        raise RuntimeError("a thread runs already: forking is not safe")
    gc.freeze()  # what is there stays shared
    for name in sys.argv[2:]:
        pid = os.fork()
        if pid == 0:
            _become(name, services[name])
        print(name, pid, flush=True)  # noqa: T201 (the answer to who started us)


def _import_common() -> None:
    """With threads, never eventlet, which some libraries import if they find it and Nova then refuses to start."""
    sys.modules["eventlet"] = None  # type: ignore[assignment]  # Python's way to say that it cannot be imported
    backend = importlib.import_module("oslo_service.backend")
    backend.init_backend(backend.BackendType.THREADING)
    for name in _IN_COMMON:
        importlib.import_module(name)
    del sys.modules["eventlet"]  # Cinder imports it by itself, and uses none of it in its API


def _become(name: str, service: dict[str, Any]) -> None:
    os.setsid()
    log = os.open(service["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    Path("/proc/self/comm").write_text(name)
    os.environ.update(service["env"])
    sys.argv = [name, *service["argv"]]
    module, _, attribute = service["app"].partition(":")
    app = getattr(importlib.import_module(module), attribute)
    app = importlib.import_module("access_log").logged(app, service["access_log"])
    serve = importlib.import_module("fault_middleware").serve
    options = {"host": "127.0.0.1", "port": service["port"], "threads": service["threads"]}
    serve(app, name, service["faults"], max_request_body_size=1 << 40, **options)  # bytes: an image's
    sys.exit()


if __name__ == "__main__":
    main()
