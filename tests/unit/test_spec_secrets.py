"""A secret is shown by nothing, missed by nobody who only validates, and looked up with all others in one pass."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.spec import InvalidFiles, MissingSecret, Secret, resolve, reveal
from hubfleet.spec.secrets import BadReferences, mark
from tests.unit.cluster_files import EXAMPLE, hub, load

PASSWORD = "hubs.course.auth.shared_password.user_password"
HUSH = "hush-0123456789"


def test_text_and_references_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    secret = Secret.parse("a-${env:X}-${file:key}-$${env:X}")
    assert secret.resolve({"X": "1"}, tmp_path).reveal() == "a-1-from-a-file-${env:X}"


def test_only_a_resolved_secret_is_revealed() -> None:
    with pytest.raises(RuntimeError, match="was not resolved"):
        Secret.parse("${env:X}").reveal()


@pytest.mark.parametrize(
    "text", ["${X}", "a${", "${evn:X}", "${env:}", "${env:A-B}", "${env:X", "${file:}", "${file: }"]
)
def test_what_begins_like_a_reference_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$\{"):
        Secret.parse(text)


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    text = HUSH.join(["", "${env:X}", ""])
    cluster = load(tmp_path, hub(values={"a": [text]}, auth={"shared_password": {"user_password": text}}))
    resolved = resolve(cluster, {"X": HUSH})
    secret = resolved.hubs["main"].values["a"][0]
    assert secret.reveal() == HUSH * 3
    for shown in (str(secret), repr(secret), f"{secret}", json.dumps([secret], default=str)):
        assert HUSH not in shown
    for whole in (cluster, resolved):
        assert HUSH not in repr(whole) + str(whole) + whole.model_dump_json() + str(whole.model_dump())


def test_a_secret_is_not_pickled_but_copied() -> None:
    secret = Secret(HUSH)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps({"a": secret})
    assert copy.deepcopy({"a": secret})["a"] is secret


def test_a_secret_is_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        Secret("a")._parts = ("b",)


def test_every_missing_secret_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "more.yaml").write_text("x:\n  y: ${file:empty}\n")
    text = EXAMPLE.replace("chart: lite", "values_files: [more.yaml]")
    text = text.replace("shared_password: {}", "shared_password: {user_password: '${file:nothing}'}")
    with pytest.raises(InvalidFiles) as caught:
        resolve(load(tmp_path, text), {"TOKEN": ""})
    assert caught.value.exit_code == 2
    assert [str(problem).replace(f"{tmp_path}/", "").split(" — ")[0] for problem in caught.value.problems] == [
        "cluster.yaml:13:37: hubs.main.auth.github.client_secret: the environment variable GITHUB is not set",
        "cluster.yaml:18:29: hubs.main.values.hub.config.token: the environment variable TOKEN is empty",
        f"cluster.yaml:21:30: {PASSWORD}: the secret's file nothing cannot be read: No such file or directory",
        "more.yaml:2:3: x.y: the secret's file empty is empty",
    ]


def test_a_password_that_is_looked_up_must_fit_as_well(tmp_path: Path) -> None:
    cluster = load(tmp_path, hub(auth={"shared_password": {"user_password": "${env:SHORT}"}}))
    with pytest.raises(InvalidFiles, match="user_password: is shorter than the 8 characters") as caught:
        resolve(cluster, {"SHORT": "hush"})
    assert "hush" not in str(caught.value)


def test_a_resolved_cluster_is_the_same_but_for_its_secrets(tmp_path: Path) -> None:
    cluster = load(tmp_path, EXAMPLE)
    resolved = resolve(cluster, {"GITHUB": "g", "TOKEN": "t"})
    assert resolved.hubs["main"].auth.github
    assert resolved.hubs["main"].auth.github.client_secret == Secret("g")
    assert resolved.hubs["course"] == cluster.hubs["course"]
    assert resolved.provider == cluster.provider
    assert resolved.position("hubs", "main") == cluster.position("hubs", "main")


def test_revealed_values_come_with_the_paths_that_are_secret() -> None:
    values = {"a": {"b": ["x", Secret(HUSH)]}, "c": Secret("d"), "e": 1, "f": None}
    assert reveal(values) == (
        {"a": {"b": ["x", HUSH]}, "c": "d", "e": 1, "f": None},
        frozenset({("a", "b", 1), ("c",)}),
    )


def test_in_free_values_only_references_are_secrets_and_other_braces_stay() -> None:
    marked = mark({"a": "${HOME}/${x:-y}", "b": "$${env:X}", "c": ["-${env:X}"], "d": {"e": 1}})
    assert marked == {"a": "${HOME}/${x:-y}", "b": "${env:X}", "c": [Secret.parse("-${env:X}")], "d": {"e": 1}}


def test_every_bad_reference_in_values_is_found() -> None:
    with pytest.raises(BadReferences) as caught:
        mark({"a": "${env:}", "b": ["x", "${file:}"]})
    assert [path for path, _ in caught.value.found] == [("a",), ("b", 1)]


@given(st.text("${}envfile:X", max_size=12), st.text(max_size=4).filter(lambda text: "$" not in text))
def test_text_whose_dollar_braces_are_doubled_is_itself(text: str, more: str) -> None:
    literal = (more + text).replace("$", "")
    assert Secret.parse(literal).reveal() == literal
    assert Secret.parse(more + "$${env:X}" + literal).reveal() == more + "${env:X}" + literal


@given(
    st.recursive(st.integers() | st.text("ab", max_size=3), lambda t: st.lists(t) | st.dictionaries(st.text("k"), t))
)
def test_values_without_references_have_no_secret(tree: Any) -> None:
    assert mark(tree) == tree
    assert reveal({"values": tree}) == ({"values": tree}, frozenset())


def test_a_missing_secret_alone_says_which(tmp_path: Path) -> None:
    with pytest.raises(MissingSecret, match="the environment variable NONE is not set") as caught:
        Secret.parse("${env:NONE}").resolve({}, tmp_path)
    assert caught.value.exit_code == 2
