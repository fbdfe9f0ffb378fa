"""`import`: a fleet of another tool's, written as one of ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from hubfleet.errors import UsageError
from hubfleet.importing import ChartsFrom, Imported, read, translate


def import_2i2c(path: Path, to: Path, chart: ChartsFrom | None = None) -> Imported:
    """Write the clusters of a checkout of 2i2c-org/infrastructure as a fleet into the folder `to`, which is new or
    empty. Nothing is written if anything is wrong. UsageError for such folders; InvalidFiles with every problem of the
    files."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(f"{to} is there and not empty", remedy="give a new folder: nothing is overwritten")
    if to.resolve().is_relative_to(path.resolve()):
        raise UsageError(f"{to} is in what is imported", remedy="give a folder elsewhere")
    found = translate(read(path), chart)
    try:
        _write(found, to)
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise
    return found


def _write(found: Imported, to: Path) -> None:
    for name, copied in found.charts.items():
        folder = to / "charts" / name
        shutil.copytree(copied.folder, folder)
        if copied.override is not None:
            shutil.copyfile(copied.override, folder / "Chart.yaml")
    for name, content in found.files.items():
        file = to / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, file)
        else:
            file.write_text(content, encoding="utf-8")
