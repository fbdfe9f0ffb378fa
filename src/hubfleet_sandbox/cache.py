"""Expensive things made once, outside the checkout: programs, images, databases, virtual environments.

An entry is a folder named by the digest of what it is made from. It is made beside its place and moved there when it
is whole, under a lock, so that a killed build leaves nothing that could be believed; and it carries a list of its
files' sizes and digests, by which `get` checks it before use.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import filelock

_MANIFEST = ".made.json"
_OLD = ".old-"


def key(made_from: Mapping[str, str | bytes]) -> str:
    """The first 16 hex digits of the SHA-256 of the inputs' names and contents."""
    digest = hashlib.sha256()
    for name in sorted(made_from):
        value = made_from[name]
        data = value.encode() if isinstance(value, str) else value
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def get(
    cache: Path, name: str, made_from: Mapping[str, str | bytes], make: Callable[[Path], None], *, timeout: float = 3600
) -> Path:
    """The folder of the entry `name` made from these inputs; `make(folder)` fills it if it is not there or is damaged.

    `timeout`, in seconds, is how long to wait for another process that makes the same entry.
    """
    place = cache / f"{name}-{key(made_from)}"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(str(place) + ".lock", timeout=timeout):
        if whole(place):
            (place / _MANIFEST).touch()  # when it was last used
            return place
        work = place.with_name(f".{place.name}")
        for old in (place, work):  # damaged, or left by a build that was killed
            shutil.rmtree(old, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            make(work)
            (work / _MANIFEST).write_text(json.dumps(_manifest(work)))
            work.chmod(0o755)
            work.rename(place)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return place


def there(cache: Path, name: str, made_from: Mapping[str, str | bytes]) -> bool:
    """Whether the entry is made already (a quick look: its files are not checked)."""
    return (cache / f"{name}-{key(made_from)}" / _MANIFEST).exists()


def set_aside(cache: Path, keep: int = 2) -> list[Path]:
    """Let go of what killed builds left, and of all entries but the `keep` last used of each name.

    At once, by other names; to delete the folders it returns takes longer. Only while no sandbox uses the cache; what
    is being made right now stays.
    """
    places = [path for path in cache.glob("*") if path.is_dir() and not path.name.startswith(_OLD)]
    entries = [path for path in places if (path / _MANIFEST).exists()]
    entries.sort(key=lambda path: (path / _MANIFEST).stat().st_mtime, reverse=True)
    names = [path.name.rpartition("-")[0] for path in entries]
    old = {path for number, path in enumerate(entries) if names[:number].count(names[number]) >= keep}
    old |= {path for path in places if path.name.startswith(".")}
    for path in old:
        lock = cache / f"{path.name.removeprefix('.')}.lock"
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(lock, timeout=0):
            path.rename(cache / f"{_OLD}{path.name.removeprefix('.')}")
            lock.unlink()
    return sorted(cache.glob(f"{_OLD}*"))


def whole(place: Path) -> bool:
    """Whether an entry is as it was made: its own files by digest, its folders by the number and sizes of files."""
    try:
        manifest = json.loads((place / _MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(_manifest(place) == manifest)


def _manifest(place: Path) -> dict[str, str]:
    """Path -> what is checked of it. Files directly in the entry: size and digest; a tree: files and bytes in all."""
    found: dict[str, str] = {}
    for path in sorted(place.iterdir()):
        if path.name == _MANIFEST:
            continue
        if path.is_symlink():
            found[path.name] = f"link to {path.readlink()}"
        elif path.is_dir():
            sizes = [
                os.lstat(Path(root) / name).st_size
                for root, _, names in os.walk(path)
                for name in names
                if not name.endswith(".pyc")
            ]
            found[path.name] = f"{len(sizes)} files, {sum(sizes)} bytes"
        else:
            with path.open("rb") as file:
                found[path.name] = (
                    f"{path.stat().st_size} bytes, sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
                )
    return found
