"""Layers of values, and which key of which file set a value of what they merge to. Pure.

Nothing is remembered while merging: who asks for an origin walks the layers from the strongest down. So a fleet whose
values nobody asks about costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from hubfleet.spec.models import Cluster
from hubfleet.spec.problems import KeyPath, Position, written

Causes = Mapping[KeyPath, Sequence[KeyPath]]
"""A path in computed values -> the keys of the file from which everything there is computed, the one that counts most
first. The nearest path above a value counts; () is above all."""


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
        key: KeyPath = (*layer.at, *path)
        return Origin(How.SET, written(key), cluster.position(*key))
    above = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in layer.causes)
    keys = layer.causes[above]
    there = next((key for key in keys if key in cluster.positions), None)
    if there is None:
        return Origin(How.DEFAULT, written(keys[0]), cluster.position(*keys[0]))
    return Origin(How.COMPUTED, written(there), cluster.position(*there))
