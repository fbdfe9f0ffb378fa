"""What a cluster is while idle and at its peak, and what that costs."""

from __future__ import annotations

from pathlib import Path

from hubfleet.plan.sizes import Size, sizes
from hubfleet.provider import Rates
from hubfleet.providers.jetstream2 import RATES
from hubfleet.tools.openstack import Flavor
from tests.unit.magnum_files import POOLS, described, load
from tests.unit.test_plan_preflight import FLAVORS

GPU = Flavor("g", "g3.medium", 8, 30720, 60)


def test_a_pool_that_is_absent_while_idle_costs_nothing_then(tmp_path: Path) -> None:
    pools = {**POOLS, "gpu": {"machine": "g3.medium", "nodes": {"min": 0, "max": 2}}}
    made = sizes(described(load(tmp_path, pools)), (*FLAVORS, GPU), RATES)

    assert made is not None
    assert made.idle == Size(nodes=3, cores=24, units=24)
    assert made.peak == Size(nodes=14, cores=184, units=200)
    assert made.unit == "SU"


def test_a_machine_without_a_rate_leaves_the_cost_open_and_one_without_a_flavor_all(tmp_path: Path) -> None:
    desired = described(load(tmp_path))

    some = sizes(desired, FLAVORS, Rates("SU", {"m3.q": 1}, "here"))
    assert some is not None
    assert (some.idle.units, some.idle.cores) == (None, 24)
    assert sizes(desired, FLAVORS[:1], RATES) is None


def test_the_longest_beginning_that_fits_has_the_rate() -> None:
    rates = Rates("SU", {"g": 1, "g3.": 4}, "here")
    assert [rates.hourly(name, 2) for name in ("g3.small", "g4.small", "x")] == [8, 2, None]
