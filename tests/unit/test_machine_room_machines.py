from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubfleet_sandbox import settings
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.machine_room.machines import node_labels
from hubfleet_sandbox.settings import Settings

from .machine_room_fake import Site, install


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
