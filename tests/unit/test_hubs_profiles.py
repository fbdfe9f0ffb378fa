"""Which machines users are offered, and what makes their servers land there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release, releases
from hubfleet.plan.infrastructure import PoolWork, absent
from hubfleet.plan.steps import Action, Step
from tests.unit.hub_files import LABEL, TWO_POOLS, describe, load
from tests.unit.magnum_files import described
from tests.unit.magnum_files import load as load_magnum

USER = {"machine": "m3.large", "nodes": {"min": 1, "max": 5}}
GPU = {"machine": "g3.medium", "nodes": {"min": 0, "max": 2}, "taints": ["gpu=true:NoSchedule"], "gpus": 1}
POOLS = {"core": TWO_POOLS["core"], "gpu": GPU, "user": USER}
TOLERATES = {"key": "gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}


def release(folder: Path, *gone: str, description: dict[str, Any] | None = None, **file: Any) -> Release:
    cluster = load(folder, **{"pools": POOLS} | file)
    found = releases(cluster, describe(cluster, **(description or {})), frozenset(gone))
    (hub,) = (one for one in found if one.hub)
    return hub


def servers(folder: Path, *gone: str, **file: Any) -> dict[str, Any]:
    return dict(release(folder, *gone, **file).values["singleuser"])


def test_each_pool_is_a_profile_that_selects_its_nodes_and_the_one_that_is_always_there_is_the_default(
    tmp_path: Path,
) -> None:
    gpu, user = servers(tmp_path)["profileList"]
    assert (gpu["slug"], gpu["display_name"], gpu["description"]) == ("gpu", "gpu (g3.medium)", "1 GPU")
    assert (user["slug"], user["display_name"]) == ("user", "user (m3.large)")
    assert ("default" in gpu, user["default"]) == (False, True)
    assert user["kubespawner_override"] == {"node_selector": {LABEL: "user"}}
    override = gpu["kubespawner_override"]
    assert (override["node_selector"], override["extra_resource_limits"]) == ({LABEL: "gpu"}, {"nvidia.com/gpu": "1"})
    assert override["tolerations"][-1] == TOLERATES


def test_only_servers_of_a_tainted_pool_tolerate_its_taints_and_image_pullers_do(tmp_path: Path) -> None:
    values = release(tmp_path).values
    assert "extraTolerations" not in values["singleuser"]
    assert values["prePuller"]["extraTolerations"] == [TOLERATES]


def test_tolerations_of_the_hubs_own_values_are_in_every_profile(tmp_path: Path) -> None:
    own = [{"key": "mine", "operator": "Exists"}]
    gpu, _ = servers(tmp_path, values={"singleuser": {"extraTolerations": own}})["profileList"]
    assert gpu["kubespawner_override"]["tolerations"][-2:] == [*own, TOLERATES]


def test_a_pool_that_is_not_there_is_not_offered_and_with_one_left_nobody_has_to_choose(tmp_path: Path) -> None:
    found = servers(tmp_path, "gpu")
    assert "profileList" not in found
    assert found["nodeSelector"] == {LABEL: "user"}
    assert "extraTolerations" not in found


def test_where_no_pool_is_there_all_are_offered(tmp_path: Path) -> None:
    assert len(servers(tmp_path, "gpu", "user")["profileList"]) == 2


def test_the_only_pool_gives_its_gpus_and_tolerations_to_every_server(tmp_path: Path) -> None:
    found = servers(tmp_path, pools={"core": TWO_POOLS["core"], "gpu": GPU}, chart="lite")
    assert "profileList" not in found
    assert found["extraResource"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert found["extraTolerations"] == [TOLERATES]


def test_users_read_what_the_file_says_of_a_machine(tmp_path: Path) -> None:
    pools = POOLS | {"gpu": GPU | {"title": "Large GPU", "about": "an A100, for courses"}}
    gpu, _ = servers(tmp_path, pools=pools)["profileList"]
    assert (gpu["display_name"], gpu["description"]) == ("Large GPU", "an A100, for courses")


def test_profiles_of_the_hubs_own_values_win(tmp_path: Path) -> None:
    own = [{"display_name": "mine"}]
    assert servers(tmp_path, values={"singleuser": {"profileList": own}})["profileList"] == own


def test_pools_that_are_not_told_apart_are_no_profiles(tmp_path: Path) -> None:
    assert "profileList" not in servers(tmp_path, pools=TWO_POOLS | {"other": USER}, description={"placement": {}})


def test_core_pods_tolerate_the_core_pools_taints(tmp_path: Path) -> None:
    values = release(tmp_path, pools=POOLS | {"core": {"runs": ["core"], "taints": ["gpu=true:NoSchedule"]}}).values
    for pod in (
        values["hub"],
        values["proxy"]["chp"],
        values["proxy"]["traefik"],
        values["scheduling"]["userScheduler"],
        values["prePuller"]["hook"],
    ):
        assert pod["tolerations"] == [TOLERATES]


@pytest.mark.parametrize("action", [Action.KEEP, Action.CREATE, Action.FINISH])
def test_a_pool_is_there_if_a_step_keeps_or_makes_it(tmp_path: Path, action: Action) -> None:
    _, user = described(load_magnum(tmp_path)).every_pool
    made = Step("pool/user", action, "", PoolWork("user", user))
    goes = Step("pool/old", Action.DESTROY, "", PoolWork("old", None))
    assert absent([made, goes], ["user", "gpu", "old"]) == {"gpu", "old"}
    assert absent([Step("cluster", Action.KEEP, "", None)], ["user"]) == frozenset()
