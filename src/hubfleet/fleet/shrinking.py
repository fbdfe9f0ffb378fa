"""What a plan that takes nodes away means for the people who are on them."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.engine.servers import by_pool
from hubfleet.errors import CloudError
from hubfleet.fleet.access import Access
from hubfleet.plan import Step
from hubfleet.plan.infrastructure import PoolWork, most_left
from hubfleet.provider import Description


def servers_lost(steps: tuple[Step, ...], description: Description, opened: Access) -> Iterator[str]:
    """A note for each pool that loses nodes while users' servers run on it. None while the API does not answer."""
    label = description.traits.pool_label
    pools = [(step, step.work) for step in steps if isinstance(step.work, PoolWork)]
    left = {work.node_group: most for step, work in pools if (most := most_left(step)) is not None}
    try:
        doors = opened.doors_if_there() if left and label else None
        found = by_pool(doors.kube, {group: {label: group} for group in left}) if doors and label else {}
    except CloudError:
        return
    for group, now in found.items():
        if now.servers and now.nodes > left[group]:
            who = "one user's server runs" if now.servers == 1 else f"{now.servers} users' servers run"
            where = "its node" if now.nodes == 1 else f"its {now.nodes} nodes"
            yield f"node group {group}: {who} on {where}; a node that goes stops those on it (files stay)"
