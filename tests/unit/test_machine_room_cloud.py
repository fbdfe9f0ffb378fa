"""What the machine room keeps in the cloud, and what goes with a cluster."""

from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.machine_room import cluster_network, control_plane_servers, janitor, security_groups, servers
from hubfleet_sandbox.machine_room.neutron import Neutron
from hubfleet_sandbox.machine_room.servers import FailedError, RefusedError, Server

from .openstack_fake import FakeCloud

RESOURCE = "magnum-p1-pythia"
OWN: dict[str, Any] = {"managedSubnets": [{"cidr": "10.0.0.0/24"}], "externalNetwork": {"id": "public"}}
USERS: dict[str, Any] = {"network": {"id": "net-users"}, "subnets": [{"id": "sub-users"}]}
SERVER = Server("pythia-user-1", "m3.quad", "image", "deploy", "net-users", ("sub-users",), (), "made for pythia")


def test_a_floating_ip_is_claimed_once_and_released() -> None:
    cloud = FakeCloud()
    for _ in range(2):
        assert cluster_network.claim_address(Neutron(cloud), "public", RESOURCE) == "203.0.113.5"
    found = list(cloud.neutron["floatingips"].values())
    assert [ip["description"] for ip in found] == [f"Created by cluster-api-provider-openstack cluster {RESOURCE}"]
    for _ in range(2):
        cluster_network.release_address(Neutron(cloud), RESOURCE)
        assert not cloud.neutron["floatingips"]


def test_a_cluster_without_a_network_gets_one_of_its_own_and_takes_it_away() -> None:
    cloud = FakeCloud()
    for _ in range(2):
        made = cluster_network.claim(Neutron(cloud), OWN, RESOURCE)
    assert made["name"] == f"k8s-clusterapi-cluster-{RESOURCE}"
    assert [subnet["cidr"] for subnet in made["subnets"]] == ["10.0.0.0/24"]
    assert len(cloud.neutron["routers"]) == len(cloud.neutron["ports"]) == 1
    cluster_network.release(Neutron(cloud), OWN, RESOURCE)
    assert cloud.names("networks") == ["auto_allocated_network"]
    assert not cloud.neutron["routers"]
    assert not cloud.neutron["ports"]


def test_the_projects_network_is_used_and_left() -> None:
    cloud = FakeCloud()
    made = cluster_network.claim(Neutron(cloud), USERS, RESOURCE)
    cluster_network.release(Neutron(cloud), USERS, RESOURCE)
    assert made["id"] == "net-users"
    assert [subnet["id"] for subnet in made["subnets"]] == ["sub-users"]
    assert cloud.asked == []


def test_a_cluster_has_two_security_groups_whose_rules_are_made_once() -> None:
    cloud = FakeCloud()
    for _ in range(2):
        made = security_groups.claim(Neutron(cloud), RESOURCE, ["10.1.0.0/24"])
    names = [f"k8s-cluster-{RESOURCE}-secgroup-{part}" for part in ("controlplane", "worker")]
    assert cloud.names("security-groups") == names
    assert [made[part]["name"] for part in (security_groups.CONTROL_PLANE, security_groups.WORKER)] == names
    assert len(cloud.neutron["security-group-rules"]) == 3 + 8
    security_groups.release(Neutron(cloud), RESOURCE)
    assert not cloud.neutron["security-groups"]


def test_a_server_comes_with_a_port_and_goes_with_it() -> None:
    cloud = FakeCloud()
    for _ in range(2):
        servers.claim(cloud, SERVER)
    assert [server["name"] for server in cloud.servers.values()] == ["pythia-user-1"]
    assert cloud.names("ports") == ["pythia-user-1-0"]
    for _ in range(2):
        servers.release(cloud, SERVER.name)
    assert not cloud.servers
    assert not cloud.neutron["ports"]


def test_a_server_that_is_refused_is_told_in_novas_words_and_made_when_there_is_room() -> None:
    cloud = FakeCloud()
    cloud.quota = 2
    with pytest.raises(RefusedError) as refused:
        servers.claim(cloud, SERVER)
    words = "Quota exceeded for cores: Requested 4, but already used 0 of 2 cores"
    assert servers.reason(refused.value) == ("InstanceCreateFailed", f"error creating Openstack instance: {words}")
    cloud.quota = 4
    servers.claim(cloud, SERVER)
    assert cloud.names("ports") == ["pythia-user-1-0"]


def test_a_server_in_error_is_not_made_again_and_told_with_its_fault() -> None:
    cloud = FakeCloud()
    cloud.no_room = {"m3.quad"}
    for _ in range(2):
        with pytest.raises(FailedError) as failed:
            servers.claim(cloud, SERVER)
    assert servers.reason(failed.value)[0] == "InstanceStateError"
    assert "No valid host was found." in servers.reason(failed.value)[1]
    assert len(cloud.servers) == 1


def test_a_control_planes_servers_are_named_by_what_they_are_for() -> None:
    def plane(**spec: object) -> list[str]:
        return control_plane_servers.names({"metadata": {"name": "c-control-plane", "uid": "u"}, "spec": spec})

    assert len(set(plane(replicas=3, version="v1.33.1"))) == 3
    assert plane(replicas=1, version="v1.33.1") == plane(replicas=3, version="v1.33.1")[:1]
    assert not set(plane(replicas=3, version="v1.33.1")) & set(plane(replicas=3, version="v1.34.1"))


def test_the_janitor_deletes_the_clusters_volumes_but_those_to_keep(tmp_path: Path) -> None:
    mine = {"cinder.csi.openstack.org/cluster": "pythia"}
    cloud = FakeCloud(
        {"a": mine, "kept": {**mine, janitor.KEEP: "true"}, "other": {"cinder.csi.openstack.org/cluster": "x"}}
    )
    for name in ("a", "kept"):
        (tmp_path / name).mkdir()
    cloud.status["kept"] = "in-use"
    janitor.clean(cloud, "pythia", tmp_path)
    assert set(cloud.volumes) == {"kept", "other"}
    assert cloud.status["kept"] == "available", "the server that had it is gone"
    assert {path.name for path in tmp_path.iterdir()} == {"kept"}


def test_what_somebody_else_deleted_first_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = FakeCloud({"a": {"cinder.csi.openstack.org/cluster": "pythia"}})
    listed = cloud.request("block-storage", "GET", "/volumes/detail")
    cloud.volumes.clear()
    ask = cloud.request
    monkeypatch.setattr(cloud, "request", lambda *args: listed if args[1] == "GET" else ask(*args))
    janitor.clean(cloud, "pythia", tmp_path)
