"""The Helm repository from which Magnum's driver takes its chart: our stand-in, in as many versions as wanted."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubfleet_sandbox.layout import Layout

NAME = "openstack-cluster"
VERSIONS = ("0.10.1", "0.14.0", "0.16.0")
"""The driver's default (magnum_capi_helm 1.4, conf.py) and those that a site's template may name instead."""

_CHART = Path(__file__).parent.parent / "charts" / NAME
_PROCESS = "charts"


def start(layout: Layout, programs: Path, versions: Sequence[str] = VERSIONS) -> str:
    """Package the chart in these versions and serve them on loopback; the repository's address."""
    folder = layout.state / "charts"
    folder.mkdir(parents=True, exist_ok=True)
    for version in versions:
        argv: list[str | Path] = [programs / "helm", "package", _CHART, "--version", version, "--destination", folder]
        processes.run(argv, timeout=30, env=_alone(folder))
    address = layout.url("charts")
    processes.run([programs / "helm", "repo", "index", folder, "--url", address], timeout=30, env=_alone(folder))
    server = processes.find(layout, _PROCESS) or _serve(layout, folder)
    processes.wait(
        "the chart repository", lambda: _answers(layout.port("charts")), timeout=20, process=server, layout=layout
    )
    return address


def _serve(layout: Layout, folder: Path) -> processes.Process:
    options = ["--bind", "127.0.0.1", "--directory", str(folder), str(layout.port("charts"))]
    return processes.start(layout, _PROCESS, [sys.executable, "-m", "http.server", *options])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _alone(folder: Path) -> dict[str, str]:
    """Helm's folders, away from the ones of whoever runs the sandbox."""
    return {f"HELM_{name}_HOME": str(folder / ".helm") for name in ("CACHE", "CONFIG", "DATA")}
