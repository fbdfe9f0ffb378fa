"""The door to git: the files of a repository as they were."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubfleet.errors import UsageError
from hubfleet.tools import process

_TIMEOUT = 60.0
_ONE = "give the files of a git repository, and a branch, a tag or a commit: --since origin/main"


@dataclass(frozen=True)
class Then:
    """The files of the repository at `top`, as they were, in the folder `files`. `changed`: those in the working tree
    that are other ones now, are new, or have gone."""

    top: Path
    files: Path
    changed: frozenset[Path]

    def of(self, file: Path) -> Path | None:
        """Where a file or folder of the working tree is in that state, if it is there. None if it is not of the
        repository."""
        place = _place(file)
        return self.files / place.relative_to(self.top) if place.is_relative_to(self.top) else None


@contextmanager
def files_at(revision: str, path: Path, *, run: process.Run = process.run) -> Generator[Then]:
    """The repository of `path`, of a working tree, in the state of that revision: all its files are put into a folder
    that is gone after the block. The working tree and the repository stay as they are. UsageError where git knows no
    such revision, or the path is in no repository."""
    place = path.resolve()
    top = Path(_git(place if place.is_dir() else place.parent, run, "rev-parse", "--show-toplevel").strip())
    try:
        commit = _git(top, run, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError as error:
        raise UsageError(f"git knows no revision {revision!r} in {top}", remedy=_ONE) from error
    commit = commit.strip()
    with tempfile.TemporaryDirectory(prefix="hubfleet-") as folder:
        files, index = Path(folder) / "files", str(Path(folder) / "index")
        _git(top, run, "read-tree", commit, index=index)
        _git(top, run, "checkout-index", "--all", f"--prefix={files}/", index=index)
        names = _git(top, run, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--")
        names += _git(top, run, "ls-files", "--others", "--exclude-standard", "-z")
        here = top.resolve()
        yield Then(here, files, frozenset(here / name for name in names.split("\0") if name))


def _place(file: Path) -> Path:
    """Where it really is; of a symbolic link, the link."""
    return file.parent.resolve() / file.name if file.name not in ("", "..") else file.resolve()


def _git(folder: Path, run: process.Run, *words: str, index: str = "") -> str:
    """What git says; `index`: a file to use instead of the repository's own index."""
    own = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", **({"GIT_INDEX_FILE": index} if index else {})}
    try:
        return run(["git", "-C", str(folder), *words], timeout=_TIMEOUT, env=own).stdout
    except process.ProcessFailed as error:
        if error.code is None:
            raise
        what = error.stderr.strip().removeprefix("fatal: ").partition("\n")[0] or error.what
        raise UsageError(f"git says: {what}", remedy=_ONE) from error
