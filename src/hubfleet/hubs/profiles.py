"""Several kinds of machines, offered to users as KubeSpawner's profiles: one a pool. Pure.

A profile selects its pool's nodes by their label, tolerates their taints and asks for the pool's GPUs. A pool with
`min: 0` that is not there is not offered: a server on it would wait for ever. Where only one pool is there, nobody has
to choose, and servers have the same from the start.
"""

from __future__ import annotations

from typing import Any, cast

from hubfleet.hubs import placement
from hubfleet.provider import Description
from hubfleet.spec import Cluster, Pool, own_values

Values = dict[str, Any]
GPU = "nvidia.com/gpu"
_UPSTREAMS = [
    {"key": key, "operator": "Equal", "value": "user", "effect": "NoSchedule"}
    for key in ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
]
"""What every server of Zero to JupyterHub tolerates (values.yaml, scheduling.userPods): a profile's list takes the
place of the whole list (kubespawner 7.1, spawner.py `_apply_overrides`)."""


def offered(cluster: Cluster, absent: frozenset[str]) -> tuple[str, ...]:
    """The pools that users can be on: those that are there; all, where none is."""
    pools = placement.user_pools(cluster)
    return tuple(name for name in pools if name not in absent) or pools


def values(hub: str, cluster: Cluster, description: Description, absent: frozenset[str]) -> Values:
    """What the charts take of it, for `singleuser`."""
    names = offered(cluster, absent)
    default = _default(names, cluster)
    found: Values = placement.users(names, description)
    if taints := placement.tolerations(cluster.pools[default].taints):
        found["extraTolerations"] = taints
    if len(names) > 1 and all(description.placement.get(name) for name in names):
        singleuser = cast("Values", own_values(cluster, hub).get("singleuser") or {})
        own = cast("list[Values]", singleuser.get("extraTolerations") or [])
        found["profileList"] = [_profile(name, cluster, description, default, [*_UPSTREAMS, *own]) for name in names]
    elif gpus := cluster.pools[default].gpus:
        found["extraResource"] = {"limits": {GPU: str(gpus)}}
    return found


def pulling(cluster: Cluster, absent: frozenset[str]) -> list[Values]:
    """What image pullers must tolerate to come to every pool that is offered."""
    return placement.tolerations(taint for name in offered(cluster, absent) for taint in cluster.pools[name].taints)


def _default(names: tuple[str, ...], cluster: Cluster) -> str:
    """The first that is always there."""
    return next((name for name in names if cluster.pools[name].nodes.min), names[0])


def _profile(name: str, cluster: Cluster, description: Description, default: str, others: list[Values]) -> Values:
    pool = cluster.pools[name]
    override: Values = {"node_selector": dict(description.placement[name])}
    taints = placement.tolerations(pool.taints)
    if taints != placement.tolerations(cluster.pools[default].taints):
        override["tolerations"] = [*others, *taints]
    if pool.gpus:
        override["extra_resource_limits"] = {GPU: str(pool.gpus)}
    return {
        "display_name": pool.title or (f"{name} ({pool.machine})" if pool.machine else name),
        "slug": name,
        **({"description": about} if (about := _about(pool)) else {}),
        **({"default": True} if name == default else {}),
        "kubespawner_override": override,
    }


def _about(pool: Pool) -> str:
    return pool.about or (f"{pool.gpus} GPU{'s' if pool.gpus > 1 else ''}" if pool.gpus else "")
