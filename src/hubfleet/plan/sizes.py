"""What a cluster is while idle, and the most it may become: nodes, cores, and what they cost an hour. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubfleet.provider import MagnumCluster, Rates

if TYPE_CHECKING:
    from hubfleet.tools.openstack import Flavor


@dataclass(frozen=True)
class Size:
    """Control plane and pools together. `units` an hour; None where the rate of a machine is not known."""

    nodes: int
    cores: int
    units: float | None


@dataclass(frozen=True)
class Sizes:
    """`idle`: every pool at its minimum (a pool with `min: 0` is absent then); `peak`: every pool at its maximum.
    `unit` and `source` are those of the provider's rates, "" where it has none."""

    idle: Size
    peak: Size
    unit: str = ""
    source: str = ""


def sizes(desired: MagnumCluster, flavors: Sequence[Flavor], rates: Rates | None) -> Sizes | None:
    """None where a machine is of no known flavor, which preflight tells."""
    known = {name: flavor for flavor in flavors for name in (flavor.name, flavor.id)}
    idle, peak = counts(desired, peak=False), counts(desired, peak=True)
    if not peak.keys() <= known.keys():
        return None
    least, most = (_size([(known[machine], n) for machine, n in each.items() if n], rates) for each in (idle, peak))
    return Sizes(least, most, *((rates.unit, rates.source) if rates else ()))


def counts(desired: MagnumCluster, *, peak: bool) -> Counter[str]:
    """How many machines of which flavor the cluster has."""
    found = Counter({desired.control_plane_machine: desired.control_plane_nodes})
    for pool in desired.every_pool:
        found[pool.machine] += pool.nodes.max if peak else pool.nodes.min
    return found


def _size(machines: Sequence[tuple[Flavor, int]], rates: Rates | None) -> Size:
    costs = [rates.hourly(flavor.name, flavor.vcpus) if rates else None for flavor, _ in machines]
    units = [cost * count for cost, (_, count) in zip(costs, machines, strict=True) if cost is not None]
    cores = sum(flavor.vcpus * count for flavor, count in machines)
    return Size(sum(count for _, count in machines), cores, sum(units) if len(units) == len(machines) else None)
