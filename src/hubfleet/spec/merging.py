"""hubfleet's one rule for merging: maps merge, lists replace, null deletes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any, cast

from hubfleet.spec.problems import KeyPath

_PLAIN = (str, int, float)


class Cut(dict[str, Any]):
    """A map with nothing below it: a weaker layer had a null or another leaf at its key. As a layer of its own it
    replaces what it is merged over, so that it does not matter which layers are merged first."""


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One tree out of the layers, weakest first. Nothing of a layer is changed, and parts of it may be parts of the
    result: neither is to be changed by anybody. Associative.

    A null takes away what weaker layers say, and stays in the result, so that it takes away the chart's own default as
    well: how Helm is made to do so in every part of a chart, `hubs.finishing` says.
    """
    empty: dict[str, Any] = {}
    return reduce(_over, layers, empty)


def like(tree: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """What was `made` from a tree, a `Cut` if that is one."""
    return Cut(made) if isinstance(tree, Cut) else made


def cuts(values: Mapping[str, Any], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Where a `Cut` is: there the chart's own values count no more."""
    if isinstance(values, Cut):
        yield path
    for key, value in values.items():
        if isinstance(value, dict):
            yield from cuts(cast("dict[str, Any]", value), (*path, key))


def without_nulls(
    values: Mapping[str, Any],
    other: Callable[[Any], Any] = lambda value: value,
    over: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """The same without keys that are null, at any depth of maps; lists stay as they are. `other` changes what is no
    map, no text and no number: lists, secrets. Merged `over` what has no nulls, of which parts may be in the result."""
    found = dict(over)
    for key, value in values.items():
        if isinstance(value, _PLAIN):
            found[key] = value
        elif value is None:
            found.pop(key, None)
        elif isinstance(value, dict | Mapping):
            above, weaker = cast("Mapping[str, Any]", value), cast("Any", found.get(key))
            found[key] = without_nulls(above, other, weaker if _goes_on(weaker, above) else {})
        else:
            found[key] = other(value)
    return found


def _goes_on(weaker: Any, stronger: Mapping[str, Any]) -> bool:
    """Whether a map is merged over what is weaker, and not put in its place."""
    return isinstance(weaker, dict | Mapping) and not isinstance(stronger, Cut)


def _over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(weaker)
    for key, value in stronger.items():
        merged[key] = _on(merged[key], value) if key in merged else value
    return merged


def _on(weaker: Any, stronger: Any) -> Any:
    # A plain value or a dict nearly always, which is found ten times as quickly.
    if isinstance(stronger, _PLAIN) or not isinstance(stronger, dict | Mapping):
        return stronger
    above = cast("Mapping[str, Any]", stronger)
    if not _goes_on(weaker, above):
        return Cut(above)
    merged = _over(cast("Mapping[str, Any]", weaker), above)
    return Cut(merged) if isinstance(weaker, Cut) else merged


def put(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The same with this value at a path, below maps that are there or are made."""
    key, *below = path
    inner = put(cast("Mapping[str, Any]", values.get(key) or {}), below, value) if below else value
    return like(values, {**values, key: inner})
