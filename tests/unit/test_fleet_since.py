"""`plan --since`: what an edit of the files reaches, asked of git alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hubfleet.cli import app
from hubfleet.errors import HubfleetError
from hubfleet.fleet.loading import Target
from hubfleet.hubs import Release
from tests.unit.fleet_files import hubs, tree, write


class Repository:
    """A fleet of two clusters in a folder of a git repository, committed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fleet = folder / "fleet", tree(rings=["staging", "production"])
        self.fleet["defaults"]["cluster"]["provider"] = {"existing": {}}
        self.fleet["defaults"]["hub"] |= {"values_files": ["common.values.yaml"]}
        self.clusters: dict[str, Any] = {
            name: hubs(
                staging={"domain": f"staging.{name}.example.org", "ring": "staging"},
                main={"domain": f"{name}.example.org", "ring": "production", "culling": {"idle": 600}},
            )
            for name in ("a", "b")
        }
        self.folder.mkdir()
        self.common("singleuser: {startTimeout: 60, extraEnv: {X: '${env:X}'}}\n")
        self.write()
        self.git("init", "-q")
        self.commit()

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=self.folder.parent, check=True, capture_output=True, timeout=30)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "x")

    def common(self, text: str) -> None:
        (self.folder / "common.values.yaml").write_text(text)

    def write(self) -> None:
        write(self.folder, self.fleet, **self.clusters)

    def run(self, *words: str, path: str = "") -> Result:
        argv = ["plan", str(self.folder / path), "--since", "HEAD", *words]
        return CliRunner().invoke(app.hubfleet, argv, standalone_mode=False)

    def reached(self, *words: str, path: str = "") -> dict[str, dict[str, str]]:
        """What would be done to whom, by cluster and step."""
        ran = self.run("--json", *words, path=path)
        assert ran.exception is None, ran.exception
        return {
            one["cluster"]: {step["id"]: step["action"] for step in one["steps"] if step["action"] != "keep"}
            for one in json.loads(ran.stdout)["clusters"]
            if one["changes"]
        }


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_where_nothing_changed_nothing_is_planned(repository: Repository) -> None:
    assert repository.reached() == {}
    assert repository.run("--exit-code").return_value == 0


def test_an_edit_of_a_default_reaches_exactly_the_hubs_that_have_it(repository: Repository) -> None:
    repository.fleet["defaults"]["hub"]["culling"] = {"idle": 1800}
    repository.write()
    assert repository.reached() == {"a": {"release/staging": "change"}, "b": {"release/staging": "change"}}
    text = repository.run().stdout
    assert "cull.timeout: 3600 → 1800" in text
    assert "fleet.yaml:" in text
    assert repository.run("--exit-code").return_value == 3


def test_an_edit_of_a_values_file_reaches_all_that_name_it(repository: Repository) -> None:
    repository.common("singleuser: {startTimeout: 90, extraEnv: {X: '${env:X}'}}\n")
    every = {"release/staging": "change", "release/main": "change"}
    assert repository.reached() == {"a": every, "b": every}
    assert "singleuser.startTimeout: 60 → 90" in repository.run().stdout


def test_another_reference_to_a_secret_is_a_change_and_no_secret_is_looked_up(repository: Repository) -> None:
    repository.common("singleuser: {startTimeout: 60, extraEnv: {X: '${env:Y}'}}\n")
    assert "a secret changed" in repository.run().stdout


def test_hubs_and_clusters_that_come_and_go_are_told(repository: Repository) -> None:
    repository.clusters["a"]["hubs"]["more"] = {"domain": "more.example.org", "ring": "staging"}
    del repository.clusters["a"]["hubs"]["main"]
    (repository.folder / "clusters" / "b" / "cluster.yaml").unlink()
    repository.clusters["c"] = hubs(main={"domain": "c.example.org", "ring": "production"})
    del repository.clusters["b"]
    repository.write()
    assert repository.reached() == {
        "a": {"release/more": "create", "release/main": "destroy"},
        "c": {"cluster": "create", "release/main": "create"},
        "b": {"cluster": "destroy"},
    }
    assert "`apply` leaves it as it is" in repository.run().stdout


def test_a_cluster_file_of_the_fleet_is_planned_with_the_fleets_defaults_of_then(repository: Repository) -> None:
    repository.fleet["defaults"]["hub"]["culling"] = {"idle": 1800}
    repository.write()
    assert repository.reached(path="clusters/b/cluster.yaml") == {"b": {"release/staging": "change"}}
    assert repository.reached("--ring", "production") == {}


def test_everything_is_new_where_nothing_was(repository: Repository, tmp_path: Path) -> None:
    (repository.folder / "fleet.yaml").unlink()
    repository.commit()
    repository.write()
    assert set(repository.reached()["a"].values()) == {"create"}


def test_mistakes_of_then_do_not_stand_in_the_way(repository: Repository) -> None:
    file = repository.folder / "clusters" / "a" / "cluster.yaml"
    right = file.read_text()
    file.write_text("name: a\npols: {}\n")
    repository.commit()
    file.write_text(right)
    assert set(repository.reached()) == {"a"}
    assert "the files' mistakes were there already" in repository.run().stderr


def test_what_no_change_reaches_is_settled_and_nothing_of_it_is_looked_at(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def releases(target: Target, absent: frozenset[str] = frozenset()) -> tuple[Release, ...]:
        asked.append(target.cluster.name)
        return genuine(target, absent)

    genuine = Target.releases
    monkeypatch.setattr(Target, "releases", releases)
    (repository.folder / "README.md").write_text("another file")
    repository.clusters["a"]["hubs"]["main"]["culling"] = {"idle": 900}
    repository.write()
    assert repository.reached() == {"a": {"release/main": "change"}}
    assert asked == ["a", "a"]  # as it was, and as it is
    assert "b: nothing to change" in repository.run().stdout


def test_a_change_behind_a_symbolic_link_and_of_the_link_itself_is_one(repository: Repository) -> None:
    common, one, other = (repository.folder / name for name in ("common.values.yaml", "one.yaml", "other.yaml"))
    one.write_text(common.read_text())
    other.write_text("singleuser: {startTimeout: 90, extraEnv: {X: '${env:X}'}}\n")
    common.unlink()
    common.symlink_to("one.yaml")
    repository.commit()
    every = {"release/staging": "change", "release/main": "change"}
    common.unlink()
    common.symlink_to("other.yaml")
    assert repository.reached() == {"a": every, "b": every}
    common.unlink()
    common.symlink_to("one.yaml")
    assert repository.reached() == {}
    one.write_text(other.read_text())
    assert repository.reached() == {"a": every, "b": every}


def test_a_file_that_was_staged_or_is_new_is_changed_too(repository: Repository) -> None:
    (repository.folder / "more.values.yaml").write_text("singleuser: {startTimeout: 90}\n")
    repository.clusters["b"]["hubs"]["main"]["values_files"] = ["../../more.values.yaml"]
    repository.write()
    assert repository.reached() == {"b": {"release/main": "change"}}
    repository.git("add", "-A")
    assert repository.reached() == {"b": {"release/main": "change"}}


def test_a_cluster_that_was_renamed_went_and_came(repository: Repository) -> None:
    file = repository.folder / "clusters" / "b" / "cluster.yaml"
    file.write_text(file.read_text().replace("name: b\n", "name: d\n"))
    reached = repository.reached()
    assert set(reached) == {"b", "d"}
    assert reached["b"] == {"cluster": "destroy"}


def test_a_comment_on_a_pull_request_has_the_keys_folded_away(repository: Repository) -> None:
    repository.fleet["defaults"]["hub"]["culling"] = {"idle": 1800}
    repository.write()
    lines = repository.run("--format", "markdown").stdout.splitlines()
    assert lines[0] == "**hubfleet plan**: 2 hubs on 2 clusters to change; 0 settled."
    assert "<details><summary><b>a</b>: change staging</summary>" in lines
    assert any(line.startswith("  cull.timeout: 3600 → 1800") for line in lines)


def test_a_comment_is_never_longer_than_a_site_takes(repository: Repository) -> None:
    many = {f"hub-{n}": {"domain": f"h{n}.example.org", "ring": "staging"} for n in range(600)}
    repository.clusters["a"]["hubs"] |= many
    repository.write()
    repository.commit()
    repository.common("singleuser: {startTimeout: 90, defaultUrl: /lab/of/this/hub, uid: 1001, fsGid: 101}\n")
    said = repository.run("--format", "markdown").stdout
    assert len(said) < 65_536
    assert said.endswith("`hubfleet plan` shows all of it.\n")


def test_a_matrix_has_an_entry_for_each_hub_in_the_order_of_the_rings(repository: Repository) -> None:
    repository.common("singleuser: {startTimeout: 90, extraEnv: {X: '${env:X}'}}\n")
    matrix = json.loads(repository.run("--format", "github-matrix").stdout)["include"]
    assert [(one["ring"], one["cluster"], one["hub"], one["action"]) for one in matrix] == [
        ("staging", "a", "staging", "change"),
        ("staging", "b", "staging", "change"),
        ("production", "a", "main", "change"),
        ("production", "b", "main", "change"),
    ]


def test_the_working_tree_and_the_repository_stay_as_they_are(repository: Repository) -> None:
    def state() -> bytes:
        words = ["git", "status", "--porcelain", "--branch"]
        listed = subprocess.run(["git", "worktree", "list"], cwd=repository.folder, check=True, capture_output=True)
        return subprocess.run(words, cwd=repository.folder, check=True, capture_output=True).stdout + listed.stdout

    repository.common("singleuser: {startTimeout: 90}\n")
    before = state()
    repository.reached()
    assert state() == before


@pytest.mark.parametrize("revision", ["nothing", "--help", "HEAD~9", ""])
def test_a_revision_that_is_none_is_told(repository: Repository, revision: str) -> None:
    argv = ["plan", str(repository.folder), f"--since={revision}"]
    ran = CliRunner().invoke(app.hubfleet, argv, standalone_mode=False)
    assert isinstance(ran.exception, HubfleetError)
    assert f"git knows no revision {revision!r}" in str(ran.exception)
    assert ran.exception.exit_code == 2


def test_files_in_no_repository_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    fleet = tree()
    fleet["defaults"]["cluster"]["provider"] = {"existing": {}}
    write(tmp_path, fleet, a=hubs(one="a.example.org"))
    ran = CliRunner().invoke(app.hubfleet, ["plan", str(tmp_path), "--since", "HEAD"], standalone_mode=False)
    assert "not a git repository" in str(ran.exception)
