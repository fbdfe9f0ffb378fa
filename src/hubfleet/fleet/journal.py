"""What happened, kept: every event of every apply and destroy, a JSON line each, in the state folder."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubfleet.events import Event, Say
from hubfleet.fleet.locking import state_folder

_MOST = 4 * 2**20
"""Bytes; a larger journal is put aside when a run begins, in the place of the one before."""


@dataclass(frozen=True)
class Last:
    """The last run on a cluster. `ended` False: killed or still at it. `when`: seconds since 1970 of its last word."""

    verb: str
    when: float
    ended: bool
    well: bool
    text: str


class Journal:
    """Writes a run's events, and passes them on."""

    def __init__(self, cluster: str, verb: str, say: Say) -> None:
        self._say, self._verb, self._lock = say, verb, threading.Lock()
        self._file = _place(cluster)
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):
            if self._file.stat().st_size > _MOST:
                self._file.replace(self._file.with_suffix(".old.jsonl"))
        self._write({"verb": verb, "kind": "begun", "pid": os.getpid()})

    def __call__(self, event: Event) -> None:
        """Keep it and say it."""
        self._write({"verb": self._verb, **asdict(event)})
        self._say(event)

    def ended(self, *, well: bool, text: str) -> None:
        """The run is over."""
        self._write({"verb": self._verb, "kind": "ended", "well": well, "text": text})

    def _write(self, line: dict[str, object]) -> None:
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"when": round(time.time(), 2), **line}) + "\n")


def last(cluster: str) -> Last | None:
    """The last run that this machine knows of, or None. A line that a kill cut short does not count."""
    try:
        lines = _place(cluster).read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError:
        return None
    for line in reversed(lines):
        try:
            return _read(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _read(said: Mapping[str, Any]) -> Last:
    ended = said["kind"] == "ended"
    text = str(said.get("text") or said.get("subject") or said["kind"])
    return Last(said["verb"], said["when"], ended, bool(ended and said["well"]), text)


def _place(cluster: str) -> Path:
    return state_folder() / "journal" / f"{cluster}.jsonl"
