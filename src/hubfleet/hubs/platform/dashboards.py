"""Dashboards of Grafana: our own, made from charts/dashboards/, and those of the operator's folder.

The operator's files are read anew each time, as those of hubs' pages are: what is in them is part of what the release
is made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hubfleet.spec.dashboards import files, key
from hubfleet.spec.reading import parse_text

Json = dict[str, Any]
_WIDTH, _HEIGHT = 24, 8
"""Of the whole grid, and of a panel, in its units."""
_SOURCE = {"type": "prometheus", "uid": "${source}"}
"""The Prometheus that is chosen on top of the dashboard: ours, where nobody has another."""


@cache
def ours() -> Mapping[str, str]:
    """Those of hubfleet, each as JSON, by name."""
    place = Path(str(resources.files("hubfleet") / "charts" / "dashboards"))
    return {file.stem: _text(dashboard(file.stem, _tree(file))) for file in sorted(place.glob("*.yaml"))}


def theirs(folder: Path) -> dict[str, str]:
    """Those of a folder, by name; `spec` has seen to it that they are JSON."""
    return {key(one, folder): _text(json.loads(one.read_bytes())) for one in files(folder)}


def dashboard(name: str, wanted: Json) -> Json:
    """As Grafana has it, of its compact form: rows of panels, each of which asks one expression for each legend."""
    return {
        "uid": f"hubfleet-{name}",
        "title": wanted["title"],
        "tags": ["hubfleet"],
        "links": [{"type": "dashboards", "tags": ["hubfleet"], "title": "hubfleet", "keepTime": True}],
        "editable": False,
        "schemaVersion": 39,
        "timezone": "browser",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [*_variables(wanted)]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(wanted), start=1)],
    }


def _tree(file: Path) -> Json:
    found: Json = parse_text(file, file.read_text(encoding="utf-8")).tree
    return found


def _text(tree: Json) -> str:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def _variables(wanted: Json) -> Iterator[Json]:
    yield {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}
    if query := wanted.get("hub"):
        chosen = {"current": {"text": "All", "value": "$__all"}, "includeAll": True, "allValue": ".+", "multi": True}
        asked = {"query": {"query": query, "refId": "hub"}, "definition": query, "datasource": _SOURCE}
        yield {"name": "hub", "label": "hub", "type": "query", **asked, **chosen, "refresh": 2, "sort": 1}


def _panels(wanted: Json) -> Iterator[Json]:
    y = 0
    for row in wanted["rows"]:
        header: Json = {"type": "row", "title": row["title"], "collapsed": False, "panels": []}
        yield {**header, "gridPos": _place(0, y, _WIDTH, 1)}
        width = _WIDTH // len(row["panels"])
        for index, panel in enumerate(row["panels"]):
            yield _panel(panel, wanted.get("given", {}), _place(index * width, y + 1, width, _HEIGHT))
        y += 1 + _HEIGHT


def _place(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Json, given: Mapping[str, str], place: Json) -> Json:
    """Lines over time, or the present as bars."""
    now = panel.get("shows") == "bars"
    of_lines = {"custom": {"fillOpacity": 10, "showPoints": "never", "spanNulls": False}}
    below: Json = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    lines: Json = {"legend": below, "tooltip": {"mode": "multi", "sort": "desc"}}
    bars: Json = {"orientation": "horizontal", "displayMode": "basic", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return {
        "type": "bargauge" if now else "timeseries",
        "title": panel["title"],
        "description": panel.get("says", ""),
        "gridPos": place,
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.get("unit", "short"), "min": 0, **({} if now else of_lines)},
            "overrides": [],
        },
        "options": bars if now else lines,
        "targets": [*_targets(panel["ask"], given, now=now)],
    }


def _targets(ask: Mapping[str, str], given: Mapping[str, str], *, now: bool) -> Iterator[Json]:
    for index, (legend, expression) in enumerate(ask.items()):
        asked = {"expr": _written_out(expression, given), "legendFormat": legend, "instant": now, "range": not now}
        yield {"refId": chr(ord("A") + index), "datasource": _SOURCE, **asked}


def _written_out(expression: str, given: Mapping[str, str]) -> str:
    """With what stands for a longer expression in full; the longest name first, which may begin as another does."""
    while found := next((one for one in sorted(given, key=len, reverse=True) if one in expression), None):
        expression = expression.replace(found, given[found])
    return expression
