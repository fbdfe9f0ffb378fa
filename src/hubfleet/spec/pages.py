"""The files that a hub's `pages` name: which they are, and whether they can be what they are to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hubfleet.spec.checking import Where
from hubfleet.spec.models import Hub
from hubfleet.spec.problems import Problem
from hubfleet.spec.reading import is_file

MOST = 200_000
"""Bytes of all of a hub's. They stand twice in Helm's record of a release, as values and as an object, and a record is
a Secret: 1 MiB in Kubernetes, of which the chart takes its part."""


def files(folder: Path) -> tuple[Path, ...]:
    """Those of a folder, and of those below it, in order; without hidden ones and editors' leavings."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("~"))
    return tuple(sorted(path for path in found if not any(one[0] == "." for one in path.relative_to(folder).parts)))


def page_problems(hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """What is not there, or too large."""
    for name, hub in hubs.items():
        size = 0
        for key in ("templates", "static", "logo"):
            path: str | None = getattr(hub.pages, key)
            if path is None:
                continue
            at = where("hubs", name, "pages", key)
            there = at.position.file.parent / path
            found = files(there) if key != "logo" else (there,) if is_file(there) else ()
            if not found:
                what = f"there is no file {there}" if key == "logo" else f"there is no file in the folder {there}"
                yield at.problem(what, "the path counts from the folder of this file")
            size += sum(one.stat().st_size for one in found)
        if size > MOST:
            what = f"the files of the pages have {size} bytes, and Helm keeps no more than {MOST}"
            yield where("hubs", name, "pages").problem(what, "have pages link to large images elsewhere")
