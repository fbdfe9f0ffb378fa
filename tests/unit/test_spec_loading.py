"""A file becomes a Cluster, or all that is wrong with it is said at once, in its own words and with its place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.spec import InvalidFiles, NodeCount, Secret, load_cluster, own_values
from tests.unit.cluster_files import EXAMPLE, PROVIDERS, CloudSettings, example, hub, load, places, problems


def test_the_example_becomes_a_cluster(tmp_path: Path) -> None:
    cluster = load(tmp_path, EXAMPLE)
    assert cluster.name == "pythia"
    assert cluster.provider.name == "cloud"
    assert isinstance(cluster.provider.settings, CloudSettings)
    assert cluster.provider.settings.control_plane.nodes == 3
    assert cluster.pools["core"].nodes == NodeCount(min=1, max=1)
    assert not cluster.pools["user"].nodes.fixed
    assert cluster.hubs["main"].culling.idle == 600
    assert cluster.hubs["course"].chart == "jupyterhub"


def test_every_key_has_its_place_and_what_is_left_out_that_of_the_key_above(tmp_path: Path) -> None:
    cluster = load(tmp_path, EXAMPLE)
    assert str(cluster.position("pools", "user", "nodes")).endswith("cluster.yaml:6:29")
    assert str(cluster.position("pools", "user", "nodes", "min")).endswith("cluster.yaml:6:37")
    assert str(cluster.position("hubs", "course", "culling", "idle")).endswith("cluster.yaml:19:3")
    assert str(cluster.position("nothing")).endswith("cluster.yaml:1:1")


def test_no_secret_needs_to_be_there_to_load(tmp_path: Path) -> None:
    github = load(tmp_path, EXAMPLE).hubs["main"].auth.github
    assert github
    assert github.client_secret == Secret.parse("${env:GITHUB}")


def test_an_empty_block_of_a_provider_that_needs_nothing_is_right(tmp_path: Path) -> None:
    assert load(tmp_path, example(provider={"bare": None})).provider.name == "bare"


NAME = "use lower-case letters, digits and -, a letter first and no - at the end"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nmae": "x"}, 'nmae: unknown key "nmae" — did you mean "name"?'),
        ({"name": "Pythia_1"}, f'name: "Pythia_1" cannot be used here — {NAME}'),
        ({"name": "x" * 41}, "name: is too long: at most 40 — shorten it"),
        ({"name": 7}, 'name: needs text, not a number — put it in quotes: "..."'),
        ({"name": False}, 'name: needs text, not false — put it in quotes: "..."'),
        (
            {"file": "x"},
            'file: unknown key "file" — there is charts, defaults, hubs, ingress, monitoring, name, pools, provider',
        ),
        ({"positions": {}}, "positions: unknown key"),
        ({"storage": []}, "storage: needs keys, not a list"),
        ({"storage": {"homes": {"size": "10GB"}}}, 'storage.homes.size: "10GB" cannot be used here — write a whole'),
        ({"ingress": {"email": "ops"}}, 'ingress.email: "ops" cannot be used here — write an e-mail address'),
        ({"pools": {}}, "pools: no pool runs core: hubs need nodes that stay — write `runs: [core]` in one"),
        ({"hubs": {"a": "b"}}, "hubs.a: needs keys, not text"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_the_words_of_the_file(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert problems(tmp_path, example(**change))[0].startswith(said)


@pytest.mark.parametrize(
    ("key", "said"),
    [("name", "name: the file has no name — add `name:` (the cluster's name, unique in the fleet)"),
     ("pools", "pools: the file has no pools — add `pools:` (the node pools, by name)"),
     ("provider", "no provider — write `provider: {NAME: {...}}`; there is bare, cloud")],
)  # fmt: skip
def test_a_key_that_is_missing_is_told_with_what_it_is_for(tmp_path: Path, key: str, said: str) -> None:
    assert problems(tmp_path, example(**{key: None})) == [said]


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (None, ["provider: no provider — write `provider: {NAME: {...}}`; there is bare, cloud"]),
        ("cloud", ["provider: no provider — write `provider: {NAME: {...}}`; there is bare, cloud"]),
        ({"clowd": {}}, ['provider.clowd: unknown provider "clowd" — did you mean "cloud"? there is bare, cloud']),
        ({"azure": {}}, ['provider.azure: unknown provider "azure" — there is bare, cloud']),
        ({"bare": {}, "cloud": {}},
         ["provider: more than one provider: bare, cloud — a cluster is on exactly one: keep one"]),
        ({"cloud": None},
         ["provider.cloud.template: provider cloud has no template — add `template:` (a template of the site)"]),
        ({"cloud": []}, ["provider.cloud: needs keys, not a list"]),
        ({"cloud": {"template": "x", "clod": 1}}, ['provider.cloud.clod: unknown key "clod" — did you mean "cloud"?']),
        ({"cloud": {"template": "x", "control_plane": {"machine": "m", "nodes": 2}}},
         ["provider.cloud.control_plane.nodes: is 2 — there is 1, 3, 5"]),
    ],
)  # fmt: skip
def test_exactly_one_known_provider_with_its_own_settings(tmp_path: Path, provider: Any, said: list[str]) -> None:
    text = yaml.safe_dump({**example(), "provider": provider}, sort_keys=False)
    assert problems(tmp_path, text) == said


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"nodes": 0}, "pools.user.nodes: is 0: give 1 to 1000 nodes, or a range {min: 0, max: 3}"),
        ({"nodes": "2"}, "pools.user.nodes: needs a number of nodes, or a range {min: 1, max: 10}"),
        ({"nodes": True}, "pools.user.nodes: needs a number of nodes, or a range {min: 1, max: 10}"),
        ({"nodes": {"min": 1}}, "pools.user.nodes.max: nodes has no max — add `max:` (the most nodes)"),
        ({"nodes": {"min": 3, "max": 2}}, "pools.user.nodes: min (3) is greater than max (2)"),
        ({"nodes": {"min": -1, "max": 2}}, "pools.user.nodes.min: is -1; the least is 0"),
        ({"nodes": {"min": 1.5, "max": 2}}, "pools.user.nodes.min: needs a whole number, not a number"),
        ({"runs": "users"}, "pools.user.runs: needs a list, not text — write [a, b], or a line `- a` for each"),
        ({"runs": []}, "pools.user.runs: is empty — fill it in"),
        ({"runs": ["user"]}, 'pools.user.runs[0]: is "user" — did you mean "users"?'),
        ({"machine": ""}, "pools.user.machine: is empty — fill it in"),
        ({"label": {}}, 'pools.user.label: unknown key "label" — did you mean "labels"?'),
        (None, "pools.user: is empty; it needs keys — fill it in, or leave the key out"),
    ],
)
def test_a_wrong_pool_is_told(tmp_path: Path, pool: Any, said: str) -> None:
    assert problems(tmp_path, example(pools={"core": {"runs": ["core"]}, "user": pool})) == [said]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"domain": None}, "hubs.main.domain: hub main has no domain — add `domain:` (the DNS name under which people"),
        ({"auth": None}, "hubs.main.auth: hub main has no auth — add `auth:` (how people log in)"),
        ({"auth": {}}, "hubs.main.auth: choose exactly one of shared_password, github, cilogon, google,"),
        ({"auth": {"shared_password": None}}, "hubs.main.auth: is empty: `shared_password: {}` lets hubfleet make"),
        ({"auth": {"gihtub": {}}}, 'hubs.main.auth.gihtub: unknown key "gihtub" — did you mean "github"?'),
        ({"auth": {"github": {"client_id": "x", "client_secret": "y"}}},
         "hubs.main.auth.github: give organizations, allowed_users or allow_all: otherwise nobody could log in"),
        ({"domain": "https://hub.example.org/"}, 'hubs.main.domain: "https://hub.example.org/" cannot be used here'),
        ({"image": "an image"}, 'hubs.main.image: "an image" cannot be used here — write a container image'),
        ({"chart": "zero"}, 'hubs.main.chart: "zero" cannot be used here — write jupyterhub, binderhub, lite, '),
        ({"chart": "binderhub"}, "hubs.main.chart: the chart binderhub is not for hubs of `kind: persistent`"),
        ({"kind": "bindr"}, 'hubs.main.kind: is "bindr" — did you mean "binder"?'),
        ({"kind": "binder"}, "hubs.main.registry: hub main has no registry — add `registry:`"),
        ({"culling": {"enabled": "yes"}}, "hubs.main.culling.enabled: needs true or false, not text"),
        ({"culling": {"idle": 5}}, "hubs.main.culling.idle: is 5; the least is 60"),
        ({"admins": "ada"}, "hubs.main.admins: needs a list, not text"),
        ({"admins": ["ada", 7]}, 'hubs.main.admins[1]: needs text, not a number — put it in quotes: "..."'),
        ({"values": []}, "hubs.main.values: needs keys, not a list"),
        ({"values": {"a": {"b.c": ["${env:A B}"]}}}, 'hubs.main.values.a."b.c"[0]: ${env:A B} names no environment'),
        ({"values_files": ["nothing.yaml"]}, "hubs.main.values_files[0]: there is no file "),
        ({"values_files": ["x" * 5000]}, "hubs.main.values_files[0]: there is no file "),
        ({"values_files": [3]}, "hubs.main.values_files[0]: needs the path of a YAML file"),
    ],
)  # fmt: skip
def test_a_wrong_hub_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (told,) = problems(tmp_path, hub(**change))
    assert told.startswith(said)


def test_a_secret_is_never_part_of_what_is_said(tmp_path: Path) -> None:
    text = "${HUSH-0123456789}"
    wrong = {"shared_password": {"user_password": text}, "github": {"client_id": "x", "client_secret": ["hush" + text]}}
    said = problems(tmp_path, hub(auth=wrong))
    assert any("client_secret: needs text, not a list" in one for one in said)
    assert any("user_password: ${ begins a reference" in one for one in said)
    assert not any("hush" in one.lower() for one in said)


def test_changeme_is_refused_wherever_it_stands_and_said_once(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("a: [changeme-soon]\n")
    said = problems(tmp_path, hub(domain="CHANGEME", values={"CHANGEME": 1}, values_files=["v.yaml"]))
    assert [one.split(":")[0] for one in said if "is still CHANGEME — put the real value there" in one] == [
        "hubs.main.domain", "hubs.main.values.CHANGEME", "a[0]",
    ]  # fmt: skip
    assert len(said) == 3


def test_everything_wrong_is_told_in_one_pass_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("hub: {x: 1, x: 2}\n")
    text = EXAMPLE.replace("name: pythia", "nam: pythia").replace("template:", "templat:").replace("[core]", "[users]")
    text = text.replace("chart: lite", "chart: lite\n    values_files: [v.yaml, w.yaml]\n    imag: x").replace(
        "600", "6"
    )
    assert places(tmp_path, text.replace("course.example.org", "hub.example.org")) == [
        "cluster.yaml:1:1", "cluster.yaml:1:1", "cluster.yaml:3:3", "cluster.yaml:3:11", "cluster.yaml:4:1",
        "cluster.yaml:17:28", "cluster.yaml:18:5", "cluster.yaml:19:15", "v.yaml:1:13",
    ]  # fmt: skip


def test_values_files_are_read_from_the_cluster_files_folder_and_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yaml").write_text("hub:\n  a: 1\n  b: ${env:B}\n")
    (tmp_path / "b.yaml").write_text("hub: {a: 2}\n")
    cluster = load(tmp_path, hub(values_files=["more/a.yaml", "b.yaml"], values={"hub": {"c": 3}}))
    assert own_values(cluster, "main") == {"hub": {"a": 2, "b": Secret.parse("${env:B}"), "c": 3}}
    place = cluster.position("hubs", "main", "values_files", 0, "hub", "b")
    assert (place.file, place.line, place.column) == (tmp_path / "more" / "a.yaml", 3, 3)


def test_what_is_wrong_in_a_values_file_has_its_place_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\nb: ${file:}\n")
    (tmp_path / "b.yaml").write_text("- a\n")
    files = hub(values_files=["a.yaml", "b.yaml"])
    assert places(tmp_path, files) == ["a.yaml:2:1", "b.yaml:1:1"]
    assert problems(tmp_path, files)[0] == "b: ${file:...} needs the path of a file — write $${ for ${ itself"


KEYS = st.sampled_from([
    "name", "provider", "cloud", "bare", "template", "pools", "core", "machine", "nodes", "min", "max", "runs", "hubs",
    "main", "domain", "auth", "github", "shared_password", "user_password", "values", "values_files", "chart",
    "CHANGEME", "storage", "homes", "size", "admins", "", "a.b",
])  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | KEYS | st.text(max_size=5)
    | st.sampled_from(["${env:X}", "${file:x}", "$${", "${", "${env:}", "users", "hub.example.org", "1Gi", "./x"])
)  # fmt: skip
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in entries for found in paths(value, (*path, key)))]


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    entries = dict(tree) if isinstance(tree, dict) else list(tree)
    entries[path[0]] = replaced(tree[path[0]], path[1:], value)
    return entries


@given(TREES | st.builds(replaced, st.just(example()), st.sampled_from(paths(example())), TREES))
def test_whatever_a_file_holds_loading_gives_a_cluster_or_problems(tmp_path_factory: Any, content: Any) -> None:
    file = tmp_path_factory.mktemp("any") / "cluster.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with suppress(InvalidFiles):
        assert load_cluster(file, list(PROVIDERS), PROVIDERS.__getitem__).pools
