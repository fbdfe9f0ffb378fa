"""The management cluster: where Magnum's driver installs its chart, and the machine room reads what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.kubernetes import certificates, control_plane, kinds
from hubfleet_sandbox.kubernetes.api import Client, RefusedError
from hubfleet_sandbox.kubernetes.certificates import Pair

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.steps import Say


def start(layout: Layout, programs: Path, say: Say) -> None:
    """Bring the management cluster up with Cluster API's kinds, and write `layout.management_kubeconfig`.

    Returns when every kind can be used; what runs already is left alone. `say` is told how it goes.
    """
    plane = control_plane.management(layout)
    authority, key = _kept(layout)
    say("etcd, API server, controllers")
    control_plane.start(layout, programs, plane, authority, key)
    layout.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    control_plane.write_secret(layout.management_kubeconfig, plane.kubeconfig.read_bytes())
    client = Client(plane.kubeconfig)
    try:
        server = processes.find(layout, f"{plane.name}/apiserver")
        processes.wait("the management cluster's API server", client.ready, timeout=120, process=server, layout=layout)
        say("Cluster API's kinds")
        for kind in kinds.CUSTOM:
            definition = kinds.definition(kind)
            client.apply(kinds.DEFINITION.path(name=definition["metadata"]["name"]), definition)
        processes.wait("Cluster API's kinds", lambda: _served(client), timeout=60, process=server, layout=layout)
        control_plane.start(layout, programs, plane, authority, key)  # controllers wait ten seconds for an API server
    finally:
        client.close()


def _served(client: Client) -> bool:
    try:
        for kind in kinds.CUSTOM:
            client.list(kind.path(), limit="1")
    except RefusedError:  # 404 until the API server has taken the definition in
        return False
    return True


def _kept(layout: Layout) -> tuple[Pair, bytes]:
    """The authority and the key for service accounts: made at the first start, kept for later ones."""
    folder = layout.management
    names = ("authority.crt", "authority.key", "tokens.key")
    if not all((folder / name).exists() for name in names):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = certificates.authority("hubfleet sandbox management cluster")
        for name, data in zip(names, (made.certificate, made.key, certificates.service_account_key()), strict=True):
            control_plane.write_secret(folder / name, data)
    certificate, key, tokens = ((folder / name).read_bytes() for name in names)
    return Pair(certificate, key), tokens
