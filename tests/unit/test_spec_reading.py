"""Reading YAML: values as JSON has them, the place of every key, one clear problem for what is no cluster file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.spec import InvalidFiles, Position, read
from hubfleet.spec.reading import MOST_BYTES, MOST_DEPTH, parse_text

FILE = Path("x.yaml")


def tree(text: str) -> dict[str, Any]:
    document = parse_text(FILE, text)
    assert not document.problems
    return document.tree


def refusal(text: str) -> str:
    with pytest.raises(InvalidFiles) as caught:
        parse_text(FILE, text)
    (problem,) = caught.value.problems
    return str(problem)


def complaints(text: str) -> list[str]:
    return [str(problem) for problem in parse_text(FILE, text).problems]


def test_values_are_what_json_can_hold() -> None:
    assert tree("{a: 1, b: -2.5, c: true, d: null, e: ~, f: [x, {y: z}], g: 'true', h: 0x10, i: 0644}") == {
        "a": 1, "b": -2.5, "c": True, "d": None, "e": None, "f": ["x", {"y": "z"}], "g": "true", "h": 16, "i": 0o644,
    }  # fmt: skip


def test_dates_and_base_60_numbers_stay_as_they_were_written() -> None:
    assert tree("{a: 2026-01-01, b: 1:30, c: 2026.01.01, d: =}") == {
        "a": "2026-01-01", "b": "1:30", "c": "2026.01.01", "d": "=",
    }  # fmt: skip


def test_keys_are_text_as_written() -> None:
    assert tree("{8080: a, on: b, ~: c, 2026-01-01: d}") == {"8080": "a", "on": "b", "~": "c", "2026-01-01": "d"}


def test_anchors_and_merge_keys_are_written_out_and_own_keys_win() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nc: {<<: [*b, *o], x: 0}\nd: *b\n"
    assert tree(text)["c"] == {"x": 0, "y": 2, "z": 4}
    assert tree(text)["d"] == {"x": 1, "y": 2}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read(file).tree == {"name": "x"}


def test_a_position_counts_characters_from_one() -> None:
    positions = parse_text(FILE, "é: {ö: 1, b: [x, y]}\nc:\n  - d: 1\n").positions
    assert positions["é", "b"] == Position(FILE, 1, 11)
    assert positions["é", "b", 1] == Position(FILE, 1, 18)
    assert positions["c", 0, "d"] == Position(FILE, 3, 5)
    assert positions[()] == Position(FILE, 1, 1)


PLAIN_KEYS = st.text("abcé😀-_ ", min_size=1, max_size=6).map(str.strip).filter(bool)
LEAVES = st.none() | st.booleans() | st.integers() | st.text("ab é😀:#'\"-{}[]\n", max_size=8)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN_KEYS, inner, max_size=3))


@given(st.dictionaries(PLAIN_KEYS, TREES, max_size=4), st.booleans(), st.sampled_from([None, True, False]))
def test_every_position_is_where_its_key_is_written(content: dict[str, Any], unicode: bool, flow: bool | None) -> None:
    text = yaml.safe_dump(content, allow_unicode=unicode, default_flow_style=flow)
    document = parse_text(FILE, text)
    assert document.tree == content
    lines = text.splitlines()
    for path, position in document.positions.items():
        if path and isinstance(path[-1], str):
            rest = "\n".join([lines[position.line - 1][position.column - 1 :], *lines[position.line :]])
            assert yaml.safe_load(rest[: rest.index(":")].removeprefix("? ")) == path[-1] or rest.startswith(path[-1])


def test_a_key_given_twice_is_told_with_its_first_line() -> None:
    assert complaints("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "x.yaml:2:11: b.c: is given twice; first in line 2 — keep one",
        "x.yaml:3:1: a: is given twice; first in line 1 — keep one",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !vault x", "x.yaml:1:4: a: cannot be read as vault — put it in quotes, without a tag"),
        ("a: !!binary eA==", "x.yaml:1:4: a: cannot be read as binary — put it in quotes, without a tag"),
        ("a: !!int x", "x.yaml:1:4: a: cannot be read as int — put it in quotes, without a tag"),
        ("a: .inf", "x.yaml:1:4: a: cannot be read as float — put it in quotes, without a tag"),
        ("a: {{ x }}", 'x.yaml:1:5: a: a key must be text — put it in quotes: "{{ x }}" is a map in YAML'),
        ("a: {<<: 3}", "x.yaml:1:9: a: `<<` takes a map — give it the anchor of a map: `<<: *name`"),
    ],
)
def test_a_value_that_json_has_not_is_told_with_its_place(text: str, said: str) -> None:
    assert complaints(text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.yaml:1:1: the file is empty"),
        ("# nothing\n", "x.yaml:1:1: the file is empty"),
        ("- a\n- b\n", "x.yaml:1:1: the file holds a list where keys are expected"),
        ("hello", "x.yaml:1:1: the file holds a single value where keys are expected"),
        ("null", "x.yaml:1:1: the file holds a single value where keys are expected"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: is not YAML: a second document (`---`) — one file describes one cluster"),
        ("a:\n\tb: 1\n", "x.yaml:2:1: is not YAML: a tab, or one of @ ` % where a value begins"),
        ("a: b: c\n", "x.yaml:1:5: is not YAML: a `:` where none can be"),
        ("a: [1,\nb: 2\n", "x.yaml:1:4: is not YAML: a list `[` that is not closed"),
        ("a: 'x\n", "x.yaml:1:4: is not YAML: a quotation mark that is not closed"),
        ("a: *b\n", "x.yaml:1:4: is not YAML: a `*name` without its `&name` before"),
        ("a: 1\nb\nc: 2\n", "x.yaml:"),
        ("a: é\x01\n", "x.yaml:1:5: a control character — delete it"),
    ],
)
def test_what_is_no_map_of_yaml_is_refused_in_plain_words(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 200_000, "? " * 200_000])
def test_depth_that_would_overflow_the_stack_is_refused(text: str) -> None:
    assert f"more than {MOST_DEPTH} levels" in refusal(text)


def test_anchors_that_stand_for_a_billion_values_are_refused() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    assert "use fewer anchors" in refusal("\n".join(lines))


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: &a {<<: *a}"])
def test_an_anchor_in_itself_is_refused(text: str) -> None:
    assert "x.yaml:1:" in refusal(text)


def test_a_file_that_is_not_there_a_folder_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: x\ncity: Zürich\n".encode("latin-1"))
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    said = {}
    for name in ("nothing.yaml", ".", "latin.yaml", "huge.yaml", "a\0b", "x" * 5000):
        with pytest.raises(InvalidFiles) as caught:
            read(tmp_path / name)
        said[name] = caught.value.problems[0]
    assert said["nothing.yaml"].what == "there is no such file"
    assert said["."].what == "is a folder"
    assert (said["latin.yaml"].what, said["latin.yaml"].position.line, said["latin.yaml"].position.column) == (
        "is not text in UTF-8", 2, 8,
    )  # fmt: skip
    assert said["huge.yaml"].what == "is larger than 4 MiB"
    assert said["a\0b"].what.startswith("cannot be read: ")
    assert said["x" * 5000].what.startswith("cannot be read: ")


@given(st.text() | st.text("&*ab:- \n{}[]!|>'\"<#%?,\t0"))
def test_any_text_gives_a_map_or_problems(text: str) -> None:
    with suppress(InvalidFiles):
        assert isinstance(parse_text(FILE, text).tree, dict)
