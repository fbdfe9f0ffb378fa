from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubfleet_sandbox.faults import Fault
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.machine_room import __main__ as machine_room
from hubfleet_sandbox.machine_room import clusters, obstacles

from .machine_room_fake import Site, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path, monkeypatch)
    made.api.now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return made


def phases(site: Site) -> dict[str, str]:
    """By node group."""
    return {
        machine["metadata"]["labels"]["capi.stackhpc.com/node-group"]: machine.get("status", {}).get("phase", "")
        for machine in site.listed(kinds.MACHINE)
    }


def test_nodes_of_a_group_never_join_until_the_fault_is_cleared(site: Site) -> None:
    fault = site.room.faults.add(Fault("node-never-joins", cluster="pythia", group="user"))
    install(site.api, "pythia-abcdefghij12", {"user": 1, "core": 1})
    site.settle(lambda: phases(site) == {"user": "Provisioning", "core": "Running"})
    (held,) = [m for m in site.listed(kinds.MACHINE) if m["status"]["phase"] == "Provisioning"]
    assert "does not join" in held["status"]["conditions"][0]["message"]
    assert site.room.faults.faults()[0].subjects == (held["metadata"]["name"],)
    site.room.faults.remove({fault.id})
    site.settle(lambda: phases(site) == {"user": "Running", "core": "Running"})


def test_only_so_many_nodes_do_not_join(site: Site) -> None:
    site.room.faults.add(Fault("node-never-joins", times=1))
    install(site.api, "pythia-abcdefghij12", {"user": 1, "core": 1})
    site.settle(lambda: sorted(phases(site).values()) == ["Provisioning", "Running"])


def test_a_control_plane_takes_as_long_as_the_fault_says(site: Site) -> None:
    fault = site.room.faults.add(Fault("slow-create", seconds=3600.0))
    install(site.api, "pythia-abcdefghij12", {})
    site.settle(lambda: site.room.faults.faults()[0].done == 1)
    assert site.planes == set()
    site.room.faults.remove({fault.id})
    site.settle(lambda: site.planes == {"pythia-abcdefghij12"})


def test_a_control_plane_that_runs_is_not_held_back_by_a_fault_that_comes_later(site: Site) -> None:
    install(site.api, "pythia-abcdefghij12", {})
    site.settle(lambda: bool(site.room.workloads))
    site.room.faults.add(Fault("slow-create", seconds=3600.0))
    install(site.api, "other-abcdefghij12", {})
    site.settle(lambda: site.room.faults.faults()[0].done == 1)
    assert site.room.faults.faults()[0].subjects == ("other-abcdefghij12",)
    assert site.planes == {"pythia-abcdefghij12"}


def test_whatever_goes_wrong_with_a_lock_or_a_cluster_the_room_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("an answer cut off in the middle")

    install(site.api, "pythia-abcdefghij12", {"user": 1})
    site.settle(lambda: phases(site) == {"user": "Running"})
    monkeypatch.setattr(obstacles, "lock_releases", broken)
    monkeypatch.setattr(clusters, "reconcile", broken)
    machine_room.look(site.room)
    told = [record.getMessage() for record in caplog.records if record.exc_info]
    assert told == ["pythia-abcdefghij12", "locks of releases"]
