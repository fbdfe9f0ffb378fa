from typing import Any

from hubfleet_sandbox.machine_room import flavors
from hubfleet_sandbox.machine_room.autoscaler import Options, options


def deployment(*arguments: str, replicas: int = 1) -> dict[str, Any]:
    return {"spec": {"replicas": replicas, "template": {"spec": {"containers": [{"args": list(arguments)}]}}}}


WHERE = "--node-group-auto-discovery=clusterapi:namespace=magnum-p1,clusterName=pythia-abc"


def test_a_deployment_says_for_which_cluster_and_how_fast() -> None:
    found = options(deployment(WHERE, "--new-pod-scale-up-delay=2s", "--scale-down-unneeded-time=1m30s"))
    assert found == Options("magnum-p1", "pythia-abc", 2.0, 90.0)


def test_what_it_does_not_say_is_as_the_real_program_has_it() -> None:
    assert options(deployment(WHERE)) == Options("magnum-p1", "pythia-abc", 0.0, 600.0)


def test_without_a_deployment_or_with_one_that_rests_nothing_is_done() -> None:
    assert options(None) is None
    assert options(deployment(WHERE, replicas=0)) is None


def test_a_flavor_offers_its_cores_and_memory_and_a_gpu_if_its_name_says_so() -> None:
    assert flavors.offered({"name": "m3.quad", "vcpus": 4, "ram": 15360}) == {"cpu": "4", "memory": "15360Mi"}
    with_gpu = flavors.offered({"name": "g3.small", "vcpus": 4, "ram": 15360})
    assert flavors.devices(with_gpu) == {"nvidia.com/gpu": "1"}
