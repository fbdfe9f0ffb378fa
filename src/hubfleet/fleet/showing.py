"""`show`: the finished values of a hub, and which line of which file set each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hubfleet import hubs
from hubfleet.errors import UsageError
from hubfleet.fleet.charting import fetch_unseen
from hubfleet.fleet.loading import Target
from hubfleet.spec import KeyPath, Origin, Secret, merged, origin
from hubfleet.spec.problems import parsed, written
from hubfleet.spec.secrets import map_leaves
from hubfleet.spec.wording import did_you_mean


@dataclass(frozen=True)
class Shown:
    """`value` at `path` of a hub's merged values, as its chart gets it; a secret is shown as its reference, or masked.
    `origins`: of each leaf in it (what is no map, or an empty one), by its path in the whole values."""

    hub: str
    path: KeyPath
    value: Any
    origins: Mapping[KeyPath, Origin]


def show(target: Target, hub: str | None = None, key: str = "") -> Shown:
    """The merged values of a hub (of the only one, if None), or what is at `key` in them (hub.config."a.b"). UsageError
    for a hub or a key that is not there."""
    name = _hub(target, hub)
    fetch_unseen(target, [name])
    layers = hubs.layers(target.cluster, target.description, name)
    value: Any = map_leaves(merged(layers), _masked)
    path = parsed(key)
    for index, part in enumerate(path):
        value = _below(value, path[:index], part)
    origins = {leaf: origin(target.cluster, layers, leaf) for leaf in _leaves(value, path)}
    return Shown(name, path, value, origins)


def _hub(target: Target, hub: str | None) -> str:
    """The name of the hub that is meant."""
    known = list(target.cluster.hubs)
    if hub is not None and hub in known:
        return hub
    if hub is None and len(known) == 1:
        return known[0]
    what = f"{target.cluster.file} has no hub {hub!r}" if hub else f"{target.cluster.file} has {len(known)} hubs"
    near = did_you_mean(hub or "", known)
    raise UsageError(what, remedy=f"{near} It has: {', '.join(known) or 'none'}".strip() if hub else _which(known))


def _which(known: list[str]) -> str:
    return f"say which: --hub {known[0]}" if known else "give it one (docs/reference/cluster-file.md)"


def _below(value: Any, above: KeyPath, key: str | int) -> Any:
    if isinstance(value, Mapping) and key in value:
        return cast("Mapping[str | int, Any]", value)[key]
    if isinstance(value, list) and isinstance(key, int):
        items = cast("list[object]", value)
        if key < len(items):
            return items[key]
    known = [str(one) for one in cast("Mapping[str, Any]", value)] if isinstance(value, Mapping) else []
    near = did_you_mean(str(key), known)
    where = written(above) or "the values"
    remedy = f"{near} It has: {', '.join(sorted(known))}".strip() if known else "it is no map"
    raise UsageError(f"{where} has no {key!r}", remedy=remedy)


def _masked(leaf: Any, _: KeyPath) -> Any:
    return str(leaf) if isinstance(leaf, Secret) else leaf


def _leaves(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, Mapping) and value:
        for key, below in cast("Mapping[str, Any]", value).items():
            yield from _leaves(below, (*path, key))
    else:
        yield path
