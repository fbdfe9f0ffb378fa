"""The command line: exit codes, suggestions, what is printed where. No cloud is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.cli import documents, printing
from hubfleet.cli.app import VERBS
from hubfleet.errors import Layer
from hubfleet.events import Event, Kind
from hubfleet.plan import Action, Change, Finding, Plan, Step

HUBFLEET = Path(sys.executable).with_name("hubfleet")
EXAMPLE = Path(__file__).parents[2] / "examples" / "first-hub"


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """hubfleet as a person runs it."""
    return subprocess.run([HUBFLEET, *argv], capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_verb_and_the_exit_codes() -> None:
    said = run("--help").stdout
    assert all(f"  {verb} " in said for verb in VERBS)
    assert "refused for safety" in said


def test_a_verb_that_is_not_there_is_an_error_with_a_suggestion() -> None:
    done = run("aply")
    assert done.returncode == 2
    assert "Did you mean apply?" in done.stderr


def test_no_verb_shows_the_help_and_is_an_error() -> None:
    done = run()
    assert done.returncode == 2
    assert "Verbs:" in done.stderr


def test_the_example_is_valid() -> None:
    done = run("validate", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid" in done.stdout


def test_problems_are_one_json_document_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("name: x\nprovider: {nowhere: {}}\npools: {}\n")
    done = run("validate", tmp_path, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert found["valid"] is False
    assert {(problem["file"], problem["line"]) for problem in found["problems"]} >= {(str(file), 2)}


def test_a_folder_without_a_cluster_file_is_told(tmp_path: Path) -> None:
    done = run("validate", tmp_path)
    assert done.returncode == 2
    assert "has neither fleet.yaml nor cluster.yaml" in done.stderr


def test_destroy_and_apply_do_not_ask_when_nobody_is_there(tmp_path: Path) -> None:
    for verb in ("apply", "destroy"):
        done = run(verb, tmp_path / "nowhere.yaml")
        assert done.returncode == 2
        assert "nowhere.yaml" in done.stderr


STEPS = (
    Step("cluster", Action.KEEP, "cluster c", work=None),
    Step("pool/user", Action.CHANGE, "pool user", work=None, changes=(Change("nodes", 1, 2),)),
    Step(
        "release/main",
        Action.CHANGE,
        "hub main",
        work="w",
        changes=(Change("hub.password", "old!", "new!", secret=True),),
    ),
    Step("release/old", Action.DESTROY, "hub old", work=None, loses=("home directories: claim-ada",)),
)


def test_a_plan_shows_each_step_its_changes_and_what_would_be_lost() -> None:
    said = "\n".join(printing.plan_lines(Plan("c", STEPS)))
    assert "= cluster c" in said
    assert "nodes: 1 → 2" in said
    assert "loses home directories: claim-ada" in said
    assert "c: 2 to change, 1 to destroy." in said


def test_a_secret_is_in_no_plan() -> None:
    plan = Plan("c", STEPS)
    for said in ("\n".join(printing.plan_lines(plan)), documents.json_document(documents.plan_document(plan))):
        assert "old!" not in said
        assert "new!" not in said
        assert "hub.password" in said


def test_a_plan_without_changes_says_so() -> None:
    assert printing.summary(Plan("c", STEPS[:1])) == "c: nothing to change."


def test_a_finding_has_its_layer_why_and_what_to_do() -> None:
    finding = Finding(
        Layer.QUOTA, "40 cores are wanted, 30 are left", why="the peak of all pools", remedy="ask for more"
    )
    assert str(finding) == "quota: 40 cores are wanted, 30 are left\n  why: the peak of all pools\n  do:  ask for more"


def test_events_are_lines_on_standard_error_or_json_lines_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = Event(Kind.DONE, "c", "pool/user", "2 nodes", 12.5)
    printing.EventPrinter(as_json=False)(event)
    printing.EventPrinter(as_json=True)(event)
    said = capsys.readouterr()
    assert "✓ pool/user: 2 nodes (12.5 s)" in said.err
    assert json.loads(said.out)["took"] == 12.5


def test_validate_does_not_load_what_asks_clouds_and_clusters() -> None:
    code = f"""
import sys
from hubfleet.cli import main
sys.argv = ["hubfleet", "validate", {str(EXAMPLE)!r}]
try:
    main()
except SystemExit as over:
    doors = {{"hubfleet.tools.kube", "hubfleet.tools.magnum", "hubfleet.tools.openstack", "hubfleet.tools.process"}}
    print(over.code, sorted(({{"hubfleet.engine", "httpx2", "keystoneauth1"}} | doors) & sys.modules.keys()))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False).stdout
    assert said.splitlines()[-1] == "0 []"
