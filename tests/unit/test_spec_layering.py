"""Every value of merged layers has an origin, and it is the right one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubfleet import hubs
from hubfleet.spec import How, Layer, merge, origin
from hubfleet.spec.layering import _says
from tests.unit.hub_files import describe, load
from tests.unit.test_spec_merging import MAPS, leaves


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cluster file with a hub that has values of its own and in two files."""
    folder = tmp_path_factory.mktemp("layers")
    (folder / "common.yaml").write_text("singleuser:\n  startTimeout: 60\n  memory: {limit: 1G}\nhub:\n  extra: [1]\n")
    (folder / "own.yaml").write_text("singleuser:\n  memory: {limit: 2G}\n")
    return load(
        folder,
        values={"singleuser": {"startTimeout": 90}, "cull": {"every": 30}, "hub": {"extra": None}},
        values_files=["common.yaml", "own.yaml"],
        culling={"idle": 7200},
        admins=["ada"],
    )


def of(file: Any, *path: str | int) -> Any:
    return origin(file, hubs.layers(file, describe(file), "main"), path)


def test_the_last_that_sets_a_key_is_its_origin(file: Any) -> None:
    own = of(file, "singleuser", "startTimeout")
    assert (own.how, own.key) == (How.SET, "hubs.main.values.singleuser.startTimeout")
    limit = of(file, "singleuser", "memory", "limit")
    assert (limit.position.file.name, limit.position.line) == ("own.yaml", 2)
    assert str(limit).endswith("own.yaml:2")


def test_a_null_is_an_origin_too_and_so_is_the_list_above_an_item(file: Any) -> None:
    assert of(file, "hub", "extra", 0).key == "hubs.main.values.hub.extra[0]"
    assert of(file, "hub", "extra").position == file.position("hubs", "main", "values", "hub", "extra")


def test_what_hubfleet_computes_comes_from_the_key_that_it_is_computed_from(file: Any) -> None:
    idle, config = of(file, "cull", "timeout"), of(file, "hub", "config", "JupyterHub", "authenticator_class")
    assert (idle.how, idle.key) == (How.COMPUTED, "hubs.main.culling.idle")
    assert (config.how, config.key) == (How.COMPUTED, "hubs.main.auth")
    assert of(file, "hub", "config", "Authenticator", "admin_users").key == "hubs.main.admins"
    assert of(file, "singleuser", "nodeSelector").key == "pools"


def test_of_a_default_the_key_that_would_change_it_is_told(file: Any) -> None:
    culls = of(file, "cull", "enabled")
    assert (culls.how, str(culls)) == (How.DEFAULT, "default of hubs.main.culling.enabled")
    assert culls.position == file.position("hubs", "main", "culling")
    homes = of(file, "singleuser", "storage", "capacity")
    assert (homes.how, homes.key) == (How.COMPUTED, "storage.homes.size")


def test_of_a_key_that_nobody_sets_there_is_no_origin(file: Any) -> None:
    with pytest.raises(LookupError):
        of(file, "singleuser", "nothing")


def test_every_value_of_a_hub_has_an_origin(file: Any) -> None:
    layers = hubs.layers(file, describe(file), "main")
    for path in leaves(merge(*(layer.values for layer in layers))):
        assert origin(file, layers, path).key


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MAPS, min_size=1, max_size=4))
def test_origins_are_complete_and_true(file: Any, trees: list[dict[str, Any]]) -> None:
    layers = [Layer(tree, at=("values", index)) for index, tree in enumerate(trees)]
    for path, value in leaves(merge(*trees)).items():
        index = int(origin(file, layers, path).key.partition("[")[2].partition("]")[0])
        assert leaves(trees[index])[path] == value
        assert not any(_says(tree, path) for tree in trees[index + 1 :])
