"""Which charts there are: upstream's, pinned in versions.yaml, our own `lite`, and folders of the operator's.

The one module of this package that reads files: a chart is part of what a hub is made from, as its values are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hubfleet.hubs.release import Chart
from hubfleet.spec import Cluster, InvalidFiles, Position, Problem
from hubfleet.tools import charts as files

LITE = "lite"
UPSTREAM = "jupyterhub"


def chart(name: str, cluster: Cluster) -> Chart:
    """The chart of a hub; `spec` has seen to it that a folder is a chart."""
    wanted = cluster.hubs[name].chart
    if wanted == LITE:
        return ours(LITE)
    if wanted == UPSTREAM:
        return pinned(UPSTREAM)
    return folder((cluster.folder("hubs", name, "chart") / wanted).resolve())


@cache
def ours(name: str) -> Chart:
    """A chart of our own."""
    return folder(_ours() / name)


def defaults(chart: Chart) -> dict[str, Any]:
    """The chart's own values; {} for one that is not here."""
    text = files.read(chart.path, "values.yaml") if chart.path else None
    return yaml.safe_load(text) or {} if text else {}


@cache
def pinned(name: str) -> Chart:
    """An upstream chart, in the version that this hubfleet was tried with."""
    pins: dict[str, dict[str, str]] = yaml.safe_load((_ours() / "versions.yaml").read_text(encoding="utf-8"))
    pin = pins[name]
    return Chart(name, pin["version"], repository=pin["repository"], sha256=pin.get("sha256", ""))


def folder(place: Path) -> Chart:
    """The chart in a folder, with the digest of its files. InvalidFiles if its Chart.yaml is none."""
    return _folder(place, tuple(_marks(place)))


@lru_cache(maxsize=64)
def _folder(place: Path, _marks: tuple[tuple[str, int, int], ...]) -> Chart:
    """Read once for all hubs of a fleet, and again when a file has changed."""
    file = place / "Chart.yaml"
    try:
        described: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        name, version = str(described["name"]), str(described["version"])
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        what, remedy = f"is no description of a chart: {type(error).__name__}", "give it a `name` and a `version`"
        raise InvalidFiles([Problem(Position(file), what, "", remedy)]) from error
    return Chart(name, version, path=place, content=_digest(place))


def _ours() -> Path:
    return Path(str(resources.files("hubfleet") / "charts"))


def _marks(place: Path) -> Iterator[tuple[str, int, int]]:
    """By which a change of a folder's files is seen: path, time and size of each."""
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
