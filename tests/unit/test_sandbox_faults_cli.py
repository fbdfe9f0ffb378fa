import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hubfleet_sandbox import faults, processes
from hubfleet_sandbox.cli import main
from hubfleet_sandbox.faults import Fault, asking, quotas, series
from hubfleet_sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state", tmp_path / "cache", slot=31, ports=31000)
    made.save()
    return made


def fault(layout: Layout, *words: str) -> Result:
    return CliRunner().invoke(main, ["fault", words[0], *words[1:], "--state", str(layout.state)])


def listed(layout: Layout) -> Any:
    return json.loads(fault(layout, "list", "--json").stdout)


def test_a_fault_is_listed_with_what_it_did_until_it_is_cleared(layout: Layout) -> None:
    assert fault(layout, "list").stdout == "no faults\n"
    words = ("--status", "503", "--method", "POST", "--path", "/clusters$", "--times", "2", "--after", "1")
    assert fault(layout, "add", "http", *words).exit_code == 0
    book = faults.book(layout)
    for _ in range(2):
        book.strike(book.faults()[0], "503 to POST /v1/clusters of magnum")
    said = fault(layout, "list").stdout
    assert "http: 503 for magnum POST /clusters$ after 1 (struck 1 of 2 times)" in said
    assert "503 to POST /v1/clusters of magnum" in said
    assert [(one["kind"], one["done"], one["over"]) for one in listed(layout)] == [("http", 1, False)]
    assert fault(layout, "clear").exit_code == 0
    assert listed(layout) == []


def test_single_faults_are_cleared_by_their_numbers(layout: Layout) -> None:
    for status in ("500", "503", "429"):
        fault(layout, "add", "http", "--status", status)
    assert fault(layout, "clear", "2").exit_code == 0
    assert [one["status"] for one in listed(layout)] == [500, 429]
    refused = fault(layout, "clear", "2")
    assert refused.exit_code == 1
    assert "there is no fault 2" in refused.stderr
    assert "1, 3" in refused.stderr


def test_a_path_that_is_no_expression_is_refused(layout: Layout) -> None:
    refused = fault(layout, "add", "reset", "--path", "(")
    assert refused.exit_code == 2
    assert "not a regular expression" in refused.stderr


def test_faults_need_a_sandbox(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["fault", "list", "--state", str(tmp_path)])
    assert refused.exit_code == 1
    assert "there is no sandbox" in refused.stderr


def test_a_used_up_quota_is_given_back_by_clearing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    restored: list[object] = []
    known: list[tuple[Fault, ...]] = []
    monkeypatch.setattr(quotas, "limits", lambda _, services: {name: {"cores": 9} for name in services})
    monkeypatch.setattr(quotas, "use_up", lambda one, _: known.append(faults.book(one).faults()))
    monkeypatch.setattr(quotas, "restore", lambda _, kept: restored.append(kept))
    assert fault(layout, "add", "quota", "--service", "nova").exit_code == 0
    assert known[0][0].kept == {"nova": {"cores": 9}}, "it is in the book before anything is changed"
    assert "nothing is left of nova: cores" in fault(layout, "list").stdout
    assert fault(layout, "clear").exit_code == 0
    assert restored == [{"nova": {"cores": 9}}]


def test_magnum_is_killed_and_started_again(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    magnum = processes.start(layout, "magnum", ["sleep", "60"])
    started: list[object] = []
    monkeypatch.setattr(asking.venv, "get", lambda *_: Path("/venv"))
    monkeypatch.setattr(asking.programs, "get", lambda *_: Path("/programs"))
    monkeypatch.setattr(asking.services, "start", lambda *words: started.append((magnum.alive, words[-1])))
    assert fault(layout, "add", "magnum-restart").exit_code == 0
    assert started == [(False, ("magnum",))]
    assert listed(layout)[0]["over"]


def test_a_series_is_the_same_for_the_same_seed_and_ends_by_itself(layout: Layout) -> None:
    assert series.draw(7, 20) == series.draw(7, 20)
    assert series.draw(7, 20) != series.draw(8, 20)
    assert series.draw(7, 20)[:5] == series.draw(7, 5)
    assert all(drawn.times for drawn in series.draw(7, 100))
    assert len({drawn.kind for drawn in series.draw(7, 100)}) >= 8
