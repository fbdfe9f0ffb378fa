"""Every wrong behaviour that was found in 2i2c's deployer (its commit 9ad7cd0fc), asked of hubfleet: nobody who comes
from there meets it again. The letters are those of the list in issue 5's reference (2i2c.md, section 8.1).

What of that list has no place in hubfleet: commands spelled wrong that nobody ever ran (`az ask`), and what types rule
out (mypy and pyright are strict: names that may be unbound, keys of the wrong type, lists in place of texts);
forgotten f before a message (ruff's RUF027); a session of a cloud's login that is taken from an old list (there is no
login: a kubeconfig is made anew each time). Patterns over paths of hubfleet's own source, which a move leaves behind,
do not exist: a plan compares what is, and d shows it.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from packaging.requirements import Requirement

from hubfleet import fleet
from hubfleet.cli import app
from hubfleet.cli.app import VERBS
from hubfleet.errors import HubfleetError, UsageError
from hubfleet.hubs import jupyterhub
from hubfleet.spec import InvalidFiles
from tests.unit.fleet_files import hubs, tree, write
from tests.unit.lab import HUB, LABEL, Lab
from tests.unit.test_fleet_magnum import Trial as OnMagnum
from tests.unit.test_fleet_rings import Clusters
from tests.unit.test_fleet_since import Repository
from tests.unit.test_spec_sops import enc, encrypted


def run(verb: str, *words: str | Path) -> Result:
    """hubfleet in this process; errors of hubfleet's are the result's."""
    ran = CliRunner().invoke(app.hubfleet, [verb, *map(str, words)], standalone_mode=False)
    if ran.exception is not None and not isinstance(ran.exception, (HubfleetError, click.ClickException)):
        raise ran.exception
    return ran


def wrong(path: Path) -> list[str]:
    """What `validate` has against it, a line each, files from the folder."""
    ran = run("validate", path)
    if ran.exception is None:
        return []
    assert isinstance(ran.exception, InvalidFiles)
    return [str(one).replace(f"{path}/", "") for one in ran.exception.problems]


def files(folder: Path, cluster: dict[str, Any], **hub: Any) -> Path:
    """A fleet of one cluster, whose hubs are of the lite chart; `hub` are defaults."""
    whole = tree()
    whole["defaults"]["cluster"]["provider"] = {"existing": {"pool_label": LABEL}}
    whole["defaults"]["hub"] |= hub
    write(folder, whole, a=cluster)
    return folder


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_every_hub_of_a_cluster_file_is_checked_and_not_the_first_alone(tmp_path: Path, place: int) -> None:
    every: list[dict[str, Any]] = [{"domain": f"h{number}.example.org"} for number in range(3)]
    every[place] = {"domain": 42, "bogus_key": 1, "chart": "nonesuch"}
    told = wrong(files(tmp_path, hubs(**{f"h{number}": hub for number, hub in enumerate(every)})))
    assert [line.split(": ")[1] for line in told] == [
        f"hubs.h{place}.{key}" for key in ("domain", "bogus_key", "chart")
    ]


def test_b_the_charts_schema_is_asked_of_every_hub_however_many_there_are(tmp_path: Path) -> None:
    many: dict[str, Any] = {}
    for number in range(95):
        (tmp_path / f"h{number}.yaml").write_text("jupyterhub: {}\n")
        many[f"h{number}"] = {"domain": f"h{number}.example.org", "values_files": [f"../../h{number}.yaml"]}
    told = wrong(files(tmp_path, hubs(**many)))
    assert {line.split(":")[0] for line in told} == {f"h{number}.yaml" for number in range(95)}


def test_b_a_hub_with_a_chart_of_its_own_is_checked_against_that_charts_schema(tmp_path: Path) -> None:
    chart = tmp_path / "own"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: own\nversion: 1.0.0\n")
    (chart / "values.schema.json").write_text(json.dumps({"properties": {"mine": {"type": "integer"}}}))
    own = {"domain": "b.example.org", "chart": "../../own", "values": {"mine": "text"}}
    (told,) = wrong(files(tmp_path, hubs(first="a.example.org", second=own)))
    assert "hubs.second.values.mine: the chart own 1.0.0" in told


@pytest.mark.parametrize("how", ["absolute", "relative", "the cluster's file", "here"])
def test_c_an_edit_of_a_cluster_file_reaches_the_hubs_it_concerns_however_its_path_is_written(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    repository.clusters["a"]["defaults"] = {"hub": {"culling": {"idle": 1800}}}
    repository.write()
    monkeypatch.chdir(repository.folder if how == "here" else repository.folder.parent)
    whole = repository.folder
    file = whole / "clusters" / "a" / "cluster.yaml"
    path = {"absolute": whole, "relative": Path("fleet"), "here": Path(), "the cluster's file": file}[how]
    made = json.loads(run("plan", path, "--since", "HEAD", "--json").stdout)["clusters"]
    reached = {one["cluster"]: [step["id"] for step in one["steps"] if step["action"] != "keep"] for one in made}
    assert reached.pop("a") == ["release/staging"]  # the other one says itself when it is idle
    assert not any(reached.values())


def test_c_an_edit_of_the_cluster_itself_is_told_with_its_key(repository: Repository) -> None:
    repository.clusters["b"]["pools"] = {"all": {"nodes": 3}}
    repository.write()
    assert repository.reached()["b"] == {"cluster": "change"}
    assert "pools.all.nodes.max: 1 → 3" in repository.run().stdout


def test_c_a_file_that_is_gone_or_has_another_name_is_an_edit_too(repository: Repository) -> None:
    folder = repository.folder / "clusters"
    (folder / "a").rename(folder / "elsewhere")
    assert repository.reached() == {}  # a cluster is its name, not its folder
    (folder / "b" / "cluster.yaml").unlink()
    assert repository.reached() == {"b": {"cluster": "destroy"}}


def test_d_another_hubfleet_is_a_change_of_the_hubs_that_it_would_make_otherwise(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply()
    given = next(text for text in reversed(lab.helm.inputs) if text)
    lab.helm.answer(["/bin/helm", "get", "values", "main"], stdout=given)
    assert lab.plan().changes == ()
    before = jupyterhub.tester.values()
    monkeypatch.setattr(jupyterhub.tester, "values", lambda: {**before, "debug": {"enabled": True}})
    (step,) = lab.plan().changes
    assert (step.id, [one.key for one in step.changes]) == ("release/main", ["debug.enabled"])


def test_d_another_file_of_hubfleets_own_chart_is_a_change_of_its_hubs(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab.apply()
    jupyterhub.charts.ours.cache_clear()
    monkeypatch.setattr(jupyterhub.charts, "_ours", lambda: tmp_path)
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "Chart.yaml").write_text("name: lite\nversion: 0.1.0\n")
    try:
        assert lab.actions() == {"cluster": "keep", "release/main": "change"}
    finally:
        jupyterhub.charts.ours.cache_clear()


def looked_only(lab: Lab) -> None:
    """Nothing was asked of the cluster or of Helm that changes anything."""
    assert {method for method, _ in lab.api.requests} == {"GET"}
    assert {argv[1] for argv in lab.helm.calls} <= {"version", "get", "template"}


MARKED = {"core": {"runs": ["core"]}, "user": {"labels": {"a": "b"}}}


def test_e_a_plan_changes_nothing_neither_for_hubs_nor_for_what_serves_them_all(lab: Lab) -> None:
    lab.write(pools=MARKED, pool_label=LABEL)
    assert lab.actions() == {"cluster": "keep", "release/hubfleet-labeller": "create", "release/main": "create"}
    for verb in ("validate", "plan", "status"):
        run(verb, lab.file)
    looked_only(lab)
    assert isinstance(run("apply", lab.file).exception, UsageError)  # nobody is there who could say yes
    assert lab.api.names("namespaces") == lab.api.names("leases") == []
    lab.apply()
    lab.api.requests.clear()
    lab.helm.calls.clear()
    lab.write(hubs={"main": HUB | {"culling": {"idle": 600}}, "more": HUB | {"domain": "more.example.org"}})
    assert {"change", "create", "destroy"} <= set(lab.actions().values())
    run("plan", lab.file, "--json")
    looked_only(lab)


def test_e_a_plan_of_a_cluster_that_is_to_be_made_asks_the_cloud_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = OnMagnum(tmp_path, monkeypatch)
    assert {str(step.action) for step in fleet.plan(trial.target).steps} == {"create"}
    assert trial.site.requests == []


def test_e_no_plan_of_any_form_shows_a_secret(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    canary, older = "hush-5e1f-canary", "hush-01d-canary"
    config = {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": "${env:CANARY}"}}}}
    lab.write(hubs={"main": HUB | {"values": config}})
    monkeypatch.setenv("CANARY", older)
    lab.apply()
    given = next(text for text in reversed(lab.helm.inputs) if text)
    assert older in given
    lab.helm.answer(["/bin/helm", "get", "values", "main"], stdout=given)
    monkeypatch.setenv("CANARY", canary)
    for how in ("text", "json", "markdown", "github-matrix"):
        ran = run("plan", lab.file, "--format", how)
        assert "main" in ran.output
        assert canary not in ran.output
        assert older not in ran.output


MORE = {
    "scale": ["user", "--nodes", "1"],
    "upgrade": ["--kubernetes", "1.34"],
    "kubectl": ["get", "nodes"],
    "helm": ["list"],
}
"""What a verb needs besides a path and a name."""


def takes(option: str) -> Iterator[tuple[str, ...]]:
    """Every verb, and command of one, that has this option."""
    for verb in VERBS:
        if VERBS[verb].place.startswith("hubfleet."):
            found = app.hubfleet.get_command(click.Context(app.hubfleet), verb)
            inner = list(found.commands.items()) if isinstance(found, click.Group) else [("", found)]
            for name, command in inner:
                if command and any(option in one.opts for one in command.params):
                    yield tuple(filter(None, (verb, name)))


@pytest.mark.parametrize(
    ("option", "words"), [(option, words) for option in ("--cluster", "--hub", "--ring") for words in takes(option)]
)
def test_f_a_name_that_nothing_has_is_an_error_of_every_verb(
    tmp_path: Path, option: str, words: tuple[str, ...]
) -> None:
    path = files(tmp_path, hubs(one="a.example.org"))
    where = ["--path", path] if words[0] in {"kubectl", "helm"} else [path]
    ran = run(*words, *where, option, "nonesuch", *MORE.get(words[0], []))
    assert isinstance(ran.exception, UsageError), ran.exception
    assert ran.exception.exit_code == 2
    assert "'nonesuch'" in str(ran.exception)


def test_f_a_hub_of_another_cluster_is_an_error_as_well(tmp_path: Path) -> None:
    files(tmp_path, hubs(one="a.example.org"))
    file = tmp_path / "clusters" / "b" / "cluster.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({"name": "b", **hubs(other="b.example.org")}))
    ran = run("validate", tmp_path, "--cluster", "a", "--hub", "other")
    assert isinstance(ran.exception, UsageError)
    assert "there is no hub 'other'" in str(ran.exception)


def test_g_every_hub_of_every_cluster_is_in_the_matrix_and_nobody_lists_them(repository: Repository) -> None:
    repository.clusters["new"] = hubs(main={"domain": "new.example.org", "ring": "production"})
    repository.common("singleuser: {startTimeout: 90}\n")
    repository.write()
    matrix = json.loads(repository.run("--format", "github-matrix").stdout)["include"]
    named = {(one["cluster"], one["hub"]) for one in matrix}
    assert named == {(name, hub) for name in ("a", "b") for hub in ("staging", "main")} | {("new", ""), ("new", "main")}


ALIKE = ("lab", "lab-uk", "uk")


def failing(folder: Path, monkeypatch: pytest.MonkeyPatch, cluster: str) -> Clusters:
    """Clusters whose names are parts of one another; on this one no server starts in the ring staging."""
    alike = Clusters(folder, monkeypatch, ALIKE)
    alike.unwell = {(cluster, "staging")}
    return alike


def test_g_a_failure_on_one_cluster_is_not_that_of_another_whose_name_is_part_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = failing(tmp_path, monkeypatch, "lab-uk")
    assert alike.run("apply", "--yes", "--keep-going")[0] == 1
    went_on = {name for name, releases in alike.upgraded.items() if "main" in releases}
    assert went_on == {"lab", "uk"}


def test_g_a_failure_in_the_first_ring_stops_the_others_of_its_fleet_and_of_its_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = failing(tmp_path, monkeypatch, "lab")
    code, ran = alike.run("apply", "--yes")
    assert (code, "not begun: ring production" in ran.output) == (1, True)
    assert not any("main" in releases for releases in alike.upgraded.values())


def by_name(name: str) -> str:
    return yaml.safe_dump({"hub": {"config": {"JupyterHub": {"authenticator_class": name}}}})


LOGGING_IN = {"open.yaml": by_name("dummy"), "closed.yaml": by_name("shared-password"), "other.yaml": "cull: {}\n"}


@pytest.mark.parametrize(
    ("order", "opened_by"),
    [
        (("open", "other"), "open.yaml"),
        (("open", "closed", "other"), None),
        (("closed", "open", "other"), "open.yaml"),
        (("closed", "other"), None),
    ],
)
def test_h_whether_a_hub_is_open_is_told_by_the_merge_of_its_files_and_not_by_the_last(
    tmp_path: Path, order: tuple[str, ...], opened_by: str | None
) -> None:
    for name, text in LOGGING_IN.items():
        (tmp_path / name).write_text(text)
    hub = {"domain": "a.example.org", "values_files": [f"../../{name}.yaml" for name in order]}
    told = wrong(files(tmp_path, hubs(one=hub)))
    assert [line.split(":")[0] for line in told] == ([opened_by] if opened_by else [])
    assert all("anybody on the internet could log in" in line for line in told)


def test_h_who_may_come_and_who_is_an_admin_is_told_by_the_merge(tmp_path: Path) -> None:
    who = {"hub": {"config": {"Authenticator": {"admin_users": ["ada"], "allowed_users": ["ada", "grace"]}}}}
    (tmp_path / "who.yaml").write_text(yaml.safe_dump(who))
    (tmp_path / "other.yaml").write_text("cull: {every: 60}\n")
    hub = {"domain": "a.example.org", "values_files": ["../../who.yaml", "../../other.yaml"]}
    path = files(tmp_path, hubs(one=hub))
    shown = json.loads(run("show", path, "hub.config.Authenticator", "--json").stdout)
    assert (shown["admin_users"], shown["allowed_users"]) == (["ada"], ["ada", "grace"])


def test_i_a_chart_of_a_hubs_own_that_changes_changes_that_hub(repository: Repository) -> None:
    chart = repository.folder / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: own\nversion: 1.0.0\n")
    repository.clusters["a"]["hubs"]["main"]["chart"] = "../../chart"
    repository.write()
    repository.commit()
    assert repository.reached() == {}
    (chart / "Chart.yaml").write_text("name: own\nversion: 1.0.1\n")
    assert repository.reached() == {"a": {"release/main": "change"}}
    assert "own 1.0.0" in repository.run().stdout


def test_i_a_secret_that_was_encrypted_anew_changes_the_hubs_that_have_it(repository: Repository) -> None:
    file = repository.folder / "hub.secret.yaml"
    file.write_text(encrypted(f"hub: {{config: {{token: '{enc()}'}}}}"))
    repository.clusters["a"]["hubs"]["main"]["values_files"] = ["../../hub.secret.yaml"]
    repository.clusters["b"]["hubs"]["main"]["values"] = {
        "hub": {"x": "${sops:../../hub.secret.yaml#hub.config.token}"}
    }
    repository.write()
    repository.commit()
    assert repository.reached() == {}
    file.write_text(encrypted(f"hub: {{config: {{token: '{enc().replace('0Adx', '1Bey')}'}}}}"))
    assert repository.reached() == {"a": {"release/main": "change"}, "b": {"release/main": "change"}}
    assert "a secret changed" in repository.run().stdout


def test_i_another_credential_of_a_cluster_is_told_as_a_change_of_it(repository: Repository) -> None:
    repository.clusters["a"]["provider"] = {"existing": {"kubeconfig": "other", "context": "prod"}}
    repository.write()
    assert repository.reached() == {"a": {"cluster": "change"}}


def test_i_another_domain_changes_its_hub(repository: Repository) -> None:
    repository.clusters["a"]["hubs"]["main"] |= {"domain": "new.example.org", "values": {"hub": {"x": "new"}}}
    repository.write()
    assert repository.reached() == {"a": {"release/main": "change"}}


@pytest.mark.parametrize("level", ["fleet", "cluster"])
def test_j_what_hubs_need_beside_them_is_installed_wherever_the_files_ask_for_it(tmp_path: Path, level: str) -> None:
    pools: dict[str, Any] = {"all": {"labels": {"a": "b"}}}
    cluster = hubs(one="a.example.org") | ({"pools": pools} if level == "cluster" else {})
    files(tmp_path, cluster)
    if level == "fleet":
        fleet_file = yaml.safe_load((tmp_path / "fleet.yaml").read_text())
        fleet_file["defaults"]["cluster"]["pools"]["all"] |= pools["all"]
        (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(fleet_file))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        cwd=tmp_path, check=True, timeout=30,
    )  # fmt: skip
    (made,) = json.loads(run("plan", tmp_path, "--since", "HEAD", "--json").stdout)["clusters"]
    assert "release/hubfleet-labeller" in [step["id"] for step in made["steps"]]


def said_of(lab: Lab) -> set[str]:
    """The releases of which the last apply said anything."""
    found = {event.subject for event in lab.said if event.subject.startswith("release/")}
    lab.said.clear()
    return found


def test_j_only_what_is_done_is_said(lab: Lab) -> None:
    lab.apply()
    assert said_of(lab) == {"release/main"}
    lab.write(pools=MARKED, pool_label=LABEL)
    lab.apply()
    assert said_of(lab) == {"release/main", "release/hubfleet-labeller"}
    lab.apply()
    assert said_of(lab) == set()


ONLY_WHAT_IS_INSTALLED = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} is not installed by `pip install hubfleet`")

sys.meta_path.insert(0, Refuse())
for package in ("hubfleet", "hubfleet_sandbox"):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not found.name.startswith(("hubfleet_sandbox.openstack.inside", "hubfleet.charts.")):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
"""


def needed(name: str) -> set[str]:
    """The distributions that an installation of this one brings."""
    found: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop().lower().replace("_", "-")
        if one not in found:
            found.add(one)
            required = map(Requirement, importlib.metadata.requires(one) or [])
            todo += [it.name for it in required if it.marker is None or it.marker.evaluate({"extra": ""})]
    return found


def test_k_what_pip_installs_is_all_that_any_verb_imports() -> None:
    here = needed("hubfleet")
    of = importlib.metadata.packages_distributions()
    others = {module for module, by in of.items() if not {one.lower().replace("_", "-") for one in by} & here}
    assert {"pytest", "hypothesis"} <= others
    program = ONLY_WHAT_IS_INSTALLED.replace("REFUSED", repr(others - {"tests", "benchmarks"}))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_hub_whose_values_are_all_encrypted_or_that_has_none_is_checked_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "hub.secret.yaml").write_text(encrypted(f"cull: {{every: '{enc('int')}'}}\nbogus: '{enc()}'"))
    hub = {"domain": "a.example.org", "values_files": ["../../hub.secret.yaml"]}
    (told,) = wrong(files(tmp_path, hubs(none="b.example.org", sealed=hub)))
    assert told.startswith("hub.secret.yaml:2:")
    assert "bogus" in told


@pytest.mark.parametrize("name", ["hub.jsonnet", "hub.libsonnet"])
def test_a_values_file_in_jsonnet_is_not_taken_for_yaml(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{ cull: { every: 60 } }\n")  # which YAML is, too
    hub = {"domain": "a.example.org", "values_files": [f"../../{name}"]}
    (told,) = wrong(files(tmp_path, hubs(one=hub)))
    assert "hubs.one.values_files[0]" in told
    assert f"is a program in Jsonnet, which hubfleet does not run — run it: jsonnet {name} > hub.json" in told
