"""apply, destroy and plan as a program sees them: JSON lines and exit codes, and nothing else on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hubfleet.cli import app
from hubfleet.cli.printing import EventPrinter
from hubfleet.errors import HubfleetError
from hubfleet.events import Event, Kind
from tests.unit.lab import Lab


class Command:
    """hubfleet with a lab; the exit code and the lines of standard output of each run, and what it said beside."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.said = lab, ""

    def __call__(self, verb: str, *words: str) -> tuple[int, list[dict[str, Any]]]:
        ran = CliRunner().invoke(app.hubfleet, [verb, str(self.lab.file), *words, "--json"])
        self.said = ran.stderr
        code = ran.exception.exit_code if isinstance(ran.exception, HubfleetError) else ran.exit_code
        return code, [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def hubfleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(Lab(tmp_path, monkeypatch))


def test_apply_prints_a_line_an_event_and_the_outcome_last(hubfleet: Command) -> None:
    code, lines = hubfleet("apply", "--yes")
    assert code == 0
    assert {"started", "progress", "done", "outcome"} == {line["kind"] for line in lines} - {"note"}
    assert [line["kind"] for line in lines].index("outcome") == len(lines) - 1
    assert (lines[-1]["cluster"], lines[-1]["verb"], lines[-1]["left"]) == ("lab", "apply", [])
    assert lines[-1]["waited"]["any"] <= lines[-1]["seconds"]


def test_an_apply_with_nothing_to_do_is_an_outcome_alone(hubfleet: Command) -> None:
    hubfleet("apply", "--yes")
    code, (line,) = hubfleet("apply", "--yes")
    assert (code, line["kind"], line["verb"]) == (0, "outcome", "apply")


def test_a_destroy_with_nothing_to_do_is_an_outcome_alone(hubfleet: Command) -> None:
    code, (line,) = hubfleet("destroy", "--yes", "lab")
    assert (code, line["kind"], line["verb"]) == (0, "outcome", "destroy")


def test_a_failed_apply_ends_with_its_error(hubfleet: Command) -> None:
    hubfleet.lab.helm.answer(["/bin/helm", "upgrade"], code=1, stderr="Error: cluster unreachable: no route to host")
    code, lines = hubfleet("apply", "--yes")
    assert code == 5
    error = lines[-1]
    assert (error["kind"], error["exit_code"], error["layer"]) == ("error", 5, "Kubernetes API")
    assert "no route to host" in error["why"]
    assert error["remedy"]


def test_another_name_than_the_clusters_is_refused_for_safety(hubfleet: Command) -> None:
    hubfleet("apply", "--yes")
    code, (error,) = hubfleet("destroy", "--yes", "lap")
    assert (code, error["kind"], error["exit_code"]) == (4, "error", 4)
    assert hubfleet.lab.actions()["release/main"] == "keep"


def test_nobody_is_asked_where_nobody_is(hubfleet: Command) -> None:
    code, (error,) = hubfleet("apply")
    assert (code, error["remedy"]) == (2, "give --yes")


def test_problems_of_the_file_come_with_the_error(hubfleet: Command) -> None:
    hubfleet.lab.file.write_text("name: lab\nprovider: {existing: {}}\npools: {}\n")
    code, (error,) = hubfleet("apply", "--yes")
    assert code == 2
    assert error["problems"][0]["line"] == 3


def test_a_failure_that_nobody_foresaw_is_told_without_a_traceback_and_kept(
    hubfleet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(*_: object) -> None:
        raise KeyError("pem")

    monkeypatch.setattr("hubfleet.fleet.planning.hubs.releases", mistake)
    code, (error,) = hubfleet("apply", "--yes")
    assert (code, error["what"]) == (1, "a mistake of hubfleet's: KeyError: 'pem'")
    kept = hubfleet.lab.folder / "state" / "hubfleet" / "mistake.txt"
    assert "Traceback" in kept.read_text()
    assert str(kept) in error["remedy"]


def test_a_folder_that_cannot_be_written_is_told_as_this_machines_fault(
    hubfleet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hubfleet.lab.folder / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(hubfleet.lab.folder / "file"))
    code, (error,) = hubfleet("apply", "--yes")
    assert (code, error["layer"]) == (1, "this machine")


def test_a_listener_that_leaves_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("click.echo", gone)
    EventPrinter(as_json=True)(Event(Kind.DONE, "c", "cluster"))


HANGS = """
import os, sys, time
from pathlib import Path
import click
from hubfleet.cli import app
from hubfleet.engine import kubeconfigs
from hubfleet.engine.run import Job, run
from hubfleet.tools import process

@click.command()
def hang() -> None:
    with kubeconfigs.private_file("secret") as file:
        script = f"echo $$ > {file}.pid; echo {file}; exec sleep 60"
        jobs = [Job("release/main", lambda: process.run(["sh", "-c", f"{{ {script}; }} >&2"], timeout=60).stdout)]
        print(file, flush=True)
        run(jobs, cluster="c", say=lambda event: print(event.kind, flush=True))

app.hubfleet.add_command(hang)
app.VERBS["hang"] = app._Verb("__main__:hang", "")
sys.argv[1:] = ["hang"]
app.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_the_programs_that_run_and_take_private_files_away(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HANGS)]
    # Whoever runs the tests in the background may have told them to ignore interrupts; a person's shell does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with run as ran:
        assert ran.stdout is not None
        file, started = Path(ran.stdout.readline().strip()), ran.stdout.readline().strip()
        assert started == "started"
        note = file.with_name(file.name + ".pid")
        while not (note.exists() and note.read_text().strip()):
            assert ran.poll() is None
        pid = int(note.read_text())
        ran.send_signal(number)
        _, said = ran.communicate(timeout=20)
    assert (ran.returncode, "goes on where it stopped" in said, "Traceback" in said) == (130, True, False)
    assert not file.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("ignored", "code"), [(False, 130), (True, 0)], ids=["in a terminal", "with nohup"])
def test_a_terminal_that_goes_ends_hubfleet_unless_nohup_says_otherwise(ignored: bool, code: int) -> None:
    program = f"""
        import os, signal
        if {ignored}:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        import click
        from hubfleet.cli import app
        app.hubfleet.main = lambda **_: os.kill(os.getpid(), signal.SIGHUP)
        app.main()
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == code, ended.stderr
    assert b"Traceback" not in ended.stderr
