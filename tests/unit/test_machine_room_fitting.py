from decimal import Decimal
from typing import Any

import pytest

from hubfleet_sandbox.machine_room import fitting
from hubfleet_sandbox.machine_room.fitting import Shape

POOL = "capi.stackhpc.com/node-group"
TAINT = {"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}


def pod(cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:
    container = {"resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {"metadata": {"namespace": "n", "name": "p"}, "spec": {"containers": [container], **spec}}


def shape(*taints: dict[str, str], cpu: str = "4", memory: str = "15Gi", **more: str) -> Shape:
    capacity = fitting.resources({"cpu": cpu, "memory": memory, "pods": "110", **more})
    return Shape({POOL: "user", "cores": "4"}, taints, capacity)


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def test_a_pod_fits_a_node_that_has_room() -> None:
    assert fitting.refusal(pod(), shape()) == ""


@pytest.mark.parametrize(
    ("wanted", "reason"), [({"cpu": "4500m"}, "Insufficient cpu"), ({"memory": "16Gi"}, "Insufficient memory")]
)
def test_a_pod_that_is_too_large_does_not(wanted: dict[str, str], reason: str) -> None:
    assert fitting.refusal(pod(**wanted), shape()) == reason


def test_what_others_use_is_not_free() -> None:
    free = fitting.after(shape().capacity, pod(cpu="3500m"))
    assert fitting.refusal(pod(), shape(), free) == "Insufficient cpu"
    assert free["pods"] == 109


def test_a_gpu_is_to_be_had_only_where_there_is_one() -> None:
    wants = pod()
    wants["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": 1}
    assert fitting.refusal(wants, shape()) == "Insufficient nvidia.com/gpu"
    assert fitting.refusal(wants, shape(**{"nvidia.com/gpu": "1"})) == ""


def test_containers_count_together_and_an_init_container_when_it_is_larger() -> None:
    large = pod(cpu="1")
    large["spec"]["containers"] *= 2
    large["spec"]["initContainers"] = [{"resources": {"requests": {"cpu": "1500m", "memory": "4Gi"}}}]
    assert fitting.requests(large) == {"pods": 1, "cpu": 2, "memory": Decimal(4 * 2**30)}


def test_a_node_selector_must_match() -> None:
    assert fitting.refusal(pod(nodeSelector={POOL: "user"}), shape()) == ""
    assert "affinity/selector" in fitting.refusal(pod(nodeSelector={POOL: "gpu"}), shape())


@pytest.mark.parametrize(
    ("operator", "key", "values", "fits"),
    [
        ("In", POOL, ["user", "gpu"], True),
        ("In", POOL, ["gpu"], False),
        ("NotIn", POOL, ["gpu"], True),
        ("NotIn", "other", ["gpu"], True),
        ("Exists", POOL, None, True),
        ("Exists", "other", None, False),
        ("DoesNotExist", "other", None, True),
        ("DoesNotExist", POOL, None, False),
        ("Gt", "cores", ["2"], True),
        ("Gt", "cores", ["4"], False),
        ("Lt", "cores", ["8"], True),
        ("Lt", "other", ["8"], False),
    ],
)
def test_required_affinity_must_hold(operator: str, key: str, values: list[str] | None, fits: bool) -> None:
    term = {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}
    assert (fitting.refusal(pod(affinity=affinity(term)), shape()) == "") is fits


def test_one_of_several_terms_is_enough_and_a_certain_node_is_never_a_new_one() -> None:
    no, yes = ({"matchExpressions": [{"key": POOL, "operator": "In", "values": [name]}]} for name in ("gpu", "user"))
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
    assert fitting.refusal(pod(affinity=affinity(no, yes)), shape()) == ""
    assert fitting.refusal(pod(affinity=affinity(no, named)), shape()) != ""


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": TAINT["key"], "operator": "Equal", "value": "user", "effect": "NoSchedule"}, True),
        ({"key": TAINT["key"], "value": "core"}, False),
        ({"key": TAINT["key"], "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": TAINT["key"], "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_taints_keep_pods_away_that_do_not_tolerate_them(toleration: dict[str, str], fits: bool) -> None:
    assert (fitting.refusal(pod(tolerations=[toleration]), shape(TAINT)) == "") is fits


def test_a_taint_that_is_only_a_preference_keeps_nothing_away() -> None:
    assert fitting.refusal(pod(), shape({**TAINT, "effect": "PreferNoSchedule"})) == ""
    assert fitting.refusal(pod(), shape(TAINT)) == "node(s) had untolerated taint {hub.jupyter.org/dedicated: user}"
