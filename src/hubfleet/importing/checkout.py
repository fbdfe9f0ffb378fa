"""Clusters in the format of 2i2c-org/infrastructure, as they stand there (its cluster.schema.yaml, August 2026).

Their layering: a chart's values.yaml < its values.jsonnet < `helm_chart_values_files` in their order. Whatever is asked
of a hub is asked of all its files merged: the last one alone does not say how people log in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ConfigDict, ValidationError

from hubfleet.errors import UsageError
from hubfleet.spec import Document, InvalidFiles, KeyPath, Model, Places, Problem
from hubfleet.spec.models.fields import Domain, Text
from hubfleet.spec.reading import is_file, parse
from hubfleet.spec.sops import is_encrypted, values_of
from hubfleet.spec.wording import problems as told

CLUSTER_FILE = "cluster.yaml"
CHART_FILE = "Chart.yaml"
_FOLDER = "config/clusters"
_CHARTS = "helm-charts"
INSIDE = {"basehub": ("jupyterhub",), "daskhub": ("basehub", "jupyterhub")}
"""Where in the values of their charts those of Zero to JupyterHub's chart are: it is a chart inside them."""


class _Foreign(Model):
    """Keys that we do not know are told of, and are no mistake."""

    model_config = ConfigDict(extra="allow")


class HubEntry(_Foreign):
    """A hub of a cluster.yaml."""

    name: Text
    """The hub's name, its namespace's and its release's."""
    domain: Domain
    """Its DNS name."""
    helm_chart: Literal["basehub", "daskhub"]
    """One of their charts."""
    helm_chart_values_files: tuple[Text, ...]
    """From the folder of the cluster.yaml, the strongest last."""
    display_name: str | None = None
    uptime_check: Any = None
    domain_override_file: Text | None = None
    chart_override: Text | None = None


class ClusterEntry(_Foreign):
    """A cluster.yaml."""

    name: Text
    """The cluster's name."""
    provider: Literal["gcp", "aws", "azure", "kubeconfig"]
    """Where it is."""
    provider_url: str | None = None
    tenancy: str | None = None
    metadata: Any = None
    kubeconfig: Mapping[str, Any] | None = None
    gcp: Mapping[str, Any] | None = None
    aws: Mapping[str, Any] | None = None
    azure: Mapping[str, Any] | None = None
    support: Mapping[str, Any] | None = None
    hubs: tuple[HubEntry, ...] = ()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The block of its provider."""
        return {"kubeconfig": self.kubeconfig, "gcp": self.gcp, "aws": self.aws, "azure": self.azure}[
            self.provider
        ] or {}


@dataclass(frozen=True)
class Values:
    """A values file of a hub, by its `name` there. `document` is None where `missing` says why there is nothing to
    read; `tree` holds its values, secrets as `Secret`s."""

    name: str
    file: Path
    document: Document | None = None
    missing: str = ""
    tree: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def encrypted(self) -> bool:
        """By sops."""
        return self.document is not None and is_encrypted(self.document.tree)


@dataclass(frozen=True)
class HubThere:
    """`at`: its path in the cluster.yaml."""

    entry: HubEntry
    at: KeyPath
    files: tuple[Values, ...]

    @property
    def inside(self) -> tuple[str, ...]:
        """Where in its values those of Zero to JupyterHub's chart are."""
        return INSIDE[self.entry.helm_chart]


@dataclass(frozen=True)
class ClusterThere:
    """A cluster.yaml, with what it names."""

    document: Document
    entry: ClusterEntry
    hubs: tuple[HubThere, ...]

    @property
    def folder(self) -> Path:
        """In which it is."""
        return self.document.file.parent

    def problem(self, what: str, remedy: str, *path: str | int) -> Problem:
        """Something about this key."""
        return Places(self.document).at(path).problem(what, remedy)


@dataclass(frozen=True)
class Checkout:
    """`charts`: the folder of their charts; None where only clusters are there."""

    clusters: tuple[ClusterThere, ...]
    charts: Path | None = None


def read(path: Path) -> Checkout:
    """What is in a checkout of that repository, in its folder of clusters, or in one cluster's folder. InvalidFiles
    with everything that is wrong; UsageError for a folder that is none of these."""
    clusters: list[ClusterThere] = []
    problems: list[Problem] = []
    library: dict[Path, Document | InvalidFiles | None] = {}
    for file in _cluster_files(path):
        try:
            found, wrong = _cluster(file, library)
        except InvalidFiles as error:
            problems += error.problems
        else:
            problems += wrong
            clusters += [found] if found else []
    problems += _twice(clusters)
    if problems:
        raise InvalidFiles(tuple(dict.fromkeys(problems)))
    return Checkout(tuple(clusters), _charts(path))


def _cluster_files(path: Path) -> list[Path]:
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}", remedy="give a checkout of 2i2c-org/infrastructure")
    if is_file(path / CLUSTER_FILE):
        return [path / CLUSTER_FILE]
    folder = path / _FOLDER if (path / _FOLDER).is_dir() else path
    found = sorted(folder.glob(f"*/{CLUSTER_FILE}"))
    if not found:
        what = f"{path} has neither {_FOLDER} nor a {CLUSTER_FILE}, and no folder in it has one"
        raise UsageError(
            what, remedy="give a checkout of 2i2c-org/infrastructure, its config/clusters, or a folder there"
        )
    return found


def _charts(path: Path) -> Path | None:
    """Beside `config`, wherever in the checkout PATH is."""
    whole = path.resolve()
    places = (whole, *(above.parent for above in (whole, *whole.parents[:2]) if above.name == "config"))
    return next((one / _CHARTS for one in places if (one / _CHARTS).is_dir()), None)


def _cluster(file: Path, library: dict[Path, Any]) -> tuple[ClusterThere | None, Sequence[Problem]]:
    document = parse(file)
    problems = list(document.problems)
    try:
        entry = ClusterEntry.model_validate_json(json.dumps(document.tree), strict=True)
    except ValidationError as error:
        problems += told(error.errors(include_url=False), ClusterEntry, (), Places(document))
        return None, [*problems, *_files_of_broken(document, library)]
    hubs: list[HubThere] = []
    for index, hub in enumerate(entry.hubs):
        at: KeyPath = ("hubs", index)
        files, wrong = _values(document, hub.helm_chart_values_files, at, library)
        problems += wrong
        hubs.append(HubThere(hub, at, files))
    return ClusterThere(document, entry, tuple(hubs)), problems


def _files_of_broken(document: Document, library: dict[Path, Any]) -> Iterator[Problem]:
    """What is wrong with the values files that a broken cluster.yaml names all the same."""
    for index, hub in enumerate(_list(document.tree.get("hubs"))):
        names = _list(cast("dict[str, Any]", hub).get("helm_chart_values_files")) if isinstance(hub, dict) else []
        if all(isinstance(name, str) for name in names):
            yield from _values(document, names, ("hubs", index), library)[1]


def _list(tree: Any) -> list[Any]:
    return tree if isinstance(tree, list) else []  # pyright: ignore[reportUnknownVariableType]


def _values(
    document: Document, names: Sequence[str], at: KeyPath, library: dict[Path, Any]
) -> tuple[tuple[Values, ...], list[Problem]]:
    found: list[Values] = []
    problems: list[Problem] = []
    for index, name in enumerate(names):
        place = Places(document).at((*at, "helm_chart_values_files", index))
        file = document.file.parent / name
        if name.endswith(".jsonnet"):
            found.append(Values(name, file, missing="is a program in jsonnet, which hubfleet does not run"))
        elif is_file(file):
            try:
                found.append(_values_file(name, file, library))
            except InvalidFiles as error:
                problems += error.problems
        elif "secret" in Path(name).name or Path(name).name.startswith("enc-"):
            found.append(Values(name, file, missing="was not there when this was imported"))
        else:
            problems.append(place.problem(f"there is no file {file}", "the path counts from the folder of this file"))
    return tuple(found), problems


def _values_file(name: str, file: Path, library: dict[Path, Any]) -> Values:
    if file not in library:
        library[file] = _parsed(file)
    match library[file]:
        case InvalidFiles() as error:
            raise error
        case Document() as document:
            return Values(
                name, file, document, tree=values_of(document) if is_encrypted(document.tree) else document.tree
            )
        case _:
            return Values(name, file, missing="is empty")


def _parsed(file: Path) -> Document | InvalidFiles | None:
    """None for a file that says nothing, which Helm takes."""
    try:
        document = parse(file)
        if is_encrypted(document.tree):
            values_of(document)
    except InvalidFiles as error:
        return None if _says_nothing(file) else error
    return InvalidFiles(document.problems) if document.problems else document


def _says_nothing(file: Path) -> bool:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return all(not line.strip() or line.lstrip().startswith("#") or line.strip() in {"---", "..."} for line in lines)


def _twice(clusters: Sequence[ClusterThere]) -> Iterator[Problem]:
    """What may be there once only, and is there again."""
    names: dict[str, Path] = {}
    domains: dict[str, str] = {}
    for cluster in clusters:
        before = names.setdefault(cluster.entry.name, cluster.document.file)
        if before != cluster.document.file:
            yield cluster.problem(f"the cluster of {before} is called so as well", "give each its own name", "name")
        hubs: set[str] = set()
        for hub in cluster.hubs:
            if hub.entry.name in hubs:
                what = f"the cluster has two hubs {hub.entry.name}"
                yield cluster.problem(what, "give each its own name", *hub.at, "name")
            hubs.add(hub.entry.name)
            other = domains.setdefault(hub.entry.domain, f"{hub.entry.name} of {cluster.entry.name}")
            if other != f"{hub.entry.name} of {cluster.entry.name}":
                what = f"the hub {other} has the domain {hub.entry.domain} already"
                yield cluster.problem(what, "give each hub its own", *hub.at, "domain")
