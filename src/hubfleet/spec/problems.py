"""Where something is in a file, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubfleet.errors import HubfleetError, Layer, UsageError

KeyPath = tuple[str | int, ...]
"""A key's path in a file: ("hubs", "main", "admins", 0)."""
_PART = re.compile(r'(?P<dot>\.)?(?:"(?P<quoted>[^"]*)"|\[(?P<index>\d+)\]|(?P<plain>[^."\[\]]+))')


@dataclass(frozen=True, order=True)
class Position:
    """A place in a file; line and column count from 1, as editors do."""

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `key` is the path to it ("pools.user.nodes"), `remedy` what to do ("did you mean").

    No field ever holds a secret.
    """

    position: Position
    what: str
    key: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.position}: {key}{self.what}" + (f" — {self.remedy}" if self.remedy else "")


def written(path: KeyPath) -> str:
    """The path as people write it: hubs.main.admins[0], values."a.b"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (f'"{part}"' if "." in part or "[" in part or not part else part)
    return text


def parsed(text: str) -> KeyPath:
    """The path that people write so. UsageError for what is none."""
    path: list[str | int] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end or (match["dot"] is None) != (match["index"] is not None or not path):
            break
        path.append(int(match["index"]) if match["index"] else match["plain"] or match["quoted"] or "")
        end = match.end()
    if end != len(text):
        remedy = 'write the keys with dots between: hub.config, hub.config."a.b", hub.args[0]'
        raise UsageError(f"{text!r} is no path of a key", remedy=remedy)
    return tuple(path)


class InvalidFiles(HubfleetError):
    """Every problem found in one pass over the files, in their order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.position))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} found", layer=Layer.FILE)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), f"{self.what}."])
