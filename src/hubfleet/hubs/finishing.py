"""Values as Helm is to get them, so that a null takes a default away wherever in a chart that stands. Pure.

What Helm itself does (3.19, pkg/chartutil/coalesce.go): a null takes away the default of the chart whose values it is
among, the top one's or a sub-chart's. It stays a null over what a chart sets for its sub-chart (the merge keeps it for
the sub-chart, which may have no such default to take away), and over nothing at all; and it does not reach a
sub-chart's default for what is global. Templates and schemas stumble over a null that stays. So none is sent but where
Helm takes a default away for it; what other charts have there is taken out of the chart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from hubfleet.spec import KeyPath
from hubfleet.spec.merging import Cut

_GLOBAL = "global"
"""Helm hands these values down to every sub-chart, which may have defaults for them of its own."""
_NOTHING = object()


@dataclass(frozen=True)
class Defaults:
    """The values that a chart has in its `file`, and its sub-charts' by the keys at which it sets theirs."""

    file: str
    values: Mapping[str, Any]
    below: Mapping[str, Defaults] = field(default_factory=dict[str, "Defaults"])


@dataclass(frozen=True)
class Finished:
    """`values` for Helm, and what is to be `taken` out of the chart's files: file, and path in it."""

    values: dict[str, Any] = field(repr=False)
    taken: tuple[tuple[str, KeyPath], ...] = ()


def finished(values: Mapping[str, Any], defaults: Defaults) -> Finished:
    """The values, for a chart of these defaults."""
    taken: dict[tuple[str, KeyPath], None] = {}
    done = _finished(values, (_Level(defaults.file, (), defaults.values),), defaults.below, taken)
    return Finished(done, tuple(taken))


@dataclass(frozen=True)
class _Level:
    """What one chart's file has at the path that we are at."""

    file: str
    path: KeyPath
    tree: Any

    def at(self, key: str) -> _Level:
        return _Level(self.file, (*self.path, key), self.keys.get(key, _NOTHING))

    @property
    def keys(self) -> Mapping[str, Any]:
        """What is below here; nothing where there is no map."""
        tree: Any = self.tree
        return cast("Mapping[str, Any]", tree) if isinstance(tree, Mapping) else {}

    @property
    def there(self) -> bool:
        return self.tree is not _NOTHING


def _finished(
    values: Mapping[str, Any],
    levels: tuple[_Level, ...],
    below: Mapping[str, Defaults],
    taken: dict[tuple[str, KeyPath], None],
    *,
    cut: bool = False,
) -> dict[str, Any]:
    """`levels`: of the charts that say something here, last the one whose values these are; `below`: its sub-charts,
    where we are at its top; `cut`: these values take the place of the chart's."""
    cut = cut or isinstance(values, Cut)
    done: dict[str, Any] = {}
    for key, value in _with_cuts(values, levels if cut else ()).items():
        inner = tuple(level.at(key) for level in levels)
        if key == _GLOBAL and len(levels[-1].path) == 0:
            inner = (*(level.at(key) for level in _tops(below)), *inner)
        if isinstance(value, Mapping):
            sub = below.get(key)
            deeper = (*inner, _Level(sub.file, (), sub.values)) if sub else inner
            inside = cast("Mapping[str, Any]", value)
            done[key] = _finished(inside, deeper, sub.below if sub else {}, taken, cut=cut)
        elif value is not None:
            done[key] = value
        else:
            taken |= {(one.file, one.path): None for one in inner[:-1] if one.there}
            if inner[-1].there:
                done[key] = None  # Helm takes it away
    return done


def _tops(below: Mapping[str, Defaults]) -> Iterator[_Level]:
    """Of all charts down there: what is global is for each."""
    for one in below.values():
        yield _Level(one.file, (), one.values)
        yield from _tops(one.below)


def _with_cuts(values: Mapping[str, Any], levels: tuple[_Level, ...]) -> Mapping[str, Any]:
    """The values, with a null for whatever else charts have here."""
    theirs = dict.fromkeys(key for level in levels for key in level.keys)
    return {**theirs, **values} if theirs else values
