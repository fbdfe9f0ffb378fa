"""Which chart a hub has: by name, version, path, registry, and from a mirror."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Chart, charts, schemas
from hubfleet.spec import Cluster, InvalidFiles
from tests.unit import fleet_files
from tests.unit.cluster_files import hub as a_hub
from tests.unit.cluster_files import problems
from tests.unit.hub_files import describe, labeller, load, release

OTHER = {"charts": {"versions": {"jupyterhub": "4.3.2"}}}
SUM = "a" * 64


def chart(folder: Path, **file: Any) -> Chart:
    return charts.chart("main", load(folder, **{"chart": "jupyterhub", **file}))


def archive(place: Path, name: str = "own", chart_file: str = "name: own\nversion: 1.2.3\n") -> None:
    with tarfile.open(place, "w:gz") as packed:
        member = tarfile.TarInfo(f"{name}/Chart.yaml")
        member.size = len(chart_file)
        packed.addfile(member, io.BytesIO(chart_file.encode()))


def test_another_version_has_its_own_checksum_or_none(tmp_path: Path) -> None:
    pinned = charts.pinned("jupyterhub")
    assert chart(tmp_path) == pinned
    assert chart(tmp_path, top=OTHER) == replace(pinned, version="4.3.2", sha256="")
    checked = {"charts": {"versions": {"jupyterhub": f"4.3.2@sha256:{SUM}"}}}
    assert chart(tmp_path, top=checked) == replace(pinned, version="4.3.2", sha256=SUM)
    same = {"charts": {"versions": {"jupyterhub": pinned.version}}}
    assert chart(tmp_path, top=same) == pinned


@pytest.mark.parametrize("version", ["4.3", "latest", ">=4", "4.3.2@sha256:abc", "v4.3.2"])
def test_a_version_that_is_none_is_told(tmp_path: Path, version: str) -> None:
    (said,) = problems(tmp_path, a_hub() | {"charts": {"versions": {"jupyterhub": version}}})
    assert said.startswith("charts.versions.jupyterhub: ")
    assert "write a version, 4.4.0" in said


def test_a_chart_that_nobody_knows_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, a_hub() | {"charts": {"versions": {"jupiterhub": "4.3.2"}}})
    assert 'did you mean "jupyterhub"?' in said


def test_another_version_changes_the_release_and_a_mirror_does_not(tmp_path: Path) -> None:
    before = release(tmp_path, chart="jupyterhub")
    assert release(tmp_path, chart="jupyterhub", top=OTHER).digest != before.digest
    assert release(tmp_path, chart="jupyterhub", top={"charts": {"mirror": "./m"}}).digest == before.digest


def test_the_labeller_runs_in_the_image_of_that_version(tmp_path: Path) -> None:
    pools = {"all": {"machine": "m", "runs": ["core", "users"], "labels": {"example.org/a": "b"}}}
    found = labeller(tmp_path, chart="jupyterhub", pools=pools, top=OTHER)
    assert found is not None
    assert found.values["image"]["tag"] == "4.3.2"


@pytest.mark.parametrize(
    ("written", "repository", "name", "version"),
    [
        ("oci://example.org/charts/jupyterhub:4.4.0", "oci://example.org/charts", "jupyterhub", "4.4.0"),
        ("oci://localhost:5000/own:1.0.0_a.b", "oci://localhost:5000", "own", "1.0.0+a.b"),
    ],
)  # fmt: skip
def test_a_chart_of_a_registry_is_known_without_asking_it(
    tmp_path: Path, written: str, repository: str, name: str, version: str
) -> None:
    assert chart(tmp_path, chart=written) == Chart(name, version, repository=repository)


@pytest.mark.parametrize("written", ["oci://x/y", "oci://X/y:1", "oci://x/../y:1", "oci:/x/y:1", "oci://x/y@sha256:1"])
def test_what_names_no_chart_of_a_registry_is_told(tmp_path: Path, written: str) -> None:
    (said,) = problems(tmp_path, a_hub(chart=written))
    assert said.startswith(f"hubs.main.chart: {written} names no chart of a registry")


def test_upstreams_chart_in_a_registry_gets_upstreams_values(tmp_path: Path) -> None:
    found = release(tmp_path, chart="oci://registry.example.org/charts/jupyterhub:4.4.0")
    assert found.values == release(tmp_path, chart="jupyterhub").values


def test_an_archive_by_its_path_is_known_by_its_content(tmp_path: Path) -> None:
    archive(tmp_path / "own.tgz")
    before = chart(tmp_path, chart="./own.tgz")
    assert (before.name, before.version, before.path) == ("own", "1.2.3", tmp_path / "own.tgz")
    archive(tmp_path / "own.tgz", chart_file="name: own\nversion: 1.2.3\ndescription: another\n")
    assert chart(tmp_path, chart="./own.tgz").content != before.content


def test_a_file_that_is_no_archive_of_a_chart_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.tgz").write_text("no archive")
    with pytest.raises(InvalidFiles) as error:
        chart(tmp_path, chart="./own.tgz")
    (problem,) = error.value.problems
    assert (problem.position.file, problem.what) == (tmp_path / "own.tgz", "is no archive of a chart")


def fleet(folder: Path, **own: Any) -> Cluster:
    tree = fleet_files.tree()
    tree["defaults"]["cluster"]["charts"] = {"mirror": "charts", "versions": {"jupyterhub": "4.3.2"}}
    hubs = fleet_files.hubs(a={"domain": "a.example.org", "chart": "jupyterhub"}, b="b.example.org")
    (member,) = fleet_files.load(folder, tree, one=hubs | own).members
    assert member.cluster is not None
    return member.cluster


def test_a_mirror_is_looked_for_from_the_folder_of_the_file_that_names_it(tmp_path: Path) -> None:
    place = "hub.jupyter.org/helm-chart/jupyterhub-4.3.2.tgz"
    assert charts.chart("a", fleet(tmp_path)).mirrored == tmp_path / "charts" / place
    own = charts.chart("a", fleet(tmp_path, charts={"mirror": "charts"}))
    assert own.mirrored == tmp_path / "clusters" / "one" / "charts" / place
    assert charts.chart("a", fleet(tmp_path, charts={"mirror": None})).mirrored is None


def test_what_is_not_in_the_mirror_is_told_once_where_the_mirror_is_named(tmp_path: Path) -> None:
    cluster = fleet(tmp_path)
    (problem,) = schemas.check(cluster, describe(cluster)).problems
    assert (problem.key, problem.position.file.name) == ("defaults.cluster.charts.mirror", "fleet.yaml")
    assert "jupyterhub 4.3.2 is not in the mirror" in problem.what
    assert problem.remedy.endswith(f"hubfleet charts mirror {tmp_path / 'charts'} {cluster.file}")


def test_the_file_of_a_key_is_the_one_of_its_position(tmp_path: Path) -> None:
    (tmp_path / "clusters" / "one").mkdir(parents=True)
    (tmp_path / "clusters" / "one" / "own.yaml").write_text("cull: {enabled: true}\n")
    cluster = fleet(tmp_path, storage={"homes": {"size": "1Gi"}}, defaults={"hub": {"values_files": ["own.yaml"]}})
    for path in (
        *((), ("name",), ("charts", "mirror"), ("charts", "versions", "jupyterhub"), ("storage", "homes", "size")),
        *(("pools", "all", "runs", 0), ("hubs", "a", "domain"), ("hubs", "b", "chart"), ("hubs", "a", "auth")),
        *(("defaults", "hub", "values_files", 0, "cull", "enabled"), ("fleet", "rings"), ("nobody", "wrote", "this")),
    ):
        assert cluster.places.file(path) == cluster.position(*path).file, path
