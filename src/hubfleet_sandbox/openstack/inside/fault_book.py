"""The book of faults: which are on, and what each of them did. One file, read and written by many processes.

Who plays a fault asks the book each time whether it strikes; the book counts, under a lock that all processes and
threads share, so that "three times" is three times. On the standard library alone: the OpenStack services read it too.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

_REMEMBERED = 100
"""Lines of a fault's diary that are kept; its numbers go on."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; which fields mean something depends on its kind.

    `service`, `method`, `path` (a regular expression, searched) say which requests, "" for any; `cluster` and `group`
    which machines. The first `after` chances pass; then it strikes `times` times (None: for ever), each chance with
    `probability`, drawn from `seed`. `since`: Unix time of its beginning. `kept`: what clearing it must put back.
    """

    kind: str
    id: int = 0
    service: str = ""
    method: str = ""
    path: str = ""
    cluster: str = ""
    group: str = ""
    status: int = 0
    retry_after: int | None = None
    seconds: float | None = None
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    since: float = 0.0
    kept: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seen: int = 0
    """Chances so far."""
    done: int = 0
    """Strikes so far."""
    subjects: tuple[str, ...] = ()
    """What it has got hold of."""
    diary: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """It will never strike again."""
        return self.times is not None and self.done >= self.times

    def meets(self, service: str, method: str, path: str) -> bool:
        """Whether a request is one of those that it is about."""
        asked = (self.service in ("", service), self.method in ("", method), re.search(self.path, path))
        return all(asked)

    def concerns(self, release: str, group: str = "") -> bool:
        """Whether it is about this cluster, given by its release (NAME-0123456789ab), and this node group."""
        named = not self.cluster or re.fullmatch(rf"{re.escape(self.cluster)}-[a-z0-9]{{12}}", release) is not None
        return named and self.group in ("", group)


class Book:
    """The book in this folder. Any number of processes and threads may have it open."""

    def __init__(self, folder: Path) -> None:
        self._file, self._lock = folder / "faults.json", folder / "faults.lock"
        self._known: tuple[str, tuple[Fault, ...]] = ("", ())

    def faults(self) -> tuple[Fault, ...]:
        """All that are in the book, over or not, in the order in which they came. Cheap while nothing changes: what
        was read is compared, since the file's inode and time can be the same after two changes within one tick."""
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return ()
        if text != self._known[0]:
            self._known = (text, _pages(text)[1])
        return self._known[1]

    @property
    def used(self) -> bool:
        """Whether there ever was one."""
        return self._file.exists()

    def of(self, *kinds: str) -> tuple[Fault, ...]:
        """Those of these kinds."""
        return tuple(fault for fault in self.faults() if fault.kind in kinds)

    def add(self, fault: Fault) -> Fault:
        """From now on it is on; with its number."""
        with self._open() as pages:
            numbered = replace(fault, id=pages.next, since=fault.since or time.time())
            pages.next += 1
            pages.faults.append(numbered)
        return numbered

    def remove(self, ids: Collection[int]) -> None:
        """They never were."""
        with self._open() as pages:
            pages.faults = [fault for fault in pages.faults if fault.id not in ids]

    def strike(self, known: Fault, what: str) -> bool:
        """A chance for this fault: whether it strikes now. Counted, and written down with `what` it did."""
        before, after = self._change(known, lambda fault: _chance(fault, what))
        return after.done > before.done

    def hold(self, known: Fault, subject: str) -> bool:
        """Whether the fault has got hold of this subject, or does so now, which counts as one strike."""
        if subject in known.subjects:
            return True
        _, after = self._change(known, lambda fault: _chance(fault, subject, subject))
        return subject in after.subjects

    def note(self, known: Fault, subject: str) -> None:
        """The fault has got hold of the subject, which counts for nothing."""
        self._change(known, lambda fault: replace(fault, subjects=(*fault.subjects, subject)))

    def _change(self, known: Fault, change: Callable[[Fault], Fault]) -> tuple[Fault, Fault]:
        """Replace a fault by what comes of it; before and after. One that is gone by now does not change."""
        with self._open() as pages:
            for place, fault in enumerate(pages.faults):
                if fault.id == known.id:
                    pages.faults[place] = change(fault)
                    return fault, pages.faults[place]
        return known, known

    @contextmanager
    def _open(self) -> Generator[_Pages]:
        # A lock belongs to an open file: threads that open it each exclude each other, too.
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pages = _Pages(*self._read())
            before = (pages.next, tuple(pages.faults))
            yield pages
            if (pages.next, tuple(pages.faults)) != before:
                self._write(pages)
        finally:
            os.close(lock)

    def _read(self) -> tuple[int, tuple[Fault, ...]]:
        try:
            return _pages(self._file.read_text())
        except FileNotFoundError:
            return 1, ()

    def _write(self, pages: _Pages) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({"next": pages.next, "faults": [asdict(fault) for fault in pages.faults]}))
        draft.replace(self._file)  # a reader never sees a half


class _Pages:
    def __init__(self, number: int, faults: Collection[Fault]) -> None:
        self.next, self.faults = number, list(faults)


def _chance(fault: Fault, what: str, subject: str = "") -> Fault:
    """What becomes of a fault that could strike."""
    if fault.over or (subject and subject in fault.subjects):
        return fault
    seen = fault.seen + 1
    drawn = random.Random(f"{fault.seed}/{seen}").random()  # noqa: S311 (repeatable, not secret)
    if seen <= fault.after or drawn >= fault.probability:
        return replace(fault, seen=seen)
    line = f"{time.strftime('%H:%M:%S')} {what}"
    subjects = (*fault.subjects, subject) if subject else fault.subjects
    diary = (*fault.diary, line)[-_REMEMBERED:]
    return replace(fault, seen=seen, done=fault.done + 1, subjects=subjects, diary=diary)


def _pages(text: str) -> tuple[int, tuple[Fault, ...]]:
    """The number of the next fault, and the faults."""
    found = json.loads(text)
    return found["next"], tuple(_fault(one) for one in found["faults"])


def _fault(found: dict[str, Any]) -> Fault:
    fields: dict[str, Any] = {**found, "subjects": tuple(found["subjects"]), "diary": tuple(found["diary"])}
    return Fault(**fields)
