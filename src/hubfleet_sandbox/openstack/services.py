"""The processes of the OpenStack services."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.openstack import configuration
from hubfleet_sandbox.openstack.rest import Session

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.steps import Say

_SERVE = Path(__file__).parent / "inside" / "serve.py"
_START_TIMEOUT = 180.0  # seconds; it takes 10 on two idle cores


@dataclass(frozen=True)
class Service:
    """An API: its name, and the WSGI application that serves it."""

    name: str
    app: str
    threads: int = 8


# The slowest to start first.
SERVICES = (
    Service("neutron", "neutron.wsgi.api:application"),
    Service("cinder", "cinder.wsgi.api:application"),
    Service("nova", "nova_whole:application"),
    Service("magnum", "magnum_whole:application", threads=16),
    Service("keystone", "keystone.wsgi.api:application"),
    Service("glance", "glance.wsgi.api:application"),
)


def start(layout: Layout, venv: Path, programs: Path | None, say: Say, names: tuple[str, ...] = ()) -> None:
    """Start these services (all by default) but for those that run, and wait until each answers.

    `programs` is the folder of the helm that Magnum's driver runs. Raises SandboxError with the end of its log if one
    dies or does not answer.
    """
    wanted = [service for service in SERVICES if not names or service.name in names]
    missing = [service for service in wanted if processes.find(layout, service.name) is None]
    if missing:
        for _ in range(5):  # one of them may be forking another just now
            processes.stop(_left(layout), grace=0)
        say(f"starting {', '.join(service.name for service in missing)}")
        _fork(layout, venv, programs, missing)
    for service in wanted:
        wait(layout, service.name)


def wake_keystone(layout: Layout, secrets: configuration.Secrets) -> None:
    """Ask Keystone something that takes a right, alone: it reads its rules at the first such request, and a second one
    beside it finds half of them, and is answered with 403."""
    with Session(layout, "admin", secrets.admin, "admin") as admin:
        admin.get("keystone", "/roles")


def wait(layout: Layout, name: str) -> None:
    """Wait until a service that was started answers HTTP requests."""
    process = processes.recorded(layout, name)
    processes.wait(name, lambda: answers(layout, name), timeout=_START_TIMEOUT, process=process, layout=layout)


def answers(layout: Layout, name: str) -> bool:
    """Whether the service answers at all, within two seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", layout.port(name), timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _left(layout: Layout) -> list[processes.Process]:
    """Services that a start which was killed had forked and not yet written down: they have our ports."""
    known = {process.pid for process in processes.known(layout)}
    unknown = [process for process in processes.marked(layout) if process.pid not in known]
    return [process for process in unknown if str(_SERVE) in processes.command(process)]


def _fork(layout: Layout, venv: Path, programs: Path | None, missing: list[Service]) -> None:
    layout.logs.mkdir(parents=True, exist_ok=True)
    layout.pids.mkdir(parents=True, exist_ok=True)
    table = layout.openstack / "services.json"
    table.write_text(json.dumps({service.name: _described(layout, venv, programs, service) for service in SERVICES}))
    argv: list[str | Path] = [
        venv / "bin/python",
        "-W",
        "ignore",
        _SERVE,
        table,
        *(service.name for service in missing),
    ]
    # Neutron changes its title, which would else overwrite the mark in its environment (setproctitle's README).
    for line in processes.run(argv, timeout=_START_TIMEOUT, layout=layout, env={"SPT_NOENV": "1"}).splitlines():
        name, pid = line.split()
        processes.adopt(layout, name, int(pid))


def _described(layout: Layout, venv: Path, programs: Path | None, service: Service) -> dict[str, object]:
    return {
        "app": service.app,
        "port": layout.port(service.name),
        "threads": service.threads,
        "faults": str(layout.state),
        "log": str(layout.logs / f"{service.name}.log"),
        "access_log": str(layout.logs / f"{service.name}-access.log"),
        "argv": _options(layout, service),
        "env": environment(layout, venv, programs)[service.name],
    }


def _options(layout: Layout, service: Service) -> list[str]:
    """Cinder and Magnum take their configuration from the command line, the others from their environment."""
    file = configuration.file(layout, service.name)
    return ["--config-file", str(file)] if service.name in {"cinder", "magnum"} else []


def environment(layout: Layout, venv: Path, programs: Path | None) -> dict[str, dict[str, str]]:
    """By service: what it finds its configuration by; Magnum also needs helm, and folders for it outside of $HOME."""
    folder, helm = str(layout.openstack), layout.openstack / "helm"
    path = os.environ.get("PATH", os.defpath)
    return {
        "keystone": {"OS_KEYSTONE_CONFIG_DIR": folder, "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"},
        "glance": {"OS_GLANCE_CONFIG_DIR": folder},
        "nova": {"OS_NOVA_CONFIG_DIR": folder, "OS_NOVA_CONFIG_FILES": f"{venv}/etc/nova/api-paste.ini;nova.conf"},
        "neutron": {"OS_NEUTRON_CONFIG_DIR": folder, "OS_NEUTRON_CONFIG_FILES": "neutron.conf"},
        "cinder": {},
        "magnum": {
            "PATH": f"{programs}:{path}" if programs else path,
            "HELM_CACHE_HOME": f"{helm}/cache",
            "HELM_CONFIG_HOME": f"{helm}/config",
            "HELM_DATA_HOME": f"{helm}/data",
        },
    }
