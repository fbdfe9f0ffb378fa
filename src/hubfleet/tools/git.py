"""The door to git: the files of a repository as they were."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hubfleet.errors import UsageError
from hubfleet.tools import process

_TIMEOUT = 60.0
_ONE = "give the files of a git repository, and a branch, a tag or a commit: --since origin/main"


@contextmanager
def files_at(revision: str, path: Path, *, run: process.Run = process.run) -> Generator[Path]:
    """Where `path`, of a working tree, would be in the state of that revision: all files of the repository are put into
    a folder that is gone after the block. The working tree and the repository stay as they are. UsageError where git
    knows no such revision, or the path is in no repository."""
    place = path.resolve()
    top = Path(_git(place if place.is_dir() else place.parent, run, "rev-parse", "--show-toplevel"))
    try:
        commit = _git(top, run, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError as error:
        raise UsageError(f"git knows no revision {revision!r} in {top}", remedy=_ONE) from error
    with tempfile.TemporaryDirectory(prefix="hubfleet-") as folder:
        files, index = Path(folder) / "files", str(Path(folder) / "index")
        _git(top, run, "read-tree", commit, index=index)
        _git(top, run, "checkout-index", "--all", f"--prefix={files}/", index=index)
        yield files / place.relative_to(top.resolve())


def _git(folder: Path, run: process.Run, *words: str, index: str = "") -> str:
    """What git says; `index`: a file to use instead of the repository's own index."""
    own = {**os.environ, "GIT_INDEX_FILE": index} if index else None
    try:
        return run(["git", "-C", str(folder), *words], timeout=_TIMEOUT, env=own).stdout.strip()
    except process.ProcessFailed as error:
        if error.code is None:
            raise
        what = error.stderr.strip().removeprefix("fatal: ").partition("\n")[0] or error.what
        raise UsageError(f"git says: {what}", remedy=_ONE) from error
