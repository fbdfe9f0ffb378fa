"""A fleet's file and all that it names: defaults reach every cluster and hub, and what is wrong is told once, where it
is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet import hubs as floor
from hubfleet.spec import InvalidFiles, Secret, merge, origin, resolve
from tests.unit.fleet_files import POOLS, hubs, load, problems, tree
from tests.unit.hub_files import describe
from tests.unit.test_spec_sops import IN_CLEAR, WHOLE


def defaults(**hub: Any) -> dict[str, Any]:
    """A fleet whose hubs have these defaults too."""
    plain = tree()["defaults"]
    return tree(defaults={**plain, "hub": {**plain["hub"], **hub}})


def values(cluster: Any, hub: str, *path: str) -> Any:
    """What the chart of a hub gets at a path, and which file and line set it."""
    layers = floor.layers(cluster, describe(cluster), hub)
    value: Any = merge(*(layer.values for layer in layers))
    for key in path:
        value = value[key]
    said = origin(cluster, layers, path)
    return value, f"{said.position.file.name}:{said.position.line}", said.key


def test_defaults_reach_every_cluster_and_hub_and_what_a_file_says_itself_wins(tmp_path: Path) -> None:
    fleet = defaults(culling={"idle": 600, "every": 60})
    b = {**hubs(two={"domain": "two.example.org", "culling": {"idle": 900}}), "storage": {"homes": {"size": "1Gi"}}}
    found = load(tmp_path, fleet, a=hubs(one="one.example.org"), b=b)
    assert found.every_problem == ()
    first, second = (member.cluster for member in found.members)
    assert first
    assert second
    assert first.provider.name == "bare"
    assert (first.hubs["one"].culling.idle, second.hubs["two"].culling.idle) == (600, 900)
    assert second.hubs["two"].culling.every == 60
    assert (first.storage.homes.size, second.storage.homes.size) == ("10Gi", "1Gi")


def test_a_clusters_own_defaults_are_stronger_than_the_fleets(tmp_path: Path) -> None:
    a = {**hubs(one="one.example.org", two={"domain": "two.example.org", "image": "q/c:3"})}
    a["defaults"] = {"hub": {"image": "q/b:2"}}
    (member,) = load(tmp_path, defaults(image="q/a:1"), a=a).members
    assert member.cluster
    assert {name: hub.image for name, hub in member.cluster.hubs.items()} == {"one": "q/b:2", "two": "q/c:3"}


def test_the_nearer_to_the_hub_somebody_says_a_value_the_more_it_counts(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text("cull: {every: 11, timeout: 12}\nhub: {a: 1}\n")
    fleet = defaults(values={"cull": {"every": 21}}, values_files=["common.yaml"], culling={"idle": 600})
    own = {"domain": "b.example.org", "culling": {"every": 30}, "values": {"hub": {"a": None}}}
    a = hubs(plain="a.example.org", own=own)
    (member,) = load(tmp_path, fleet, a=a).members
    cluster = member.cluster
    assert values(cluster, "plain", "cull", "every") == (21, "fleet.yaml:19", "defaults.hub.values.cull.every")
    assert values(cluster, "plain", "cull", "timeout") == (12, "common.yaml:1", "cull.timeout")
    assert values(cluster, "plain", "cull", "enabled")[0] is True
    assert values(cluster, "own", "cull", "every")[0] == 30
    assert values(cluster, "own", "cull", "timeout")[0] == 12
    assert values(cluster, "own", "hub", "a")[0] is None


def test_what_follows_from_the_pools_is_weaker_than_any_values(tmp_path: Path) -> None:
    fleet = defaults(values={"singleuser": {"extraResource": {"limits": {"x": 1}}, "profileList": ["ours"]}})
    fleet["defaults"]["cluster"]["pools"] = {**POOLS, "more": {"machine": "m"}}
    (member,) = load(tmp_path, fleet, a=hubs(one="a.example.org")).members
    assert values(member.cluster, "one", "singleuser", "profileList")[0] == ["ours"]


def test_paths_count_from_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the fleet")
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "Chart.yaml").write_text("name: own\nversion: 1.0.0\n")
    fleet = defaults(
        auth={"shared_password": {"user_password": "${file:secret}"}},
        chart="./chart",
        values={"hub": {"x": "${file:secret}"}},
    )
    own = {"domain": "b.example.org", "values": {"hub": {"y": "${file:secret}"}}}
    found = load(tmp_path, fleet, a=hubs(one=own))
    (tmp_path / "clusters" / "a" / "secret").write_text("of the cluster")
    assert found.every_problem == ()
    (member,) = found.members
    assert member.cluster
    cluster = resolve(member.cluster, {})
    password = cluster.hubs["one"].auth.shared_password
    assert password
    assert password.user_password == Secret("of the fleet")
    found_values = floor.releases(cluster, describe(cluster))[-1]
    assert (found_values.values["hub"]["x"], found_values.values["hub"]["y"]) == ("of the fleet", "of the cluster")
    assert found_values.chart.name == "own"


def test_what_is_wrong_in_a_default_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text("a: ${env:NO VARIABLE}\n")
    fleet = defaults(culling={"idle": 1}, imag="x", values_files=["common.yaml", "nothing.yaml"])
    fleet["defaults"]["cluster"] |= {"storage": {"homes": {"size": "big"}}, "name": "x"}
    one, two = hubs(a="a.example.org", b="b.example.org"), hubs(c="c.example.org")
    told = problems(tmp_path, fleet, one=one, two=two)
    assert [line.split(" — ")[0] for line in told] == [
        "common.yaml:1: a: ${env:NO VARIABLE} names no environment variable: letters, digits and _ only",
        "fleet.yaml:15: defaults.cluster.storage.homes.size: \"big\" cannot be used here",
        "fleet.yaml:16: defaults.cluster.name: is not for all clusters alike",
        "fleet.yaml:22: defaults.hub.culling.idle: is 1; the least is 60",
        'fleet.yaml:23: defaults.hub.imag: unknown key "imag"',
        f"fleet.yaml:26: defaults.hub.values_files[1]: there is no file {tmp_path}/nothing.yaml",
    ]  # fmt: skip


def test_what_a_hub_lacks_is_told_of_the_hub(tmp_path: Path) -> None:
    fleet = defaults(auth={"github": {"organizations": ["x"]}})
    told = problems(tmp_path, fleet, a=hubs(one="a.example.org"))
    assert [line.split(" — ")[0] for line in told] == [
        f"clusters/a/cluster.yaml:3: hubs.one.auth.github.{key}: github has no {key}"
        for key in ("client_id", "client_secret")
    ]


def test_defaults_of_several_providers_may_stand_side_by_side(tmp_path: Path) -> None:
    fleet = tree()
    fleet["defaults"]["cluster"]["provider"] = {"bare": {"context": "here"}, "cloud": {"template": "t"}}
    found = load(tmp_path, fleet, a={"provider": {"bare": {}}}, b={"provider": {"cloud": {"cloud": "js2"}}})
    assert found.every_problem == ()
    a, b = (member.cluster for member in found.members)
    assert a
    assert b
    assert a.provider.settings.context == "here"
    assert (b.provider.settings.template, b.provider.settings.cloud) == ("t", "js2")


def test_a_default_of_another_provider_or_login_than_the_files_own_is_none(tmp_path: Path) -> None:
    fleet = defaults(auth={"github": {"client_id": "x", "client_secret": "y", "organizations": ["z"]}})
    (member,) = load(tmp_path, fleet, a=hubs(one={"domain": "a.example.org", "auth": {"shared_password": {}}})).members
    assert member.problems == ()


@pytest.mark.parametrize(
    ("fleet", "told"),
    [
        ({"clusters": []}, "fleet.yaml:1: clusters: is empty — fill it in"),
        ({"clusters": None}, "fleet.yaml:1: clusters: the file has no clusters — add `clusters:` (the cluster files)"),
        ({"rings": ["Staging"]}, 'fleet.yaml:18: rings[0]: "Staging" cannot be used here'),
        ({"ring": ["staging"]}, 'fleet.yaml:17: ring: unknown key "ring" — did you mean "rings"?'),
        ({"defaults": {"hubs": {}}}, 'fleet.yaml:4: defaults.hubs: unknown key "hubs" — did you mean "hub"?'),
        ({"defaults": []}, "fleet.yaml:3: defaults: needs keys, not a list"),
        ({"defaults": {"cluster": {"provider": {"x": {}}}}}, 'defaults.cluster.provider.x: unknown provider "x"'),
    ],
)  # fmt: skip
def test_a_wrong_fleet_file_is_told(tmp_path: Path, fleet: dict[str, Any], told: str) -> None:
    try:
        said = problems(tmp_path, tree(**fleet))
    except InvalidFiles as error:
        said = [str(one).replace(f"{tmp_path}/", "") for one in error.problems]
        said = [":".join(one.split(":")[:2]) + ":" + one.split(":", 3)[3] for one in said]
    assert any(told in line for line in said), said


def test_a_pattern_that_matches_nothing_and_a_file_that_is_not_there_are_told(tmp_path: Path) -> None:
    told = problems(tmp_path, tree(clusters=["clusters/*/cluster.yaml", "gone.yaml"]))
    remedy = "the pattern counts from the folder of this file; take it out if there are none"
    assert told == [
        f"fleet.yaml:2: clusters[0]: no file matches clusters/*/cluster.yaml — {remedy}",
        "gone.yaml:1: there is no such file — check the path",
    ]


def test_what_clusters_may_not_share_is_told(tmp_path: Path) -> None:
    one = hubs(a="same.example.org")
    told = problems(tmp_path, tree(), one=one, two={**hubs(b="same.example.org"), "name": "one"})
    assert [line.split(" — ")[0] for line in told] == [
        f"clusters/two/cluster.yaml:1: name: the cluster of {tmp_path}/clusters/one/cluster.yaml is called one as well",
        "clusters/two/cluster.yaml:4: hubs.b.domain: hub a of the cluster one has the domain same.example.org already",
    ]


def test_every_hub_is_in_one_of_the_fleets_rings(tmp_path: Path) -> None:
    wrong, right = {"domain": "b.example.org", "ring": "prod"}, {"domain": "c.example.org", "ring": "staging"}
    clusters = hubs(a="a.example.org", b=wrong, c=right)
    told = problems(tmp_path, tree(rings=["staging", "production"]), one=clusters)
    remedy = f"the fleet's `rings` has staging, production: {tmp_path}/fleet.yaml"
    assert told == [
        "clusters/one/cluster.yaml:3: hubs.a: the hub is in no ring — add `ring:`, one of staging, production",
        f'clusters/one/cluster.yaml:7: hubs.b.ring: the fleet has no ring "prod" — {remedy}',
    ]


def test_a_ring_may_be_a_default(tmp_path: Path) -> None:
    fleet = {**defaults(ring="production"), "rings": ["staging", "production"]}
    (member,) = load(tmp_path, fleet, one=hubs(a="a.example.org")).members
    assert member.cluster
    assert member.cluster.hubs["a"].ring == "production"


def test_one_cluster_that_is_wrong_does_not_hide_what_is_wrong_with_another(tmp_path: Path) -> None:
    told = problems(tmp_path, tree(), one="name: [", two=hubs(a="A"), three={"pools": {"x": {"runs": ["cor"]}}})
    assert [line.split(" ")[0] for line in told] == [
        "clusters/one/cluster.yaml:2:",
        "clusters/three/cluster.yaml:5:",
        "clusters/two/cluster.yaml:4:",
    ]


def test_a_fleets_encrypted_files_and_references_into_them_are_every_hubs(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text(WHOLE)
    refers = {"hub": {"config": {"A": {"port": "${sops:shared.yaml#n}"}}}}
    fleet = defaults(values=refers, values_files=["shared.yaml"])
    found = load(tmp_path, fleet, a=hubs(one="one.example.org"))
    assert found.every_problem == ()
    (member,) = found.members
    assert member.cluster
    asked: list[Path] = []

    def decrypt(file: Path) -> dict[str, Any]:
        asked.append(file)
        return IN_CLEAR

    resolved = resolve(member.cluster, {}, decrypt=decrypt)
    got, place, _ = values(resolved, "one", "a", "b")
    assert (got.value, place) == ("hush-0123456789", "shared.yaml:1")
    assert values(resolved, "one", "hub", "config", "A", "port")[0].value == 5
    assert asked == [tmp_path / "shared.yaml"]


def test_a_wrong_reference_in_a_fleets_defaults_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text(WHOLE)
    fleet = defaults(values={"x": "${sops:shared.yaml#a.c}"})
    found = load(tmp_path, fleet, a=hubs(one="one.example.org"), b=hubs(two="two.example.org"))
    (problem,) = found.every_problem
    assert (problem.position.file.name, problem.key) == ("fleet.yaml", "defaults.hub.values.x")
    assert "has no c" in problem.what
