"""A sandbox's status as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hubfleet_sandbox.status import Status


def show(status: Status) -> None:
    """Print it on standard output."""
    console = Console(highlight=False)
    console.print(f"sandbox in {status.folder}: [bold]{status.state}[/]")
    if status.slot is not None:
        console.print(f"slot {status.slot}, ports from {status.ports}, {status.memory} MB of memory")
    if status.node_boot:
        console.print(f"every node takes at least {status.node_boot:g} s to boot")
    if status.services:
        console.print(_services(status))
    if status.clusters:
        console.print(_clusters(status))
    if status.services:
        console.print("simulated:", *(f"  {line}" for line in status.simulated), sep="\n", soft_wrap=True)


def _services(status: Status) -> Table:
    table = Table("process", "address", "pid", "MB", box=None, pad_edge=False)
    for service in status.services:
        state = (str(service.pid), str(service.memory)) if service.alive else ("[red]dead[/]", "")
        table.add_row(service.name, service.address, *state)
    return table


def _clusters(status: Status) -> Table:
    table = Table("cluster", "node", "group", "phase", "address", box=None, pad_edge=False)
    for cluster in status.clusters:
        table.add_row(cluster.name, "", "", cluster.phase, cluster.address)
        for node in status.nodes:
            if node.cluster == cluster.name:
                table.add_row("", node.name, node.group, node.phase, node.address)
    return table
