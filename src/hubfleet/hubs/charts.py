"""Which charts there are: upstream's, pinned in versions.yaml, our own `lite`, those of OCI registries, and folders and
archives of the operator's.

With `pages` and `platform.dashboards` the one module of this package that reads files: a chart is part of what a hub is
made from, as its values are.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hubfleet.hubs.finishing import Defaults
from hubfleet.hubs.release import Chart, Inner
from hubfleet.spec import Cluster, InvalidFiles, KeyPath, Position, Problem, merge
from hubfleet.spec.models.charts import OCI
from hubfleet.spec.reading import parse_text
from hubfleet.spec.trees import map_at
from hubfleet.tools import charts as files

LITE = "lite"
UPSTREAM = "jupyterhub"
BINDER = "binderhub"
_KNOWN = (LITE, UPSTREAM, BINDER)
"""Charts of these names are what they are called: where the hub's values go in them is known."""


def chart(name: str, cluster: Cluster) -> Chart:
    """The chart of a hub; `spec` has seen to it that something is at its path. InvalidFiles if that is no chart."""
    wanted = cluster.hubs[name].chart
    if wanted == LITE:
        return ours(LITE)
    if wanted in (UPSTREAM, BINDER):
        return of_others(wanted, cluster)
    if of_registry := _of_registry(wanted, cluster):
        return _looked_into(of_registry)
    return local((cluster.folder("hubs", name, "chart") / wanted).resolve())


def unseen(name: str, cluster: Cluster) -> Chart | None:
    """The chart of a hub, if it has to be fetched before anybody can tell where in it the hub's values go."""
    found = _of_registry(cluster.hubs[name].chart, cluster)
    return found if found and found.name not in _KNOWN and not archive(found).exists() else None


def _of_registry(wanted: str, cluster: Cluster) -> Chart | None:
    """The chart that a hub names in an OCI registry, if it does."""
    if found := OCI.fullmatch(wanted):
        chart = Chart(found["name"], found["tag"].replace("_", "+"), repository=found["repository"])
        return _where(chart, cluster)
    return None


def _looked_into(chart: Chart) -> Chart:
    """With the hub's chart that is in it, if it is here."""
    place = archive(chart)
    return replace(chart, inner=local(place).inner) if chart.name not in _KNOWN and place.exists() else chart


def upstream(cluster: Cluster) -> Chart:
    """Zero to JupyterHub's."""
    return of_others(UPSTREAM, cluster)


def of_others(name: str, cluster: Cluster) -> Chart:
    """A chart that is pinned, in the version that the cluster's file has, or this hubfleet was tried with."""
    found, own = pinned(name), getattr(cluster.charts.versions, name.replace("-", "_"))
    version, _, sha256 = (own or found.version).partition("@sha256:")
    if own and (version != found.version or sha256):
        found = replace(found, version=version, sha256=sha256)
    return _where(found, cluster)


def _where(chart: Chart, cluster: Cluster) -> Chart:
    """The same, to be had from the cluster's mirror alone, if it has one."""
    mirror = cluster.charts.mirror
    if mirror is None:
        return chart
    return replace(chart, mirrored=in_mirror(chart, cluster.folder("charts", "mirror") / mirror))


def in_mirror(chart: Chart, mirror: Path) -> Path:
    """Where a mirror has this chart of a repository."""
    return files.mirrored(mirror, chart.repository or "", chart.name, chart.version)


def archive(chart: Chart) -> Path:
    """Where the files of a chart are, if it is here: its folder, its archive in the mirror, or in the cache."""
    return chart.path or chart.mirrored or files.archive(chart.repository or "", chart.name, chart.version)


def not_mirrored(chart: Chart, cluster: Cluster) -> Problem | None:
    """What is wrong with a chart that is to come from the mirror; None if nothing is."""
    if chart.mirrored is None:
        return None
    if not chart.mirrored.is_file():
        what = f"the chart {chart} is not in the mirror: there is no file {chart.mirrored}"
    elif chart.sha256 and files.sha256(chart.mirrored) != chart.sha256:
        what = f"{chart.mirrored} is not the chart {chart} that is pinned: its SHA-256 differs"
    else:
        return None
    mirror = cluster.folder("charts", "mirror") / str(cluster.charts.mirror)
    remedy = f"where there is a network: hubfleet charts mirror {mirror} {cluster.file}"
    return cluster.place("charts", "mirror").problem(what, remedy)


@cache
def ours(name: str) -> Chart:
    """A chart of our own."""
    return local(_ours() / name)


@cache
def program(name: str, file: str) -> str:
    """The text of a program of ours that a chart of others runs."""
    return (_ours() / name / file).read_text(encoding="utf-8")


def defaults(chart: Chart) -> dict[str, Any]:
    """The chart's own values; {} for one that is not here."""
    return _defaults(chart.path, tuple(_marks(chart.path))) if chart.path else {}


@lru_cache(maxsize=64)
def _defaults(place: Path, _marks: tuple[tuple[str, int, int], ...]) -> dict[str, Any]:
    text = files.read(place, "values.yaml")
    return yaml.safe_load(text) or {} if text else {}


def every_default(place: Path) -> Defaults | None:
    """Of the chart there and of its sub-charts; None if something in it is not as it should be: Helm says what."""
    return _every_default(place, tuple(_marks(place)))


@lru_cache(maxsize=64)
def given(chart: Chart) -> dict[str, Any]:
    """What a chart around a hub's chart has for it, with what others between the two have; {} of any other chart. It
    says so as its maker's own: what hubfleet would have without being asked comes after."""
    return given_at(archive(chart), chart.inside) if chart.inner else {}


def given_at(place: Path, inside: KeyPath) -> dict[str, Any]:
    """The same of the chart there, for the chart whose values are at this path."""
    level, found = every_default(place), list[Mapping[str, Any]]()
    for depth in range(len(inside)):
        if level is None:
            break
        found.insert(0, map_at(level.values, inside[depth:]))
        level = level.below.get(str(inside[depth]))
    return merge(*found)


@lru_cache(maxsize=64)
def _every_default(place: Path, _marks: tuple[tuple[str, int, int], ...]) -> Defaults | None:
    try:
        return _defaults_in(files.contents(place), "")
    except (OSError, tarfile.TarError, ValueError, yaml.YAMLError, InvalidFiles, KeyError, TypeError, AttributeError):
        return None


def without(place: Path, taken: Iterable[tuple[str, KeyPath]]) -> dict[str, bytes]:
    """The files of the chart there, without what is at these paths of these files."""
    content = files.contents(place)
    for file, path in taken:
        tree = _tree(content[file])
        above: Any = tree
        for key in path[:-1]:
            above = above[key]
        del above[path[-1]]
        content[file] = json.dumps(tree).encode()
    return content


def _defaults_in(content: Mapping[str, bytes], folder: str) -> Defaults:
    """Of the chart in a folder ("" or one with a / at its end) among these files."""
    listed, below = _dependencies(content, folder), dict[str, Defaults]()
    for path in content:
        inner, _, name = path.rpartition("/")
        if name == "Chart.yaml" and inner.startswith(f"{folder}charts/") and "/" not in inner[len(folder) + 7 :]:
            own = _tree(content[path])["name"]
            aliases = [one.get("alias") or own for one in listed if one["name"] == own]
            below |= dict.fromkeys(aliases or [own], _defaults_in(content, f"{inner}/"))
    file = f"{folder}values.yaml"
    return Defaults(file, _tree(content.get(file, b"")), below)


def _dependencies(content: Mapping[str, bytes], folder: str) -> Sequence[Mapping[str, Any]]:
    """Those that the chart in this folder among these files lists."""
    described = _tree(content[f"{folder}Chart.yaml"])
    listed = described.get("dependencies") or _tree(content.get(f"{folder}requirements.yaml", b"")).get("dependencies")
    return listed or ()


def _inner(content: Mapping[str, bytes], folder: str = "", key: KeyPath = ()) -> Inner | None:
    """The first hub's chart that the chart in this folder depends on, itself or through another that is there."""
    for one in _dependencies(content, folder):
        name, at = str(one["name"]), (*key, str(one.get("alias") or one["name"]))
        below = f"{folder}charts/{name}/"
        if name in (UPSTREAM, LITE):
            return Inner(name, at, below)
        if name == BINDER:
            return Inner(UPSTREAM, (*at, UPSTREAM), f"{below}charts/{UPSTREAM}/")
        found = _inner(content, below, at) if f"{below}Chart.yaml" in content else None
        if found:
            return found
    return None


def _tree(text: bytes) -> dict[str, Any]:
    """As Helm reads it; {} where there is nothing."""
    if all(line.lstrip()[:1] in ("", "#") or line.strip() == "---" for line in text.decode().splitlines()):
        return {}
    tree: dict[str, Any] = parse_text(Path("values.yaml"), text.decode()).tree
    return tree


@cache
def pins() -> tuple[str, ...]:
    """The names of those of others that this hubfleet installs."""
    return tuple(_versions())


@cache
def pinned(name: str) -> Chart:
    """An upstream chart, in the version that this hubfleet was tried with."""
    pin = _versions()[name]
    return Chart(name, pin["version"], repository=pin["repository"], sha256=pin.get("sha256", ""))


@cache
def _versions() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load((_ours() / "versions.yaml").read_text(encoding="utf-8"))
    return found


def local(place: Path) -> Chart:
    """The chart in a folder or an archive, with the digest of its content. InvalidFiles if it is none."""
    return _local(place, tuple(_marks(place)))


@lru_cache(maxsize=64)
def _local(place: Path, _marks: tuple[tuple[str, int, int], ...]) -> Chart:
    """Read once for all hubs of a fleet, and again when a file has changed."""
    try:
        described: dict[str, Any] = yaml.safe_load(files.read(place, "Chart.yaml") or "")
        name, version = str(described["name"]), str(described["version"])
        content = _digest(place) if place.is_dir() else files.sha256(place)
        inner = None if name in _KNOWN else _inner(files.contents(place))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        what, remedy = f"is no description of a chart: {type(error).__name__}", "give it a `name` and a `version`"
        if place.is_dir():
            raise InvalidFiles([Problem(Position(place / "Chart.yaml"), what, "", remedy)]) from error
        remedy = "pack it with `helm package`, or name a folder with a Chart.yaml"
        raise InvalidFiles([Problem(Position(place), "is no archive of a chart", "", remedy)]) from error
    return Chart(name, version, path=place, content=content, inner=inner)


def _ours() -> Path:
    return Path(str(resources.files("hubfleet") / "charts"))


def _marks(place: Path) -> Iterator[tuple[str, int, int]]:
    """By which a change of a folder's files, or of an archive, is seen: path, time and size of each."""
    if not place.is_dir():
        there = place.stat()
        yield str(place), there.st_mtime_ns, there.st_size
    for path, _, names in os.walk(place):
        for name in names:
            there = os.stat(f"{path}/{name}")  # noqa: PTH116 (each hub asks)
            yield f"{path}/{name}", there.st_mtime_ns, there.st_size


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(file for file in place.rglob("*") if file.is_file() and file.parent.name != "__pycache__"):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(place)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
