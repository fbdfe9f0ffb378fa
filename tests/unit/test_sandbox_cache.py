from pathlib import Path

import pytest

from hubfleet_sandbox import cache

INPUTS = {"version": "1"}


class Maker:
    """Fills an entry, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "program").write_text("binary")
        (folder / "tree").mkdir()
        (folder / "tree" / "file").write_text("content")


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    make = Maker()
    first = cache.get(tmp_path, "thing", INPUTS, make)
    assert cache.get(tmp_path, "thing", INPUTS, make) == first
    assert make.calls == 1
    assert (first / "program").read_text() == "binary"
    assert cache.there(tmp_path, "thing", INPUTS)


def test_other_inputs_are_another_entry(tmp_path: Path) -> None:
    make = Maker()
    first = cache.get(tmp_path, "thing", INPUTS, make)
    assert cache.get(tmp_path, "thing", {"version": "2"}, make) != first
    assert first.exists()


def test_moving_a_byte_from_one_input_to_the_next_is_another_entry() -> None:
    assert cache.key({"a": "1", "b": "23"}) != cache.key({"a": "12", "b": "3"})


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "program").write_text("virus!"),
        lambda entry: (entry / "program").unlink(),
        lambda entry: (entry / "tree" / "file").unlink(),
        lambda entry: (entry / "tree" / "file").write_text("cut"),
        lambda entry: (entry / "surplus").write_text(""),
        lambda entry: (entry / ".made.json").write_text("{"),
    ],
    ids=["changed", "gone", "gone from a tree", "cut in a tree", "surplus", "manifest cut"],
)
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: object) -> None:
    make = Maker()
    entry = cache.get(tmp_path, "thing", INPUTS, make)
    assert callable(damage)
    damage(entry)
    assert cache.get(tmp_path, "thing", INPUTS, make) == entry
    assert make.calls == 2
    assert (entry / "tree" / "file").read_text() == "content"


def test_what_python_compiles_later_is_no_damage(tmp_path: Path) -> None:
    make = Maker()
    entry = cache.get(tmp_path, "thing", INPUTS, make)
    (entry / "tree" / "module.cpython-311.pyc").write_text("compiled")
    cache.get(tmp_path, "thing", INPUTS, make)
    assert make.calls == 1


def test_links_are_checked_by_where_they_point(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "lib").mkdir()
        (folder / "lib64").symlink_to("lib")

    entry = cache.get(tmp_path, "thing", INPUTS, make)
    assert cache.whole(entry)
    (entry / "lib64").unlink()
    (entry / "lib64").symlink_to("/")
    assert not cache.whole(entry)


def test_a_build_that_fails_leaves_nothing_that_could_be_believed(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.get(tmp_path, "thing", INPUTS, fail)
    assert not cache.there(tmp_path, "thing", INPUTS)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_a_killed_build_left_does_not_end_up_in_the_next(tmp_path: Path) -> None:
    left = tmp_path / f".thing-{cache.key(INPUTS)}"
    left.mkdir()
    (left / "half").write_text("")
    entry = cache.get(tmp_path, "thing", INPUTS, Maker())
    assert not (entry / "half").exists()
    assert not left.exists()
