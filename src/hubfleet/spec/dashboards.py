"""The operator's own dashboards of Grafana: which files they are, and whether they can be what they are to be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from hubfleet.spec import pages
from hubfleet.spec.places import Place
from hubfleet.spec.problems import Position, Problem

MOST = 700_000
"""Bytes of all. They are one ConfigMap, of which Kubernetes takes 1 MiB; and twice in Helm's record of the release,
which is packed (such JSON to a tenth) and has to fit into 1 MiB as well."""


def files(folder: Path) -> tuple[Path, ...]:
    """Those of a folder, and of those below it, in order."""
    return tuple(one for one in pages.files(folder) if one.suffix == ".json")


def key(file: Path, folder: Path) -> str:
    """What stands for it in a ConfigMap, whose keys have no slash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", file.relative_to(folder).with_suffix("").as_posix())


def dashboard_problems(folder: Path, at: Place) -> Iterator[Problem]:
    """What is not there, too large, or no dashboard."""
    found = files(folder)
    if not found:
        what = f"there is no file NAME.json in the folder {folder}"
        yield at.problem(what, "the path counts from the folder of this file; compile Jsonnet first: jsonnet FILE")
    size = sum(one.stat().st_size for one in found)
    if size > MOST:
        what = f"the dashboards have {size} bytes, and a ConfigMap of Kubernetes has room for {MOST} of them"
        yield at.problem(what, "leave some out")
        return
    named: dict[str, Path] = {}
    for one in found:
        if (other := named.setdefault(key(one, folder), one)) != one:
            yield Problem(Position(one), f"would have the same name as {other}", remedy="give it another")
        yield from _unreadable(one)


def _unreadable(file: Path) -> Iterator[Problem]:
    try:
        tree: object = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        yield Problem(Position(file, error.lineno, error.colno), f"is no JSON: {error.msg}", remedy="export it anew")
        return
    except (ValueError, RecursionError):
        yield Problem(Position(file), "is no JSON that can be read", remedy="export it anew")
        return
    if not isinstance(tree, dict) or "title" not in tree:
        what, remedy = "is no dashboard: it has no `title`", "export the dashboard itself, for sharing as JSON"
        yield Problem(Position(file), what, remedy=remedy)
