from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.kubernetes.access import ClusterAccess
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.nodes import addresses
from hubfleet_sandbox.processes import Process
from tests.unit.sandbox_kubernetes_fake import FakeCloud, FakeKubernetes

SERVICES = "/api/v1/namespaces/hub/services"


class Machines:
    """Which machines run (number -> process), and which address each answers for."""

    def __init__(self) -> None:
        self.processes = {1: 101, 2: 102}
        self.answers: dict[str, int] = {}

    def machine(self, layout: Layout, number: int) -> Any:
        return FakeMachine(self, number)


class FakeMachine:
    def __init__(self, machines: Machines, number: int) -> None:
        self.machines, self.number = machines, number

    @property
    def running(self) -> Process | None:
        pid = self.machines.processes.get(self.number)
        return Process("machine", pid, 1) if pid else None

    def run(self, argv: list[str]) -> str:
        match argv:
            case ["ip", "address", "replace", address, "dev", "eth0"]:
                self.machines.answers[address] = self.number
            case ["ip", "address", "delete", address, "dev", "eth0"]:
                assert self.machines.answers.pop(address) == self.number
            case _:
                raise AssertionError(argv)
        return ""


class World:
    """A cluster with two nodes, a fake Kubernetes and a fake cloud."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud | None, cluster: str) -> None:
        self.kubernetes, self.cloud, self.now, self.machines = FakeKubernetes(), cloud, 100.0, Machines()
        monkeypatch.setattr(addresses, "Client", lambda _: self.kubernetes)
        monkeypatch.setattr(addresses, "Machine", self.machines.machine)
        monkeypatch.setattr(addresses.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(addresses.network, "forget", lambda *_: None)
        layout, real = Layout(folder, folder, 0, 25000), cloud  # type: Layout, Any
        self.addresses = addresses.Addresses(layout, ClusterAccess(cluster, 0, folder / "kubeconfig"), real)
        for number in (1, 2):
            self.node(number)

    def node(self, number: int, ready: str = "True") -> None:
        status = {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": f"172.30.0.{10 + number}"}],
        }
        self.kubernetes.put(f"/api/v1/nodes/n{number}", {"metadata": {"name": f"n{number}"}, "status": status})

    def service(self, name: str = "proxy-public", kind: str = "LoadBalancer") -> None:
        metadata = {"name": name, "namespace": "hub", "uid": f"uid-{name}"}
        self.kubernetes.put(f"{SERVICES}/{name}", {"metadata": metadata, "spec": {"type": kind}})

    def address(self, name: str = "proxy-public") -> str | None:
        return addresses.ingress(self.kubernetes.objects[f"{SERVICES}/{name}"])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, FakeCloud(), "pythia")


def test_a_service_gets_an_address_that_a_node_answers_for_and_a_floating_ip(world: World) -> None:
    world.service()
    world.addresses.step()
    assert world.cloud
    (floating_ip,) = world.cloud.floating_ips.values()
    assert (
        floating_ip["description"] == "Floating IP for Kubernetes external service hub/proxy-public from cluster pythia"
    )
    assert world.address() == floating_ip["floating_ip_address"]
    assert world.machines.answers == {f"{world.address()}/32": 1}


def test_a_service_of_another_type_gets_nothing(world: World) -> None:
    world.service(kind="ClusterIP")
    world.addresses.step()
    assert world.cloud
    assert (world.address(), world.cloud.floating_ips) == (None, {})


def test_without_neutron_there_are_addresses_and_no_floating_ips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, monkeypatch, None, "pythia")
    world.service("one")
    world.service("two")
    world.addresses.step()
    assert {world.address("one"), world.address("two")} == {"172.30.0.100", "172.30.0.101"}


def test_two_clusters_never_share_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = [World(tmp_path, monkeypatch, None, name) for name in ("pythia", "delphi")]
    for world in worlds:
        world.service()
        world.addresses.step()
    assert worlds[0].address() != worlds[1].address()


def test_another_node_answers_when_the_first_is_gone(world: World) -> None:
    world.service()
    world.addresses.step()
    before = world.address()
    del world.machines.processes[1]
    world.machines.answers.clear()
    world.addresses.step()
    assert world.machines.answers == {f"{before}/32": 2}
    assert world.address() == before


def test_a_node_that_is_not_ready_hands_over(world: World) -> None:
    world.service()
    world.addresses.step()
    world.node(1, ready="Unknown")
    world.addresses.step()
    assert world.machines.answers == {f"{world.address()}/32": 2}


def test_a_machine_that_was_started_anew_answers_again(world: World) -> None:
    world.service()
    world.addresses.step()
    world.machines.processes[1] = 999
    world.machines.answers.clear()
    world.addresses.step()
    assert world.machines.answers == {f"{world.address()}/32": 1}


def test_all_is_taken_back_when_the_service_goes(world: World) -> None:
    world.service()
    world.addresses.step()
    world.kubernetes.merge(f"{SERVICES}/proxy-public", {"metadata": {"deletionTimestamp": "now"}})
    world.addresses.step()
    assert world.cloud
    assert f"{SERVICES}/proxy-public" not in world.kubernetes.objects, "no finalizer holds it back"
    assert (world.machines.answers, world.cloud.floating_ips) == ({}, {})


def test_a_service_that_becomes_another_type_stays_without_an_address(world: World) -> None:
    world.service()
    world.addresses.step()
    world.kubernetes.merge(f"{SERVICES}/proxy-public", {"spec": {"type": "ClusterIP"}})
    world.addresses.step()
    world.addresses.step()
    assert world.cloud
    assert (world.address(), world.cloud.floating_ips, world.machines.answers) == (None, {}, {})


def test_a_spent_quota_is_told_to_the_user_and_tried_again_later(world: World) -> None:
    assert world.cloud
    world.cloud.refusal = CloudError("POST /floatingips: 409", 409, why="Quota exceeded for resources: ['floatingip']")
    world.service()
    world.addresses.step()
    (event,) = (item for path, item in world.kubernetes.objects.items() if "/events/" in path)
    assert "Quota exceeded" in event["message"]
    assert world.address() is None
    world.cloud.refusal = None
    world.now += 6
    world.addresses.step()
    assert world.address()


def test_a_step_with_nothing_new_writes_nothing(world: World) -> None:
    world.service()
    world.addresses.step()
    world.addresses.step()
    writes = world.kubernetes.writes
    world.addresses.step()
    assert world.kubernetes.writes == writes
