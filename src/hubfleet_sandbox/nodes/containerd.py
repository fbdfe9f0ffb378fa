"""A node's containerd: its configuration, and a root that begins with the images already there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.images import PAUSE

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.nodes.machine import Machine

SOCKET = "/run/containerd/containerd.sock"
_SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs/snapshots"
_UNUSED = [  # they look for devices that are not there, or make folders of this machine (/opt/containerd)
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]
_PLUGIN_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")


def prepare(machine: Machine, image_root: Path) -> None:
    """Write the configuration; on a machine's first start, fill its root from the prepared one of `images.get`."""
    disk = machine.disk / "containerd"
    if not (disk / "config.toml").exists():
        _fill(disk, image_root / "containerd")
    settings = machine.disk / "cni" / "net.d"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "10-pods.conflist").write_text(_pod_network(machine.layout, machine.number))
    (disk / "config.toml").write_text(_configuration())


def _fill(disk: Path, prepared: Path) -> None:
    """Copy the databases, and link to the unpacked layers: containers write into layers of their own over them."""

    def without_layers(folder: str, names: list[str]) -> list[str]:
        return names if folder == str(prepared / _SNAPSHOTS) else []

    shutil.copytree(prepared, disk, ignore=without_layers, dirs_exist_ok=True)
    for layer in (prepared / _SNAPSHOTS).iterdir():
        link = disk / _SNAPSHOTS / layer.name
        if not link.is_symlink():  # one is there if we were killed here the last time
            link.symlink_to(layer)


def _configuration() -> str:
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE runc dies with "can't get final child's PID from pipe: EOF".
    # disable_apparmor: its profile would stay in the kernel.
    # required_plugins: else it goes on, of no use to a kubelet, when the machine has no inotify instance left for it.
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = {json.dumps(_UNUSED)}
required_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "{PAUSE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_plugins()}"
    conf_dir = "/var/lib/cni/net.d"
"""


def _plugins() -> str:
    for folder in _PLUGIN_FOLDERS:
        if (Path(folder) / "ptp").exists():
            return folder
    raise SandboxError(
        "the CNI plugins are not there",
        why=f"no program `ptp` in {', '.join(_PLUGIN_FOLDERS)}",
        remedy="install the package containernetworking-plugins",
    )


def _pod_network(layout: Layout, number: int) -> str:
    # Pods are routed, not bridged: two pods of a node that meet through a Service need no br_netfilter so.
    return f"""{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {{"type": "ptp", "ipMasq": false, "ipam": {{"type": "host-local", "dataDir": "/var/lib/cni/networks",
   "ranges": [[{{"subnet": "{layout.pod_network(number)}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"""
