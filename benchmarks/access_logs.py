"""Who asked the sandbox's OpenStack services for how much, from their access logs (combined format of Apache)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(
    r'^\S+ \S+ \S+ \[[^]]+\] "(?P<method>[A-Z]+) (?P<path>\S+) [^"]*" (?P<status>\d{3}) \S+ "[^"]*" "(?P<agent>[^"]*)"$'
)


@dataclass(frozen=True)
class Call:
    """A request that a service answered."""

    service: str
    method: str
    path: str
    status: int
    agent: str
    """The first word of the User-Agent: the program's own name."""

    @property
    def changes(self) -> bool:
        """Whether it asked for a change: everything but a read, and logging in."""
        return self.method not in {"GET", "HEAD"} and not self.path.endswith("/auth/tokens")


def parsed(service: str, lines: Iterable[str]) -> list[Call]:
    """The requests of a log. ValueError for a line that is none: a count without it would be wrong."""
    calls: list[Call] = []
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            raise ValueError(f"not a line of the access log of {service}: {line!r}")
        agent = found["agent"].split("/")[0].split(" ")[0]
        calls.append(Call(service, found["method"], found["path"], int(found["status"]), agent))
    return calls


class Logs:
    """Those of the sandbox in this state folder, from now on."""

    def __init__(self, state: Path) -> None:
        self._files = sorted((state / "logs").glob("*-access.log"))
        if not self._files:
            raise FileNotFoundError(f"no access logs in {state / 'logs'}: no sandbox of this version runs there")
        self._sizes = {file: file.stat().st_size for file in self._files}

    def of(self, agent: str) -> list[Call]:
        """What the program of this name asked for since."""
        calls: list[Call] = []
        for file in self._files:
            with file.open("rb") as log:
                log.seek(self._sizes[file])
                text = log.read().decode(errors="replace")
            whole = text[: text.rfind("\n") + 1]  # the rest is being written
            calls += parsed(file.name.removesuffix("-access.log"), whole.splitlines())
        return [call for call in calls if call.agent == agent]
