"""One number of a cluster file changes, and every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.errors import UsageError
from hubfleet.spec import NodeCount
from hubfleet.spec.editing import with_nodes

FILE = Path("cluster.yaml")


def edited(nodes: str, least: int, most: int, more: str = "") -> str:
    text = f"# ours: ü\r\nname: x\npools:\n  core: {{nodes: 1, runs: [core]}}\n  user:\n    nodes: {nodes}\n{more}"
    changed = with_nodes(FILE, text, "user", NodeCount(min=least, max=most))
    head, tail = text.split(nodes, 1)
    assert changed.startswith(head)
    assert changed.endswith(tail)
    return changed[len(head) : len(changed) - len(tail)]


def test_a_number_becomes_another_number_or_a_range() -> None:
    assert edited("2   # why not", 3, 3) == "3   # why not"
    assert edited("2", 1, 10) == "{min: 1, max: 10}"
    assert edited("10", 7, 7, "    machine: m3.large # 10 of them\n") == "7"


def test_a_range_keeps_its_form_and_its_comments() -> None:
    assert edited("{min: 1, max: 10}  # term", 5, 20) == "{min: 5, max: 20}  # term"
    assert edited("{max: 10, min: 1}", 4, 4) == "{max: 4, min: 4}"
    block = "\n      # a class\n      min: 1  # night\n\n      max: 10  # day"
    assert edited(block, 2, 30) == "\n      # a class\n      min: 2  # night\n\n      max: 30  # day"


@pytest.mark.parametrize(
    "pools",
    [
        "pools: {user: {machine: m3.large}}",
        "pools: {a: {nodes: &n 3}, user: {nodes: *n}}",
        "pools: {a: {nodes: &n {min: 1, max: 2}}, user: {nodes: *n}}",
        "pools: {a: &a {nodes: 3}, user: {<<: *a}}",
        "pools: {a: {nodes: &n 3}, user: {nodes: {min: *n, max: 4}}}",
        "pools: {user: {nodes: 0x10}}",
    ],
    ids=["left out", "anchor", "anchor of a range", "merge", "anchor of a bound", "hexadecimal"],
)
def test_what_would_change_something_else_is_left_to_the_person(pools: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_nodes(FILE, f"name: x\n{pools}\n", "user", NodeCount(min=2, max=2))
    assert "nodes: 2" in caught.value.remedy
