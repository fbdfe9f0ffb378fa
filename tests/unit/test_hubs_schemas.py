"""validate knows the chart: values that its schema refuses are told with file, line and what was meant."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hubfleet.cli.app import hubfleet
from hubfleet.hubs import charts, schemas
from hubfleet.spec import InvalidFiles, Problem
from hubfleet.tools import charts as files
from tests.unit import cluster_files, magnum_files
from tests.unit.hub_files import WAYS, describe, load


def found(folder: Path, **hub: Any) -> tuple[Problem, ...]:
    cluster = load(folder, **{"chart": "lite", **hub})
    return schemas.check(cluster, describe(cluster)).problems


def chart(folder: Path, schema: dict[str, Any], values: str = "") -> str:
    """A chart of the operator's, by its path in a cluster file."""
    place = folder / "own"
    place.mkdir()
    (place / "Chart.yaml").write_text("name: own\nversion: 1.0.0\n")
    (place / "values.schema.json").write_text(json.dumps(schema))
    (place / "values.yaml").write_text(values)
    return "./own"


def packed(place: Path, name: str, schema: dict[str, Any]) -> None:
    """An archive of a chart with this schema."""
    inside = place.parent / name
    inside.mkdir(parents=True)
    (inside / "values.schema.json").write_text(json.dumps(schema))
    with tarfile.open(place, "w:gz") as archive:
        archive.add(inside, name)


def test_what_hubfleet_computes_is_taken_by_its_own_chart(tmp_path: Path) -> None:
    assert found(tmp_path) == ()


def test_a_key_that_the_chart_does_not_know_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (one,) = found(tmp_path, values={"singleuser": {"memry": {"limit": "1G"}}})
    assert (one.key, one.remedy) == ("hubs.main.values.singleuser.memry", 'did you mean "memory"?')
    assert "the chart lite" in one.what
    assert one.position.line > 1


@pytest.mark.parametrize("way", sorted(WAYS))
def test_our_own_chart_takes_every_way_to_log_in(tmp_path: Path, way: str) -> None:
    assert found(tmp_path, auth={way: WAYS[way]}, admins=["ada"]) == ()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"hub": {"config": {"JupyterHub": {"authenticator_class": "ldapauthenticator.LDAPAuthenticator"}}}},
         "hub.config.JupyterHub.authenticator_class"),
        ({"hub": {"initContainers": []}}, "hub.initContainers"),
        ({"hub": {"db": {"type": "postgres"}}}, "hub.db.type"),
        ({"proxy": {"https": {"enabled": True, "type": "letsencrypt"}}}, "proxy.https.type"),
        ({"singleuser": {"storage": {"type": "static"}}}, "singleuser.storage.type"),
        ({"singleuser": {"initContainers": []}}, "singleuser.initContainers"),
        ({"scheduling": {"userScheduler": {"enabled": True}}}, "scheduling"),
        ({"prePuller": {"hook": {"enabled": True}}}, "prePuller"),
        ({"ingress": {"pathSuffix": "*"}}, "ingress.pathSuffix"),
    ],
)  # fmt: skip
def test_what_only_the_other_chart_has_is_told_by_its_key(tmp_path: Path, values: dict[str, Any], key: str) -> None:
    assert [one.key for one in found(tmp_path, values=values)] == [f"hubs.main.values.{key}"]


def test_an_image_of_ones_own_may_have_any_authenticator(tmp_path: Path) -> None:
    config = {"JupyterHub": {"authenticator_class": "ldapauthenticator.LDAPAuthenticator"}}
    image = {"name": "quay.io/jupyterhub/k8s-hub", "tag": "4.4.0"}
    assert found(tmp_path, values={"hub": {"config": config, "image": image}}) == ()


def test_the_jupyterhub_inside_of_a_binderhub_has_its_own_schema(tmp_path: Path) -> None:
    place = chart(tmp_path, {"properties": {"jupyterhub": {"type": "object"}}}, "jupyterhub: {cull: {every: 10}}")
    (tmp_path / "own" / "Chart.yaml").write_text("name: binderhub\nversion: 1.0.0\n")
    inner = tmp_path / "own" / "charts" / "jupyterhub"
    inner.mkdir(parents=True)
    (inner / "Chart.yaml").write_text("name: jupyterhub\nversion: 4.2.0\n")
    (inner / "values.yaml").write_text("cull: {every: 60}\n")
    every = {"type": "integer", "minimum": 20}
    (inner / "values.schema.json").write_text(json.dumps({"properties": {"cull": {"properties": {"every": every}}}}))
    hub = {"kind": "binder", "auth": None, "chart": place}
    (one,) = found(tmp_path, **hub | {"values": {"jupyterhub": {"cull": {"every": 12}}}})
    assert one.key == "hubs.main.values.jupyterhub.cull.every"
    assert found(tmp_path, **hub | {"culling": {"every": 30}, "values": {}}) == ()


def test_lite_takes_a_binder_hub(tmp_path: Path) -> None:
    assert found(tmp_path, kind="binder", auth=None) == ()


def test_a_violation_in_a_values_file_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("cull:\n  enabled: true\n  every: often\n")
    (one,) = found(tmp_path, values_files=["own.yaml"])
    assert (one.position.file.name, one.position.line) == ("own.yaml", 3)
    assert "not of type" in one.what


def test_every_violation_of_every_hub_is_told_at_once_also_deep_in_a_list(tmp_path: Path) -> None:
    port = {"type": "object", "properties": {"port": {"type": "integer"}}, "additionalProperties": False}
    own = {"type": "object", "properties": {"a": {"type": "array", "items": port}, "b": {"type": "string"}}}
    values = {"a": [{"port": 1}, {"port": "x"}, {"prot": 3}], "b": 5}
    problems = found(tmp_path, chart=chart(tmp_path, own), values=values)
    assert {one.key for one in problems} == {
        "hubs.main.values.a[1].port",
        "hubs.main.values.a[2].prot",
        "hubs.main.values.b",
    }


def test_a_null_takes_a_default_of_the_chart_away_before_the_check(tmp_path: Path) -> None:
    own = chart(tmp_path, {"type": "object", "required": ["need"]}, "need: 1\n")
    assert found(tmp_path, chart=own) == ()
    (one,) = found(tmp_path, chart=own, values={"need": None})
    assert "required" in one.what


def test_no_word_of_a_value_is_said_and_a_secret_is_not_judged_by_its_reference(tmp_path: Path) -> None:
    short = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"type": "integer"}}}
    values = {"a": "${env:TOKEN}", "b": "hunter2-in-clear"}
    (one,) = found(tmp_path, chart=chart(tmp_path, short), values=values)
    assert one.key == "hubs.main.values.b"
    assert "hunter2" not in str(one)


@pytest.mark.parametrize("text", ["{", "[]", '{"type": 3}', '{"$ref": "https://example.org/other.json"}'])
def test_a_schema_that_is_none_is_left_to_helm(tmp_path: Path, text: str) -> None:
    own = chart(tmp_path, {})
    (tmp_path / "own" / "values.schema.json").write_text(text)
    assert found(tmp_path, chart=own, values={"a": 1}) == ()


def test_a_chart_that_was_fetched_is_read_from_its_archive_and_one_that_was_not_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    pinned = charts.pinned(charts.UPSTREAM)
    cluster = load(tmp_path, chart="jupyterhub", values={"hubb": 1})
    assert schemas.check(cluster, describe(cluster)) == schemas.Checked((), (pinned,))

    place = files.archive(pinned.repository or "", pinned.name, pinned.version)
    known = {name: {} for name in ("hub", "proxy", "cull", "singleuser", "scheduling", "prePuller")}
    packed(place, "jupyterhub", {"type": "object", "properties": known, "additionalProperties": False})
    (one,) = schemas.check(cluster, describe(cluster)).problems
    assert (one.key, one.remedy) == ("hubs.main.values.hubb", 'did you mean "hub"?')


def test_an_image_without_a_tag_is_doubted(tmp_path: Path) -> None:
    file = magnum_files.load(tmp_path).file
    text = f"{file.read_text()}    chart: lite\n    image: "
    for image, words in {
        "localhost:5000/a/b": "has no tag",
        "a/b:1": "",
        "a@sha256:" + "0" * 64: "",
    }.items():
        file.write_text(f'{text}"{image}"\n')
        ran = CliRunner().invoke(hubfleet, ["validate", str(file)])
        assert words in ran.output
        assert ("note:" in ran.output) == bool(words)


def test_validate_says_so_and_plan_need_not_be_asked(tmp_path: Path) -> None:
    file = magnum_files.load(tmp_path).file
    file.write_text(f"{file.read_text()}    chart: lite\n    values: {{singleuser: {{memry: {{}}}}}}\n")
    ran = CliRunner().invoke(hubfleet, ["validate", str(file)])
    assert isinstance(ran.exception, InvalidFiles)
    ran = CliRunner().invoke(hubfleet, ["validate", str(file), "--json"])
    assert [one["key"] for one in json.loads(ran.output)["problems"]] == ["hubs.main.values.singleuser.memry"]


SERVED: dict[str, Any] = {"ingress": {"shared": True, "email": "ops@example.org"}, "monitoring": {}}


def test_of_what_serves_hubs_the_mirror_has_to_have_exactly_the_charts_that_are_used(tmp_path: Path) -> None:
    for top, missing in (({}, []), (SERVED, ["traefik", "prometheus", "grafana", "cert-manager"])):
        cluster = load(tmp_path, chart="lite", top={**top, "charts": {"mirror": "mirror"}})
        told = schemas.check(cluster, describe(cluster)).problems
        assert [one.what.split()[2] for one in told] == missing
        assert {one.key for one in told} <= {"charts.mirror"}


def test_values_of_what_serves_hubs_are_checked_also_with_secrets_that_nobody_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    own = {"logs": {"level": 5, "token": "${env:NOBODY_HAS_IT}"}}
    tree = cluster_files.hub(chart="lite") | {"ingress": {"shared": True, "values": own}}
    cluster = cluster_files.load(tmp_path, tree)
    pinned = charts.pinned("traefik")
    assert schemas.check(cluster, describe(cluster)) == schemas.Checked((), (pinned,))
    text = {"type": "string"}
    schema = {"properties": {"logs": {"type": "object", "properties": {"level": text, "token": text}}}}
    place = files.archive(pinned.repository or "", pinned.name, pinned.version)
    packed(place, "traefik", schema)
    (one,) = schemas.check(cluster, describe(cluster)).problems
    assert (one.key, "the chart traefik" in one.what) == ("ingress.values.logs.level", True)
    assert one.position.line > 1


def test_what_is_missing_in_values_that_nobody_wrote_is_told_at_the_key_that_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    pinned = charts.pinned("prometheus")
    packed(files.archive(pinned.repository or "", pinned.name, pinned.version), "prometheus", {"required": ["need"]})
    cluster = load(tmp_path, chart="lite", top={"monitoring": {}})
    (one,) = schemas.check(cluster, describe(cluster)).problems
    assert one.key == "monitoring"
    assert one.position.line == cluster.position("monitoring").line


def test_charts_that_are_nowhere_yet_are_told_in_one_line_and_listed_by_whom_they_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "cache")
    file = magnum_files.load(tmp_path).file
    file.write_text(f"{file.read_text()}    homes: {{size: 9Gi, quota: 1Gi}}\nmonitoring: {{grafana: null}}\n")
    said = CliRunner().invoke(hubfleet, ["validate", str(file)])
    (note,) = (line for line in said.output.splitlines() if "not checked" in line)
    assert all(name in note for name in ("jupyterhub 4.", "jupyterhub-home-nfs 1.", "prometheus 2"))
    listed = CliRunner().invoke(hubfleet, ["charts", "list", str(file)]).output
    assert "jupyterhub 4.4.0 (1 hub, not here yet)" in listed
    assert "(1 cluster, not here yet)" in next(line for line in listed.splitlines() if "prometheus" in line)
