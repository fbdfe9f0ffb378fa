"""From a path to clusters that are valid, each with its provider's description."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet import registry, spec
from hubfleet.errors import UsageError
from hubfleet.fleet.selecting import Selection, chosen, members
from hubfleet.provider import Description
from hubfleet.spec import FLEET_FILE, Cluster, InvalidFiles, Of, Pool, Problem, doubts, json_schema, resolve
from hubfleet.spec.resolving import references
from hubfleet.spec.wording import did_you_mean

if TYPE_CHECKING:
    from hubfleet.engine.clouds import Clouds
    from hubfleet.hubs import Chart, Release

CLUSTER_FILE = "cluster.yaml"


@dataclass(frozen=True)
class Target:
    """What a verb works on: a cluster of the files, as its provider describes it; of its `hubs` all, if None."""

    cluster: Cluster
    description: Description
    hubs: frozenset[str] | None = None
    opened: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    """What was opened on its behalf; targets made of one another share it."""

    def __post_init__(self) -> None:
        """No program that is started on its behalf gets the environment variables that its files take secrets from."""
        named = {one.name for one in references(self.cluster) if one.kind == "env"}
        if named:
            from hubfleet.tools import process  # `validate` is quicker without

            process.withhold(named)

    @property
    def clouds(self) -> Clouds:
        """The clouds that it speaks with."""
        from hubfleet.engine.clouds import Clouds  # `validate` loads nothing of the engine

        found: Clouds = self.opened.setdefault("clouds", Clouds())
        return found

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the hubs that are meant, in the order of the file."""
        return tuple(name for name in self.cluster.hubs if self.hubs is None or name in self.hubs)

    def releases(self, absent: frozenset[str] = frozenset()) -> tuple[Release, ...]:
        """What is to be installed: for all hubs, and for those that are meant. Secrets must be looked up, or be none.
        `absent`: pools that are not there. Charts are fetched where that depends on what is in them."""
        from hubfleet import hubs
        from hubfleet.fleet.charting import fetch_unseen

        fetch_unseen(self, self.chosen)
        return hubs.releases(self.cluster, self.description, absent, self.chosen)

    def resolved(self) -> Target:
        """The same with its secrets looked up. Raises `spec.InvalidFiles` with every one that is missing."""
        from hubfleet.tools.sops import Files

        files: Files = self.opened.setdefault("sops", Files())
        return self.of(resolve(self.cluster, os.environ, self.hubs, files.decrypted))

    def of(self, cluster: Cluster) -> Target:
        """The same with another cluster in its place. Raises `spec.InvalidFiles` as `load` does."""
        return Target(cluster, _described(cluster), self.hubs, self.opened)

    def without_secrets(self) -> Target:
        """The same with a stand-in for each secret, for verbs that only look."""
        return replace(self, cluster=spec.without_secrets(self.cluster))


@dataclass(frozen=True)
class Fleet:
    """The clusters that are meant, as far as they are right. `file` and `rings` are a fleet's: none where one cluster
    file stands alone."""

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...]
    rings: tuple[str, ...] = ()
    file: Path | None = None

    def valid(self) -> Fleet:
        """The same, if nothing is wrong. Raises `spec.InvalidFiles` with everything that is."""
        if self.problems:
            raise InvalidFiles(self.problems)
        return self


def load_fleet(
    path: Path,
    selection: Selection = Selection(),  # noqa: B008 (frozen)
    *,
    alone: bool = False,
    meant: Callable[[Path], bool] | None = None,
) -> Fleet:
    """Read, check and describe the clusters that are meant. Of those that are not, nothing is told but what concerns
    the others too, and that neither if they are to be left `alone`. Cluster files of a fleet that are not `meant` are
    as good as not listed. UsageError for a path or a name that means nothing."""
    read = _read(path, selection.clusters if alone else (), meant)
    problems = list(read.problems)
    targets: list[Target] = []
    for member in members(read, selection):
        problems += member.problems
        if member.cluster is not None:
            try:
                target = Target(member.cluster, _described(member.cluster), chosen(member.cluster, selection))
            except InvalidFiles as error:
                problems += error.problems
            else:
                targets.append(target)
    return Fleet(tuple(targets), tuple(dict.fromkeys(problems)), read.rings, read.file)


def load(path: Path, cluster: str | None = None, hub: str | None = None) -> Target:
    """The one cluster that is meant, by its name, or by that of its hub. Raises `spec.InvalidFiles` with every problem
    of its files and of its provider; UsageError where nobody said which of several."""
    selection = Selection(clusters=(cluster,) if cluster else (), hubs=(hub,) if hub else ())
    found = load_fleet(path, selection, alone=True)
    if len(found.targets) > 1:
        names = [target.cluster.name for target in found.targets]
        what = f"has the hub {hub} on {len(names)} clusters" if hub else f"has {len(names)} clusters"
        raise UsageError(f"{found.file} {what}", remedy=f"say which: --cluster {names[0]} (or {', '.join(names[1:])})")
    for target in found.valid().targets:
        return target
    raise UsageError(f"{found.file} has no cluster", remedy="list cluster files in it: clusters: [cluster.yaml]")


def check_values(targets: Sequence[Target]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Check the values of every hub that is meant against its chart's schema. Gives problems, and notes: what is hardly
    meant, and each chart that is not on this machine and was not asked."""
    from hubfleet.hubs import schemas

    checked = [schemas.check(target.cluster, target.description, target.chosen) for target in targets]
    doubted = (str(doubt) for target in targets for doubt in doubts(target.cluster, target.chosen))
    problems = dict.fromkeys(problem for one in checked for problem in one.problems)
    unseen = dict.fromkeys(chart for one in checked for chart in one.unseen)
    return tuple(problems), tuple(dict.fromkeys((*doubted, *_unseen([*unseen]))))


def _unseen(unseen: Sequence[Chart]) -> Iterator[str]:
    if unseen:
        names = ", ".join(map(str, unseen))
        which = f"the chart {names}: it was" if len(unseen) == 1 else f"these charts: {names}; they were"
        yield f"values are not checked against {which} not fetched yet, which `hubfleet plan` does"


def schema(of: Of = Of.CLUSTER) -> dict[str, Any]:
    """The JSON Schema of a file, with the blocks of every provider that is installed."""
    return json_schema({name: registry.provider(name).settings for name in registry.names()}, of)


def _described(cluster: Cluster) -> Description:
    return registry.provider(cluster.provider.name).describe(cluster)


def _read(path: Path, only: Collection[str], meant: Callable[[Path], bool] | None) -> spec.Fleet:
    """The fleet that a PATH means. A cluster file that a fleet lists is read as part of it, with its defaults, and no
    other cluster is meant."""
    file, of = _meant(path)
    if of is None:
        return spec.load_alone(file, registry.names(), _settings)
    fleet = spec.load_fleet(of, registry.names(), _settings, only, meant)
    if file == of:
        return fleet
    own = tuple(one for one in fleet.members if one.file.resolve() == file.resolve())
    return replace(fleet, members=own) if own else spec.load_alone(file, registry.names(), _settings)


def _settings(name: str) -> Any:
    return registry.provider(name).settings


def _meant(path: Path) -> tuple[Path, Path | None]:
    """The file that a PATH of the command line means, and that of a fleet: itself, or the one above it that may list
    it."""
    if path.is_dir():
        found = [path / name for name in (FLEET_FILE, CLUSTER_FILE) if (path / name).exists()]
        if not found:
            raise UsageError(
                f"{path} has neither {FLEET_FILE} nor {CLUSTER_FILE}",
                remedy="give the path of such a file, or of a folder with one (examples/first-hub is one to copy)",
            )
        path = found[0]
    return path, path if path.name == FLEET_FILE else _above(path)


def _above(file: Path) -> Path | None:
    """The nearest fleet file in the folders above, of the same owner: a stranger's is nobody's business."""
    try:
        owner = file.stat().st_uid
        for folder in file.resolve().parents:
            found = folder / FLEET_FILE
            if found.is_file():
                found = found if file.is_absolute() else Path(os.path.relpath(found))
                return found if found.stat().st_uid == owner else None
    except OSError:
        pass
    return None


def known_pool(cluster: Cluster, name: str) -> Pool:
    """The pool of that name. UsageError if the file has none."""
    if name not in cluster.pools:
        near = did_you_mean(name, list(cluster.pools))
        remedy = f"{near} It has: {', '.join(cluster.pools)}".strip()
        raise UsageError(f"{cluster.file} has no pool {name!r}", remedy=remedy)
    return cluster.pools[name]
