"""The door to charts: where an archive from a repository is kept, and what is in a chart, folder or archive."""

from __future__ import annotations

import hashlib
import tarfile
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


def read(chart: Path, file: str) -> str | None:
    """A file at the top of a chart (its folder, or its archive); None if there is none, or it cannot be read."""
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
