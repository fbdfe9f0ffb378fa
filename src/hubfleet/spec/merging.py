"""hubfleet's one rule for merging: maps merge, lists replace, null deletes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, cast


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One tree out of the layers, weakest first. Nothing of a layer is changed.

    A null takes away what weaker layers say, and stays in the result, so that it takes away the chart's own default as
    well: Helm does so for a chart itself, but since 3.18 hands nulls on to sub-charts (DESIGN section 2).
    """
    empty: dict[str, Any] = {}
    return reduce(_over, layers, empty)


def without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same without keys that are null, at any depth of maps; lists stay as they are."""
    return {key: _clean(value) for key, value in values.items() if value is not None}


def _over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(weaker)
    for key, value in stronger.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _over(_map(below), _map(value))
        else:
            merged[key] = value
    return merged


def _map(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _clean(value: Any) -> Any:
    return without_nulls(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
