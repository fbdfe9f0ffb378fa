"""A node of a workload cluster: a machine with containerd, kubelet and kube-proxy."""

from __future__ import annotations

import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import programs
from hubfleet_sandbox.nodes import cgroups, containerd, network
from hubfleet_sandbox.nodes.machine import OWN_FOLDERS, Machine
from hubfleet_sandbox.nodes.quantity import amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.layout import Layout

DNS_ADDRESS = "10.96.0.10"
"""The ClusterIP of the Service kube-dns in every workload cluster, as kubeadm has it."""

_KUBELET = OWN_FOLDERS["kubelet"]


@dataclass(frozen=True)
class Node:
    """What a node must know to join. `api` is the API server's URL as nodes reach it, `ca` that server's CA (PEM);
    both kubeconfigs are YAML texts; `labels` may not be in kubernetes.io, or the kubelet refuses them. `kubernetes` is
    the version that its programs say they are; their own without it. `capacity` has the `cpu` and `memory` that it
    reports, as quantities; those of this machine without them."""

    number: int
    name: str
    cluster: str
    group: str
    api: str
    ca: bytes
    kubelet_kubeconfig: str
    proxy_kubeconfig: str
    labels: Mapping[str, str]
    kubernetes: str = ""
    capacity: Mapping[str, str] = field(default_factory=dict[str, str])


def boot(layout: Layout, folder: Path, image_root: Path, node: Node) -> None:
    """Make the node run: returns when its kubelet is started, about 2 s before it is Ready.

    `folder` holds `kube`, `image_root` is what `images.get` gave. What runs already is left alone, so that a node
    with a dead program is mended by another call. Several nodes may be booted at once, by threads.
    """
    machine = Machine(layout, node.number)
    machine.disk.mkdir(parents=True, exist_ok=True)
    containerd.prepare(machine, image_root)
    _write(machine, node)
    machine.power_on(image_root / "pause", node.name, _size(node))
    running = machine.start("containerd", ["containerd", "--config", "/var/lib/containerd/config.toml"])
    kube, env = folder / "kube", programs.posing(node.kubernetes)
    machine.start("kube-proxy", [kube, "kube-proxy", *_proxy_flags(layout, node)], env)
    what = f"containerd of {node.name}"
    processes.wait(what, lambda: _listens(machine), timeout=30, process=running, layout=layout, every=0.02)
    machine.start("csi", [sys.executable, "-m", "hubfleet_sandbox.nodes.csi", node.name, str(layout.volumes)])
    machine.start("kubelet", [kube, "kubelet", *_kubelet_flags(machine, node)], env)


def _size(node: Node) -> tuple[int, int] | None:
    if not {"cpu", "memory"} <= node.capacity.keys():
        return None
    return int(amount(node.capacity["cpu"])), int(amount(node.capacity["memory"]))


def remove(layout: Layout, number: int) -> None:
    """Take the node away with all that ran on it, and its disk. Nothing happens if there is none."""
    machine = Machine(layout, number)
    machine.power_off()
    shutil.rmtree(machine.disk, ignore_errors=True)
    if machine.disk.exists():
        raise SandboxError(
            f"the disk of node {number} cannot be removed",
            why=f"something in {machine.disk} is in use or not ours",
            remedy="look at it; then run the command again",
        )
    shutil.rmtree(layout.pids / "nodes" / str(number), ignore_errors=True)


def sweep(layout: Layout) -> None:
    """Remove all that nodes leave on this machine: processes, control groups, interfaces, folders.

    For the end of a sandbox, however it ended; a start that was killed half way too.
    """
    folders = [*layout.nodes.glob("[0-9]*"), *(layout.pids / "nodes").glob("[0-9]*")]
    groups = {int(name.removeprefix(f"{layout.cgroup_prefix}n")) for name in cgroups.named(f"{layout.cgroup_prefix}n")}
    for number in sorted({int(path.name) for path in folders} | groups | network.numbers(layout)):
        remove(layout, number)
    network.dismantle(layout)
    shutil.rmtree(layout.run, ignore_errors=True)


def _listens(machine: Machine) -> bool:
    """Whether containerd answers: its socket may be one that a killed containerd left."""
    process = machine.running
    with socket.socket(socket.AF_UNIX) as client:
        return process is not None and client.connect_ex(f"/proc/{process.pid}/root{containerd.SOCKET}") == 0


def _write(machine: Machine, node: Node) -> None:
    folder = machine.disk / "kubelet"
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "kubelet.yaml": yaml.safe_dump(_kubelet(machine)),
        "kubeconfig": node.kubelet_kubeconfig,
        "proxy.kubeconfig": node.proxy_kubeconfig,
        "ca.crt": node.ca.decode(),
    }
    for name, text in files.items():
        (folder / name).touch(0o600)
        (folder / name).write_text(text)


def _kubelet(machine: Machine) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{_KUBELET}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{machine.cgroup}",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        # Not by memory: what is used is counted for all of this machine, and what there is for this node.
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%"},
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,  # images cannot be pulled again: there is no registry
        "resolvConf": "",
        "serializeImagePulls": False,
        "systemReserved": {"memory": "100Mi"},  # as much as kubeadm's nodes keep back
        "volumePluginDir": f"{_KUBELET}/volume-plugins",
    }


def _kubelet_flags(machine: Machine, node: Node) -> list[str]:
    labels = ",".join(f"{name}={value}" for name, value in sorted(node.labels.items()))
    return [
        f"--config={_KUBELET}/kubelet.yaml",
        f"--kubeconfig={_KUBELET}/kubeconfig",
        f"--hostname-override={node.name}",
        f"--node-ip={machine.address}",
        f"--node-labels={labels}",
    ]


def _proxy_flags(layout: Layout, node: Node) -> list[str]:
    # conntrack's table belongs to the whole machine: a node may not set its size.
    return [
        f"--kubeconfig={_KUBELET}/proxy.kubeconfig",
        f"--hostname-override={node.name}",
        f"--cluster-cidr={layout.pods}",
        "--conntrack-max-per-core=0",
    ]
