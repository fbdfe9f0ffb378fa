"""What stands in a plan's way is found before the first request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubfleet.errors import Layer
from hubfleet.plan.preflight import Facts, findings
from hubfleet.plan.steps import Finding
from hubfleet.tools.openstack import Credential, Flavor, Network, Room, Subnet, Token
from tests.unit.magnum_files import POOLS, described, load
from tests.unit.magnum_site import TEMPLATE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = Token(
    user="ada",
    user_id="u",
    project="PHY123",
    project_id="p",
    roles=frozenset({"member", "reader"}),
    expires=NOW + timedelta(hours=1),
    services=frozenset({"container-infra", "compute"}),
    credential=Credential("c", "hubfleet", restricted=False),
)
FLAVORS = (
    Flavor("1", "m3.tiny", 1, 3072, 20),
    Flavor("2", "m3.quad", 4, 15360, 20),
    Flavor("3", "m3.large", 16, 61440, 60),
)
ROOMY = {name: Room(10_000_000, 0) for name in ("instances", "cores", "ram", "floating IPs")}
FACTS = Facts(
    cloud="js2",
    token=TOKEN,
    now=NOW,
    templates=(TEMPLATE,),
    flavors=FLAVORS,
    keypairs=("deploy",),
    networks=(Network("n-1", "auto_allocated_network", external=False), Network("n-2", "public", external=True)),
    subnets=(Subnet("s-1", "auto_allocated_subnet_v4", "n-1", 4),),
    volume_types=("ceph",),
    quota=ROOMY,
)


def found(
    folder: Path, facts: Facts = FACTS, pools: dict[str, Any] | None = None, **settings: Any
) -> tuple[Finding, ...]:
    file = load(folder, pools, **settings)
    return findings(described(file), facts, file)


def only(made: tuple[Finding, ...]) -> Finding:
    (finding,) = made
    return finding


def test_a_cloud_that_has_all_gives_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path) == ()


@pytest.mark.parametrize(
    ("setting", "wish", "what", "remedy"),
    [
        ("template", "kubernetes-1-3", "no cluster template named kubernetes-1-3", "did you mean kubernetes-1-33?"),
        ("keypair", "deplo", "no key pair named deplo", "did you mean deploy?"),
        ("network", "auto_alocated_network", "no network named", "did you mean auto_allocated_network?"),
        ("subnet", "nothing-like-it", "no subnet named", "choose one that is there"),
    ],
)
def test_an_unknown_name_is_found_with_its_place_and_what_there_is(
    tmp_path: Path, setting: str, wish: str, what: str, remedy: str
) -> None:
    finding = only(found(tmp_path, **{setting: wish}))

    assert what in finding.what
    assert remedy in finding.remedy
    assert finding.fatal
    assert finding.origin is not None
    assert finding.origin.line > 1


def test_names_may_be_uuids(tmp_path: Path) -> None:
    assert found(tmp_path, template="t-1", network="n-1", subnet="s-1") == ()


def test_an_external_network_is_none_for_nodes(tmp_path: Path) -> None:
    assert "no network named public" in only(found(tmp_path, network="public")).what


def test_two_templates_of_one_name_need_a_uuid(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, templates=(TEMPLATE, replace(TEMPLATE, uuid="t-2")))))

    assert "t-1, t-2" in finding.remedy


def test_an_unknown_flavor_is_told_once_though_two_pools_want_it(tmp_path: Path) -> None:
    pools = {**POOLS, "user": {"machine": "m3.larg"}, "more": {"machine": "m3.larg"}}

    finding = only(found(tmp_path, pools=pools))

    assert "no flavor named m3.larg" in finding.what
    assert "did you mean m3.large?" in finding.remedy


def test_a_flavor_too_small_for_kubernetes_is_told_with_larger_ones(tmp_path: Path) -> None:
    finding = only(found(tmp_path, pools={**POOLS, "user": {"machine": "m3.tiny"}}))

    assert finding.layer is Layer.DRIVER
    assert "1 vCPU" in finding.why
    assert "m3.quad, m3.large" in finding.remedy


def test_a_restricted_credential_cannot_make_a_cluster(tmp_path: Path) -> None:
    restricted = replace(TOKEN, credential=Credential("c", "mine", restricted=True))

    finding = only(found(tmp_path, replace(FACTS, token=restricted)))

    assert finding.layer is Layer.CREDENTIAL
    assert finding.fatal
    assert "--unrestricted" in finding.remedy


def test_a_restricted_credential_is_enough_for_a_cluster_that_is_there(tmp_path: Path) -> None:
    restricted = replace(TOKEN, credential=Credential("c", "mine", restricted=True))

    assert found(tmp_path, replace(FACTS, token=restricted, exists=True)) == ()


def test_a_credential_that_expires_soon_is_worth_knowing(tmp_path: Path) -> None:
    soon = replace(TOKEN, credential=Credential("c", "mine", restricted=False, expires=NOW + timedelta(days=9)))

    finding = only(found(tmp_path, replace(FACTS, token=soon)))

    assert not finding.fatal
    assert "expires in 9 days" in finding.what
    assert "2026-12-01" in finding.why


def test_a_reader_cannot_make_anything(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, token=replace(TOKEN, roles=frozenset({"reader"})))))

    assert finding.fatal
    assert "may only read" in finding.what


def test_a_cloud_without_magnum_is_told(tmp_path: Path) -> None:
    without = replace(TOKEN, services=frozenset({"compute"}))

    assert "has no Magnum" in only(found(tmp_path, replace(FACTS, token=without))).what


def test_no_volume_type_is_fatal(tmp_path: Path) -> None:
    assert "no volume type" in only(found(tmp_path, replace(FACTS, volume_types=()))).what


def test_a_quota_too_small_for_the_least_is_fatal(tmp_path: Path) -> None:
    # control plane and core: 4 cores each; one user node: 16
    finding = only(found(tmp_path, replace(FACTS, quota={**ROOMY, "cores": Room(30, 10)})))

    assert finding.layer is Layer.QUOTA
    assert finding.fatal
    assert "needs 24 cores, and 20 are left" in finding.what
    assert "may have 30 cores and uses 10" in finding.why


def test_a_quota_too_small_for_the_most_is_worth_knowing(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, quota={**ROOMY, "cores": Room(100, 0)})))

    assert not finding.fatal
    assert "need 168 cores" in finding.what


def test_too_few_volumes_for_the_users_homes_are_worth_knowing(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 4)})))

    assert not finding.fatal
    assert "room for the homes of 5 users" in finding.what
    assert "may have 10 and has 4" in finding.why


def test_no_volume_for_a_hubs_database_is_fatal(tmp_path: Path) -> None:
    assert only(found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 10)}))).fatal


def test_machines_that_are_there_do_not_count_again(tmp_path: Path) -> None:
    machines = {"m3.quad": 2, "m3.large": 1}
    full = {**ROOMY, "instances": Room(12, 3), "floating IPs": Room(2, 2)}

    assert found(tmp_path, replace(FACTS, exists=True, machines=machines, quota=full)) == ()


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    assert found(tmp_path, replace(FACTS, quota={"cores": Room(None, 5)})) == ()


def test_everything_in_the_way_is_found_at_once(tmp_path: Path) -> None:
    made = found(tmp_path, replace(FACTS, volume_types=(), quota={"cores": Room(1, 1)}), template="x", keypair="y")

    assert len(made) == 4
