"""What users may choose, as KubeSpawner's profiles: sizes of servers, kinds of machines, images. Pure.

The sizes are the hub's `profiles`; where it has none, each pool that runs users is offered as it is. A profile selects
its pool's nodes by their label, tolerates their taints and asks for the pool's GPUs. A pool with `min: 0` that is not
there is not offered: a server on it would wait for ever. Where there is only one to offer, nobody has to choose, and
servers have the same from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from hubfleet.hubs import placement, sizes
from hubfleet.hubs.sizes import Seat
from hubfleet.provider import Description
from hubfleet.spec import Cluster, Hub, Pool, Problem, own_values

Values = dict[str, Any]
GPU = "nvidia.com/gpu"
_UPSTREAMS = [
    {"key": key, "operator": "Equal", "value": "user", "effect": "NoSchedule"}
    for key in ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
]
"""What every server of Zero to JupyterHub tolerates (values.yaml, scheduling.userPods): a profile's list takes the
place of the whole list (kubespawner 7.1, spawner.py `_apply_overrides`)."""


@dataclass(frozen=True)
class _Offer:
    """What a user may choose. `seat` is None where a server has what the hub's own values say."""

    name: str
    pool: str
    title: str
    about: str
    seat: Seat | None = None


def offered(cluster: Cluster, absent: frozenset[str]) -> tuple[str, ...]:
    """The pools that users can be on: those that are there; all, where none is."""
    pools = placement.user_pools(cluster)
    return tuple(name for name in pools if name not in absent) or pools


def values(name: str, cluster: Cluster, description: Description, absent: frozenset[str]) -> Values:
    """What the charts take of it, for `singleuser`."""
    hub = cluster.hubs[name]
    offers = _offers(hub, cluster, description, absent)
    default = _default(offers, hub, cluster)
    pools = tuple(dict.fromkeys(one.pool for one in offers))
    found: Values = placement.users(pools, description)
    if taints := placement.tolerations(cluster.pools[default.pool].taints):
        found["extraTolerations"] = taints
    told_apart = all(description.placement.get(one) for one in pools)
    if len(offers) > 1 and (len(pools) == 1 or told_apart):
        own = _own_tolerations(name, cluster)
        found["profileList"] = [_profile(one, default, hub, cluster, description, own) for one in offers]
    else:
        found |= _of_every_server(default, cluster)
        if hub.images:
            found["profileList"] = [{"display_name": "Server", "default": True, **_options(hub)}]
    return found


def pulling(hub: Hub, cluster: Cluster, absent: frozenset[str]) -> Values:
    """Where images are fetched in advance, as the chart takes it.

    Before an upgrade, where that is done once: on pools of a fixed number of nodes. On nodes that come later, if they
    come before anybody waits for them; a pool with `min: 0` has its first node for somebody who waits, whose own image
    would only come later for all the others. Of a BinderHub nobody knows which images people will want.
    """
    if hub.builds_images:
        return {"hook": {"enabled": False}, "continuous": {"enabled": False}}
    pools = [cluster.pools[name] for name in offered(cluster, absent)]
    taints = placement.tolerations(taint for pool in pools if pool.nodes.min for taint in pool.taints)
    return {
        "hook": {"enabled": all(pool.nodes.fixed for pool in pools)},
        "continuous": {"enabled": any(pool.nodes.min for pool in pools) or hub.placeholders is not None},
        **({"extraTolerations": taints} if taints else {}),
    }


def placeholders(hub: Hub, cluster: Cluster, description: Description, absent: frozenset[str]) -> Values:
    """Room that is kept free for servers of the default size on its pool, as the chart takes it; {} for none."""
    if hub.placeholders is None:
        return {}
    offers = _offers(hub, cluster, description, absent)
    default = _default(offers, hub, cluster)
    kept: Values = {"enabled": True, "replicas": hub.placeholders.seats}
    if default.seat:
        kept["resources"] = {"requests": {"cpu": default.seat.cpu, "memory": f"{default.seat.memory}Mi"}}
    labels = description.placement.get(default.pool)
    if labels and any(one.pool != default.pool for one in offers):
        kept["extraPodSpec"] = {"nodeSelector": dict(labels)}  # servers may be on other pools too, these not
    return {"scheduling": {"podPriority": {"enabled": True}, "userPlaceholder": kept}}


def problems(name: str, cluster: Cluster, description: Description) -> Iterator[Problem]:
    """Sizes of a hub that cannot be computed, or in which no server would run."""
    for index, profile in enumerate(cluster.hubs[name].profiles):
        pool = profile.pool or usual_pool(cluster)
        part = sizes.seat(cluster.pools[pool], description.traits, profile.seats)
        path = ("hubs", name, "profiles", index, "seats")
        if part is None:
            what = f"what a node of the pool {pool} has is not known"
            remedy = f"say it: `size: {{cores: 16, memory: 60Gi}}` in the pool {pool}"
        elif part.memory < sizes.LEAST_MEMORY:
            what = f"a server would have {part.memory} MiB of memory; the least is {sizes.LEAST_MEMORY}"
            remedy = "let fewer fill a node, or take a larger machine"
        else:
            continue
        yield cluster.place(*path).problem(what, remedy)


def _offers(hub: Hub, cluster: Cluster, description: Description, absent: frozenset[str]) -> list[_Offer]:
    """Those among which users choose; on a BinderHub, which does not ask them, what they all get."""
    every = _every_offer(hub, cluster, description, absent)
    return [_default(every, hub, cluster)] if hub.builds_images else every


def _every_offer(hub: Hub, cluster: Cluster, description: Description, absent: frozenset[str]) -> list[_Offer]:
    """Those on pools that are there; all, where none is."""
    there = offered(cluster, absent)
    if not hub.profiles:
        return [_whole(name, cluster.pools[name]) for name in there]
    every: list[_Offer] = []
    for profile in hub.profiles:
        pool = profile.pool or usual_pool(cluster)
        part = sizes.seat(cluster.pools[pool], description.traits, profile.seats)
        about = profile.about or ", ".join(filter(None, (str(part or ""), _gpus(cluster.pools[pool]))))
        every.append(_Offer(profile.slug, pool, profile.title, about, part))
    return [one for one in every if one.pool in there] or every


def _whole(name: str, pool: Pool) -> _Offer:
    """A pool as it is."""
    title = pool.title or (f"{name} ({pool.machine})" if pool.machine else name)
    return _Offer(name, name, title, pool.about or _gpus(pool))


def _default(offers: list[_Offer], hub: Hub, cluster: Cluster) -> _Offer:
    """The first of the hub's sizes; of pools, the first that is always there."""
    always = (one for one in offers if cluster.pools[one.pool].nodes.min)
    return offers[0] if hub.profiles else next(always, offers[0])


def usual_pool(cluster: Cluster) -> str:
    """Where servers are of which nothing else is said."""
    names = placement.user_pools(cluster)
    return next((name for name in names if cluster.pools[name].nodes.min), names[0])


def _profile(
    one: _Offer, default: _Offer, hub: Hub, cluster: Cluster, description: Description, own: list[Values]
) -> Values:
    pool = cluster.pools[one.pool]
    override: Values = {}
    if labels := description.placement.get(one.pool):
        override["node_selector"] = dict(labels)
    taints = placement.tolerations(pool.taints)
    if taints != placement.tolerations(cluster.pools[default.pool].taints):
        override["tolerations"] = [*_UPSTREAMS, *own, *taints]
    if pool.gpus:
        override["extra_resource_limits"] = {GPU: str(pool.gpus)}
    if one.seat:
        memory = f"{one.seat.memory}M"
        override |= {"mem_guarantee": memory, "mem_limit": memory}
        override |= {"cpu_guarantee": one.seat.cpu, "cpu_limit": one.seat.cores}
    return {
        "display_name": one.title,
        "slug": one.name,
        **({"description": one.about} if one.about else {}),
        **({"default": True} if one == default else {}),
        **_options(hub),
        "kubespawner_override": override,
    }


def _own_tolerations(name: str, cluster: Cluster) -> list[Values]:
    singleuser = own_values(cluster, name).get("singleuser")
    own = cast("Values", singleuser).get("extraTolerations") if isinstance(singleuser, dict) else None
    return cast("list[Values]", own) if isinstance(own, list) else []


def _of_every_server(one: _Offer, cluster: Cluster) -> Values:
    """The only offer, as what servers have from the start. KubeSpawner's M is 1024 times 1024, as for profiles."""
    found: Values = {}
    if one.seat:
        memory = f"{one.seat.memory}M"
        found["memory"] = {"guarantee": memory, "limit": memory}
        found["cpu"] = {"guarantee": one.seat.cpu, "limit": one.seat.cores}
    if gpus := cluster.pools[one.pool].gpus:
        found["extraResource"] = {"limits": {GPU: str(gpus)}}
    return found


def _options(hub: Hub) -> Values:
    """The choice of an image, in each profile."""
    choices = {
        one.slug: {
            "display_name": one.title,
            **({} if index else {"default": True}),
            "kubespawner_override": {"image": one.image},
        }
        for index, one in enumerate(hub.images)
    }
    return {"profile_options": {"image": {"display_name": "Image", "choices": choices}}} if choices else {}


def _gpus(pool: Pool) -> str:
    return f"{pool.gpus} GPU{'s' if pool.gpus > 1 else ''}" if pool.gpus else ""
