"""Which keys of a hub go with its kind and its chart. What stands in defaults is for those hubs that can use it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hubfleet.spec.checking import Where
from hubfleet.spec.models import Hub, Pool
from hubfleet.spec.models.hubs import USUAL_CHARTS
from hubfleet.spec.places import Level
from hubfleet.spec.problems import Problem

_OF_BINDERHUB = ("hub_domain", "registry", "repositories", "builds")
_OF_PERSISTENT = ("homes", "named_servers")
_OF_ONE_IMAGE = ("image", "images")
_DEDICATED = {"hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"}
"""Taints that the pods of builds tolerate, and no others (binderhub/build.py, submit)."""

_OF_ECR = re.compile("[a-z0-9]+([._-][a-z0-9]+)*[._-]?")
"""How a repository's name begins in Amazon's ECR (its API Reference, CreateRepository)."""


def kind_problems(hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """Keys that a hub lacks, or cannot use."""
    for name, hub in hubs.items():
        other = next(chart for kind, chart in USUAL_CHARTS.items() if kind != hub.kind)
        if hub.chart == other:
            what = f"the chart {other} is not for hubs of `kind: {hub.kind}`"
            yield where("hubs", name, "chart").problem(what, f"take {USUAL_CHARTS[hub.kind]}, or leave it out")
        yield from _missing(name, hub, where)
        yield from _useless(name, hub, where)


def build_problems(pools: Mapping[str, Pool], hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """Pools on which builds would have no place, or for which there is nothing to build."""
    for name, pool in pools.items():
        if "builds" not in pool.runs:
            continue
        if hubs and not any(hub.builds_images for hub in hubs.values()):
            remedy = "give it `runs: [users]`, or a hub `kind: binder`"
            yield where("pools", name, "runs").problem("nothing is built on this cluster", remedy)
        for index, taint in enumerate(pool.taints):
            if taint.effect != "PreferNoSchedule" and taint.key not in _DEDICATED:
                what = "BinderHub's builds do not tolerate it"
                remedy = "write hub.jupyter.org/dedicated=user:NoSchedule, which they do, or leave it out"
                yield where("pools", name, "taints", index).problem(what, remedy)
        if pool.nodes.min == 0:
            what = "the pool that runs builds may shrink to no node, and nothing would wait for one: builds fail"
            yield where("pools", name, "nodes").problem(what, "give it a min of 1 or more")


def _missing(name: str, hub: Hub, where: Where) -> Iterator[Problem]:
    if hub.kind == "persistent" and hub.auth is None:
        yield where("hubs", name, "auth").problem(f"hub {name} has no auth", "add `auth:` (how people log in)")
    if hub.builds_images and hub.registry is None and "/" not in hub.chart:
        what, remedy = f"hub {name} has no registry", "add `registry:` (where images that were built are kept)"
        yield where("hubs", name, "registry").problem(what, remedy)
    if hub.builds_images and hub.hub_host == hub.domain:
        what = "is the domain of the binder hub itself: they need one each"
        yield where("hubs", name, "hub_domain").problem(what, f"take hub.{hub.domain}, or leave it out")
    if hub.registry and hub.registry.ecr and not _OF_ECR.fullmatch(hub.registry.prefix):
        what = "ECR takes no name in which two of . _ - stand together"
        yield where("hubs", name, "registry", "prefix").problem(what, "write one of them between letters and digits")


def _useless(name: str, hub: Hub, where: Where) -> Iterator[Problem]:
    keys: tuple[str, ...]
    if hub.kind == "persistent":
        keys, why, remedy = _OF_BINDERHUB, "is for binder hubs", "write `kind: binder`, or leave it out"
    elif hub.chart == "lite":
        keys, why = (*_OF_BINDERHUB, *_OF_PERSISTENT), "is nothing to the chart lite, which builds and keeps nothing"
        remedy = "leave it out, or take the chart binderhub"
    else:
        keys, why = (*_OF_PERSISTENT, *_OF_ONE_IMAGE), "is nothing to a binder hub: people bring images, nothing stays"
        remedy = "leave it out"
    if hub.chart == "lite" and hub.homes is not None and hub.homes.quota is not None and not hub.ephemeral:
        at = where("hubs", name, "homes", "quota")
        if at.level is Level.HUB:
            what = "the chart lite gives each user a volume, and has none to share"
            yield at.problem(what, "leave it out, and write the size of a user's volume; or take the chart jupyterhub")
    for key in keys:
        if key in hub.model_fields_set and (at := where("hubs", name, key)).level is Level.HUB:
            yield at.problem(why, remedy)
    if hub.builds_images and len(hub.profiles) > 1 and where("hubs", name, "profiles").level is Level.HUB:
        what = "people cannot choose a size on a binder hub: it has one"
        yield where("hubs", name, "profiles").problem(what, "leave one")
