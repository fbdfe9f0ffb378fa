"""The door to charts: where an archive from a repository is kept, and what is in a chart, folder or archive."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import platformdirs


def cache() -> Path:
    """Where hubfleet's Helm keeps what it has fetched."""
    return platformdirs.user_cache_path("hubfleet") / "helm"


def archive(repository: str, name: str, version: str, where: Path | None = None) -> Path:
    """Where the archive of this chart is once it was fetched from its repository (an https address, or oci://)."""
    folder = (where or cache()) / "charts" / hashlib.sha256(repository.encode()).hexdigest()[:12]
    return folder / f"{name}-{version}.tgz"


def mirrored(mirror: Path, repository: str, name: str, version: str) -> Path:
    """Where a mirror has it: HOST/PATH/NAME-VERSION.tgz, so that people find it too."""
    place = repository.partition("://")[2].strip("/").replace(":", "_")
    return mirror / place / f"{name}-{version}.tgz"


def sha256(archive: Path) -> str:
    """Of its content, in hex; reckoned once, and again when it changed. OSError if it cannot be read."""
    there = archive.stat()
    return _sha256(archive, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=256)
def _sha256(archive: Path, _time: int, _size: int) -> str:
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def contents(chart: Path) -> dict[str, bytes]:
    """Every file of a chart, by its path in it; sub-charts that are archives as if they were folders. OSError or
    tarfile.TarError for what is no chart."""
    if chart.is_dir():
        found = {str(one.relative_to(chart)): one.read_bytes() for one in chart.rglob("*") if one.is_file()}
    else:
        found = {path.partition("/")[2]: data for path, data in _unpacked(chart.read_bytes())}
    return dict(_with_sub_charts(found))


def write(content: Mapping[str, bytes], folder: Path) -> Path:
    """A chart's folder with these files, none outside of it."""
    for path, data in content.items():
        place = folder / path
        if ".." not in place.parts and place.is_relative_to(folder):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    return folder


def _with_sub_charts(content: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for path, data in content.items():
        above, _, name = path.rpartition("/")
        if above.rpartition("/")[2] == "charts" and name.endswith(".tgz"):
            inner = {f"{above}/{below}": one for below, one in _unpacked(data)}
            yield from _with_sub_charts(inner)
        else:
            yield path, data


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                yield member.name.removeprefix("./"), file.read()


def read(chart: Path, file: str) -> str | None:
    """A file of a chart (a folder, or an archive), by its path in it; None if there is none, or it cannot be read."""
    try:
        if chart.is_dir():
            return (chart / file).read_text(encoding="utf-8")
        with tarfile.open(chart) as content:
            for member in content:
                if member.name.partition("/")[2] == file and (found := content.extractfile(member)):
                    return found.read().decode()
    except (OSError, ValueError, tarfile.TarError):
        pass
    return None
