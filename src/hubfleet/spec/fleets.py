"""A fleet's file with all its clusters, or one cluster file alone -> a `Fleet` of what is right, and every problem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubfleet.spec.loading import Above, Library, Loaded, SettingsOf, distinct, load, load_above
from hubfleet.spec.models import Cluster, InCluster
from hubfleet.spec.problems import InvalidFiles, KeyPath, Problem
from hubfleet.spec.reading import Document, parse

FLEET_FILE = "fleet.yaml"
_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Member:
    """A cluster file of a fleet: `cluster` if it is right; `name` as far as it can be told, else "". `problems` are its
    own, those of the values files it names, and of what it has in common with others that may not be."""

    file: Path
    name: str
    problems: tuple[Problem, ...] = ()
    cluster: Cluster | None = None


@dataclass(frozen=True)
class Fleet:
    """Clusters that one file lists, and what is wrong with that list and its defaults. A cluster file alone is a fleet
    of one, with neither `file` nor `rings`."""

    members: tuple[Member, ...]
    rings: tuple[str, ...] = ()
    file: Path | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def every_problem(self) -> tuple[Problem, ...]:
        """Of all its files, each once."""
        return distinct((*self.problems, *(one for member in self.members for one in member.problems)))


def load_cluster(path: Path, provider_names: Sequence[str], settings_of: SettingsOf) -> Cluster:
    """The cluster of this file alone, with the values files it names; looks up no secret and asks no network.

    `settings_of` gives the model of a provider's block. InvalidFiles with every problem of every file.
    """
    (member,) = load_alone(path, provider_names, settings_of).members
    if member.cluster is None or member.problems:
        raise InvalidFiles(member.problems)
    return member.cluster


def load_alone(path: Path, provider_names: Sequence[str], settings_of: SettingsOf) -> Fleet:
    """The same as a fleet of one, which has its problems itself."""
    return Fleet(_members([path], provider_names, settings_of, None))


def load_fleet(
    path: Path,
    provider_names: Sequence[str],
    settings_of: SettingsOf,
    only: Collection[str] = (),
    meant: Callable[[Path], bool] | None = None,
) -> Fleet:
    """The fleet of this file, with the clusters and values files it names. InvalidFiles if it does not say which.
    Where somebody asks `only` for some clusters, of the others nothing is looked at but their names; cluster files that
    are not `meant` are as good as not listed."""
    document = parse(path)
    above, problems = load_above(document, provider_names, settings_of, Library())
    if above is None:
        raise InvalidFiles(distinct(problems))
    files, missing = cluster_files(above)
    members = _members([*filter(meant, files)] if meant else files, provider_names, settings_of, above, only)
    return Fleet(members, above.file.rings, path, (*problems, *missing))


def cluster_files(above: Above) -> tuple[list[Path], tuple[Problem, ...]]:
    """The files that a fleet's `clusters` mean, each once, and what is wrong with the list."""
    files: dict[Path, None] = {}
    problems: list[Problem] = []
    folder = above.document.file.parent
    for index, pattern in enumerate(above.file.clusters):
        found = _matching(folder, pattern) if _MAGIC & set(pattern) else [folder / pattern]
        files |= dict.fromkeys(one for one in found if one != above.document.file)
        if not found:
            position = above.document.positions["clusters", index]
            remedy = "the pattern counts from the folder of this file; take it out if there are none"
            problems.append(Problem(position, f"no file matches {pattern}", f"clusters[{index}]", remedy))
    return list(files), tuple(problems)


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError, OSError):  # an absolute path, or no pattern at all
        return []


def _members(
    files: Sequence[Path],
    names: Sequence[str],
    settings_of: SettingsOf,
    above: Above | None,
    only: Collection[str] = (),
) -> tuple[Member, ...]:
    library = Library()
    parsed = {file: _parsed(file) for file in files}
    loaded = {
        file: load(one, names, settings_of, library, above)
        if isinstance(one, Document) and (not only or one.tree.get("name") in only)
        else one
        for file, one in parsed.items()
    }
    read = {file: one for file, one in loaded.items() if isinstance(one, Loaded)}
    shared: dict[Path, list[Problem]] = {file: [] for file in files}
    for concerned, problem in (*_same_names(read), *_same_domains(read)):
        for file in concerned:
            shared[file].append(problem)
    for file, one in read.items():
        shared[file] += _ring_problems(one, above) if above else ()
    return tuple(_member(file, one, shared[file]) for file, one in loaded.items())


def _parsed(file: Path) -> Document | InvalidFiles:
    try:
        return parse(file)
    except InvalidFiles as error:
        return error


def _member(file: Path, loaded: Loaded | Document | InvalidFiles, shared: Sequence[Problem]) -> Member:
    match loaded:
        case InvalidFiles():
            return Member(file, "", loaded.problems)
        case Document():
            return Member(file, str(loaded.tree.get("name", "")))
        case Loaded():
            name = loaded.content.name if "name" in loaded.places.cluster.tree else ""
            found = Member(file, name, distinct((*loaded.problems, *shared)))
            return found if found.problems else replace(found, cluster=loaded.cluster)


_Clash = tuple[tuple[Path, Path], Problem]
"""The cluster files that a problem concerns, and the problem."""


def _same_names(loaded: dict[Path, Loaded]) -> Iterator[_Clash]:
    first: dict[str, Path] = {}
    for file, one in loaded.items():
        before = first.setdefault(one.content.name, file) if "name" in one.places.cluster.tree else file
        if before != file:
            what = f"the cluster of {before} is called {one.content.name} as well"
            yield (before, file), one.places.own(("name",)).problem(what, "give each cluster of the fleet its own name")


def _same_domains(loaded: dict[Path, Loaded]) -> Iterator[_Clash]:
    first: dict[str, tuple[str, Path]] = {}
    for file, one in loaded.items():
        for whose, domain, at in _domains(one):
            other, before = first.setdefault(domain, (whose, file))
            if (other, before) != (whose, file):
                cluster = "" if before == file else f" of the cluster {loaded[before].content.name}"
                what = f"{other}{cluster} has the domain {domain} already"
                remedy = f"give {'each hub' if whose.startswith('hub ') else whose} its own"
                yield (before, file), one.places.at(at).problem(what, remedy)


def _domains(loaded: Loaded) -> Iterator[tuple[str, str, KeyPath]]:
    """Whose each is, and where it stands."""
    for name, hub in loaded.content.hubs.items():
        yield f"hub {name}", hub.domain, ("hubs", name, "domain")
        if isinstance(hub.built_images, InCluster):
            yield f"the registry of hub {name}", hub.built_images.host, ("hubs", name, "registry")
    if loaded.content.monitoring and loaded.content.monitoring.domain:
        yield "Grafana", loaded.content.monitoring.domain, ("monitoring", "grafana", "domain")


def _ring_problems(loaded: Loaded, above: Above) -> Iterator[Problem]:
    rings = above.file.rings
    for name, hub in loaded.content.hubs.items():
        if hub.ring is None and rings:
            remedy = f"add `ring:`, one of {', '.join(rings)}"
            yield loaded.places.at(("hubs", name)).problem("the hub is in no ring", remedy)
        elif hub.ring is not None and hub.ring not in rings:
            remedy = f"the fleet's `rings` has {', '.join(rings) or 'none'}: {above.document.file}"
            yield loaded.places.at(("hubs", name, "ring")).problem(f'the fleet has no ring "{hub.ring}"', remedy)
