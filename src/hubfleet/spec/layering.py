"""Layers of values, and which key of which file set a value of what they merge to. Pure.

Nothing is remembered while merging: who asks for an origin walks the layers from the strongest down. So a fleet whose
values nobody asks about costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from hubfleet.spec.merging import merge
from hubfleet.spec.models import Cluster, Hub, HubDefaults
from hubfleet.spec.places import FLEET, HUB_DEFAULTS, Level
from hubfleet.spec.problems import KeyPath, Position, written

Causes = Mapping[KeyPath, Sequence[KeyPath]]
"""A path in computed values -> the keys of the file from which everything there is computed, the one that counts most
first. The nearest path above a value counts; () is above all."""

_CIRCUMSTANCES = {"provider", "pools"}


@dataclass(frozen=True)
class Layer:
    """A tree of values. Either it stands in the files, its keys under `at`; or hubfleet computed it, by `causes`."""

    values: Mapping[str, Any] = field(repr=False)
    at: KeyPath = ()
    causes: Causes | None = None


class How(StrEnum):
    """How a value came to be."""

    SET = "set"
    """Somebody wrote it at this key."""
    COMPUTED = "computed"
    """From this key, which somebody wrote."""
    DEFAULT = "default"
    """Nobody wrote this key, from which it would be computed: hubfleet's own default holds."""


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: the `key` of the file, as people write it, and its place; of a default the place of the
    nearest key above that is there."""

    how: How
    key: str
    position: Position

    def __str__(self) -> str:
        match self.how:
            case How.SET:
                return f"{self.position.file}:{self.position.line}"
            case How.COMPUTED:
                return f"{self.position.file}:{self.position.line}, from {self.key}"
            case How.DEFAULT:
                return f"default of {self.key}"


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """What they merge to, weakest first; a Secret in them stays one."""
    return merge(*(layer.values for layer in layers))


def with_own(computed: Layer, own: Mapping[str, Any], at: KeyPath) -> tuple[Layer, ...]:
    """The layers of something that serves all hubs: computed, then what people wrote for its chart at this key."""
    return (computed, Layer(own, at)) if own else (computed,)


def own_values(cluster: Cluster, hub: str) -> dict[str, Any]:
    """What people wrote for this hub's chart, merged: in defaults of the fleet and of the cluster, and for itself."""
    return merge(*(layer.values for _, layer in _own(cluster, hub)))


def stack(cluster: Cluster, hub: str, computed: Layer) -> tuple[Layer, ...]:
    """All layers of a hub's values, weakest first: those of hubfleet, the fleet, the cluster, the hub; of each what is
    computed from its keys, then its values_files, then its values. So the nearer to the hub somebody says something,
    in whatever way, the more it counts."""
    own = list(_own(cluster, hub))
    if all(level is Level.HUB for level, _ in own):
        return (computed, *(layer for _, layer in own))
    parts = _by_level(cluster, computed)
    every = [(level, Layer(values, causes=computed.causes)) for level, values in parts.items()]
    return tuple(layer for _, layer in sorted([*every, *own], key=lambda one: one[0]))


def unless_said(cluster: Cluster, computed: Layer, said: Mapping[str, Any]) -> Layer:
    """What hubfleet computed, without what is nobody's wish where `said` has something: the values of a chart whose
    maker knows better than our defaults."""
    kept: dict[str, Any] = {}

    def keep(path: KeyPath, level: Level, value: Any) -> None:
        if level is not Level.HUBFLEET or not _says(said, path):
            _set(kept, path, value)

    _each(cluster, computed, keep)
    return Layer(kept, causes=computed.causes)


def _own(cluster: Cluster, hub: str) -> Iterator[tuple[Level, Layer]]:
    levels: list[tuple[Level, Hub | HubDefaults, KeyPath]] = [
        (Level.CLUSTER, cluster.defaults.hub, HUB_DEFAULTS),
        (Level.HUB, cluster.hubs[hub], ("hubs", hub)),
    ]
    if cluster.fleet is not None:
        levels.insert(0, (Level.FLEET, cluster.fleet.defaults.hub, (FLEET, *HUB_DEFAULTS)))
    for level, own, at in levels:
        for index, file in enumerate(own.values_files):
            yield level, Layer(file.values, (*at, "values_files", index))
        if own.values:
            yield level, Layer(own.values, (*at, "values"))


def _by_level(cluster: Cluster, computed: Layer) -> dict[Level, dict[str, Any]]:
    """The computed values, taken apart by who says from what they are computed."""
    parts: dict[Level, dict[str, Any]] = {}
    _each(cluster, computed, lambda path, level, value: _set(parts.setdefault(level, {}), path, value))
    return parts


def _each(cluster: Cluster, computed: Layer, do: Callable[[KeyPath, Level, Any], None]) -> None:
    """Do it with each value that is no map, and who says from what it is computed."""
    causes = computed.causes or {}

    def visit(values: Mapping[str, Any], path: KeyPath, level: Level) -> None:
        for key, value in values.items():
            here = (*path, key)
            at = _level(cluster, causes[here]) if here in causes else level
            if isinstance(value, Mapping) and value:
                visit(cast("Mapping[str, Any]", value), here, at)
            else:
                do(here, at, value)

    visit(computed.values, (), _level(cluster, causes.get((), ())))


def _level(cluster: Cluster, keys: Sequence[KeyPath]) -> Level:
    """Who says what is computed from the first of these keys that is written. What follows from the cloud, its pools,
    or from there being a hub is nobody's wish: any values that somebody wrote count more."""
    for key in keys:
        if (level := cluster.places.level(key)) is not None:
            return Level.HUBFLEET if key[0] in _CIRCUMSTANCES or len(key) == len(("hubs", "NAME")) else level
    return Level.HUBFLEET


def _set(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(str(key), {})
    tree[str(path[-1])] = value


def origin(cluster: Cluster, layers: Sequence[Layer], path: KeyPath) -> Origin:
    """Where the value at `path` of the merged layers comes from; where that is a map, its strongest part. LookupError
    if no layer says anything of it."""
    for layer in reversed(layers):
        if _says(layer.values, path):
            return _of(cluster, layer, path)
    raise LookupError(f"no layer has {written(path)}")


def _says(values: Any, path: KeyPath) -> bool:
    """Whether it has this key, or a leaf above it that stands in its place."""
    for key in path:
        if not isinstance(values, Mapping):
            return True
        below = cast("Mapping[str | int, Any]", values)
        if key not in below:
            return False
        values = below[key]
    return True


def _of(cluster: Cluster, layer: Layer, path: KeyPath) -> Origin:
    if layer.causes is None:
        place = cluster.place(*layer.at, *path)
        return Origin(How.SET, place.key, place.position)
    above = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in layer.causes)
    keys = layer.causes[above]
    there = next(filter(None, map(cluster.places.find, keys)), None)
    if there is None:
        return Origin(How.DEFAULT, written(keys[0]), cluster.position(*keys[0]))
    return Origin(How.COMPUTED, there.key, there.position)
