"""The journal remembers the last run, also one that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.events import Event, Kind
from hubfleet.fleet import journal
from hubfleet.fleet.journal import Journal


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_nothing_is_known_of_a_cluster_that_nobody_touched() -> None:
    assert journal.last("c") is None


def test_a_run_that_ended_says_how() -> None:
    Journal("c", "apply", lambda _: None).ended(well=True, text="done")
    last = journal.last("c")
    assert last is not None
    assert (last.verb, last.ended, last.well) == ("apply", True, True)


def test_a_run_that_was_killed_tells_where_it_was() -> None:
    said: list[Event] = []
    Journal("c", "apply", said.append)(Event(Kind.STARTED, "c", "pool/user"))
    last = journal.last("c")
    assert last is not None
    assert (last.ended, last.well, last.text) == (False, False, "pool/user")
    assert len(said) == 1


def test_a_line_cut_short_by_a_kill_does_not_count(state: Path) -> None:
    Journal("c", "apply", lambda _: None).ended(well=True, text="done")
    with (state / "hubfleet" / "journal" / "c.jsonl").open("a") as file:
        file.write('{"when": 1, "verb": "app')
    last = journal.last("c")
    assert last is not None
    assert last.ended


def test_lines_that_say_nothing_are_passed_over(state: Path) -> None:
    Journal("c", "apply", lambda _: None).ended(well=True, text="done")
    with (state / "hubfleet" / "journal" / "c.jsonl").open("ab") as file:
        file.write(b'3\n{"when": 1}\n\xff\n')
    last = journal.last("c")
    assert last is not None
    assert last.text == "done"


def test_a_large_journal_is_put_aside(state: Path) -> None:
    folder = state / "hubfleet" / "journal"
    folder.mkdir(parents=True)
    (folder / "c.jsonl").write_text("x" * (4 * 2**20 + 1))
    Journal("c", "apply", lambda _: None)
    assert (folder / "c.jsonl").stat().st_size < 1000
    assert (folder / "c.old.jsonl").stat().st_size > 2**20
