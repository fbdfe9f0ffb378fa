"""A null in values takes a default away: of a chart, of its sub-charts, and of what a chart sets for its sub-charts.

Rendered by the real Helm, which leaves some of these nulls where they are.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.engine import charting
from hubfleet.hubs import charts
from hubfleet.spec import merge, without_nulls
from hubfleet.tools.helm import Helm

Tree = dict[str, Any]
MAP = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: {{ .Chart.Name }}}\ndata: {it: {{ toJson .Values | quote }}}\n"
SUB = {"sub": {"a": 1, "b": 2}, "both": {"a": 1, "b": 2}, "top": 1, "topboth": 1, "kept": {"x": 1}, "gone": {"x": 1}}
OF_PARENT = {"parent": {"a": 1, "b": 2}, "both": {"a": 3, "b": 4, "c": 5}, "topparent": 1, "topboth": 2}
OWN = {"own": {"a": 1, "b": 2}, "top": 1, "cut": {"a": 1, "b": {"c": 2}}, "global": {"g": 1, "h": 2}}
NULLS = {
    "sub": {"a": None},
    "both": {"a": None, "c": None},
    "parent": {"a": None, "nothing": None},
    "top": None,
    "topparent": None,
    "topboth": None,
    "gone": None,
    "nothing": None,
}


def described(name: str, **more: Any) -> str:
    return yaml.safe_dump({"apiVersion": "v2", "name": name, "version": "1.0.0", **more})


def chart(name: str, values: Tree, **more: Any) -> dict[str, bytes]:
    files = {"Chart.yaml": described(name, **more), "values.yaml": yaml.safe_dump(values), "templates/it.yaml": MAP}
    return {path: text.encode() for path, text in files.items()}


def within(folder: str, content: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": data for path, data in content.items()}


def packed(name: str, content: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, data in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def folder(place: Path, content: Mapping[str, bytes]) -> Path:
    for path, data in content.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    return place


def rendered(helm: Helm, place: Path, *layers: Tree) -> dict[str, Tree]:
    """What the templates of each chart see, by its name, when these layers of values are merged."""
    with charting.ready(charts.local(place), merge(*layers), helm) as (ready, values):
        text = helm.template("main", "main", ready, values)
    found = [one for one in yaml.safe_load_all(text) if one]
    return {one["metadata"]["name"]: json.loads(one["data"]["it"]) for one in found}


def expected(*layers: Tree) -> Tree:
    return without_nulls(merge(*layers))


def alike(found: Tree, wanted: Tree) -> None:
    """But for what Helm adds by itself: `global`, and empty values of sub-charts."""
    keys = {*found, *wanted} - {"global", "sub", "below"}
    assert {key: found.get(key, "gone") for key in keys} == {key: wanted.get(key, "gone") for key in keys}


def test_a_charts_own_default_goes_and_a_null_over_nothing_is_none(helm: Helm, tmp_path: Path) -> None:
    place = folder(tmp_path / "p", chart("p", OWN))
    nulls = {"own": {"a": None, "no": None}, "top": None, "nothing": None, "new": {"x": {"y": None}}}
    found = rendered(helm, place, nulls)["p"]
    assert found == expected(OWN, nulls)
    assert found == {"own": {"b": 2}, "cut": OWN["cut"], "global": OWN["global"], "new": {"x": {}}}


@pytest.mark.parametrize("as_archive", [False, True])
def test_a_sub_charts_default_goes_and_what_the_chart_sets_for_it(helm: Helm, tmp_path: Path, as_archive: bool) -> None:
    below = chart("s", SUB)
    inside = {"charts/s-1.0.0.tgz": packed("s", below)} if as_archive else within("charts/s", below)
    content = chart("p", {**OWN, "s": OF_PARENT}) | inside
    if as_archive:
        (tmp_path / "p.tgz").write_bytes(packed("p", content))
    place = tmp_path / "p.tgz" if as_archive else folder(tmp_path / "p", content)
    before = place.read_bytes() if as_archive else (place / "values.yaml").read_bytes()
    alike(rendered(helm, place)["s"], expected(SUB, OF_PARENT))
    found = rendered(helm, place, {"s": NULLS})["s"]
    alike(found, expected(SUB, OF_PARENT, NULLS))
    assert {key: value for key, value in found.items() if key != "global"} == {
        "sub": {"b": 2},
        "both": {"b": 4},
        "parent": {"b": 2},
        "kept": {"x": 1},
    }
    assert (place if as_archive else place / "values.yaml").read_bytes() == before


def test_so_it_does_under_another_name_and_two_charts_deep(helm: Helm, tmp_path: Path) -> None:
    dependency = {"name": "s", "version": "1.0.0", "alias": "other"}
    middle = chart("m", {"s": {"parent": {"a": 1, "b": 2}, "frommiddle": 1}}) | within("charts/s", chart("s", SUB))
    deep = folder(tmp_path / "deep", chart("p", {"m": {"s": OF_PARENT}}) | within("charts/m", middle))
    nulls = {**NULLS, "frommiddle": None}
    below_middle = {"parent": {"a": 1, "b": 2}, "frommiddle": 1}
    alike(rendered(helm, deep, {"m": {"s": nulls}})["s"], expected(SUB, below_middle, OF_PARENT, nulls))
    content = chart("p", {"other": OF_PARENT}, dependencies=[dependency]) | within("charts/s", chart("s", SUB))
    alias = folder(tmp_path / "alias", content)
    alike(rendered(helm, alias, {"other": NULLS})["other"], expected(SUB, OF_PARENT, NULLS))


def test_a_map_over_a_null_takes_the_place_of_the_whole_default(helm: Helm, tmp_path: Path) -> None:
    content = chart("p", {**OWN, "s": OF_PARENT}) | within("charts/s", chart("s", SUB))
    place = folder(tmp_path / "p", content)
    weaker, stronger = {"cut": None, "s": {"both": None}}, {"cut": {"b": {"d": 3}}, "s": {"both": {"z": 1}}}
    found = rendered(helm, place, weaker, stronger)
    assert found["p"]["cut"] == expected(OWN, weaker, stronger)["cut"] == {"b": {"d": 3}}
    assert found["s"]["both"] == {"z": 1}


def test_what_is_global_goes_everywhere(helm: Helm, tmp_path: Path) -> None:
    inside = within("charts/s", chart("s", {"global": {"s": 1, "t": 2}}))
    place = folder(tmp_path / "p", chart("p", OWN) | inside)
    found = rendered(helm, place, {"global": {"g": None, "s": None}})
    assert found["s"]["global"] == {"h": 2, "t": 2}
    assert "g" not in found["p"]["global"]


def test_a_null_for_a_whole_sub_chart_leaves_its_own_defaults(helm: Helm, tmp_path: Path) -> None:
    place = folder(tmp_path / "p", chart("p", {"s": OF_PARENT}) | within("charts/s", chart("s", SUB)))
    alike(rendered(helm, place, {"s": None})["s"], SUB)
    bare = folder(tmp_path / "bare", chart("p", {}) | within("charts/s", chart("s", SUB)))
    alike(rendered(helm, bare, {"s": None})["s"], SUB)
