"""Looking into trees of maps, lists and leaves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast


def at(tree: Any, path: Sequence[str | int]) -> Any:
    """What is at this path; None where nothing is, or something stands in the way."""
    for key in path:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def map_at(tree: Mapping[str, Any], path: Sequence[str | int]) -> Mapping[str, Any]:
    """The map at this path; {} where there is none."""
    found: Any = at(tree, path) if path else tree
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Each leaf with its path: what is neither a map with something in it, nor null, nor an empty map."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(cast("Mapping[str, Any]", value), (*path, key))
        elif value not in (None, {}):
            yield (*path, key), value
