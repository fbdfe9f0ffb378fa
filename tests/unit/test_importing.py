"""Clusters of 2i2c's format become a fleet whose hubs get the same values; what cannot be carried over is told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet import fleet
from hubfleet.cli.app import hubfleet
from hubfleet.errors import UsageError
from hubfleet.importing import ChartsFrom, Imported
from hubfleet.spec import InvalidFiles, merge
from tests.unit.foreign_files import BOTH, COMMON, DASK, KUBE, LAB, SECRET, checkout, differences, originals, write
from tests.unit.hub_files import describe

CLUSTERS = Path("config", "clusters")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(hubfleet, ["import", "2i2c", *map(str, words)])


def imported(folder: Path, chart: ChartsFrom | None = None) -> Imported:
    """The made-up checkout, as the fleet in `to`."""
    return fleet.import_2i2c(checkout(folder / "from"), folder / "to", chart)


def hub(folder: Path, cluster: str = "lab", name: str = "staging") -> dict[str, Any]:
    """What was written of a hub."""
    return dict(yaml.safe_load((folder / "to" / "clusters" / cluster / "cluster.yaml").read_text())["hubs"][name])


def problems(folder: Path) -> list[str]:
    """What is wrong with the clusters of a folder, as FILE:LINE: key: what; nothing was written."""
    with pytest.raises(InvalidFiles) as raised:
        fleet.import_2i2c(folder, folder.parent / "to")
    assert not (folder.parent / "to").exists()
    found = raised.value.problems
    return [f"{one.position.file.parent.name}/{one.position.file.name}:{one.position.line}: {one.key}: {one.what}"
            for one in found]  # fmt: skip


@pytest.mark.parametrize("chart", BOTH)
def test_the_values_of_each_hub_are_those_of_the_original_layering(tmp_path: Path, chart: ChartsFrom) -> None:
    imported(tmp_path, chart)
    assert differences(tmp_path / "from" / CLUSTERS, tmp_path / "to", chart) == []


@pytest.mark.parametrize("chart", BOTH)
def test_real_clusters_keep_their_values(tmp_path: Path, chart: ChartsFrom) -> None:
    """HUBFLEET_2I2C: a checkout of 2i2c-org/infrastructure, or a folder of clusters as they are there."""
    real = Path(os.environ.get("HUBFLEET_2I2C", "/nonexistent"))
    if not real.is_dir():
        pytest.skip("HUBFLEET_2I2C names no checkout of 2i2c-org/infrastructure and no folder of its clusters")
    if chart is ChartsFrom.KEEP and not (real / "helm-charts").is_dir():
        pytest.skip("HUBFLEET_2I2C names a folder of clusters without helm-charts")
    done = fleet.import_2i2c(real, tmp_path / "to", chart)
    clusters = real / CLUSTERS if (real / CLUSTERS).is_dir() else real
    assert len(done.clusters) == len([*clusters.glob("*/cluster.yaml")])
    assert differences(clusters, tmp_path / "to", chart) == []


@pytest.mark.parametrize("chart", BOTH)
def test_a_whole_fleet_is_written_that_hubfleet_finds_valid(tmp_path: Path, chart: ChartsFrom) -> None:
    imported(tmp_path, chart)
    said = CliRunner().invoke(hubfleet, ["validate", str(tmp_path / "to")])
    assert "valid (2 clusters, 3 hubs)" in said.output, said.exception
    found = fleet.load_fleet(tmp_path / "to")
    assert found.rings == ("staging", "production")
    rings = {name: one.ring for target in found.targets for name, one in target.cluster.hubs.items()}
    assert rings == {"staging": "staging", "prod": "production", "main": "production"}


def test_a_whole_checkout_keeps_its_charts_and_every_values_file_as_it_is(tmp_path: Path) -> None:
    assert imported(tmp_path).chart is ChartsFrom.KEEP
    source, written = tmp_path / "from" / CLUSTERS / "lab", tmp_path / "to" / "clusters" / "lab"
    assert hub(tmp_path)["chart"] == "../../charts/basehub"
    assert (tmp_path / "to" / "charts" / "daskhub" / "Chart.yaml").is_file()
    assert hub(tmp_path)["values_files"] == [
        "common.values.yaml",
        "staging.values.yaml",
        "enc-staging.secret.values.yaml",
    ]
    for name in ("staging.values.yaml", "dask.values.yaml", "enc-staging.secret.values.yaml"):
        assert (written / name).read_bytes() == (source / name).read_bytes()
    assert (written / "2i2c" / "support.values.yaml").read_bytes() == (source / "support.values.yaml").read_bytes()
    assert (written / "2i2c" / "cluster.yaml").read_text() == LAB


def test_only_what_hubfleet_would_take_for_a_reference_is_quoted(tmp_path: Path) -> None:
    imported(tmp_path)
    written = (tmp_path / "to" / "clusters" / "lab" / "common.values.yaml").read_text()
    assert written == COMMON.replace("$${HOME} ${env:", "$$${HOME} $${env:")


def test_a_folder_of_clusters_alone_goes_to_upstreams_chart_with_what_is_for_it(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "all") / CLUSTERS
    clusters.rename(tmp_path / "clusters")
    found = fleet.import_2i2c(tmp_path / "clusters", tmp_path / "to")
    assert found.chart is ChartsFrom.UPSTREAM
    assert "chart" not in hub(tmp_path)
    written = (tmp_path / "to" / "clusters" / "lab" / "common.values.yaml").read_text()
    assert "# What is below jupyterhub in 2i2c/common.values.yaml." in written
    assert "\n# who may come\nhub:\n  config:\n" in written
    assert "nfs" not in written
    assert (tmp_path / "to" / "clusters" / "lab" / "2i2c" / "common.values.yaml").read_text() == COMMON


def test_encrypted_values_are_referred_to_where_they_are(tmp_path: Path) -> None:
    imported(tmp_path, ChartsFrom.UPSTREAM)
    file = tmp_path / "to" / "clusters" / "lab" / "enc-staging.secret.values.yaml"
    secret = yaml.safe_load(file.read_text())["hub"]["config"]["GitHubOAuthenticator"]["client_secret"]
    where = "2i2c/enc-staging.secret.values.yaml#jupyterhub.hub.config.GitHubOAuthenticator.client_secret"
    assert secret == f"${{sops:{where}}}"


@pytest.mark.parametrize("chart", BOTH)
def test_how_people_log_in_is_told_by_all_files_merged_and_not_by_the_last(tmp_path: Path, chart: ChartsFrom) -> None:
    imported(tmp_path, chart)
    assert hub(tmp_path)["auth"] == {"in_values": {}}
    written = (tmp_path / "to" / "clusters" / "lab" / "cluster.yaml").read_text()
    assert "# People log in by github; the values say it" in written


def test_hubfleet_adds_nothing_to_how_people_log_in(tmp_path: Path) -> None:
    imported(tmp_path, ChartsFrom.UPSTREAM)
    cluster = fleet.load(tmp_path / "to", "lab").cluster
    from hubfleet.hubs import layers

    config = merge(*(layer.values for layer in layers(cluster, describe(cluster), "staging")))["hub"]["config"]
    assert set(config) == {"JupyterHub", "GitHubOAuthenticator"}


@pytest.mark.parametrize("chart", BOTH)
def test_a_hub_that_was_open_stays_so_and_it_is_told(tmp_path: Path, chart: ChartsFrom) -> None:
    notes = imported(tmp_path, chart).notes
    assert hub(tmp_path, name="prod")["open"] is True
    assert "open" not in hub(tmp_path)
    assert any("anybody on the internet may log in to prod" in note.what for note in notes)


def test_a_hub_of_which_no_file_says_how_people_log_in_gets_a_password_of_its_own(tmp_path: Path) -> None:
    notes = imported(tmp_path, ChartsFrom.UPSTREAM).notes
    assert hub(tmp_path, "fast", "main")["auth"] == {"shared_password": {}}
    assert any("no file says how people log in to main: it is a shared password now" in one.what for one in notes)


def test_what_cannot_be_carried_over_is_told_with_its_place_and_stands_in_the_file(tmp_path: Path) -> None:
    notes = imported(tmp_path, ChartsFrom.UPSTREAM).notes
    told = {(one.position.file.name, one.position.line, one.key) for one in notes}
    assert {
        ("cluster.yaml", 2, "provider"),
        ("cluster.yaml", 4, "metadata"),
        ("cluster.yaml", 5, "gcp"),
        ("cluster.yaml", 6, "support"),
        ("common.values.yaml", 2, "nfs"),
        ("common.values.yaml", 18, "jupyterhub-home-nfs"),
        ("dask.values.yaml", 9, "dask-gateway"),
    } <= told
    assert ("dask.values.yaml", 3, "basehub.nfs") not in told  # it was off
    written = (tmp_path / "to" / "clusters" / "lab" / "cluster.yaml").read_text()
    assert "# Note (cluster.yaml:6): support: hubfleet does not take over the support chart" in written
    assert "    # Note (common.values.yaml:2): nfs: home directories are on an NFS volume" in written


def test_clusters_are_found_by_the_kubeconfig_that_a_command_writes(tmp_path: Path) -> None:
    imported(tmp_path)
    lab, fast = ((tmp_path / "to" / "clusters" / name / "cluster.yaml").read_text() for name in ("lab", "fast"))
    assert "gcloud container clusters get-credentials lab-cluster --zone europe-west2 --project lab-1" in lab
    assert yaml.safe_load(lab)["provider"] == {"existing": {"context": "gke_lab-1_europe-west2_lab-cluster"}}
    assert "sops decrypt 2i2c/enc-kube.secret.yaml > kubeconfig" in fast
    assert yaml.safe_load(fast)["provider"] == {"existing": {"kubeconfig": "kubeconfig"}}
    assert "clusters/*/kubeconfig" in (tmp_path / "to" / ".gitignore").read_text()


def test_names_that_hubfleet_does_not_take_are_changed_or_left_out_and_told(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    (clusters / "fast" / "cluster.yaml").write_text(KUBE.replace("name: main", "name: kube-main"))
    found = fleet.import_2i2c(tmp_path / "from", tmp_path / "to")
    assert [(one.name, one.hubs) for one in found.clusters] == [("cluster-2fast", ()), ("lab", ("staging", "prod"))]
    assert any("no hub of hubfleet's can be called kube-main" in note.what for note in found.notes)


def test_another_chart_yaml_of_a_hub_is_in_a_chart_of_its_own(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    (clusters / "fast" / "cluster.yaml").write_text(KUBE.replace("}\n", ", chart_override: own.yaml}\n").replace(
        "kubeconfig: {file: enc-kube.secret.yaml, chart_override: own.yaml}", "kubeconfig: {file: enc-kube.secret.yaml}"
    ))  # fmt: skip
    (clusters / "fast" / "own.yaml").write_text("apiVersion: v2\nname: basehub\nversion: 9.9.9\n")
    fleet.import_2i2c(tmp_path / "from", tmp_path / "to")
    assert hub(tmp_path, "fast", "main")["chart"] == "../../charts/basehub-fast-main"
    assert "9.9.9" in (tmp_path / "to" / "charts" / "basehub-fast-main" / "Chart.yaml").read_text()
    upstream = fleet.import_2i2c(tmp_path / "from", tmp_path / "other", ChartsFrom.UPSTREAM).notes
    assert any(one.key == "hubs[0].chart_override" and one.position.line == 5 for one in upstream)


def test_files_that_are_not_there_or_not_read_are_told_at_their_place(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    names = "[main.values.yaml, more.jsonnet, empty.yaml, enc-main.secret.values.yaml]"
    entry = KUBE.replace("[main.values.yaml]", f"{names}, domain_override_file: enc-domain.yaml, oddity: 1")
    write(clusters / "fast", {"cluster.yaml": entry, "empty.yaml": "# nothing yet\n", "more.jsonnet": "{}"})
    notes = fleet.import_2i2c(tmp_path / "from", tmp_path / "to").notes
    keys = [one.key for one in notes if one.position.file.parent.name == "fast" and one.position.line == 5]
    files = "hubs[0].helm_chart_values_files"
    assert {"hubs[0].domain_override_file", "hubs[0].oddity", f"{files}[1]", f"{files}[3]"} <= set(keys)
    assert hub(tmp_path, "fast", "main")["values_files"] == ["main.values.yaml"]
    written = (tmp_path / "to" / "clusters" / "fast" / "cluster.yaml").read_text()
    assert "      # - enc-main.secret.values.yaml was not there when this was imported" in written


def test_everything_wrong_is_told_in_one_pass_of_every_hub_and_file(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    bad = LAB.replace("domain: lab.example.org", "domain: 42").replace(
        "[dask.values.yaml]", "[dask.values.yaml, gone.yaml]"
    )
    write(clusters / "lab", {"cluster.yaml": bad, "staging.values.yaml": "a: 1\na: 2\n"})
    write(clusters / "fast", {"main.values.yaml": "jupyterhub: [a\n"})
    write(clusters / "none", {"cluster.yaml": "- a list\n"})
    assert problems(tmp_path / "from") == [
        "fast/main.values.yaml:1: : is not YAML: a list `[` that is not closed",
        "lab/cluster.yaml:15: hubs[1].domain: needs text, not a number",
        f"lab/cluster.yaml:17: hubs[1].helm_chart_values_files[1]: there is no file {clusters / 'lab' / 'gone.yaml'}",
        "lab/staging.values.yaml:2: a: is given twice; first in line 1",
        "none/cluster.yaml:1: : the file holds a list where keys are expected",
    ]


def test_two_hubs_of_one_domain_and_two_clusters_of_one_name_are_refused(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    again = KUBE.replace("2fast", "lab").replace("hub.example.org", "lab.example.org")
    write(clusters / "fast", {"cluster.yaml": again})
    said = problems(tmp_path / "from")
    assert f"lab/cluster.yaml:1: name: the cluster of {clusters / 'fast' / 'cluster.yaml'} is called so as well" in said
    assert "lab/cluster.yaml:15: hubs[1].domain: the hub main of lab has the domain lab.example.org already" in said


def test_a_null_that_takes_away_all_before_it_is_refused_where_it_cannot_be_said(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    write(clusters / "lab", {"staging.values.yaml": "jupyterhub:\n"})
    with pytest.raises(InvalidFiles, match=r"staging\.values\.yaml:1:1: jupyterhub: takes away all"):
        fleet.import_2i2c(tmp_path / "from", tmp_path / "to", ChartsFrom.UPSTREAM)
    fleet.import_2i2c(tmp_path / "from", tmp_path / "to", ChartsFrom.KEEP)
    assert fleet.load_fleet(tmp_path / "to").problems == ()


def test_nothing_is_overwritten_and_folders_that_are_none_are_told(tmp_path: Path) -> None:
    source = checkout(tmp_path / "from")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for path, to, why in (
        (source, tmp_path / "full", "is there and not empty"),
        (source, source / "config" / "new", "is in what is imported"),
        (tmp_path / "nowhere", tmp_path / "to", "there is no folder"),
        (tmp_path / "full", tmp_path / "to", r"has neither config/clusters nor a cluster\.yaml"),
    ):
        with pytest.raises(UsageError, match=why):
            fleet.import_2i2c(path, to)
    clusters = source / CLUSTERS
    with pytest.raises(UsageError, match="charts that are to be kept are not there"):
        fleet.import_2i2c((clusters / "lab").rename(tmp_path / "lab"), tmp_path / "to", ChartsFrom.KEEP)


def test_one_cluster_can_be_imported_by_its_folder(tmp_path: Path) -> None:
    found = fleet.import_2i2c(checkout(tmp_path / "from") / CLUSTERS / "lab", tmp_path / "to")
    assert [one.name for one in found.clusters] == ["lab"]
    assert found.chart is ChartsFrom.KEEP


def test_the_report_names_clusters_hubs_notes_and_what_to_do_now(tmp_path: Path) -> None:
    said = run(checkout(tmp_path / "from"), "--to", tmp_path / "to")
    assert said.exit_code == 0
    assert "  lab: staging, prod\n" in said.output
    assert "cluster.yaml:6:1: support: hubfleet does not take over the support chart" in said.output
    basehub, daskhub = (f"helm dependency update {tmp_path / 'to' / 'charts' / one}" for one in ("basehub", "daskhub"))
    assert said.output.index(basehub) < said.output.index(daskhub)


def test_the_report_is_one_json_document_when_asked_for(tmp_path: Path) -> None:
    said = json.loads(run(checkout(tmp_path / "from"), "--to", tmp_path / "to", "--chart", "upstream", "--json").output)
    assert said["chart"] == "upstream"
    assert said["clusters"][1] == {"name": "lab", "folder": "clusters/lab", "hubs": ["staging", "prod"]}
    assert {"line", "key", "what", "remedy", "file"} <= set(said["notes"][0])


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = checkout(tmp_path / "from")
    real = shutil.copyfile

    def full(source: Path, to: Path, **how: Any) -> None:
        if "README" in str(source):
            raise OSError(28, "No space left on device")
        real(source, to, **how)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        fleet.import_2i2c(source, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_files_in_other_folders_get_a_place_of_their_own(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    names = "[../shared.yaml, 2i2c/mine.yaml, sub/enc-x.secret.yaml, main.values.yaml]"
    files = {
        "fast/cluster.yaml": KUBE.replace("[main.values.yaml]", names),
        "shared.yaml": "jupyterhub: {a: 1, b: 1}\n",
    }
    files |= {"fast/2i2c/mine.yaml": "jupyterhub: {b: 2}\n", "fast/sub/enc-x.secret.yaml": SECRET}
    write(clusters, files)
    for chart in BOTH:
        fleet.import_2i2c(tmp_path / "from", tmp_path / chart, chart)
        assert differences(clusters, tmp_path / chart, chart) == []
    assert (tmp_path / "keep" / "clusters" / "fast" / "shared" / "shared.yaml").is_file()


def test_what_becomes_a_comment_stays_in_its_line(tmp_path: Path) -> None:
    clusters = checkout(tmp_path / "from") / CLUSTERS
    breaks = r'"x\nhubs: {}\a"'
    lab = LAB.replace("cluster: lab-cluster", f"cluster: {breaks}").replace("project: lab-1", f"project: {breaks}")
    write(clusters / "lab", {"cluster.yaml": lab.replace('"The lab: staging"', breaks)})
    fleet.import_2i2c(tmp_path / "from", tmp_path / "to")
    cluster = fleet.load(tmp_path / "to", "lab").cluster
    assert list(cluster.hubs) == ["staging", "prod"]
    assert cluster.provider.settings.context == "gke_x\nhubs: {}\a_europe-west2_x\nhubs: {}\a"


NASTY: list[Any] = [
    None,
    "",
    "x\nhubs: {}",
    "a: [b, {c}] # d\x07\u2028",
    "${env:X} $${Y}",
    "ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]",
    "CHANGEME",
    [],
    ["jupyterhub"],
    {},
    {"jupyterhub": None},
    {"basehub": None, "x": {'"}': 1}},
    {"hub": {"config": {"JupyterHub": {"authenticator_class": 3}}}},
    -1.5,
    True,
]


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and item of a tree."""
    if isinstance(tree, dict | list):
        for key, below in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield (*path, key)
            yield from places(below, (*path, key))


FILES = {
    "lab/cluster.yaml": LAB,
    "lab/common.values.yaml": COMMON,
    "lab/dask.values.yaml": DASK,
    "fast/cluster.yaml": KUBE,
}
CHANGES = [(name, path) for name, text in FILES.items() for path in places(yaml.safe_load(text))]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(NASTY)), min_size=1, max_size=3), st.sampled_from(BOTH)
)
def test_whatever_stands_in_the_files_is_imported_right_or_told(changes: list[Any], chart: ChartsFrom) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clusters = checkout(Path(folder, "from")) / CLUSTERS
        for (name, path), value in changes:
            file = clusters / name
            tree = below = yaml.safe_load(file.read_text())
            with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
                for key in path[:-1]:
                    below = below[key]
                below[path[-1]] = value
            file.write_text(yaml.safe_dump(tree, sort_keys=False))
        try:
            done = fleet.import_2i2c(Path(folder, "from"), Path(folder, "to"), chart)
        except InvalidFiles:
            assert not Path(folder, "to").exists()
            return
        written = fleet.load_fleet(Path(folder, "to")).valid().targets
        assert {target.cluster.name: tuple(target.cluster.hubs) for target in written} == {
            one.name: one.hubs for one in done.clusters
        }
        if sum(len(one.hubs) for one in done.clusters) == len(originals(clusters)):  # none had an impossible name
            assert differences(clusters, Path(folder, "to"), chart) == []
