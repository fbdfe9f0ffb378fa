"""Cluster files with a hub, and the releases they become, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hubfleet.hubs import Release, releases
from hubfleet.provider import Description, ExistingCluster, Traits
from hubfleet.spec import Cluster, resolve
from tests.unit import cluster_files

LABEL = "example.org/pool"
TWO_POOLS = {"core": {"machine": "m", "runs": ["core"]}, "user": {"machine": "m", "runs": ["users"]}}


def load(
    folder: Path, *, pools: dict[str, Any] | None = None, top: dict[str, Any] | None = None, **hub: Any
) -> Cluster:
    """A cluster file with one hub, `main`, that has these keys; its secrets looked up."""
    tree = cluster_files.hub(**hub) | {"pools": pools or TWO_POOLS} | {"ingress": {}} | (top or {})
    return resolve(cluster_files.load(folder, tree), {"GITHUB": "gh-s3cret", "TOKEN": "t0k3n"})


def describe(cluster: Cluster, **changes: Any) -> Description:
    """What a provider would say: every pool's nodes carry LABEL."""
    traits = changes.pop("traits", Traits(min_pool_nodes=1, pool_label=LABEL))
    placement = changes.pop("placement", {name: {LABEL: name} for name in cluster.pools})
    return Description(ExistingCluster(cluster.name, None, None), traits, placement)


def release(folder: Path, *, description: dict[str, Any] | None = None, **file: Any) -> Release:
    """The release of the hub `main`."""
    cluster = load(folder, **file)
    (found,) = (one for one in releases(cluster, describe(cluster, **(description or {}))) if one.hub)
    return found


def labeller(folder: Path, *, description: dict[str, Any] | None = None, **file: Any) -> Release | None:
    """The release of the labeller, where there is one."""
    cluster = load(folder, **file)
    found = releases(cluster, describe(cluster, **(description or {})))
    return next((one for one in found if one.name == "hubfleet-labeller"), None)


def other(found: Release, **changes: Any) -> Release:
    """The same with other fields."""
    return replace(found, **changes)
