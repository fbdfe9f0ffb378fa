"""What a cloud has is read side by side, and names become UUIDs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubfleet.engine.look import Seen, look, observe
from hubfleet.errors import CloudError, Layer
from hubfleet.tools.magnum import Template
from hubfleet.tools.openstack import Server, Subnet
from hubfleet.tools.openstack_quota import Room
from tests.unit.clocks import FakeClock
from tests.unit.magnum_files import described, load
from tests.unit.magnum_site import TEMPLATE, Site
from tests.unit.test_plan_preflight import FACTS, TOKEN


class Door:
    """Magnum and its cloud, with what the facts of the tests of preflight say."""

    def __init__(self, **changes: Any) -> None:
        facts = replace(FACTS, **changes)
        names = ("token", "flavors", "keypairs", "networks", "subnets", "routers", "volume_types")
        self.site = Site(FakeClock())
        self.cloud = SimpleNamespace(name="js2", **{name: self._answer(getattr(facts, name)) for name in names})
        self.cloud.secret = self._answer("a token")
        self.cloud.offers = lambda service: service in facts.token.services
        self.cloud.images = lambda names: facts.images if names == ["image"] else ()
        self.cloud.quota = self._answer({name: room for name, room in facts.quota.items() if name != "clusters"})
        self.cloud.servers = lambda: self.servers
        self.cloud.application_credentials = self.site.cloud.application_credentials
        self.servers: tuple[Server, ...] = ()
        self.templates = self._answer(facts.templates)
        self.hidden: dict[str, Template] = {}
        self.template = self.hidden.get
        self.quota = self._answer(facts.quota.get("clusters"))
        self.cluster, self.groups = self.site.cluster, self.site.groups

    @staticmethod
    def _answer(value: Any) -> Any:
        return lambda: value


def seen(folder: Path, door: Door, **settings: Any) -> Seen:
    return look(door, described(load(folder, **settings)))  # type: ignore[arg-type]


def test_the_template_is_found_by_name_or_uuid(tmp_path: Path) -> None:
    assert seen(tmp_path, Door()).observed.template == TEMPLATE
    assert seen(tmp_path, Door(), template="t-1").observed.template == TEMPLATE
    assert seen(tmp_path, Door(), template="other").observed.template is None


def test_network_and_its_only_subnet_for_ipv4_become_uuids(tmp_path: Path) -> None:
    six = Subnet("s-6", "auto_allocated_subnet_v6", "n-1", 6)
    door = Door(subnets=(*FACTS.subnets, six))

    observed = seen(tmp_path, door, network="auto_allocated_network").observed

    assert (observed.network, observed.subnet) == ("n-1", "s-1")


def test_of_several_subnets_none_is_guessed(tmp_path: Path) -> None:
    door = Door(subnets=(*FACTS.subnets, Subnet("s-2", "second", "n-1", 4)))

    assert seen(tmp_path, door, network="auto_allocated_network").observed.subnet is None
    named = seen(tmp_path, door, network="auto_allocated_network", subnet="second").observed
    assert named.subnet == "s-2"


def test_of_a_cluster_that_is_there_only_what_it_lives_on_is_asked(tmp_path: Path) -> None:
    door = Door()
    door.site.add_cluster(user="u-9")

    def fails(*_: Any) -> Any:
        raise AssertionError("this is only needed to make one")

    door.cloud.keypairs = door.cloud.networks = door.cloud.subnets = door.cloud.routers = door.cloud.images = fails
    facts = seen(tmp_path, door).facts

    assert facts.exists
    assert facts.owner == "u-9"
    assert facts.labels["hubfleet"] == "1"


def test_the_machines_of_a_cluster_are_novas_where_it_shows_them(tmp_path: Path) -> None:
    door = Door()
    door.site.add_cluster()
    door.site.add_group("user", "m3.large", 3, 1, 10)
    own, other = "pythia-abc-user-1", "pythia-abcd-user-1"
    door.servers = tuple(Server(f"s{n}", name, "3", "ACTIVE", "") for n, name in enumerate((own, own, other)))

    assert seen(tmp_path, door).facts.machines == {"m3.large": 2}


def test_a_hidden_template_is_found_by_its_uuid(tmp_path: Path) -> None:
    door, uuid = Door(), "875a7a19-93fc-40dd-8233-46e00ad82e12"
    door.hidden[uuid] = replace(TEMPLATE, uuid=uuid, hidden=True)

    found = seen(tmp_path, door, template=uuid)

    assert found.observed.template is not None
    assert found.facts.images == FACTS.images


def test_magnums_own_quota_is_among_the_others(tmp_path: Path) -> None:
    door = Door(quota={"cores": Room(10, 0), "clusters": Room(2, 1)})

    assert seen(tmp_path, door).facts.quota == {"cores": Room(10, 0), "clusters": Room(2, 1)}


def test_a_cluster_that_is_there_is_seen_with_its_machines(tmp_path: Path) -> None:
    door = Door()
    door.site.add_cluster()
    door.site.add_group("default-worker", "m3.quad", 1, 1, None)
    door.site.add_group("user", "m3.large", 3, 1, 10)

    found = seen(tmp_path, door)

    assert found.facts.exists
    assert found.facts.machines == {"m3.quad": 1, "m3.large": 3}
    assert [group.name for group in found.observed.groups] == ["default-worker", "user"]


@pytest.mark.parametrize(
    "gone",
    [{"status": "DELETE_IN_PROGRESS"}, {"status": "CREATE_FAILED", "api_address": None}],
    ids=["going", "stillborn"],
)
def test_a_cluster_that_will_be_made_anew_does_not_count_as_there(tmp_path: Path, gone: dict[str, Any]) -> None:
    door = Door()
    door.site.add_cluster(**gone)

    assert not seen(tmp_path, door).facts.exists


def test_a_cloud_without_magnum_is_not_asked_for_it(tmp_path: Path) -> None:
    door = Door(token=replace(TOKEN, services=frozenset({"compute"})))

    def fails(*_: Any) -> Any:
        raise AssertionError("there is no Magnum")

    door.cluster = door.templates = fails
    assert seen(tmp_path, door).observed.cluster is None


def test_a_wrong_credential_is_one_failure_before_anything_else_is_asked(tmp_path: Path) -> None:
    door = Door()

    def refused() -> Any:
        raise CloudError("cannot log in to js2", layer=Layer.CREDENTIAL)

    door.cloud = SimpleNamespace(name="js2", secret=refused)
    with pytest.raises(CloudError, match="cannot log in"):
        seen(tmp_path, door)


def test_observing_needs_the_cluster_only(tmp_path: Path) -> None:
    door = Door()
    door.site.add_cluster()

    observed = observe(door, described(load(tmp_path)))  # type: ignore[arg-type]

    assert observed.cluster is not None
    assert observed.template is None
