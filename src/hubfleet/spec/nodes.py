"""What may be put on nodes: labels and taints of pools, by Kubernetes' rules and with what is not a user's to set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hubfleet.spec.models import Pool, Taint
from hubfleet.spec.places import Place
from hubfleet.spec.problems import KeyPath, Problem

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_PREFIX = 253
RESERVED = ("kubernetes.io", "k8s.io", "x-k8s.io", "capi.stackhpc.com", "hubfleet.org")
"""Prefixes that others set, or that hubfleet itself needs; what ends in one after a dot is reserved too."""
_SYNTAX = "write NAME or example.org/NAME: letters, digits, -, _ and ., a letter or digit first and last, at most 63"


def node_problems(pools: Mapping[str, Pool], where: Callable[..., Place]) -> Iterator[Problem]:
    """What is wrong with the labels and taints of pools beyond their single values."""
    for name, pool in pools.items():
        marks: list[tuple[str, KeyPath]] = [(key, ("pools", name, "labels", key)) for key in pool.labels]
        marks += [(one.key, ("pools", name, "taints", index)) for index, one in enumerate(pool.taints)]
        for key, path in marks:
            if said := _key_problem(key):
                yield where(*path).problem(*said)
        for index in _repeated(pool.taints):
            path = ("pools", name, "taints", index)
            what = f"this pool has a taint {pool.taints[index].key} with that effect already"
            yield where(*path).problem(what, "keep one of them: Kubernetes takes no second")


def _key_problem(key: str) -> tuple[str, str] | None:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _LONGEST_PREFIX)):
        return f'"{key}" is no key of a label or taint', _SYNTAX
    owner = next((one for one in RESERVED if prefix == one or prefix.endswith(f".{one}")), "")
    return (f"{owner} is reserved", f"take a prefix of your own: example.org/{name}") if owner else None


def _repeated(taints: tuple[Taint, ...]) -> Iterator[int]:
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(taints):
        if (one.key, one.effect) in seen:
            yield index
        seen.add((one.key, one.effect))
