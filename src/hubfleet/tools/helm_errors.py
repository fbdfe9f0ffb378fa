"""What Helm's error output means: which layer it is, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.tools.process import ProcessFailed


@dataclass(frozen=True)
class Complaint:
    """One thing that a chart's schema has against its values: the path of the key, and the words. `chart` is its name,
    or the one under which a sub-chart's values stand."""

    path: tuple[str, ...]
    what: str
    chart: str = ""

    def under(self, top: str) -> tuple[str, ...]:
        """The path among the values of the chart of this name."""
        return self.path if self.chart in ("", top) else (self.chart, *self.path)


class BadValues(HubfleetError):
    """The chart's schema refuses the values."""

    exit_code = 2

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        self.complaints = complaints
        chart = " and ".join(dict.fromkeys(one.chart for one in complaints)) or "of this release"
        why = "\n       ".join(f"{'.'.join(one.path) or 'the values'}: {one.what}" for one in complaints)
        remedy = "correct these keys under `values` (or values_files) of the hub"
        super().__init__(f"the chart {chart} does not take these values", why=why, remedy=remedy, layer=Layer.CHART)


# Helm 3.18 and newer: - at '/hub': additional properties 'a', 'b' not allowed
# Older ones:          - hub: Additional property a is not allowed
_NEW = re.compile(r"^\s*- at '(?P<path>[^']*)': (?P<what>.+)$", re.MULTILINE)
_OLD = re.compile(r"^- (?P<path>[\w.()-]+): (?P<what>.+)$", re.MULTILINE)
_OF_CHART = re.compile(r"^([\w.-]+):$", re.MULTILINE)
_EXTRA = re.compile(r"[Aa]dditional propert(?:y|ies) (?P<names>.+?) (?:is |are )?not allowed")

_NOT_HAD = (
    Layer.CHART,
    "the chart cannot be had from its repository",
    "see whether this machine reaches it; in a closed network bring charts along: `hubfleet charts mirror --help`",
)
_KNOWN = (
    (
        r"valid chart repository or cannot be reached|could not find protocol|failed to fetch|chart .* not found in",
        *_NOT_HAD,
    ),
    (
        r"cluster unreachable|connection refused|no such host|i/o timeout|TLS handshake|EOF$",
        Layer.KUBERNETES,
        "Helm cannot reach the cluster",
        "see whether the control plane runs and this machine may reach it; then run the same command again",
    ),
    (
        r"another operation \(install/upgrade/rollback\) is in progress",
        Layer.HELM,
        "somebody else is installing or upgrading this release",
        "wait for them, then run the same command again: it clears what a killed run left behind",
    ),
    (
        r"cannot be imported into the current release|invalid ownership metadata",
        Layer.HELM,
        "something that the chart makes is there already and belongs to somebody else",
        "delete it, or choose another name for the hub",
    ),
    (
        r"hooks? failed|timed out waiting|context deadline exceeded",
        Layer.CHART,
        "the chart's own preparations did not end in time",
        "see its jobs and pods: hubfleet kubectl -- get jobs,pods -A",
    ),
    (
        r"execution error at|parse error|error calling|template:",
        Layer.CHART,
        "the chart cannot be rendered with these values",
        "correct what it says under `values` of the hub",
    ),
    (r"forbidden", Layer.CREDENTIAL, "the cluster does not allow it", "use a credential with more rights"),
)  # fmt: skip


def explained(words: Sequence[str], error: ProcessFailed) -> HubfleetError:
    """The error with its layer and a remedy. `words` are Helm's arguments, which hold no secret."""
    said = "\n".join(line for line in error.stderr.strip().splitlines() if not line.startswith("WARNING: "))
    if "don't meet the specifications of the schema" in said:
        return BadValues(_complaints(said))
    why = said.removeprefix("Error: ")
    # who fetches a chart asks no cluster, whatever refused the connection
    known = (("", *_NOT_HAD),) if words[0] == "pull" and error.code is not None else _KNOWN
    for pattern, layer, what, remedy in known:
        if re.search(pattern, said, re.MULTILINE):
            kind = CloudError if layer in (Layer.KUBERNETES, Layer.CREDENTIAL) else HubfleetError
            return kind(what, why=why, remedy=remedy, layer=layer)
    what = error.what if error.code is None else f"helm {words[0]} failed"
    return HubfleetError(what, why=why, remedy=error.remedy, layer=Layer.HELM)


def _complaints(said: str) -> tuple[Complaint, ...]:
    """Of each chart, a line with its name comes first."""
    _, *parts = _OF_CHART.split(said)
    charts = [*zip(parts[::2], parts[1::2], strict=True)] or [("", said)]
    return tuple(one for chart, words in charts for one in _of_chart(chart, words))


def _of_chart(chart: str, said: str) -> Iterator[Complaint]:
    found = [(m["path"].strip("/").split("/"), m["what"]) for m in _NEW.finditer(said)]
    found = found or [(m["path"].replace("(root)", "").split("."), m["what"]) for m in _OLD.finditer(said)]
    for path, what in found:
        yield from _single(tuple(key for key in path if key), what, chart)


def _single(path: tuple[str, ...], what: str, chart: str) -> list[Complaint]:
    extra = _EXTRA.search(what)
    if extra is None:
        return [Complaint(path, what, chart)]
    names = [name.strip(" '\"") for name in extra["names"].split(",")]
    return [Complaint((*path, name), "the chart knows no such key", chart) for name in names]
