import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubfleet_sandbox import images, needs, processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.needs import Missing


class Machine:
    """A machine that has everything, until a test takes something away."""

    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(tmp_path / "state", tmp_path / "cache", slot=31, ports=31500)
        self.gone: set[str] = set()
        self.refused: dict[str, str] = {}
        self.root, self.images = True, True
        self.ran: list[list[str]] = []
        self.lists = True

    def run(self, argv: list[str], **_: object) -> str:
        self.ran.append(argv)
        command = argv[-1]
        if argv[:2] == ["apt-get", "install"] and not self.lists:
            raise SandboxError("apt-get: exit code 100", why="E: Unable to locate package")
        if argv[:2] == ["apt-get", "update"]:
            self.lists = True
        for part, why in self.refused.items():
            if part in command:
                raise SandboxError("sh: exit code 1", why=why)
        return ""

    def lacks(self) -> list[Missing]:
        return needs.missing(self.layout, building=False)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setattr(needs, "_there", lambda program: program not in made.gone)
    monkeypatch.setattr(processes, "run", made.run)
    monkeypatch.setattr(images, "cached", lambda _: made.images)
    monkeypatch.setattr("os.geteuid", lambda: 0 if made.root else 1000)
    monkeypatch.setattr(needs, "_CONTROLLERS", ())
    monkeypatch.setattr(needs, "_MEMORY", 0)
    monkeypatch.setattr(needs, "_DISK_TO_RUN", 0)
    return made


def test_a_machine_that_has_everything_lacks_nothing(machine: Machine) -> None:
    assert machine.lacks() == []


def test_everything_that_is_missing_is_said_at_once(machine: Machine) -> None:
    machine.gone = {"containerd", "ctr", "iptables"}
    machine.refused = {"type bridge": "RTNETLINK answers: Operation not supported"}
    said = str(needs.refusal(machine.lacks()))
    assert "containerd" in said
    assert "iptables" in said
    assert "bridges" in said
    assert "Operation not supported" in said
    assert "--install" in said


def test_what_only_building_needs_is_not_missing_once_it_is_built(machine: Machine) -> None:
    machine.gone = {"mmdebstrap", "cc"}
    assert machine.lacks() == []
    machine.images = False
    assert {one.what for one in machine.lacks()} == {"mmdebstrap", "cc"}


def test_without_root_that_is_said_with_the_packages(machine: Machine) -> None:
    machine.root, machine.gone = False, {"runc"}
    assert {one.what for one in machine.lacks()} == {"runc", "the rights of root"}
    assert machine.ran == []


def test_a_port_that_somebody_has_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        machine.layout = Layout(machine.layout.state, machine.layout.cache, 31, port - 5)
        found = machine.lacks()
    assert f"TCP port {port} for magnum" in {one.what for one in found}
    assert all("--ports" in one.remedy for one in found)


def test_too_little_disk_and_memory_is_said_with_how_much(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_MEMORY", 1 << 60)
    monkeypatch.setattr(needs, "_DISK_TO_RUN", 1 << 60)
    said = [one.what for one in machine.lacks()]
    assert any("GB of memory" in what for what in said)
    assert any("GB of disk" in what and str(machine.layout.state) in what for what in said)


def test_missing_controllers_are_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_CONTROLLERS", ("telepathy",))
    assert [one.what for one in machine.lacks()] == ["the control group controller telepathy"]


def test_install_asks_apt_for_each_package_once(machine: Machine) -> None:
    machine.gone = {"containerd", "ctr", "iptables"}
    needs.install(machine.lacks(), lambda _: None, machine.layout.cache)
    assert [argv for argv in machine.ran if argv[0] == "apt-get"] == [
        ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "containerd", "iptables"]
    ]


def test_install_gets_the_package_lists_when_there_are_none(machine: Machine) -> None:
    machine.gone, machine.lists = {"iptables"}, False
    needs.install(machine.lacks(), lambda _: None, machine.layout.cache)
    assert [argv[1] for argv in machine.ran if argv[0] == "apt-get"] == ["install", "update", "install"]


def test_sandboxes_that_start_at_once_do_not_stand_in_each_others_way_at_apt(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = threading.Lock()

    def apt(_: list[str], **__: object) -> str:
        assert busy.acquire(blocking=False), "E: Could not get lock /var/lib/dpkg/lock-frontend"
        time.sleep(0.05)
        busy.release()
        return ""

    machine.gone = {"iptables"}
    lacking = machine.lacks()
    monkeypatch.setattr(processes, "run", apt)
    with ThreadPoolExecutor() as starts:
        list(starts.map(lambda _: needs.install(lacking, print, machine.layout.cache), range(4)))


def test_nothing_is_installed_when_no_package_would_help(machine: Machine) -> None:
    machine.refused = {"type bridge": "no"}
    needs.install(machine.lacks(), lambda _: None, machine.layout.cache)
    assert not any(argv[0] == "apt-get" for argv in machine.ran)
