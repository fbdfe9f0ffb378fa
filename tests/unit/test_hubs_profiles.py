"""Which machines users are offered, and what makes their servers land there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release, layers, releases, schemas
from hubfleet.hubs.sizes import Seat, seat
from hubfleet.plan.infrastructure import PoolWork, absent
from hubfleet.plan.steps import Action, Step
from hubfleet.provider import Traits
from hubfleet.providers.jetstream2 import MACHINES
from hubfleet.spec import InvalidFiles, Pool, merged, origin
from hubfleet.spec.models import Size
from tests.unit.cluster_files import hub as hub_file
from tests.unit.cluster_files import problems
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


def test_only_servers_of_a_tainted_pool_tolerate_its_taints_and_image_pullers_where_it_always_is(
    tmp_path: Path,
) -> None:
    values = release(tmp_path).values
    assert "extraTolerations" not in values["singleuser"]
    assert "extraTolerations" not in values["prePuller"]
    always = POOLS | {"gpu": GPU | {"nodes": 1}}
    assert release(tmp_path, pools=always).values["prePuller"]["extraTolerations"] == [TOLERATES]


@pytest.mark.parametrize(
    ("nodes", "before_an_upgrade", "on_new_nodes"),
    [(2, True, True), ({"min": 1, "max": 3}, False, True), ({"min": 0, "max": 3}, False, False)],
)
def test_images_are_fetched_in_advance_where_nobody_waits_for_it(
    tmp_path: Path, nodes: Any, before_an_upgrade: bool, on_new_nodes: bool
) -> None:
    pools = TWO_POOLS | {"user": {"machine": "m", "nodes": nodes}}
    puller = release(tmp_path, pools=pools).values["prePuller"]
    assert puller["hook"]["enabled"] is before_an_upgrade
    assert puller["continuous"]["enabled"] is on_new_nodes
    kept = release(tmp_path, pools=pools, placeholders={"seats": 1}).values["prePuller"]
    assert kept["continuous"]["enabled"]


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


LARGE = {"cores": 16, "memory": "60Gi"}
SIZED = {
    "core": TWO_POOLS["core"],
    "user": USER | {"size": LARGE},
    "gpu": GPU | {"size": {"cores": 8, "memory": "30Gi"}},
}
SMALL = {"title": "Small", "seats": 16}
BIG = {"title": "Big", "seats": 2, "about": "for fits"}
IMAGES = [{"title": "Python", "image": "quay.io/a/py:1"}, {"title": "R and RStudio", "image": "quay.io/a/r:2"}]


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize("seats", [1, 2, 3, 10, 16, 40])
def test_as_many_servers_as_wanted_fill_a_node_and_one_more_does_not_fit(machine: str, seats: int) -> None:
    found = seat(Pool(machine=machine), Traits(1, None, machines=MACHINES), seats)
    assert found is not None
    node = int(MACHINES[machine].memory[:-2]) * 1024
    allocatable = node - node // 64 - 300
    assert found.memory * seats + 512 <= allocatable
    assert found.cpu * seats <= MACHINES[machine].cores - 0.5
    if found.memory > 1024:
        assert found.memory * (seats + 1) > allocatable


def test_where_the_hub_runs_too_users_get_less() -> None:
    size = Size(cores=4, memory="15Gi")
    both, users = (seat(Pool(size=size, runs=runs), Traits(1, None), 1) for runs in (("core", "users"), ("users",)))
    assert users == Seat(memory=14308, cpu=3.5, cores=4)
    assert both == Seat(memory=12772, cpu=3.5, cores=4)
    assert str(users) == "14.0 GiB of memory, 3.5 to 4 cores"


def test_sizes_are_profiles_with_their_part_of_a_node_and_the_first_is_chosen_already(tmp_path: Path) -> None:
    small, big, gpu = servers(
        tmp_path, pools=SIZED, profiles=[SMALL, BIG, {"title": "GPU", "seats": 1, "pool": "gpu"}]
    )["profileList"]
    assert [one.get("default", False) for one in (small, big, gpu)] == [True, False, False]
    assert small["kubespawner_override"] == {
        "node_selector": {LABEL: "user"},
        "mem_guarantee": "3729M",
        "mem_limit": "3729M",
        "cpu_guarantee": 0.968,
        "cpu_limit": 16,
    }
    assert (small["slug"], small["display_name"]) == ("small", "Small")
    assert small["description"] == "3.6 GiB of memory, 0.97 to 16 cores"
    assert big["description"] == "for fits"
    assert gpu["description"].endswith(", 1 GPU")
    assert gpu["kubespawner_override"]["extra_resource_limits"] == {"nvidia.com/gpu": "1"}
    assert gpu["kubespawner_override"]["tolerations"][-1] == TOLERATES


def test_a_size_on_a_pool_that_is_not_there_is_not_offered(tmp_path: Path) -> None:
    sizes = [SMALL, BIG, {"title": "GPU", "seats": 1, "pool": "gpu"}]
    found = servers(tmp_path, "gpu", pools=SIZED, profiles=sizes)
    assert [one["slug"] for one in found["profileList"]] == ["small", "big"]
    assert found["nodeSelector"] == {LABEL: "user"}


@pytest.mark.parametrize("chart", ["lite", "jupyterhub"])
def test_the_only_size_is_everybodys(tmp_path: Path, chart: str) -> None:
    found = servers(tmp_path, pools=SIZED, profiles=[SMALL], chart=chart)
    assert "profileList" not in found
    assert found["memory"] == {"guarantee": "3729M", "limit": "3729M"}
    assert found["cpu"] == {"guarantee": 0.968, "limit": 16}


def test_images_are_a_choice_in_every_profile_and_the_first_is_what_servers_have(tmp_path: Path) -> None:
    found = servers(tmp_path, pools=SIZED, profiles=[SMALL, BIG], images=IMAGES)
    assert found["image"] == {"name": "quay.io/a/py", "tag": "1"}
    for profile in found["profileList"]:
        assert profile["profile_options"]["image"]["choices"] == {
            "python": {
                "display_name": "Python",
                "default": True,
                "kubespawner_override": {"image": "quay.io/a/py:1"},
            },
            "r-and-rstudio": {"display_name": "R and RStudio", "kubespawner_override": {"image": "quay.io/a/r:2"}},
        }


def test_images_alone_are_a_choice_as_well(tmp_path: Path) -> None:
    found = servers(tmp_path, pools=TWO_POOLS, images=IMAGES)
    (profile,) = found["profileList"]
    assert list(profile["profile_options"]["image"]["choices"]) == ["python", "r-and-rstudio"]


def test_room_is_kept_free_for_servers_of_the_default_size_on_its_pool(tmp_path: Path) -> None:
    gpu = {"title": "GPU", "seats": 1, "pool": "gpu"}
    scheduling = release(tmp_path, pools=SIZED, profiles=[SMALL, gpu], placeholders={"seats": 60}).values["scheduling"]
    assert scheduling["podPriority"] == {"enabled": True}
    assert scheduling["userPlaceholder"] == {
        "enabled": True,
        "replicas": 60,
        "resources": {"requests": {"cpu": 0.968, "memory": "3729Mi"}},
        "extraPodSpec": {"nodeSelector": {LABEL: "user"}},
    }


def test_lite_says_that_it_keeps_no_room(tmp_path: Path) -> None:
    cluster = load(tmp_path, chart="lite", placeholders={"seats": 3})
    (one,) = schemas.check(cluster, describe(cluster)).problems
    assert (one.key, "knows no such key" in one.what) == ("hubs.main.placeholders", True)


def test_servers_are_packed_where_a_pool_can_shrink_and_side_by_side_where_none_can(tmp_path: Path) -> None:
    def packed(**pool: Any) -> bool:
        values = release(tmp_path, pools=TWO_POOLS | {"user": {"machine": "m", **pool}}).values
        return bool(values["scheduling"]["userScheduler"]["enabled"])

    assert packed(nodes={"min": 1, "max": 3})
    assert not packed(nodes=3)


def test_hubs_of_one_cluster_are_left_to_one_scheduler_where_users_wait_for_volumes(tmp_path: Path) -> None:
    def packed(*names: str, **top: Any) -> dict[bool, str]:
        hub = {"auth": {"shared_password": {}}}
        top["hubs"] = {name: {"domain": f"{name}.example.org", **hub} for name in names}
        cluster = load(tmp_path, pools=TWO_POOLS | {"user": USER}, top=top)
        path = ("scheduling", "userScheduler", "enabled")
        found = [layers(cluster, describe(cluster), name) for name in names]
        return {merged(hub)["scheduling"]["userScheduler"]["enabled"]: origin(cluster, hub, path).key for hub in found}

    assert packed("main") == {True: "pools"}
    assert packed("main", "course") == {False: "hubs"}
    assert packed("main", "course", storage={"homes": {"size": "500Gi", "quota": "10Gi"}}) == {True: "pools"}


def test_users_may_have_servers_by_name(tmp_path: Path) -> None:
    hub = release(tmp_path, named_servers=3).values["hub"]
    assert (hub["allowNamedServers"], hub["namedServerLimitPerUser"]) == (True, 3)
    assert "allowNamedServers" not in release(tmp_path).values["hub"]


def test_each_of_these_comes_from_its_key(tmp_path: Path) -> None:
    keys = {"named_servers": 1, "images": IMAGES, "placeholders": {"seats": 1}}
    cluster = load(tmp_path, pools=SIZED, profiles=[SMALL], **keys)
    found = layers(cluster, describe(cluster), "main")
    for path, key in {
        ("hub", "allowNamedServers"): "named_servers",
        ("singleuser", "memory", "limit"): "profiles",
        ("singleuser", "profileList"): "profiles",
        ("singleuser", "image"): "images",
        ("scheduling", "userPlaceholder", "replicas"): "placeholders",
    }.items():
        assert origin(cluster, found, path).key == f"hubs.main.{key}"
    assert origin(cluster, found, ("scheduling", "userScheduler", "enabled")).key == "pools"


@pytest.mark.parametrize(
    ("pool", "seats", "said"),
    [({}, 2, "what a node of the pool user has is not known"), ({"size": LARGE}, 400, "a server would have 149 MiB")],
)
def test_a_size_that_cannot_be_is_told_by_validate_and_by_plan(
    tmp_path: Path, pool: dict[str, Any], seats: int, said: str
) -> None:
    cluster = load(tmp_path, pools=TWO_POOLS | {"user": pool}, profiles=[{"title": "x", "seats": seats}])
    (one,) = schemas.check(cluster, describe(cluster)).problems
    assert (one.key, one.what.startswith(said)) == ("hubs.main.profiles[0].seats", True)
    with pytest.raises(InvalidFiles):
        releases(cluster, describe(cluster))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"profiles": [SMALL | {"pool": "usr"}]}, 'profiles[0].pool: no pool usr runs users — did you mean "user"?'),
        ({"profiles": [SMALL | {"pool": "core"}]}, "profiles[0].pool: no pool core runs users — there is user"),
        ({"profiles": [SMALL, {"title": "small ", "seats": 1}]}, "profiles[1].title: small  comes twice"),
        ({"images": [IMAGES[0], IMAGES[0]]}, "images[1].title: Python comes twice"),
        ({"profiles": [{"title": "x", "seats": 0}]}, "profiles[0].seats: is 0; the least is 1"),
        ({"images": [{"title": "x", "image": "a b"}]}, 'images[0].image: "a b" cannot be used here'),
    ],
)
def test_a_choice_that_is_none_is_told(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    (told,) = problems(tmp_path, hub_file(**keys))
    assert told.startswith(f"hubs.main.{said}")
