"""The control plane of one cluster as processes of this machine: etcd, API server, controllers, scheduler, DNS.

Every function is safe to repeat: what runs already is left alone, what died is started again.
"""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.kubernetes import certificates, programs

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.certificates import Pair
    from hubfleet_sandbox.layout import Layout

SERVICES = "10.96.0.0/16"
"""Addresses of Services, the same in every cluster: they never leave it."""
SERVICE_API, SERVICE_DNS = "10.96.0.1", "10.96.0.10"
DOMAIN = "cluster.local"

_SUPERUSERS = "system:masters"
_SMALL = {"GOGC": "50"}  # trades a little CPU for memory; see the figures in docs/explanation
_VERSIONED = ("apiserver", "controllers", "scheduler")
"""The components that are Kubernetes', and so replaced when it is upgraded: etcd keeps running with all it has."""


@dataclass(frozen=True)
class Plane:
    """What one control plane is made of. `name` begins the names of its processes; the numbers are ports. Without
    `dns` it is one for a cluster that has no nodes, and so needs neither scheduler nor DNS. `version` is Kubernetes',
    as in `v1.33.2`; the programs' own without it."""

    name: str
    cluster: str
    folder: Path
    address: str
    advertise: str
    api: int
    etcd: int
    etcd_peer: int
    dns: int | None = None
    version: str = ""

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self.address}:{self.api}"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.folder / "admin.kubeconfig"

    @property
    def components(self) -> tuple[str, ...]:
        """The names of its processes, below `name`."""
        return ("etcd", "apiserver", "controllers", *(("scheduler", "dns") if self.dns else ()))


def management(layout: Layout) -> Plane:
    """The management cluster's: on loopback, and without nodes, so without scheduler and DNS."""
    return Plane(
        name="management",
        cluster="management",
        folder=layout.management,
        address="127.0.0.1",
        advertise=layout.gateway,
        api=layout.port("management-api"),
        etcd=layout.port("management-etcd"),
        etcd_peer=layout.port("management-etcd-peer"),
    )


def workload(layout: Layout, cluster: str, number: int, version: str = "") -> Plane:
    """That of the workload cluster with this name and number: on the node network's gateway, where nodes reach it."""
    return Plane(
        name=f"clusters/{cluster}",
        cluster=cluster,
        folder=layout.clusters / cluster,
        address=layout.gateway,
        advertise=layout.gateway,
        api=layout.cluster_port(number, 0),
        etcd=layout.cluster_port(number, 1),
        etcd_peer=layout.cluster_port(number, 2),
        dns=layout.cluster_port(number, 3),
        version=version,
    )


def start(layout: Layout, folder: Path, plane: Plane, authority: Pair, service_accounts: bytes) -> None:
    """Start every process of the control plane that does not run, or that is of another version. It is ready a few
    seconds later: `api.Client.ready`.

    `folder` is the programs'; `authority` signs its certificates; `service_accounts` is the private key, PEM, for
    service accounts' tokens. Raises SandboxError for a version that the programs cannot be.
    """
    env = {**_SMALL, **programs.posing(plane.version)}
    _retire(layout, plane)
    missing = dead(layout, plane)
    if "apiserver" in missing:
        _write(plane, authority, service_accounts)
    for name in missing:
        process = processes.start(layout, f"{plane.name}/{name}", [folder / "kube", *_COMMANDS[name](plane)], env=env)
        if name == "etcd":  # an API server that finds no etcd looks again a second later
            what = f"etcd of {plane.cluster}"
            processes.wait(what, lambda: _listens(plane.etcd), timeout=30, process=process, layout=layout, every=0.01)


def _retire(layout: Layout, plane: Plane) -> None:
    """End what runs of another version of Kubernetes."""
    record = plane.folder / "version"
    if record.exists() and record.read_text() == plane.version:
        return
    old = (processes.find(layout, f"{plane.name}/{name}") for name in _VERSIONED)
    processes.stop((process for process in old if process), grace=1)
    plane.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    record.write_text(plane.version)


def dead(layout: Layout, plane: Plane) -> list[str]:
    """The components that should run and do not."""
    return [name for name in plane.components if processes.find(layout, f"{plane.name}/{name}") is None]


def remove(layout: Layout, plane: Plane) -> None:
    """End every process of the control plane and delete all that it has on disk, logs too."""
    found = (processes.find(layout, f"{plane.name}/{name}") for name in plane.components)
    processes.stop((process for process in found if process), grace=0)  # nothing is worth a graceful end
    for folder in (plane.folder, layout.pids / plane.name, layout.logs / plane.name):
        shutil.rmtree(folder, ignore_errors=True)


def client(plane: Plane, authority: Pair, user: str, *groups: str) -> str:
    """A kubeconfig for this user of the cluster (`system:node:NAME` in `system:nodes`, for example)."""
    pair = certificates.sign(authority, user, groups=groups)
    return certificates.kubeconfig(plane.server, authority.certificate, pair, cluster=plane.cluster, user=user)


def _write(plane: Plane, authority: Pair, service_accounts: bytes) -> None:
    plane.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    hosts = [plane.address, "127.0.0.1", "localhost", SERVICE_API, "kubernetes", "kubernetes.default"]
    hosts += ["kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}"]
    server = certificates.sign(authority, "kube-apiserver", hosts=hosts)
    kubelets = certificates.sign(authority, "kube-apiserver-kubelet-client", groups=[_SUPERUSERS])
    contents = {
        "ca.crt": authority.certificate,
        "ca.key": authority.key,
        "service-accounts.key": service_accounts,
        "apiserver.crt": server.certificate,
        "apiserver.key": server.key,
        "kubelets.crt": kubelets.certificate,
        "kubelets.key": kubelets.key,
        "admin.kubeconfig": client(plane, authority, "admin", _SUPERUSERS).encode(),
        "controllers.kubeconfig": client(plane, authority, "system:kube-controller-manager").encode(),
        "scheduler.kubeconfig": client(plane, authority, "system:kube-scheduler").encode(),
    }
    for name, data in contents.items():
        write_secret(plane.folder / name, data)
    if plane.dns:
        (plane.folder / "Corefile").write_text(_corefile(plane))


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, from the first moment; whoever reads it finds the old or the new."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_bytes(data)
    new.replace(path)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _etcd(plane: Plane) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{plane.etcd}", f"http://127.0.0.1:{plane.etcd_peer}"
    return [
        "etcd",
        "--name=one",
        f"--data-dir={plane.folder}/etcd",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=one={peer_url}",
        "--unsafe-no-fsync",  # survives every kill of a process; only the machine's own end may lose the last writes
        "--heartbeat-interval=20",  # milliseconds; it is alone, so it may elect itself at once
        "--election-timeout=100",
        "--log-level=warn",
    ]


def _apiserver(plane: Plane) -> list[str]:
    folder = plane.folder
    return [
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{plane.etcd}",
        f"--bind-address={plane.address}",
        f"--secure-port={plane.api}",
        f"--advertise-address={plane.advertise}",
        f"--client-ca-file={folder}/ca.crt",
        f"--tls-cert-file={folder}/apiserver.crt",
        f"--tls-private-key-file={folder}/apiserver.key",
        f"--kubelet-client-certificate={folder}/kubelets.crt",
        f"--kubelet-client-key={folder}/kubelets.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={folder}/service-accounts.key",
        f"--service-account-signing-key-file={folder}/service-accounts.key",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
        f"--service-cluster-ip-range={SERVICES}",
        "--enable-aggregator-routing=true",  # webhooks are asked at their pods: no Service's address leads out of nodes
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
        *_emulated(plane),
    ]


def _controllers(plane: Plane) -> list[str]:
    folder = plane.folder
    flags = [
        "kube-controller-manager",
        f"--kubeconfig={folder}/controllers.kubeconfig",
        f"--service-account-private-key-file={folder}/service-accounts.key",
        f"--root-ca-file={folder}/ca.crt",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        *_emulated(plane),
    ]
    if plane.dns:
        signing = [f"--cluster-signing-cert-file={folder}/ca.crt", f"--cluster-signing-key-file={folder}/ca.key"]
        return [*flags, *signing]
    # The management cluster has no pods: what is needed is that deleted namespaces and owned objects really go.
    wanted = "namespace-controller,garbage-collector-controller,serviceaccount-controller"
    return [*flags, f"--controllers={wanted}"]


def _scheduler(plane: Plane) -> list[str]:
    kubeconfig = f"--kubeconfig={plane.folder}/scheduler.kubeconfig"
    flags = ["--leader-elect=false", "--secure-port=0", "--profiling=false", *_emulated(plane)]
    return ["kube-scheduler", kubeconfig, *flags]


def _emulated(plane: Plane) -> list[str]:
    return [f"--emulated-version={programs.minor(plane.version)}"] if plane.version else []


def _dns(plane: Plane) -> list[str]:
    return ["coredns", f"-conf={plane.folder}/Corefile"]


def _corefile(plane: Plane) -> str:
    """kubeadm's, but for the plugins that watch over a pod; and names outside only if this machine can look them up."""
    try:
        resolves = "\nnameserver " in "\n" + Path("/etc/resolv.conf").read_text()
    except OSError:
        resolves = False
    return "\n".join(
        [
            f".:{plane.dns} {{",
            f"    bind {plane.address}",
            "    errors",
            f"    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{",
            f"        kubeconfig {plane.kubeconfig} {plane.cluster}",
            "        pods insecure",
            "        fallthrough in-addr.arpa ip6.arpa",
            "        ttl 5",
            "    }",
            *(["    forward . /etc/resolv.conf"] if resolves else []),
            "    cache 5",
            "}",
            "",
        ]
    )


_COMMANDS = {
    "etcd": _etcd,
    "apiserver": _apiserver,
    "controllers": _controllers,
    "scheduler": _scheduler,
    "dns": _dns,
}
