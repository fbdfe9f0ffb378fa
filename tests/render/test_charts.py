"""Charts by the real Helm, from a repository and a registry by https: fetched once, checked, and mirrored."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from hubfleet.cli.app import hubfleet
from hubfleet.engine import charting
from hubfleet.errors import HubfleetError, Layer
from hubfleet.hubs import Chart, charts
from hubfleet.spec import InvalidFiles
from hubfleet.tools.helm import Helm
from tests.render.chart_server import ChartServer, packed, serving
from tests.unit.hub_files import describe, load, releases

VERSIONS = ("4.4.0", "4.3.2", "1.0.0+x.1")
SCHEMA = json.dumps({"type": "object", "properties": {"cull": {"type": "object"}}, "additionalProperties": True})
MAP = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: it}\ndata: {values: '{{ .Values | toJson }}'}\n"
FILES = {"values.yaml": "", "values.schema.json": SCHEMA, "templates/it.yaml": MAP}
ARCHIVES = {version: packed("jupyterhub", version, FILES) for version in VERSIONS}
CLUSTER: dict[str, Any] = {
    "name": "lab",
    "provider": {"existing": None},
    "pools": {"all": {"runs": ["core", "users"]}},
    "hubs": {"main": {"domain": "hub.example.org", "auth": {"shared_password": {}}}},
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Helm) -> Iterator[ChartServer]:
    """A repository and a registry, which hubfleet takes for upstream's; an empty cache."""
    with serving(tmp_path) as there:
        for version, archive in ARCHIVES.items():
            there.add("jupyterhub", version, archive)
        index = yaml.safe_load(there.pages["/helm-chart/index.yaml"][1])
        (entry,) = index["entries"]["jupyterhub"]
        index["entries"]["jupyterhub"] = [
            {**entry, "version": version, "urls": [f"jupyterhub-{version}.tgz"]} for version in VERSIONS
        ]
        there.pages["/helm-chart/index.yaml"] = "text/yaml", yaml.safe_dump(index).encode()
        pinned = Chart("jupyterhub", "4.4.0", there.repository, sha256=sha256("4.4.0"))
        monkeypatch.setattr(charts, "pinned", {"jupyterhub": pinned}.__getitem__)
        monkeypatch.setattr(charts, "pins", lambda: ("jupyterhub",))
        monkeypatch.setenv("SSL_CERT_FILE", str(there.authority))
        monkeypatch.setenv("HUBFLEET_HELM", str(helm.program))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield there


def sha256(version: str) -> str:
    return hashlib.sha256(ARCHIVES[version]).hexdigest()


def file(folder: Path, **changes: Any) -> Path:
    """A cluster file whose hub has upstream's chart, or as changed."""
    place = folder / "cluster.yaml"
    place.write_text(yaml.safe_dump(CLUSTER | changes))
    return place


def hub(chart: str) -> dict[str, Any]:
    return {"main": {**CLUSTER["hubs"]["main"], "chart": chart}}


def run(*argv: str | Path) -> Result:
    return CliRunner().invoke(hubfleet, [str(one) for one in argv])


def outcome(ran: Result) -> list[dict[str, Any]]:
    assert ran.exit_code == 0, (ran.output, ran.exception)
    last = json.loads(ran.stdout.splitlines()[-1])
    found: list[dict[str, Any]] = last["charts"]
    return found


def test_a_mirror_has_what_hubfleet_pins_and_what_the_hubs_have_and_nothing_is_fetched_twice(
    server: ChartServer, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    (first,) = outcome(run("charts", "mirror", mirror, "--json"))
    assert (first["version"], first["sha256"], first["fetched"]) == ("4.4.0", sha256("4.4.0"), True)
    path = file(tmp_path, charts={"versions": {"jupyterhub": "4.3.2"}})
    again = outcome(run("charts", "mirror", mirror, path, "--json"))
    assert [(one["version"], one["fetched"]) for one in again] == [("4.4.0", False), ("4.3.2", True)]
    assert all(Path(one["archive"]).read_bytes() == ARCHIVES[one["version"]] for one in again)
    before = len(server.asked)
    assert not any(one["fetched"] for one in outcome(run("charts", "mirror", mirror, path, "--json")))
    assert len(server.asked) == before


def test_with_a_mirror_charts_come_from_there_and_never_from_the_network(server: ChartServer, tmp_path: Path) -> None:
    path = file(tmp_path, charts={"mirror": "./mirror"})
    told = run("validate", path)
    assert isinstance(told.exception, InvalidFiles)
    (problem,) = told.exception.problems
    assert problem.key == "charts.mirror"
    assert "jupyterhub 4.4.0 is not in the mirror" in problem.what
    assert server.asked == []
    folder, of = problem.remedy.split("hubfleet charts mirror ")[1].split()
    outcome(run("charts", "mirror", folder, of, "--json"))
    asked = len(server.asked)
    valid = run("validate", path)
    assert (valid.exit_code, "note:" in valid.output.replace("plain HTTP", "")) == (0, False)
    assert rendered(tmp_path, Helm(None), charts={"mirror": str(tmp_path / "mirror")})["cull"]
    assert len(server.asked) == asked


def rendered(folder: Path, helm: Helm, **file: Any) -> dict[str, Any]:
    """The values that the chart's templates see."""
    top = {key: file.pop(key) for key in ("charts",) if key in file}
    (folder / "other").mkdir(exist_ok=True)
    cluster = load(folder / "other", top=top, **{"chart": "jupyterhub", **file})
    (release,) = releases(cluster, describe(cluster))
    with charting.ready(release.chart, release.values, helm) as (place, values):
        text = helm.template("main", "main", place, values)
    found: dict[str, Any] = json.loads(yaml.safe_load(text)["data"]["values"])
    return found


def test_a_chart_in_the_mirror_that_is_not_the_pinned_one_is_told_and_fetched_again(
    server: ChartServer, tmp_path: Path
) -> None:
    path = file(tmp_path, charts={"mirror": "mirror"})
    (copy,) = outcome(run("charts", "mirror", tmp_path / "mirror", path, "--json"))
    Path(copy["archive"]).write_bytes(ARCHIVES["4.3.2"])
    told = run("validate", path)
    assert "its SHA-256 differs" in str(told.exception)
    with pytest.raises(HubfleetError, match="the mirror does not have the chart jupyterhub") as error:
        rendered(tmp_path, Helm(None), charts={"mirror": str(tmp_path / "mirror")})
    assert error.value.layer is Layer.CHART
    (copy,) = outcome(run("charts", "mirror", tmp_path / "mirror", path, "--json"))
    assert copy["fetched"]
    assert run("validate", path).exit_code == 0
    assert server.asked


def test_another_version_is_checked_by_the_checksum_that_the_file_gives(server: ChartServer, tmp_path: Path) -> None:
    right, wrong = (f"4.3.2@sha256:{sha256(version)}" for version in ("4.3.2", "4.4.0"))
    path = file(tmp_path, charts={"versions": {"jupyterhub": wrong}})
    ran = run("charts", "mirror", tmp_path / "mirror", path)
    assert "is not the one that is pinned" in str(ran.exception)
    file(tmp_path, charts={"versions": {"jupyterhub": right}})
    copies = outcome(run("charts", "mirror", tmp_path / "mirror", path, "--json"))
    assert ("4.3.2", sha256("4.3.2")) in [(one["version"], one["sha256"]) for one in copies]


def test_a_chart_that_cannot_be_had_does_not_keep_the_others_from_the_mirror(
    server: ChartServer, tmp_path: Path
) -> None:
    path = file(tmp_path, charts={"versions": {"jupyterhub": "9.9.9"}})
    ran = run("charts", "mirror", tmp_path / "mirror", path)
    assert "the chart cannot be had from its repository" in str(ran.exception)
    assert [one.read_bytes() for one in (tmp_path / "mirror").rglob("*.tgz")] == [ARCHIVES["4.4.0"]]


@pytest.mark.parametrize(("tag", "version"), [("4.4.0", "4.4.0"), ("1.0.0_x.1", "1.0.0+x.1")])
def test_a_chart_of_a_registry_is_fetched_once_and_mirrored(
    server: ChartServer, tmp_path: Path, tag: str, version: str
) -> None:
    chart = f"{server.registry}/jupyterhub:{tag}"
    helm = Helm(None)
    assert rendered(tmp_path, helm, chart=chart)["cull"]
    asked = len(server.asked)
    assert asked
    assert rendered(tmp_path, helm, chart=chart)["cull"]
    assert len(server.asked) == asked
    path = file(tmp_path, hubs=hub(chart))
    listed = run("charts", "list", path, "--json")
    (one,) = json.loads(listed.stdout)["charts"]
    assert (one["name"], one["version"], one["source"], one["hubs"]) == (
        "jupyterhub",
        version,
        server.registry,
        ["lab/main"],
    )
    assert Path(one["archive"]).read_bytes() == ARCHIVES[version]
    copies = outcome(run("charts", "mirror", tmp_path / "mirror", path, "--json"))
    assert (server.registry, version) in [(copy["source"], copy["version"]) for copy in copies]
    server.pages.clear()
    mirrored = {"charts": {"mirror": str(tmp_path / "mirror")}}
    assert rendered(tmp_path, helm, chart=chart, **mirrored)["cull"]


def test_a_chart_of_a_registry_is_fetched_to_see_whether_the_hubs_is_inside(
    server: ChartServer, tmp_path: Path
) -> None:
    path = file(tmp_path, hubs=hub(f"{server.registry}/site:0.1.0"))
    assert "the chart cannot be had" in str(run("show", path).exception)
    around = "{apiVersion: v2, name: site, version: 0.1.0, dependencies: [{name: jupyterhub}]}"
    server.add("site", "0.1.0", packed("site", "0.1.0", {"Chart.yaml": around}))
    assert "site 0.1.0: it was not fetched yet" in run("validate", path).output
    assert json.loads(run("show", path, "jupyterhub.cull", "--json").stdout)["enabled"] is True
    asked = len(server.asked)
    assert run("show", path, "jupyterhub.cull").exit_code == 0
    assert len(server.asked) == asked


def test_a_chart_that_a_registry_does_not_have_is_told_as_such(server: ChartServer, tmp_path: Path) -> None:
    with pytest.raises(HubfleetError, match="the chart cannot be had") as error:
        rendered(tmp_path, Helm(None), chart=f"{server.registry}/jupyterhub:9.9.9")
    assert error.value.layer is Layer.CHART


def test_a_registry_that_wants_a_login_gets_that_of_docker(
    server: ChartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.login = base64.b64encode(b"ada:s3cret").decode()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(HubfleetError, match="the chart cannot be had"):
        rendered(tmp_path, Helm(None), chart=f"{server.registry}/jupyterhub:4.4.0")
    (tmp_path / "config.json").write_text(json.dumps({"auths": {server.address: {"auth": server.login}}}))
    assert rendered(tmp_path, Helm(None), chart=f"{server.registry}/jupyterhub:4.4.0")["cull"]


def test_an_archive_may_be_named_by_its_path(server: ChartServer, tmp_path: Path, helm: Helm) -> None:
    (tmp_path / "own.tgz").write_bytes(ARCHIVES["4.3.2"])
    assert rendered(tmp_path, helm, chart="../own.tgz")["cull"]
    assert run("validate", file(tmp_path, hubs=hub("./own.tgz"))).exit_code == 0
    assert server.asked == []


def test_a_chart_whose_archive_says_v_before_its_version_is_had_by_the_number(
    server: ChartServer, tmp_path: Path
) -> None:
    """As cert-manager's."""
    archive = packed("jupyterhub", "v4.4.1", FILES)
    _, index = server.pages["/helm-chart/index.yaml"]
    entries = yaml.safe_load(index)["entries"]["jupyterhub"]
    own = {**entries[0], "version": "v4.4.1", "urls": ["jupyterhub-v4.4.1.tgz"]}
    told = {"apiVersion": "v1", "entries": {"jupyterhub": [own, *entries]}}
    server.pages["/helm-chart/index.yaml"] = "text/yaml", yaml.safe_dump(told).encode()
    server.pages["/helm-chart/jupyterhub-v4.4.1.tgz"] = "application/gzip", archive
    of = {"versions": {"jupyterhub": "4.4.1"}, "mirror": str(tmp_path / "mirror")}
    path = file(tmp_path, charts=of)
    copies = outcome(run("charts", "mirror", tmp_path / "mirror", path, "--json"))
    assert Path(copies[-1]["archive"]).read_bytes() == archive
    assert run("validate", path).exit_code == 0
    assert rendered(tmp_path, Helm(None), charts=of)["cull"]
