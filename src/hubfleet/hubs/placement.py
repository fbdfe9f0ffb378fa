"""Where pods belong: selectors and tolerations of the pools, as the charts take them. Pure.

Selectors are made from the labels that the provider says a pool's nodes carry, and never from taints: those may come a
moment after a node is ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hubfleet.provider import Description
from hubfleet.spec import Cluster, Taint

Values = dict[str, Any]


def core(cluster: Cluster, description: Description) -> Values:
    """Selects the nodes of the core pool, and tolerates their taints."""
    name, pool = next((name, pool) for name, pool in cluster.pools.items() if "core" in pool.runs)
    labels, taints = description.placement.get(name), tolerations(pool.taints)
    return {
        **({"nodeSelector": dict(labels)} if labels else {}),
        **({"tolerations": taints} if taints else {}),
    }


def user_pools(cluster: Cluster) -> tuple[str, ...]:
    """The pools that run users, in the order of the file."""
    return tuple(name for name, pool in cluster.pools.items() if "users" in pool.runs)


def users(pools: Iterable[str], description: Description) -> Values:
    """Selects the nodes of any of these pools: image pullers and placeholders follow it too."""
    labels = [description.placement.get(name, {}) for name in pools]
    if not all(labels):
        return {}  # a pool whose nodes cannot be told from others: users may be anywhere
    if len(labels) == 1:
        return {"nodeSelector": dict(labels[0])}
    return {"extraNodeAffinity": {"required": [_term(pool) for pool in labels]}}  # terms are alternatives


def storage_class(cluster: Cluster, description: Description) -> str | None:
    """Of claims; None is the cluster's default."""
    return cluster.storage.storage_class or description.traits.storage_class


def tolerations(taints: Iterable[Taint]) -> list[Values]:
    """What a pod must tolerate to be on nodes with these taints."""
    every = ({"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect} for taint in taints)
    return list({str(one): one for one in every}.values())


def _term(labels: Mapping[str, str]) -> Values:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]}
