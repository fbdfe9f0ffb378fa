"""What happened, kept: every event of every apply and destroy, a JSON line each, in the state folder."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hubfleet.events import Event, Say
from hubfleet.fleet.locking import state_folder


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
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._write({"verb": verb, "kind": "begun", "pid": os.getpid()})

    def __call__(self, event: Event) -> None:
        """Keep it and say it."""
        self._write({"verb": self._verb, **asdict(event)})
        self._say(event)

    def ended(self, *, well: bool, text: str) -> None:
        """The run is over."""
        self._write({"verb": self._verb, "kind": "ended", "well": well, "text": text})

    def _write(self, line: dict[str, object]) -> None:
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps({"when": round(time.time(), 2), **line}) + "\n")


def last(cluster: str) -> Last | None:
    """The last run that this machine knows of, or None. A line that a kill cut short does not count."""
    try:
        lines = _place(cluster).read_text().splitlines()[-200:]
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except json.JSONDecodeError:
            continue
        ended = said["kind"] == "ended"
        text = str(said.get("text") or said.get("subject") or said["kind"])
        return Last(said["verb"], said["when"], ended, bool(ended and said["well"]), text)
    return None


def _place(cluster: str) -> Path:
    return state_folder() / "journal" / f"{cluster}.jsonl"
