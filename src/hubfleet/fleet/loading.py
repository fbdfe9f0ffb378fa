"""From a path to a cluster that is valid, with its provider's description."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet import registry
from hubfleet.errors import UsageError
from hubfleet.provider import Description
from hubfleet.spec import Cluster, InvalidFiles, Pool, doubts, json_schema, load_cluster, resolve, without_secrets
from hubfleet.spec.wording import did_you_mean

if TYPE_CHECKING:
    from hubfleet.engine.clouds import Clouds

CLUSTER_FILE = "cluster.yaml"
_FETCHES = "it was not fetched yet, which `hubfleet plan` does"


@dataclass(frozen=True)
class Target:
    """What a verb works on: a cluster of the files, as its provider describes it."""

    cluster: Cluster
    description: Description
    opened: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    """What was opened on its behalf; targets made of one another share it."""

    @property
    def clouds(self) -> Clouds:
        """The clouds that it speaks with."""
        from hubfleet.engine.clouds import Clouds  # `validate` loads nothing of the engine

        found: Clouds = self.opened.setdefault("clouds", Clouds())
        return found

    def resolved(self) -> Target:
        """The same with its secrets looked up. Raises `spec.InvalidFiles` with every one that is missing."""
        cluster = resolve(self.cluster, os.environ)
        return self.of(cluster)

    def of(self, cluster: Cluster) -> Target:
        """The same with another cluster in its place. Raises `spec.InvalidFiles` as `load` does."""
        return Target(cluster, registry.provider(cluster.provider.name).describe(cluster), self.opened)

    def without_secrets(self) -> Target:
        """The same with a stand-in for each secret, for verbs that only look."""
        return replace(self, cluster=without_secrets(self.cluster))


def load(path: Path) -> Target:
    """Read, check and describe. Raises `spec.InvalidFiles` with every problem of the file, or, if it has none, with
    every problem that its provider has with it."""
    file = cluster_file(path)
    cluster = load_cluster(file, registry.names(), lambda name: registry.provider(name).settings)
    return Target(cluster, registry.provider(cluster.provider.name).describe(cluster))


def check_values(target: Target) -> tuple[str, ...]:
    """Check every hub's values against its chart's schema; gives notes: what is hardly meant, and each chart that is
    not on this machine and was not asked. Raises `spec.InvalidFiles` with every problem."""
    from hubfleet.hubs import schemas

    checked = schemas.check(target.cluster, target.description)
    if checked.problems:
        raise InvalidFiles(checked.problems)
    unseen = (f"values are not checked against the chart {chart}: {_FETCHES}" for chart in checked.unseen)
    return (*map(str, doubts(target.cluster)), *unseen)


def schema() -> dict[str, Any]:
    """The JSON Schema of cluster files, with the blocks of every provider that is installed."""
    return json_schema({name: registry.provider(name).settings for name in registry.names()})


def cluster_file(path: Path) -> Path:
    """The cluster file that a PATH of the command line means."""
    if not path.is_dir():
        return path
    file = path / CLUSTER_FILE
    if not file.exists():
        raise UsageError(
            f"{path} has no {CLUSTER_FILE}",
            remedy="give the path of a cluster file, or of a folder that holds one (examples/first-hub is one to copy)",
        )
    return file


def known_pool(cluster: Cluster, name: str) -> Pool:
    """The pool of that name. UsageError if the file has none."""
    if name not in cluster.pools:
        near = did_you_mean(name, list(cluster.pools))
        remedy = f"{near} It has: {', '.join(cluster.pools)}".strip()
        raise UsageError(f"{cluster.file} has no pool {name!r}", remedy=remedy)
    return cluster.pools[name]
