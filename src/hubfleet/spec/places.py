"""Where each value of a cluster is written: in its own file, in a values file, or in a default of the fleet. Pure.

A default that a thousand hubs have stands in one place, and is looked for only when somebody asks: so positions cost
nothing where nothing is wrong, and what is wrong in a default is told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from hubfleet.spec.problems import KeyPath, Position, Problem, written
from hubfleet.spec.reading import Document

FLEET = "fleet"
"""First part of a path in a cluster that leads into its fleet's file: ("fleet", "defaults", "hub", ...)."""
HUB_DEFAULTS: KeyPath = ("defaults", "hub")
CLUSTER_DEFAULTS: KeyPath = ("defaults", "cluster")
_ITS_OWN = {"values", "values_files"}
"""Keys of a hub that are not merged with those of its defaults: they stay layers of values."""


class Level(IntEnum):
    """Who says something of a hub, the weakest first."""

    HUBFLEET = 0
    """hubfleet itself: its defaults, and what follows from the cloud and its pools."""
    FLEET = 1
    """The defaults of the fleet's file."""
    CLUSTER = 2
    """The cluster's file: its defaults, and what is not of one hub."""
    HUB = 3


@dataclass(frozen=True)
class Place:
    """Where a key is written: its path in that file, and its position."""

    level: Level
    path: KeyPath
    position: Position

    @property
    def key(self) -> str:
        """The path as people write it."""
        return written(self.path)

    def problem(self, what: str, remedy: str = "") -> Problem:
        """What is wrong here."""
        return Problem(self.position, what, self.key, remedy)


@dataclass(frozen=True)
class Places:
    """Of one cluster: its file, its fleet's, and the values files by the paths of their names (("hubs", "main",
    "values_files", 0))."""

    cluster: Document
    fleet: Document | None = None
    files: Mapping[KeyPath, Document] = field(default_factory=dict[KeyPath, Document])

    def find(self, path: KeyPath) -> Place | None:
        """The strongest place where exactly this key is written."""
        for level, document, inside in self._candidates(path):
            position = document.positions.get(inside)
            if position is not None:
                return Place(level, inside, position)
        return None

    def level(self, path: KeyPath) -> Level | None:
        """Who says exactly this key, with no position looked for; None if nobody does."""
        return next((level for level, document, at in self._candidates(path) if _has(document.tree, at)), None)

    def at(self, path: KeyPath) -> Place:
        """As `find`; of a key that is written nowhere, its path below the nearest key above it that is."""
        for end in range(len(path), -1, -1):
            found = self.find(path[:end])
            if found is not None:
                return Place(found.level, (*found.path, *path[end:]), found.position)
        return Place(Level.CLUSTER, path, Position(self.cluster.file))

    def file(self, path: KeyPath) -> Path:
        """That of `at(path).position`, with no position looked for: each hub asks."""
        for end in range(len(path), 0, -1):
            for _, document, inside in self._candidates(path[:end]):
                if _has(document.tree, inside):
                    return document.file
        return self.cluster.file

    def own(self, path: KeyPath) -> Place:
        """As `at`, by the cluster's own file alone: where a key is missing that no default has."""
        return Places(self.cluster).at(path)

    def _candidates(self, path: KeyPath) -> Iterator[tuple[Level, Document, KeyPath]]:
        """Where this key may be written, the strongest first."""
        level = _level(path)
        for end in range(len(path) - 1, 2, -1):
            if path[:end] in self.files:
                yield level, self.files[path[:end]], path[end:]
        if path[:1] == (FLEET,):
            yield from self._of_fleet(path[1:])
            return
        yield level, self.cluster, path
        if level is not Level.HUB:
            yield from self._of_fleet((*CLUSTER_DEFAULTS, *path))
        elif path[2] not in _ITS_OWN:
            yield Level.CLUSTER, self.cluster, (*HUB_DEFAULTS, *path[2:])
            yield from self._of_fleet((*HUB_DEFAULTS, *path[2:]))

    def _of_fleet(self, path: KeyPath) -> Iterator[tuple[Level, Document, KeyPath]]:
        if self.fleet is not None:
            yield Level.FLEET, self.fleet, path


def _has(tree: Any, path: KeyPath) -> bool:
    for key in path:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _level(path: KeyPath) -> Level:
    if path[:1] == (FLEET,):
        return Level.FLEET
    return Level.HUB if path[:1] == ("hubs",) and len(path) > 2 else Level.CLUSTER
