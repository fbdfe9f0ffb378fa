"""Defaults under what a file says, as trees that no model has seen yet: maps merge, lists replace, null deletes. Pure.

Unlike `merging`, a null leaves nothing: the key is as if nobody had written it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

ONE_OF = frozenset({"provider", "auth", "registry"})
"""Maps of which one key is chosen: a default of another choice than the file's own is none."""


def over(defaults: Any, own: Any, one_of: Collection[str] = ONE_OF) -> Any:
    """`own`, completed by `defaults`; nothing of either is changed. What is no map where one is needed stays as it is,
    to be complained of."""
    if not isinstance(defaults, Mapping) or not isinstance(own, Mapping):
        return own
    below, above = cast("Mapping[str, Any]", defaults), cast("Mapping[str, Any]", own)
    merged = dict(below)
    for key, value in above.items():
        if key not in below:
            merged[key] = value
        elif value is None:
            del merged[key]
        else:
            merged[key] = over(_of_choice(below[key], value) if key in one_of else below[key], value, ())
    return merged


def _of_choice(defaults: Any, own: Any) -> Any:
    """The defaults of what is chosen; all of them where nothing is."""
    if isinstance(defaults, Mapping) and isinstance(own, Mapping) and own:
        return {key: value for key, value in cast("Mapping[str, Any]", defaults).items() if key in own}
    return cast("Any", defaults)
