"""The figures say what was measured: requests are counted by who made them, and targets are judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.access_logs import Call, Logs, parsed
from benchmarks.figures import Circumstances, Figure, Figures
from benchmarks.jetstream2 import cluster_file, counted
from benchmarks.processors import Ticks

from hubfleet.fleet.loading import load

OURS = "hubfleet openstacksdk/4.22.0 keystoneauth1/5.18.1 python-requests/2.34.2 CPython/3.11.7"
NEUTRON = "neutron/29.0.0 keystonemiddleware.auth_token/13.0.1 keystoneauth1/5.18.1"
HERE = Circumstances("a processor", 2, "Linux 6", "3.11", "abc1234", "2026-11-25 12:00 UTC", (0.5, 0.25, 1.0))


def line(method: str, path: str, agent: str, status: int = 200) -> str:
    """As the sandbox's services write them."""
    return f'127.0.0.1 - - [25/Nov/2026:12:34:48 +0000] "{method} {path} HTTP/1.1" {status} 293 "-" "{agent}"'


def test_a_request_is_told_with_the_name_of_the_program_that_made_it() -> None:
    lines = [line("POST", "/v1/clusters", OURS, 202), line("GET", "/v3/auth/tokens", NEUTRON), line("GET", "/", "-")]
    assert parsed("magnum", lines) == [
        Call("magnum", "POST", "/v1/clusters", 202, "hubfleet"),
        Call("magnum", "GET", "/v3/auth/tokens", 200, "neutron"),
        Call("magnum", "GET", "/", 200, "-"),
    ]


def test_a_line_that_is_none_of_an_access_log_is_not_left_out_of_the_count() -> None:
    with pytest.raises(ValueError, match="not a line of the access log of magnum"):
        parsed("magnum", ["Traceback (most recent call last):"])


def test_logs_count_what_one_program_asked_of_every_service_since_they_were_opened(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    magnum, nova = folder / "magnum-access.log", folder / "nova-access.log"
    magnum.write_text(line("GET", "/v1/clusters", OURS) + "\n")
    nova.write_text("")
    (folder / "nova.log").write_text("not an access log\n")
    logs = Logs(tmp_path)
    with magnum.open("a") as file:
        file.write(
            line("POST", "/v1/clusters", OURS, 202) + "\n" + line("GET", "/v1/", "plain-loop openstacksdk/4") + "\n"
        )
    nova.write_text(line("GET", "/v2.1/flavors", OURS) + "\n" + line("GET", "/v2.1/servers", OURS)[:40])
    found = [(call.service, call.method, call.path) for call in logs.of("hubfleet")]
    assert found == [("magnum", "POST", "/v1/clusters"), ("nova", "GET", "/v2.1/flavors")]


def test_a_folder_without_access_logs_is_an_error_and_not_a_count_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no access logs"):
        Logs(tmp_path)


def test_logging_in_is_no_request_for_a_change() -> None:
    calls = [
        Call("keystone", "POST", "/v3/auth/tokens", 201, "hubfleet"),
        Call("magnum", "POST", "/v1/clusters", 202, "hubfleet"),
        Call("magnum", "GET", "/v1/clusters/lab", 200, "hubfleet"),
    ]
    assert counted(calls) == "2 of Magnum's; 1 ask for a change"


def test_a_target_is_met_or_not_by_the_value_measured_and_not_by_the_one_shown() -> None:
    assert Figure("plan", 1.999, below=2).met
    assert not Figure("plan", 2.0, below=2).met
    assert Figure("4 pools", 1.3, "x", below=1.3, equal=True).met
    assert not Figure("4 pools", 1.301, "x", below=1.3, equal=True).met
    assert Figure("apply", 50).met is None


def test_the_table_says_where_what_and_whether_the_target_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures(HERE)
    figures.add(Figure("plan", 1.5, below=2))
    figures.add(Figure("apply, 8 pools / 1 pool", 1.75, "x", below=1.6, equal=True, note="busy"))
    figures.add(Figure("API calls", 312, ""))
    head, blank, *rows = figures.table().splitlines()
    assert head == (
        "2 cores of a processor, Linux 6, Python 3.11; commit abc1234, 2026-11-25 12:00 UTC, load 0.50, 0.25, 1.00 at "
        "the start"
    )
    assert blank == ""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == ["what", "measured", "target", "met", ""]
    assert cells[2:] == [
        ["plan", "1.50 s", "< 2", "yes", ""],
        ["apply, 8 pools / 1 pool", "1.75 x", "≤ 1.6", "**no**", "busy"],
        ["API calls", "312", "", "", ""],
    ]
    assert len({len(row) for row in rows}) == 1
    assert "apply, 8 pools / 1 pool: 1.75 x (target ≤ 1.6); busy" in capsys.readouterr().err


def test_the_same_can_be_read_by_programs() -> None:
    figures = Figures(HERE)
    figures.add(Figure("plan", 2.5, below=2))
    told = json.loads(figures.json())
    assert told["circumstances"]["commit"] == "abc1234"
    assert [(one["name"], one["value"], one["target"], one["met"]) for one in told["figures"]] == [
        ("plan", 2.5, "< 2", False)
    ]


def test_processors_are_busy_by_the_share_of_their_time_that_they_are_neither_idle_nor_waiting_for_disks() -> None:
    before = Ticks.read("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 ...", "some avg10=0.00 total=1000000\n", 10.0)
    after = Ticks.read("cpu  150 0 120 820 10 0 0 0 0 0\ncpu0 ...", "some avg10=0.00 total=6000000\n", 20.0)
    assert after.since(before) == "processors 70 % busy, wanted by more 50 % of the time"
    assert Ticks.read("cpu  150 0 120 820 10 0 0 0\n", "", 20.0).since(before) == "processors 70 % busy"


@pytest.mark.parametrize("pools", [1, 4, 8])
def test_the_cluster_that_is_measured_is_a_file_that_hubfleet_takes(pools: int, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(cluster_file("bench", pools))
    cluster = load(file).cluster
    assert len(cluster.pools) == pools
    assert not cluster.hubs
