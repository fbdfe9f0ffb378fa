"""`check`: whether what is there also works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from hubfleet import hubs
from hubfleet.checks import hub as hub_check
from hubfleet.checks.pods import Trouble
from hubfleet.engine import releases
from hubfleet.engine.ground import ground
from hubfleet.engine.leases import Hold
from hubfleet.engine.probe import Probed
from hubfleet.errors import Layer, UsageError
from hubfleet.events import Event, Kind, Say
from hubfleet.fleet.access import Access, access
from hubfleet.fleet.loading import Target


@dataclass(frozen=True)
class Check:
    """One thing that was looked at ("hub main", "pool user"): whether it works, what was seen, and else why not."""

    subject: str
    well: bool
    seen: str
    trouble: Trouble | None = None


@dataclass(frozen=True)
class Checked:
    """Everything that was looked at."""

    cluster: str
    checks: tuple[Check, ...]
    well: bool


def check(target: Target) -> Checked:
    """Whether each hub answers at its load balancer. Raises only where the cluster cannot be asked."""
    wanted = target.without_secrets().releases()
    with access(ground(target.description), target.cluster.name) as opened, ThreadPoolExecutor(8) as pool:
        opened.doors()
        return _checked(target, tuple(pool.map(partial(_hub, opened=opened), wanted)))


def check_autoscaling(target: Target, pools: Sequence[str], say: Say, hold: Hold, *, within: float) -> Checked:
    """Whether each of these pools (none: all that scale and run users) grows for a pod that waits within so many
    seconds, and shrinks after."""
    chosen = [_known(target, name) for name in pools] or scaling_pools(target)
    if not chosen:
        raise UsageError(
            f"{target.cluster.file} has no pool for users that scales by itself",
            remedy="give one a least and a most: `nodes: {min: 1, max: 3}`, or name a pool: --pool NAME",
        )
    stands_on = ground(target.description)
    found: list[Check] = []
    with access(stands_on, target.cluster.name) as opened:
        for name in chosen:
            hold.check()
            found.append(_pool(stands_on.probe(name, opened.doors().kube, _teller(target, name, say), within)))
    return _checked(target, tuple(found))


def scaling_pools(target: Target) -> list[str]:
    """The pools for users that scale by themselves."""
    pools = target.cluster.pools.items()
    return [name for name, pool in pools if "users" in pool.runs and not pool.nodes.fixed]


def _known(target: Target, name: str) -> str:
    if name not in target.cluster.pools:
        raise UsageError(
            f"{target.cluster.file} has no pool {name!r}", remedy=f"it has: {', '.join(target.cluster.pools)}"
        )
    return name


def _teller(target: Target, pool: str, say: Say) -> Callable[[str], None]:
    return lambda text: say(Event(Kind.PROGRESS, target.cluster.name, f"pool/{pool}", text))


def _checked(target: Target, checks: tuple[Check, ...]) -> Checked:
    return Checked(target.cluster.name, checks, all(one.well for one in checks))


def _hub(release: hubs.Release, opened: Access) -> Check:
    subject = f"hub {release.hub}"
    address = releases.address(release, opened.doors().kube)
    if not address:
        trouble = Trouble(Layer.NETWORK, "it has no load balancer's address", "", "hubfleet apply; hubfleet status")
        return Check(subject, well=False, seen="", trouble=trouble)
    health = hub_check.answers(address, release.door)
    if health.answers:
        return Check(subject, well=True, seen=f"JupyterHub {health.version} answers in {1000 * health.seconds:.0f} ms")
    remedy = "hubfleet apply waits for it and says what its pods lack"
    return Check(subject, well=False, seen="", trouble=Trouble(health.layer or Layer.HUB, health.why, "", remedy))


def _pool(probed: Probed) -> Check:
    parts = [f"{probed.before} node{'' if probed.before == 1 else 's'}"]
    if probed.grew is not None:
        parts.append(f"grew to {probed.most} in {probed.grew:.0f} s")
    if probed.shrank is not None:
        parts.append(f"shrank again in {probed.shrank:.0f} s")
    return Check(f"pool {probed.pool}", probed.trouble is None, ", ".join(parts), probed.trouble)
