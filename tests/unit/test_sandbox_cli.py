import json
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox import lifecycle, needs, shells, slots
from hubfleet_sandbox.cli import main
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.needs import Missing


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBFLEET_SANDBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HUBFLEET_SANDBOX_STATE", raising=False)
    monkeypatch.setattr(Layout, "run", property(lambda layout: tmp_path / f"run-{layout.slot}"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def sandbox(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_sandbox_that_is_not_there_is_stopped_and_says_so_as_json(state: Path) -> None:
    result = sandbox("status", "--json", "--state", state)
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["state"], found["services"]) == ("stopped", [])
    assert any("virtual machines" in line for line in found["simulated"])


def test_the_state_folder_can_be_given_by_a_variable(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBFLEET_SANDBOX_STATE", str(state))
    assert json.loads(sandbox("status", "--json").stdout)["folder"] == str(state)


def test_stopping_what_is_not_there_is_no_error(state: Path) -> None:
    result = sandbox("stop", "--state", state)
    assert result.exit_code == 0
    assert "nothing to stop" in result.stderr


def test_the_exports_of_a_sandbox_that_is_not_there_are_an_error_with_a_remedy(state: Path) -> None:
    result = sandbox("env", "--state", state)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "hubfleet sandbox start" in result.stderr


def test_start_says_what_the_machine_lacks_and_leaves_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = [Missing("runc", "Debian package runc", "runc"), Missing("bridges", "the kernel refuses it")]
    monkeypatch.setattr(needs, "missing", lambda *_, **__: lacking)
    result = sandbox("start", "--state", state)
    assert result.exit_code == 1
    assert "runc" in result.stderr
    assert "bridges" in result.stderr
    assert "--install" in result.stderr
    assert layouts.load(state) is None


def test_start_ends_with_what_to_do_next(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "missing", lambda *_, **__: [])
    monkeypatch.setattr(lifecycle, "start", lambda *_: None)
    result = sandbox("start", "--json", "--state", state, "--ports", "40000")
    assert result.exit_code == 0
    assert f'eval "$(hubfleet sandbox env --state {state})"' in result.stderr
    assert json.loads(result.stdout)["state"] == str(state)
    found = layouts.load(state)
    assert found is not None
    assert found.ports == 40000


def test_how_slowly_nodes_boot_stays_until_it_is_said_anew(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def node_boot() -> float:
        return float(json.loads(sandbox("status", "--json", "--state", state).stdout)["node_boot"])

    monkeypatch.setattr(needs, "missing", lambda *_, **__: [])
    monkeypatch.setattr(lifecycle, "start", lambda *_: None)
    monkeypatch.setattr(lifecycle.node, "sweep", lambda _: None)
    assert sandbox("start", "--state", state, "--node-boot", "30").exit_code == 0
    assert "at least 30 s to boot" in sandbox("status", "--state", state).stdout
    for words, then in ((["start"], 30), (["start", "--node-boot", "4.5"], 4.5), (["reset"], 4.5), (["stop"], 0)):
        assert sandbox(*words, "--state", state).exit_code == 0
        assert node_boot() == then
    assert sandbox("start", "--state", state).exit_code == 0
    assert node_boot() == 0


def test_the_ports_of_a_sandbox_do_not_change_under_way(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "missing", lambda *_, **__: [])
    monkeypatch.setattr(lifecycle, "start", lambda *_: None)
    sandbox("start", "--state", state, "--ports", "40000")
    result = sandbox("start", "--state", state, "--ports", "41000")
    assert result.exit_code == 1
    assert "the ports from 40000, not 41000" in result.stderr


def test_an_error_of_a_step_is_told_without_a_traceback(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SandboxError("programs: no Go", why="the wheel is gone", remedy="install Go 1.24")

    monkeypatch.setattr(needs, "missing", lambda *_, **__: [])
    monkeypatch.setattr(lifecycle, "start", fail)
    result = sandbox("start", "--state", state)
    assert result.exit_code == 1
    assert result.stderr.endswith("error: programs: no Go\n  why: the wheel is gone\n  do:  install Go 1.24\n")


@pytest.mark.parametrize("verb", ["start", "stop", "reset"])
def test_two_commands_do_not_change_one_sandbox_at_once(state: Path, verb: str) -> None:
    with slots.changing(state):
        result = sandbox(verb, "--state", state)
    assert result.exit_code == 1
    assert "another command is starting or stopping this sandbox" in result.stderr


def test_the_lock_leaves_no_file(state: Path) -> None:
    with slots.changing(state):
        assert list(state.iterdir()) == []
    with slots.changing(state):
        pass


def test_two_sandboxes_get_two_slots(tmp_path: Path) -> None:
    one = slots.claim(tmp_path / "one", tmp_path / "cache", None)
    two = slots.claim(tmp_path / "two", tmp_path / "cache", None)
    assert one.slot != two.slot
    assert slots.claim(tmp_path / "one", tmp_path / "cache", None) == one


def test_a_slot_whose_port_somebody_has_is_not_given(tmp_path: Path) -> None:
    free = slots.find(tmp_path / "one", tmp_path / "cache", None)
    with socket.create_server(("127.0.0.1", free.port("keystone"))):
        assert slots.find(tmp_path / "one", tmp_path / "cache", None).slot != free.slot


def test_a_slot_is_free_when_its_sandbox_is_gone(tmp_path: Path) -> None:
    gone = slots.claim(tmp_path / "gone", tmp_path / "cache", None)
    gone.record.unlink()
    assert slots.claim(tmp_path / "new", tmp_path / "cache", None).slot == gone.slot


def test_a_slot_of_a_start_that_was_killed_before_its_record_is_given_up(state: Path, tmp_path: Path) -> None:
    killed = slots.claim(state, tmp_path / "cache", None)
    killed.record.unlink()
    assert sandbox("stop", "--state", state).exit_code == 0
    assert not killed.run.exists()


def test_stopping_does_not_touch_a_sandbox_that_has_the_slot_since_a_reboot(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = slots.claim(state, tmp_path / "cache", None)
    shutil.rmtree(before.run)  # as a reboot does
    after = slots.claim(tmp_path / "other", tmp_path / "cache", None)
    assert after.slot == before.slot
    swept: list[Layout] = []
    monkeypatch.setattr(lifecycle.node, "sweep", swept.append)
    assert sandbox("stop", "--state", state).exit_code == 0
    assert swept == []
    assert after.run.exists()
    assert layouts.load(state) is None
    assert sandbox("stop", "--state", after.state).exit_code == 0
    assert swept == [after]


def test_the_last_sandbox_to_stop_tidies_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.node, "sweep", lambda _: None)
    one, two = (slots.claim(tmp_path / name, tmp_path / "cache", None) for name in ("one", "two"))
    left = tmp_path / "cache" / ".programs-killed"
    left.mkdir(parents=True)
    assert sandbox("stop", "--state", one.state).exit_code == 0
    assert left.exists()
    assert sandbox("stop", "--state", two.state).exit_code == 0
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_the_exports_can_be_evaluated_by_a_shell(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "it's here", tmp_path, slot=7, ports=19500)
    shown = 'printf "%s\\n" "$OS_CLIENT_CONFIG_FILE" "$OS_CLOUD" "${PATH%%:*}"'
    script = f"{shells.exports(layout, 'sh')}\n{shown}"
    lines = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == [str(layout.clouds_yaml), "sandbox", str(layout.home / "bin")]


def test_evaluating_twice_changes_nothing_more(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, slot=7, ports=19500)
    once = shells.variables(layout, {"PATH": "/usr/bin", "NO_PROXY": "example.org"})
    assert shells.variables(layout, once) == once
    assert once["NO_PROXY"] == "example.org,127.0.0.1,localhost,172.30.7.1"


def test_fish_gets_its_own_syntax(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, slot=7, ports=19500)
    lines = [shlex.split(line.rstrip(";")) for line in shells.exports(layout, "fish").splitlines()]
    assert all(line[:2] == ["set", "-gx"] for line in lines)
    assert next(line for line in lines if line[2] == "PATH")[3] == str(layout.home / "bin")


def test_the_exports_name_a_shell_where_there_is_none_for_the_openstack_client(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, slot=7, ports=19500)
    assert shells.variables(layout, {})["SHELL"] == "/bin/sh"
    assert shells.variables(layout, {"SHELL": "/bin/zsh"})["SHELL"] == "/bin/zsh"
