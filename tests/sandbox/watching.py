"""What hubfleet starts and leaves while it runs, as anybody on its machine can see it: in /proc, in its folders."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .conftest import HUBFLEET, Ran


@dataclass
class Seen:
    """Of every program that hubfleet started: its arguments and environment; of every temporary file: its mode."""

    programs: dict[str, tuple[bytes, bytes]] = field(default_factory=dict[str, tuple[bytes, bytes]])
    modes: dict[str, int] = field(default_factory=dict[str, int])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def names(self) -> set[str]:
        """The programs' names."""
        return {Path(argv.split(b"\0")[0].decode()).name for argv, _ in self.programs.values()}


def watched(seen: Seen, folder: Path, *argv: str | Path, env: Mapping[str, str], timeout: float = 600) -> Ran:
    """Run hubfleet to its end, its temporary files in `folder`; keep what could be seen meanwhile."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    words = [str(HUBFLEET), *map(str, argv)]
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        child = subprocess.Popen(words, stdout=out, stderr=err, env={**env, "TMPDIR": str(temporary)})
        done = threading.Event()
        looking = threading.Thread(target=_look, args=(child.pid, temporary, done, seen))
        looking.start()
        try:
            child.wait(timeout)
        finally:
            child.kill()
            child.wait()
            done.set()
            looking.join()
        out.seek(0)
        err.seek(0)
        return Ran(child.returncode, out.read(), err.read())


def _look(pid: int, temporary: Path, done: threading.Event, seen: Seen) -> None:
    """Until `done`: a thread of its own, so that nothing that is there for some milliseconds is missed."""
    own = b""
    while not done.is_set():
        own = own or _read(Path(f"/proc/{pid}/cmdline"))
        for one in _below(pid):
            argv, environment = (_read(Path(f"/proc/{one}/{name}")) for name in ("cmdline", "environ"))
            if argv and argv != own:  # between fork and exec a child is a copy of hubfleet
                seen.programs[f"{one} {argv!r}"] = (argv, environment)
        for file in _there(temporary):
            try:
                seen.modes[str(file)] = file.stat().st_mode & 0o777
                if file.is_file():
                    seen.files[str(file)] = file.read_bytes()
            except OSError:
                continue
        time.sleep(0.002)


def _below(pid: int) -> Iterator[int]:
    """Every process that it, or one of them, started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        for child in _read(task / "children").split():
            yield int(child)
            yield from _below(int(child))


def _there(folder: Path) -> Iterator[Path]:
    """Folders and files below it; some may be gone meanwhile."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, each of its lines, and both in base64."""
    for part in {secret, *secret.splitlines()}:
        yield part.encode()
        yield base64.b64encode(part.encode())
        if part.isdigit():
            yield f"{float(part):.7g}".encode()


def shown(canaries: Mapping[str, str], *texts: bytes | str) -> list[str]:
    """Which of the secrets can be read in one of these texts."""
    every = b"\n".join(text if isinstance(text, bytes) else text.encode() for text in texts)
    return [kind for kind, secret in canaries.items() if any(form in every for form in forms(secret))]


def contents(folders: Sequence[Path]) -> Iterator[bytes]:
    """Every file below these folders."""
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                yield file.read_bytes()
