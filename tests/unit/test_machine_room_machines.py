from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubfleet_sandbox import settings
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.machine_room.machines import node_labels
from hubfleet_sandbox.settings import Settings

from .machine_room_fake import NAMESPACE, Site, install
from .openstack_fake import FakeCloud


def test_a_node_joins_with_the_labels_of_its_template() -> None:
    arguments = {"node-labels": "capi.stackhpc.com/node-group=user,size=large"}
    joins = {"joinConfiguration": {"nodeRegistration": {"kubeletExtraArgs": arguments}}}
    template = {"spec": {"template": {"spec": joins}}}
    assert node_labels(template) == {"capi.stackhpc.com/node-group": "user", "size": "large"}


def test_a_template_without_labels_gives_none() -> None:
    assert node_labels({"spec": {"template": {"spec": {}}}}) == {}
    assert node_labels(None) == {}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path, monkeypatch)
    made.api.now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return made


def phases(site: Site) -> set[str]:
    return {machine.get("status", {}).get("phase", "") for machine in site.listed(kinds.MACHINE)}


def test_a_node_takes_as_long_to_boot_as_the_sandbox_was_told(site: Site) -> None:
    settings.write(site.layout, Settings(node_boot=3600))
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: phases(site) == {"Provisioning"})
    assert site.nodes == {}
    settings.write(site.layout, Settings(node_boot=0))
    site.settle(lambda: len(site.nodes) == 1)


def test_a_node_that_runs_does_not_boot_again_when_others_are_to_be_slow(site: Site) -> None:
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: phases(site) == {"Running"})
    settings.write(site.layout, Settings(node_boot=3600))
    install(site.api, "pythia", {"user": 1, "more": 1})
    site.settle(lambda: phases(site) == {"Running", "Provisioning"})
    assert len(site.nodes) == 1


def told(site: Site) -> set[tuple[str, str]]:
    """Reason and message of every machine's InfrastructureReady."""
    conditions = [
        one for machine in site.listed(kinds.MACHINE) for one in machine.get("status", {}).get("conditions", [])
    ]
    return {
        (one.get("reason", ""), one.get("message", "")) for one in conditions if one["type"] == "InfrastructureReady"
    }


def test_every_machine_and_the_control_plane_have_a_server_and_all_goes_with_the_cluster(site: Site) -> None:
    site.cloud = FakeCloud()
    install(site.api, "pythia", {"user": 2})
    site.settle(lambda: phases(site) == {"Running"})
    machines = {machine["metadata"]["name"] for machine in site.listed(kinds.MACHINE)}
    servers = {server["name"] for server in site.cloud.servers.values()}
    assert machines < servers
    assert [name[: len("pythia-control-plane")] for name in servers - machines] == ["pythia-control-plane"]
    assert site.cloud.names("ports") == sorted(f"{name}-0" for name in servers)
    site.api.delete(kinds.CLUSTER.path(NAMESPACE, "pythia"))
    site.settle(lambda: not site.listed(kinds.CLUSTER))
    assert not site.cloud.servers
    assert not site.cloud.names("ports")
    assert not site.cloud.names("security-groups")


def test_no_node_boots_without_a_server_and_all_do_when_the_quota_is_raised(site: Site) -> None:
    site.cloud = FakeCloud()
    site.cloud.quota = 4
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: phases(site) == {"Running"})  # else two machines could take all before the control plane
    install(site.api, "pythia", {"user": 2})
    site.settle(lambda: phases(site) == {"Running", "Provisioning"})
    words = "Quota exceeded for cores: Requested 2, but already used 4 of 4 cores"
    site.settle(lambda: ("InstanceCreateFailed", f"error creating Openstack instance: {words}") in told(site))
    assert len(site.nodes) == 1
    site.cloud.quota = 6
    site.settle(lambda: phases(site) == {"Running"})


def test_a_machine_that_was_refused_leaves_nothing_when_it_goes(site: Site) -> None:
    site.cloud = FakeCloud()
    site.cloud.quota = 2
    install(site.api, "pythia", {})
    site.settle(lambda: len(site.cloud.servers) == 1)  # else the machine could take all before the control plane
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: "InstanceCreateFailed" in {reason for reason, _ in told(site)})
    install(site.api, "pythia", {"user": 0})
    site.settle(lambda: not site.listed(kinds.MACHINE))
    assert len(site.cloud.names("ports")) == len(site.cloud.servers) == 1  # the control plane's


def test_a_control_plane_without_a_server_does_not_run(site: Site) -> None:
    site.cloud = FakeCloud()
    site.cloud.quota = 0

    def refused() -> bool:
        conditions = site.read(kinds.CONTROL_PLANE, "pythia-control-plane").get("status", {}).get("conditions", [])
        return "InstanceCreateFailed" in {one.get("reason") for one in conditions}

    install(site.api, "pythia", {})
    site.settle(refused)
    assert site.planes == set()
    site.cloud.quota = 2
    site.settle(lambda: site.planes == {"pythia"})


def test_an_upgraded_control_plane_has_new_servers_and_not_the_old(site: Site) -> None:
    site.cloud = FakeCloud()
    install(site.api, "pythia", {})
    site.settle(lambda: site.planes == {"pythia"})
    before = set(site.cloud.servers)
    install(site.api, "pythia", {}, version="v1.34.1")
    site.settle(lambda: site.cloud is not None and len(site.cloud.servers) == 1 and set(site.cloud.servers) != before)
    assert len(site.cloud.names("ports")) == 1


def test_a_machine_whose_server_failed_is_told_so_and_replaced(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.cloud = FakeCloud()
    install(site.api, "pythia", {})
    site.settle(lambda: site.planes == {"pythia"})
    site.cloud.no_room = {"m3.small"}
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: phases(site) == {"Failed"})
    assert {reason for reason, _ in told(site)} == {"InstanceStateError"}
    assert "No valid host was found" in str(told(site))
    assert site.nodes == {}
    site.cloud.no_room = set()
    monkeypatch.setattr("hubfleet_sandbox.machine_room.machines._REMEDIED_AFTER", -1.0)
    site.settle(lambda: phases(site) == {"Running"})
    assert {server["status"] for server in site.cloud.servers.values()} == {"ACTIVE"}
