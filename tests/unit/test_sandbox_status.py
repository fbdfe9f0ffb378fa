import itertools
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hubfleet_sandbox import processes, report, status
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.status import Cluster, Node, Service, Status


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path / "state", tmp_path / "cache", slot=31, ports=31000)
    yield made
    processes.stop(processes.known(made), grace=0)


def test_a_sandbox_with_one_process_of_many_runs_partly(layout: Layout) -> None:
    process = processes.start(layout, "keystone", ["sleep", "60"])
    found = status.read(layout, layout.state)
    services = {service.name: service for service in found.services}
    assert found.state == "partly"
    assert set(status.expected()) <= set(services)
    assert (services["keystone"].alive, services["keystone"].pid) == (True, process.pid)
    assert services["keystone"].address == "http://127.0.0.1:31000"
    assert not services["magnum"].alive


def test_a_sandbox_is_running_when_all_that_it_consists_of_runs(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "expected", lambda: ["keystone", "charts"])
    for name in status.expected():
        processes.start(layout, name, ["sleep", "60"])
    assert status.read(layout, layout.state).state == "running"
    dead = processes.find(layout, "charts")
    assert dead is not None
    processes.stop([dead], grace=0)
    assert status.read(layout, layout.state).state == "partly"


def test_the_memory_of_the_whole_is_never_less_than_that_of_its_parts_though_it_shrinks_while_it_is_measured(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("keystone", "nova", "magnum"):
        processes.start(layout, name, ["sleep", "60"])
    kilobytes = itertools.count(10_000, -1_500)
    monkeypatch.setattr(status, "_memory", lambda _: next(kilobytes))
    found = status.read(layout, layout.state)
    parts = sorted(service.memory for service in found.services if service.alive)
    assert parts == [7_000 // 1024, 8_500 // 1024, 10_000 // 1024]
    assert found.memory == (10_000 + 8_500 + 7_000) // 1024 >= sum(parts)


def test_people_see_what_is_dead_and_what_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    output = StringIO()
    monkeypatch.setattr(report, "Console", lambda **_: Console(file=output, width=120))
    services = (Service("keystone", "http://127.0.0.1:1", 7, True, 80), Service("nova", "", 8, False, 0))
    clusters = (Cluster("pythia-abc", "Provisioned", "https://172.30.0.1:1"),)
    nodes = (Node("pythia-abc-user-1", "pythia-abc", "user", "Running", "172.30.0.10"),)
    report.show(Status("partly", "/state", 0, 16000, services, clusters, nodes, 80))
    lines = output.getvalue().splitlines()
    assert any("nova" in line and "dead" in line for line in lines)
    assert any("pythia-abc-user-1" in line and "172.30.0.10" in line for line in lines)
    assert any("virtual machines" in line for line in lines)
