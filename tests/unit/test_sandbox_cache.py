import os
import time
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


def entry(folder: Path, name: str, version: str, age: float) -> Path:
    """An entry that was last used `age` seconds ago."""
    made = cache.get(folder, name, {"version": version}, Maker())
    when = time.time() - age
    os.utime(made / ".made.json", (when, when))
    return made


def test_the_two_entries_of_a_name_that_were_used_last_are_kept(tmp_path: Path) -> None:
    oldest, newest, used = (entry(tmp_path, "node-images", str(age), age) for age in (30, 10, 20))
    other = entry(tmp_path, "programs", "1", 900)
    gone = cache.set_aside(tmp_path)
    assert [path.name for path in gone] == [f".old-{oldest.name}"]
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {newest, used, other, *gone}
    assert not Path(f"{oldest}.lock").exists()


def test_an_entry_that_is_used_again_is_no_longer_old(tmp_path: Path) -> None:
    ages = {"1": 30, "2": 20, "3": 10}
    made = {version: entry(tmp_path, "thing", version, age) for version, age in ages.items()}
    cache.get(tmp_path, "thing", {"version": "1"}, Maker())
    cache.set_aside(tmp_path)
    assert made["1"].exists()
    assert not made["2"].exists()


def test_what_killed_builds_left_goes_and_what_is_being_made_stays(tmp_path: Path) -> None:
    for left in (".thing-0", ".go-xyz", ".old-thing-1"):  # also of a deletion that was killed
        (tmp_path / left).mkdir()

    def make(folder: Path) -> None:
        gone = [path.name for path in cache.set_aside(tmp_path)]
        assert gone == [".old-go-xyz", ".old-thing-0", ".old-thing-1"]
        (folder / "file").write_text("")

    assert cache.whole(cache.get(tmp_path, "thing", INPUTS, make))
