"""What a user's server gets when so many are to fill a node exactly. Pure.

A node has less than its machine: Linux and the virtual machine keep some memory to themselves, the kubelet keeps some
free, and daemons run on every node. How much that is differs a little from cloud to cloud; what is taken off here is
rather more, so that the wanted number always fits. One more does not, where a server has more than the rest, 1 GiB.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.provider import Traits
from hubfleet.spec.models import Pool, Size
from hubfleet.spec.models.fields import mebibytes

LEAST_MEMORY = 256
"""MiB that a server needs at least: a notebook server and one kernel take about 200."""
_KERNEL = 64
"""A page of 4 KiB takes a record of 64 bytes (Linux, struct page): one part in 64 of the memory."""
_KEPT = 300
"""MiB: firmware and kernel, and the 100 MiB that a kubelet keeps free (eviction-hard's memory.available)."""
_DAEMONS = 512
"""MiB for network, storage, logs and metrics of a node."""
_DAEMONS_CPU = 500
"""Thousandths of a core for the same: Calico alone asks for 250."""
_CORE = 1536
"""MiB for hub, proxy and the platform, where they run on the same pool: they ask for none, and use it."""


@dataclass(frozen=True)
class Seat:
    """A server's part of a node. `memory` in MiB is guarantee and limit; `cpu` cores are sure, `cores` the most."""

    memory: int
    cpu: float
    cores: int

    def __str__(self) -> str:
        return f"{self.memory / 1024:.1f} GiB of memory, {self.cpu:.2g} to {self.cores} cores"


def size(pool: Pool, traits: Traits) -> Size | None:
    """What a node of the pool has; None where neither the file nor the provider says."""
    return pool.size or traits.machines.get(pool.machine or "")


def seat(pool: Pool, traits: Traits, seats: int) -> Seat | None:
    """The part of one of so many servers on a node of the pool; None where its size is not known."""
    node = size(pool, traits)
    if node is None:
        return None
    memory = mebibytes(node.memory)
    free = memory - memory // _KERNEL - _KEPT - _DAEMONS - (_CORE if "core" in pool.runs else 0)
    cpu = node.cores * 1000 - _DAEMONS_CPU
    return Seat(max(free, 0) // seats, cpu // seats / 1000, node.cores)
