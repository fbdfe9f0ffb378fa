from dataclasses import replace
from typing import Any

from hubfleet_sandbox.machine_room import fitting, scaling
from hubfleet_sandbox.machine_room.fitting import Shape
from hubfleet_sandbox.machine_room.scaling import Group, Growth, Node

POOL = "capi.stackhpc.com/node-group"


def pods(count: int, cpu: str = "2", pool: str = "") -> list[dict[str, Any]]:
    spec: dict[str, Any] = {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]}
    if pool:
        spec["nodeSelector"] = {POOL: pool}
    return [{"metadata": {"namespace": "n", "name": f"p{number}"}, "spec": spec} for number in range(count)]


def shape(pool: str, cpu: str = "4") -> Shape:
    return Shape({POOL: pool}, (), fitting.resources({"cpu": cpu, "memory": "15Gi", "pods": "110"}))


def group(pool: str = "user", size: int = 1, most: int = 5, coming: int = 0, cpu: str = "4") -> Group:
    return Group(pool, 1, most, size, coming, shape(pool, cpu))


def test_nothing_waits_and_nothing_grows() -> None:
    assert scaling.grow([], [group()]) == Growth()


def test_a_group_grows_by_as_many_nodes_as_the_pods_fill() -> None:
    growth = scaling.grow(pods(5), [group()])
    assert growth.sizes == {"user": 4}
    assert set(growth.chosen.values()) == {"user"}
    assert not growth.refused


def test_it_grows_to_its_maximum_and_the_rest_is_told_why() -> None:
    growth = scaling.grow(pods(5), [group(most=2)])
    assert growth.sizes == {"user": 2}
    assert growth.refused == dict.fromkeys(("n/p2", "n/p3", "n/p4"), "1 max node group size reached")


def test_nodes_that_are_coming_already_are_waited_for() -> None:
    assert scaling.grow(pods(2), [group(size=2, coming=1)]) == Growth()
    assert scaling.grow(pods(3), [group(size=2, coming=1)]).sizes == {"user": 3}


def test_a_node_that_has_room_is_left_to_the_scheduler() -> None:
    there = Node(shape("user"), shape("user").capacity)
    assert scaling.grow(pods(1), [group()], [there]) == Growth()
    assert there.free == shape("user").capacity


def apart(pods: list[dict[str, Any]], where: str = "kubernetes.io/hostname") -> list[dict[str, Any]]:
    """The same, but no two of them share a node (or whatever `where` names)."""
    term = {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": where}
    anti = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    return [{"metadata": pod["metadata"] | {"labels": {"a": "b"}}, "spec": pod["spec"] | anti} for pod in pods]


def test_pods_that_must_not_share_a_node_get_one_each_though_there_is_room() -> None:
    first, second = apart(pods(2, cpu="1m"))
    there = Node(shape("user"), shape("user").capacity, pods=(first,))
    assert scaling.grow([second], [group()], [there]).sizes == {"user": 2}
    assert scaling.grow(apart(pods(2, cpu="1m")), [group()]).sizes == {"user": 3}
    elsewhere = {"metadata": first["metadata"] | {"namespace": "other"}, "spec": {}}
    assert scaling.grow([second], [group()], [replace(there, pods=(elsewhere,))]) == Growth()
    assert scaling.grow(apart([second], "zone"), [group()], [there]) == Growth()


def test_only_a_group_that_the_pod_may_go_to_grows() -> None:
    growth = scaling.grow(pods(1, pool="gpu"), [group("user"), group("gpu")])
    assert growth.sizes == {"gpu": 2}
    nowhere = scaling.grow(pods(1, pool="other"), [group("user"), group("gpu")])
    assert nowhere == Growth(refused={"n/p0": "2 node(s) didn't match Pod's node affinity/selector"})


def test_of_two_groups_the_one_whose_node_is_used_best_grows() -> None:
    assert scaling.grow(pods(1), [group("large", cpu="16"), group("small")]).sizes == {"small": 2}
    assert scaling.grow(pods(1, cpu="8"), [group("large", cpu="16"), group("small")]).sizes == {"large": 2}


def test_a_full_group_leaves_its_pods_to_another() -> None:
    assert scaling.grow(pods(1), [group("large", cpu="16"), group("small", most=1)]).sizes == {"large": 2}


def test_a_pod_that_no_machine_has_room_for_makes_nothing_grow() -> None:
    assert scaling.grow(pods(1, cpu="5"), [group()]) == Growth(refused={"n/p0": "1 Insufficient cpu"})


def test_nodes_that_have_long_been_idle_go_down_to_the_minimum_the_longest_first() -> None:
    idle = {"user": {"a": 20.0, "b": 40.0, "c": 30.0, "d": 5.0}}
    assert scaling.shrink([group(size=3)], idle, 15) == [("user", "b"), ("user", "c")]
    assert scaling.shrink([replace(group(size=3), least=2)], idle, 15) == [("user", "b")]
    assert scaling.shrink([group(size=1)], idle, 15) == []


def test_no_node_goes_while_another_of_the_group_comes() -> None:
    assert scaling.shrink([group(size=3, coming=1)], {"user": {"a": 20.0}}, 15) == []


def test_pods_of_daemon_sets_and_those_that_ended_do_not_keep_a_node() -> None:
    (one,) = pods(1)
    assert scaling.busy(one)
    assert not scaling.busy({**one, "status": {"phase": "Succeeded"}})
    owned = {**one["metadata"], "ownerReferences": [{"kind": "DaemonSet"}]}
    assert not scaling.busy({**one, "metadata": owned})
