"""Whatever stands in a fleet's files: what is wrong is told in one pass, a line each, and never with a traceback."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubfleet.cli import app
from hubfleet.errors import HubfleetError
from hubfleet.spec import InvalidFiles
from tests.unit.fleet_files import hubs, tree, write

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n" for before, after in pairwise("abcdefgh")
)


def validate(folder: Path, *words: str) -> list[str]:
    """What `validate` says is wrong, a line each, files from the folder."""
    ran = CliRunner().invoke(app.hubfleet, ["validate", str(folder), *words], standalone_mode=False)
    if ran.exception is None:
        return []
    assert isinstance(ran.exception, InvalidFiles), ran.exception
    return [str(one).replace(f"{folder}/", "") for one in ran.exception.problems]


def fleet(**hub: Any) -> dict[str, Any]:
    found = tree(rings=["staging", "production"])
    found["defaults"]["cluster"]["provider"] = {"existing": {}}
    found["defaults"]["hub"] |= {"ring": "production", **hub}
    return found


def hub(number: int, **keys: Any) -> dict[str, Any]:
    return {"domain": f"h{number}.example.org", **keys}


def test_every_kind_of_mistake_is_told_once_and_all_in_one_pass(tmp_path: Path) -> None:
    files: dict[str, bytes] = {
        "bomb.yaml": BOMB.encode(),
        "cycle.yaml": b"a: &a {b: *a}\n",
        "large.yaml": b"a: " + b"x" * (10 * 2**20),
        "twice.yaml": b"cull: {}\nhub: {}\ncull: {}\n",
        "tab.yaml": b"cull:\n\tevery: 60\n",
        "latin.yaml": "cull: {every: é}\n".encode("latin-1"),
        "list.yaml": b"- cull\n",
        "unfilled.yaml": b"singleuser: {image: {name: CHANGEME}}\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    many = {f"file{number}": hub(number, values_files=[f"../../{name}"]) for number, name in enumerate(files)}
    wrong = {
        "no-ring": hub(50, ring="stagin"),
        "one": hub(51),
        "two": hub(51),
        "no-domain": {"domain": "https://example.org"},
        "x" * 64: hub(52),
        "untagged": hub(53, image="quay.io/a/b"),
    }
    write(tmp_path, fleet(), one=hubs(**many), two=hubs(**wrong))
    told = validate(tmp_path)
    expected = [
        ("bomb.yaml", "use fewer anchors in anchors"),
        ("cycle.yaml", "levels of maps and lists"),
        ("large.yaml", "is larger than 4 MiB"),
        ("twice.yaml:3", "cull: is given twice; first in line 1"),
        ("tab.yaml:2", "indent with spaces"),
        ("latin.yaml:1", "is not text in UTF-8"),
        ("list.yaml:1", "a list where keys are expected"),
        ("unfilled.yaml:1", "is still CHANGEME"),
        ("clusters/two/cluster.yaml", 'the fleet has no ring "stagin"'),
        ("clusters/two/cluster.yaml", "hub one has the domain h51.example.org already"),
        ("clusters/two/cluster.yaml", "without https:// and path"),
        ("clusters/two/cluster.yaml", "at most 40"),
    ]
    for place, words in expected:
        assert len([line for line in told if line.startswith(place) and words in line]) == 1, (place, words, told)
    assert len(told) == len(expected), told


def test_what_a_charts_schema_refuses_deep_in_a_list_is_told_with_its_line(tmp_path: Path) -> None:
    text = "singleuser:\n  storage:\n    dynamic:\n      storageAccessModes:\n        - ReadWriteOnce\n        - 7\n"
    (tmp_path / "deep.yaml").write_text(text)
    write(tmp_path, fleet(values_files=["deep.yaml"]), a=hubs(one=hub(1), two=hub(2)))
    (told,) = validate(tmp_path)
    assert told.startswith("deep.yaml:6:11: singleuser.storage.dynamic.storageAccessModes[1]: the chart lite 0.1.0")


def test_an_image_without_a_tag_is_a_note_once_for_all_hubs_that_have_it(tmp_path: Path) -> None:
    write(tmp_path, fleet(image="quay.io/a/b"), a=hubs(one=hub(1), two=hub(2)))
    ran = CliRunner().invoke(app.hubfleet, ["validate", str(tmp_path)], standalone_mode=False)
    assert ran.return_value == 0
    assert ran.output.count("has no tag") == 1


_KEYS = """clusters rings defaults cluster hub hubs pools provider existing auth values values_files domain ring image
name runs nodes min labels open chart <<"""
KEYS = st.sampled_from(_KEYS.split())
TEXTS = ["", "x", "a.example.org", "${env:X}", "${", "$${", "CHANGEME", "*.yaml", "../x", "\0", "é", "lite"]
LEAVES = st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(allow_nan=False) | st.sampled_from(TEXTS)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a tree."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [above, *(path for key, below in inner for path in paths(below, (*above, key)))]


def mutated(data: st.DataObject, value: Any) -> Any:
    """The same with something else at some place."""
    value = copy.deepcopy(value)
    path = data.draw(st.sampled_from(paths(value)[1:]))
    place = value
    for key in path[:-1]:
        place = place[key]
    if data.draw(st.booleans()) and isinstance(place, dict):
        place[data.draw(KEYS)] = data.draw(TREES)
    else:
        place[path[-1]] = data.draw(TREES)
    return value


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_validate_never_shows_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    whole = fleet(values={"cull": {"every": 60}}, values_files=["common.yaml"])
    cluster = {"name": "a", **hubs(one=hub(1, auth={"github": {"client_id": "x"}}), two=hub(2, values={"hub": {}}))}
    common = {"singleuser": {"profileList": [{"display_name": "a"}]}}
    which = data.draw(st.sampled_from(["fleet", "cluster", "values"]))
    for name, content in (("fleet", whole), ("cluster", cluster), ("values", common)):
        found = mutated(data, content) if name == which else content
        place = {"fleet": "fleet.yaml", "cluster": "clusters/a/cluster.yaml", "values": "common.yaml"}[name]
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(found, sort_keys=False))
    ran = CliRunner().invoke(app.hubfleet, ["validate", str(tmp_path)], standalone_mode=False)
    error = ran.exception
    assert error is None or isinstance(error, HubfleetError)
    assert "a mistake of hubfleet's" not in str(error)


@pytest.mark.parametrize("content", ["", "[]", "x", "a: [", "clusters: x", "clusters: [1]", "clusters: ['/*']", "\0"])
def test_a_file_that_is_no_fleet_is_told_in_a_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "fleet.yaml").write_text(content)
    assert validate(tmp_path)
