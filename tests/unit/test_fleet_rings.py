"""`apply` to a fleet: ring by ring, clusters side by side, and the first ring in which something fails is the last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hubfleet.cli import app
from hubfleet.engine import ground
from hubfleet.errors import HubfleetError, Layer
from hubfleet.fleet import access, checking, planning
from hubfleet.fleet.access import Access
from hubfleet.hubs import Release
from hubfleet.tools import hub
from hubfleet.tools.helm import Helm
from hubfleet.tools.hub import Answer
from tests.unit.fleet_files import hubs, tree, write
from tests.unit.kube_api import KUBECONFIG, Api
from tests.unit.test_engine_releases import HELM, HelmProgram


class Clusters:
    """Clusters of a fleet with rings, each with an API and a Helm of its own, told apart by their kubeconfigs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, names: Sequence[str] = "ab") -> None:
        self.folder = folder
        self.apis = {name: Api() for name in names}
        self.programs = {name: HelmProgram(api) for name, api in self.apis.items()}
        for name, api in self.apis.items():
            api.add("nodes", "", "n1", status={"conditions": [{"type": "Ready", "status": "True"}]})
            self.programs[name].answer([HELM, "version"], stdout="v3.19.5")
            self.programs[name].answer([HELM, "get", "values"], stdout="{}")
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        for module in (ground, access):
            monkeypatch.setattr(module, "Kube", lambda text, **_: self.apis[self._which(text)].kube())
        for module in (planning, access):
            monkeypatch.setattr(module, "Helm", self._helm)
        self.unwell: set[tuple[str, str]] = set()
        """Clusters and hubs of theirs on which no server starts."""
        monkeypatch.setattr(checking, "prove", self._prove)
        monkeypatch.setattr(hub, "ask", lambda address, url, *, timeout: Answer(200, "5.5.4", "", 0.1))
        self.write()

    @staticmethod
    def _which(text: str) -> str:
        return text.rpartition("token: of-")[2].strip()

    def _prove(self, release: Release, opened: Access, way: object) -> str:
        if (opened.cluster, release.hub) in self.unwell:
            raise HubfleetError(f"no user's server starts on {release.subject}", layer=Layer.NODE)
        return "a user's server starts"

    def _helm(self, kubeconfig: Path | None) -> Helm:
        program = self.programs[self._which(kubeconfig.read_text()) if kubeconfig else next(iter(self.apis))]
        return Helm(kubeconfig, program=Path(HELM), cache=self.folder, run=program)

    def write(self, **hub: Any) -> None:
        """The fleet's files; `hub` are defaults of its hubs."""
        fleet = tree(rings=["staging", "production"])
        fleet["defaults"]["cluster"]["provider"] = {"existing": {"kubeconfig": None}}
        fleet["defaults"]["hub"] |= hub
        clusters: dict[str, Any] = {}
        for name in self.apis:
            staging = {"domain": f"staging.{name}.example.org", "ring": "staging"}
            main = {"domain": f"{name}.example.org", "ring": "production"}
            provider = {"existing": {"kubeconfig": "kubeconfig"}}
            clusters[name] = {"provider": provider, **hubs(staging=staging, main=main)}
        write(self.folder, fleet, **clusters)
        for name in self.apis:
            (self.folder / "clusters" / name / "kubeconfig").write_text(KUBECONFIG.replace("t0ken", f"of-{name}"))

    def run(self, verb: str, *words: str) -> tuple[int, Result]:
        ran = CliRunner().invoke(app.hubfleet, [verb, str(self.folder), *words], standalone_mode=False)
        if ran.exception is not None and not isinstance(ran.exception, HubfleetError):
            raise ran.exception
        return ran.exception.exit_code if ran.exception else int(ran.return_value or 0), ran

    @property
    def upgraded(self) -> dict[str, list[str]]:
        """Releases that Helm was asked to install, by cluster, in that order."""
        return {name: [argv[3] for argv in one.calls if argv[1] == "upgrade"] for name, one in self.programs.items()}


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clusters:
    return Clusters(tmp_path, monkeypatch)


def test_a_fleet_is_applied_ring_by_ring_and_then_nothing_is_left_to_do(clusters: Clusters) -> None:
    code, ran = clusters.run("apply", "--yes")
    assert code == 0, ran.output
    assert clusters.upgraded == {"a": ["staging", "main"], "b": ["staging", "main"]}
    assert f"{clusters.folder}/fleet.yaml: 2 of 2 clusters done" in ran.output
    assert clusters.run("plan", "--exit-code")[0] == 0
    assert clusters.upgraded == {"a": ["staging", "main"], "b": ["staging", "main"]}


def test_an_apply_of_hubs_that_did_not_change_runs_no_helm(clusters: Clusters) -> None:
    clusters.run("apply", "--yes")
    before = {name: len(one.calls) for name, one in clusters.programs.items()}
    assert clusters.run("apply", "--yes")[0] == 0
    assert {name: len(one.calls) for name, one in clusters.programs.items()} == before


def test_a_ring_alone_leaves_the_others_as_they_are(clusters: Clusters) -> None:
    assert clusters.run("apply", "--yes", "--ring", "staging")[0] == 0
    assert clusters.upgraded == {"a": ["staging"], "b": ["staging"]}
    clusters.run("apply", "--yes")
    clusters.write(culling={"idle": 600})
    assert clusters.run("apply", "--yes", "--hub", "main", "--cluster", "b")[0] == 0
    assert clusters.upgraded == {"a": ["staging", "main"], "b": ["staging", "main", "main"]}


def test_the_first_ring_in_which_something_fails_is_the_last(clusters: Clusters) -> None:
    clusters.programs["b"].answer([HELM, "upgrade"], code=1, stderr="Error: cluster unreachable: no route to host")
    code, ran = clusters.run("apply", "--yes")
    assert code == 5
    assert clusters.upgraded == {"a": ["staging"], "b": ["staging"]}
    assert "1 of 2 clusters done; not begun: ring production" in ran.output
    assert "✗ b\n" in ran.output


def test_a_hub_on_which_no_server_starts_stops_its_ring_and_gets_back_what_it_had(clusters: Clusters) -> None:
    clusters.run("apply", "--yes")
    clusters.write(culling={"idle": 600})
    clusters.unwell = {("a", "staging")}
    code, ran = clusters.run("apply", "--yes", "--cluster", "a")
    assert code == 1
    assert "no user's server starts on hub staging (release staging)" in ran.output
    assert "it was rolled back to what ran before (revision 1), and the hub answers again" in ran.output
    assert [argv[1:4] for argv in clusters.programs["a"].calls if argv[1] == "rollback"] == [
        ("rollback", "staging", "1")
    ]
    assert clusters.upgraded["a"] == ["staging", "main", "staging"]
    assert "not begun: ring production" in ran.output


def test_whoever_keeps_going_goes_on_where_nothing_failed(clusters: Clusters) -> None:
    clusters.programs["b"].answer([HELM, "upgrade"], code=1, stderr="Error: cluster unreachable: no route to host")
    code, ran = clusters.run("apply", "--yes", "--keep-going")
    assert code == 5
    assert clusters.upgraded == {"a": ["staging", "main"], "b": ["staging"]}
    assert "1 of 2 clusters done\n" in ran.output


def test_nothing_is_begun_where_one_cluster_cannot_be_planned(clusters: Clusters) -> None:
    clusters.apis["b"].record("main", "main", 1, "deployed")  # somebody else's
    code, ran = clusters.run("apply", "--yes")
    assert code == 4
    assert clusters.upgraded == {"a": [], "b": []}
    assert "hubfleet did not make it" in ran.output
    assert "1 of 2 clusters cannot be done: b" in str(ran.exception)
    assert clusters.run("apply", "--yes", "--keep-going")[0] == 4
    assert clusters.upgraded == {"a": ["staging", "main"], "b": []}


def test_what_a_program_reads_is_json_of_every_cluster(clusters: Clusters) -> None:
    _, ran = clusters.run("plan", "--json")
    assert [one["cluster"] for one in json.loads(ran.stdout)["clusters"]] == ["a", "b"]
    _, ran = clusters.run("apply", "--yes", "--json")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["cluster"] for line in lines if line["kind"] == "outcome"] == ["a", "b"]
    assert lines[-1] == {"kind": "fleet", "file": f"{clusters.folder}/fleet.yaml", "failed": [], "waiting": []}
    code, ran = clusters.run("status", "--json")
    assert (code, [one["well"] for one in json.loads(ran.stdout)["clusters"]]) == (0, [True, True])


def test_a_fleet_is_not_adopted_in_one_word(clusters: Clusters) -> None:
    code, ran = clusters.run("apply", "--adopt", "--yes")
    assert (code, "say which: --cluster a" in str(ran.exception)) == (2, True)


def test_status_tells_of_clusters_that_answer_and_of_those_that_do_not(clusters: Clusters) -> None:
    clusters.run("apply", "--yes")
    (clusters.folder / "clusters" / "b" / "kubeconfig").unlink()
    code, ran = clusters.run("status")
    assert code == 1
    assert "✓ a" in ran.output
    assert "1 of 2 clusters are well" in ran.output
