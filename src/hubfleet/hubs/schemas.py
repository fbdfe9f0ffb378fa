"""Finished values, of hubs and of what serves them, against the schema inside their chart, with no Helm and no cluster;
a hub's sizes of servers, and whether it lets anybody in: what `validate` says.

A chart of a repository is checked where its archive was fetched before; nothing is fetched for it. Secrets are not
looked up: what a schema says of a secret's text is left to `plan`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from hubfleet.hubs import binder, charts, jupyterhub, openness, platform, profiles
from hubfleet.hubs.platform import entry
from hubfleet.hubs.release import Chart, Inner
from hubfleet.provider import Description
from hubfleet.spec import Cluster, KeyPath, Layer, Position, Problem, Secret, merge, merged, origin, without_nulls
from hubfleet.spec.problems import written
from hubfleet.spec.secrets import map_leaves
from hubfleet.spec.trees import at, map_at
from hubfleet.spec.wording import did_you_mean
from hubfleet.tools import charts as files

if TYPE_CHECKING:
    import jsonschema_rs

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OF_CONTENT = {"const", "enum", "format", "maxLength", "minLength", "pattern"} | {
    *("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
}
"""Keywords that look at what a text or a number says."""


@dataclass(frozen=True)
class Checked:
    """`problems` of values; `unseen`: charts that are not on this machine yet, and were not asked."""

    problems: tuple[Problem, ...] = ()
    unseen: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class _Given:
    """What a chart is to be given: the layers, what they merge to, and the key of the file they are made from."""

    chart: Chart
    layers: Sequence[Layer]
    values: Mapping[str, Any]
    source: KeyPath


def check(cluster: Cluster, description: Description, hubs: Iterable[str] | None = None) -> Checked:
    """These hubs of the cluster (None: all), and what serves them: their values against their charts' schemas, whether
    the mirror has these charts, hubs' sizes, and whether they are open although nobody said so."""
    problems: list[Problem] = [*entry.problems(cluster)]
    unseen: dict[Chart, None] = {}
    for hub in cluster.hubs if hubs is None else hubs:
        layers = jupyterhub.layers(hub, cluster, description)
        values = merged(layers)
        made = binder.stand_ins(hub, cluster.hubs[hub])
        given = _Given(charts.chart(hub, cluster), layers, merge(made, values) if made else values, ("hubs", hub))
        problems += profiles.problems(hub, cluster, description)
        problems += openness.problems(hub, cluster, layers, values)
        problems += _of(given, cluster, unseen)
    for one in platform.unrevealed(cluster, description):
        if one.chart.repository:  # our own charts get nothing but what is computed
            problems += _of(_Given(one.chart, one.layers, one.values, one.source), cluster, unseen)
    return Checked(tuple(problems), tuple(unseen))


def _of(given: _Given, cluster: Cluster, unseen: dict[Chart, None]) -> Iterator[Problem]:
    """What its chart has against it; a chart that is nowhere yet is added to `unseen`."""
    chart = given.chart
    if missing := charts.not_mirrored(chart, cluster):
        yield missing
        return
    place = charts.archive(chart)
    if not place.exists():
        unseen[chart] = None
        return
    for rules in _rules(place, chart.content or chart.version, chart.inside, chart.inner):
        yield from _against(rules, given, cluster)


@dataclass(frozen=True)
class _Rules:
    """A chart's, for the values at this path: its sub-charts have their own. Its `defaults` are without nulls."""

    at: KeyPath
    schema: Mapping[str, Any]
    defaults: Mapping[str, Any]
    validator: jsonschema_rs.Validator


@lru_cache(maxsize=32)
def _rules(place: Path, _content: str, inside: KeyPath, inner: Inner | None) -> tuple[_Rules, ...]:
    """Of the chart there, and of Zero to JupyterHub inside of it: compiled once a process. None of one that has no
    schema, or none that can be used: Helm says."""
    own = _rules_in(_Files(place), "", (), {})
    if inner:
        return (*own, *_rules_in(_Files(place, inner=True), inner.folder, inside, charts.given_at(place, inside)))
    if inside:
        given = map_at(_Files(place).values(""), inside)
        return (*own, *_rules_in(_Files(place), f"charts/{'/charts/'.join(map(str, inside))}/", inside, given))
    return own


@dataclass(frozen=True)
class _Files:
    """A chart's. `inner`: charts inside of it may be archives, as `helm dependency update` leaves them."""

    place: Path
    inner: bool = False

    def read(self, file: str) -> str | None:
        if not self.inner:
            return files.read(self.place, file)
        found = files.contents(self.place).get(file)
        return None if found is None else found.decode()

    def values(self, folder: str) -> dict[str, Any]:
        found: Any = yaml.load(self.read(f"{folder}values.yaml") or "{}", Loader=_Loader)  # noqa: S506 (safe)
        return found or {}


def _rules_in(chart: _Files, folder: str, at: KeyPath, given: Mapping[str, Any]) -> tuple[_Rules, ...]:
    """`given`: what the chart around it sets."""
    import jsonschema_rs

    text = chart.read(f"{folder}values.schema.json")
    try:
        schema = json.loads(text) if text else None
        if not isinstance(schema, dict):
            return ()
        rules = cast("dict[str, Any]", schema)
        # without values in its words: one may be a secret that somebody wrote down in clear
        validator = jsonschema_rs.validator_for(rules, mask="the value", retriever=_nothing)
        defaults = chart.values(folder)
    except (ValueError, yaml.YAMLError):
        return ()
    return (_Rules(at, rules, without_nulls(merge(defaults, given)), validator),)


def _nothing(address: str) -> Any:
    raise ValueError(f"{address} is not asked: a check needs no network")


def _against(rules: _Rules, given: _Given, cluster: Cluster) -> Iterator[Problem]:
    values = map_at(given.values, rules.at)
    for error in rules.validator.iter_errors(without_nulls(values, _checkable, rules.defaults)):
        path: KeyPath = tuple(error.instance_path)
        rule: KeyPath = tuple(error.schema_path)
        if rule[-1] in _OF_CONTENT and isinstance(at(values, path), Secret):
            continue
        for key_path, what, remedy in _said(error, path, rule, rules.schema):
            key, place = _where(given, cluster, (*rules.at, *key_path))
            yield Problem(place, f"the chart {given.chart} {what}", key, remedy)


def _checkable(value: Any) -> Any:
    """A list, or a secret, with a stand-in for each secret: without its path, since every hub's values come by."""
    return map_leaves(value, lambda leaf, _path: leaf.stand_in if isinstance(leaf, Secret) else leaf)


def _said(
    error: jsonschema_rs.ValidationError, path: KeyPath, rule: KeyPath, schema: Mapping[str, Any]
) -> Iterator[tuple[KeyPath, str, str]]:
    kind = error.kind
    names = cast("Sequence[str]", getattr(kind, "unexpected", ()))
    if not names:
        yield path, f"does not take it: {error.message}", ""
        return
    known = _known(schema, rule[:-1])
    for name in names:
        yield (*path, name), "knows no such key", did_you_mean(name, known)


def _known(rules: Any, path: KeyPath) -> list[str]:
    """The keys that the part of a schema at this path describes."""
    for part in path:
        try:
            rules = rules[part]
        except (KeyError, IndexError, TypeError):
            return []
    return list(rules.get("properties", {})) if isinstance(rules, dict) else []  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]


def _where(given: _Given, cluster: Cluster, path: KeyPath) -> tuple[str, Position]:
    """The key to mend, and its place; that of what it is made from where no layer says anything of it."""
    try:
        found = origin(cluster, given.layers, path)
    except LookupError:
        return written((*given.source, "values", *path)), cluster.position(*given.source)
    return found.key, found.position
