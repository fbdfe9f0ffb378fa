"""The JSON Schema says of a file's shape what loading says, so that an editor finds what `validate` would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from hubfleet.spec import Of, json_schema
from tests.unit.cluster_files import PROVIDERS, example, hub, problems
from tests.unit.hub_files import WAYS

SCHEMA = json_schema(PROVIDERS)
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def pools(**changes: Any) -> dict[str, Any]:
    return example(pools={"core": {"runs": ["core", "users"], **changes}})


RIGHT = [
    example(),
    example(hubs=None),
    example(provider={"bare": None}),
    example(provider={"bare": {"context": "x"}}),
    pools(nodes=2),
    pools(nodes={"min": 1, "max": 2}),
    pools(
        labels={"example.org/kind": "big", "empty": ""}, taints=["a=b:PreferNoSchedule", "c:PreferNoSchedule"], gpus=1
    ),
    hub(auth={"github": {"client_id": "x", "client_secret": "${env:X}", "allowed_users": ["ada"]}}),
    *(hub(auth={way: keys}, admins=["ada"]) for way, keys in WAYS.items()),
    hub(auth={"github": WAYS["github"] | {"organizations": [], "allowed_users": [], "allow_all": True}}, open=True),
    hub(auth={"in_values": {}}),
    hub(chart="lite", values={"anything": [1, {"goes": None}]}, image="localhost:5000/a/b:1"),
]
WRONG_SHAPES = [
    example(name=None),
    example(name="Pythia"),
    example(nmae="x"),
    example(provider=None),
    example(provider={}),
    example(provider={"bare": {}, "cloud": {"template": "x"}}),
    example(provider={"azure": {}}),
    example(provider={"cloud": {}}),
    example(provider={"bare": {"context": 3}}),
    example(pools=None),
    example(pools={"Core": {"runs": ["core", "users"]}}),
    example(pools={"x" * 41: {"runs": ["core", "users"]}}),
    example(storage={"homes": {"size": "10GB"}}),
    pools(nodes=0),
    pools(nodes="2"),
    pools(nodes={"min": 1}),
    pools(nodes={"min": -1, "max": 2}),
    pools(nodes={"min": 1, "max": 1001}),
    pools(runs=[]),
    pools(runs=["hub"]),
    pools(machine=""),
    pools(label={}),
    pools(labels={"a": []}),
    pools(labels={"a": "b c"}),
    pools(taints=["a=b"]),
    pools(taints=["a=b:NoShedule"]),
    pools(taints=[{"key": "a", "effect": "NoSchedule"}]),
    pools(gpus=-1),
    pools(title=""),
    hub(domain=None),
    hub(domain="hub"),
    hub(auth=None),
    hub(auth={}),
    hub(auth={"shared_password": {}, "github": {"client_id": "x", "client_secret": "y", "allowed_users": ["ada"]}}),
    hub(auth={"github": {"client_id": "x", "client_secret": "y"}}),
    hub(auth={"github": {"client_id": "x", "client_secret": "", "allowed_users": ["ada"]}}),
    *(hub(auth={way: {}}) for way in WAYS if way not in {"shared_password", "native"}),
    hub(auth={"cilogon": WAYS["cilogon"] | {"idps": {}}}),
    hub(auth={"cilogon": WAYS["cilogon"] | {"idps": {"uni.edu": {"username_claim": "email", "allow_all": True}}}}),
    hub(auth={"google": WAYS["google"] | {"allow_all": False, "groups": {}}}),
    hub(auth={"globus": WAYS["globus"] | {"allowed_groups": [], "admin_groups": []}}),
    hub(auth={"generic_oauth": WAYS["generic_oauth"] | {"token_url": "http://id.uni.edu/token"}}),
    hub(auth={"lti": WAYS["lti"] | {"client_ids": []}}),
    hub(auth={"native": {"minimum_password_length": 4}}),
    hub(open="yes"),
    hub(kind="binder"),
    hub(culling={"idle": 1}),
    hub(values=[]),
    hub(values_files=[1]),
]


def test_the_schema_is_one_of_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("file", RIGHT)
def test_what_loading_takes_the_schema_takes(tmp_path: Path, file: dict[str, Any]) -> None:
    assert problems(tmp_path, file) == []
    VALIDATOR.validate(file)


@pytest.mark.parametrize("file", WRONG_SHAPES)
def test_a_shape_that_loading_refuses_the_schema_refuses(tmp_path: Path, file: dict[str, Any]) -> None:
    assert problems(tmp_path, file)
    assert not VALIDATOR.is_valid(file)


def every_path(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in entries for found in every_path(value, (*path, key)))]


def with_value(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = dict(tree) if isinstance(tree, dict) else list(tree)
    changed[path[0]] = with_value(tree[path[0]], path[1:], value)
    return changed


VALUES = st.sampled_from([None, True, 0, 1, 2.5, "", "x", "a b", "1Gi", "a.b", [], ["x"], ["users"], {}, {"x": 1}])


@given(st.sampled_from(every_path(example())[1:]), VALUES)
def test_what_the_schema_refuses_loading_refuses(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], value: Any
) -> None:
    file = with_value(example(), path, value)
    if not VALIDATOR.is_valid(file):
        assert problems(tmp_path_factory.mktemp("file"), file)


def models(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("the file", schema), *schema["$defs"].items()]


def test_every_key_says_what_it_is_for() -> None:
    silent = [
        f"{name}.{key}"
        for name, model in models(json_schema({}))
        for key, about in model.get("properties", {}).items()
        if not (about.get("description") or "$ref" in about)
    ]
    assert silent == []


def test_providers_with_settings_of_the_same_name_do_not_mix() -> None:
    def settings(key: str) -> type[BaseModel]:
        return type("Settings", (BaseModel,), {"__annotations__": {key: int}, "__module__": key})

    validator = jsonschema_rs.Draft202012Validator(json_schema({"a": settings("x"), "b": settings("y")}))
    assert validator.is_valid(example(provider={"a": {"x": 1}}))
    assert validator.is_valid(example(provider={"b": {"y": 1}}))
    assert not validator.is_valid(example(provider={"b": {"x": 1}}))


FLEET = jsonschema_rs.Draft202012Validator(json_schema(PROVIDERS, Of.FLEET))
MEMBER = jsonschema_rs.Draft202012Validator(json_schema(PROVIDERS, Of.MEMBER))


def fleet(cluster: Any, hub: Any) -> dict[str, Any]:
    return {"clusters": ["*/cluster.yaml"], "rings": ["a"], "defaults": {"cluster": cluster, "hub": hub}}


@pytest.mark.parametrize("whole", RIGHT)
def test_whatever_a_cluster_file_says_may_also_be_said_as_a_default(whole: dict[str, Any]) -> None:
    shared = {key: value for key, value in whole.items() if key not in {"name", "hubs"}}
    assert MEMBER.is_valid(whole)
    for one in ({}, *whole.get("hubs", {}).values()):
        assert FLEET.is_valid(fleet(shared, one))


def test_a_default_may_be_a_part_that_something_else_completes() -> None:
    hub = {"auth": {"github": {"client_id": "x"}}, "culling": {"idle": 600}}
    assert FLEET.is_valid(fleet({"provider": {"cloud": {"cloud": "js2"}, "bare": {}}}, hub))
    assert MEMBER.is_valid({"name": "a", "hubs": {"one": {"domain": "a.example.org"}}, "defaults": {"hub": hub}})
    assert VALIDATOR.is_valid(example(defaults={"hub": hub}))


@pytest.mark.parametrize(
    ("cluster", "hub"),
    [({"name": "x"}, {}), ({"hubs": {}}, {}), ({}, {"imag": "x"}), ({}, {"culling": {"idle": 1}}),
     ({"provider": {"cloud": {"x": 1}}}, {}), ({"storage": {"homes": {"size": "big"}}}, {})],
)  # fmt: skip
def test_a_default_that_would_be_wrong_anywhere_is_wrong(cluster: Any, hub: Any) -> None:
    assert not FLEET.is_valid(fleet(cluster, hub))
