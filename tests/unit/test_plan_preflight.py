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
from hubfleet.tools.openstack import Credential, Flavor, Image, Network, Router, Subnet, Token
from hubfleet.tools.openstack_quota import Room
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
IMAGE = Image("i-1", "image", "active", 0, 0, {"kube_version": "v1.33.2", "os_distro": "ubuntu"})
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
    images=(IMAGE,),
)


FIXED = {**POOLS, "user": {"machine": "m3.large"}}


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
    assert "may have 30 cores (Nova) and uses 10" in finding.why


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


@pytest.mark.parametrize(
    ("ingress", "needed"), [({}, 4), ({"shared": True}, 2), ({"class": "nginx"}, 1), ({"email": "ops@example.org"}, 4)]
)
def test_hubs_that_share_an_entry_take_one_load_balancer(tmp_path: Path, ingress: dict[str, Any], needed: int) -> None:
    one = {"chart": "lite", "auth": {"shared_password": {}}}
    hubs = {name: one | {"domain": f"{name}.example.org"} for name in ("a", "b", "c")}
    short = replace(FACTS, quota={**ROOMY, "floating IPs": Room(needed, 1), "volumes": Room(1000, 0)})
    finding = only(found(tmp_path, short, top={"ingress": ingress, "hubs": hubs}))
    assert f"needs {needed} floating IPs, and {needed - 1} are left" in finding.what
    enough = replace(short, quota={**short.quota, "floating IPs": Room(needed, 0)})
    assert found(tmp_path, enough, top={"ingress": ingress, "hubs": hubs}) == ()


def test_homes_that_share_a_volume_take_one_however_many_users_come(tmp_path: Path) -> None:
    shared = {"size": "500Gi", "quota": "10Gi"}
    assert found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 8)}), homes=shared) == ()
    finding = only(found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 9)}), homes=shared))
    assert finding.fatal
    assert finding.what == "with what its hubs keep the cluster needs 2 volumes, and 1 are left"


def test_a_binder_hub_has_no_homes_but_a_volume_for_the_images_that_it_keeps_in_the_cluster(tmp_path: Path) -> None:
    hub = {"kind": "binder", "domain": "binder.example.org", "registry": {"in_cluster": {}}}
    binder = {"ingress": {"email": "ops@example.org"}, "hubs": {"main": hub}}
    assert found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 8)}), top=binder) == ()
    finding = only(found(tmp_path, replace(FACTS, quota={**ROOMY, "volumes": Room(10, 9)}), top=binder))
    assert finding.fatal
    assert finding.what == "with what its hubs keep the cluster needs 2 volumes, and 1 are left"


def test_machines_that_are_there_do_not_count_again(tmp_path: Path) -> None:
    machines = {"m3.quad": 2, "m3.large": 1}
    full = {**ROOMY, "instances": Room(12, 3), "floating IPs": Room(2, 2)}

    assert found(tmp_path, replace(FACTS, exists=True, machines=machines, quota=full)) == ()


def test_a_token_is_told_since_nobody_can_renew_it(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, token=replace(TOKEN, kind="token", credential=None))))

    assert not finding.fatal
    assert "ends on 2026-11-22 at 13:00 UTC" in finding.what


def test_a_cluster_of_another_user_is_told_with_what_makes_it_ones_own(tmp_path: Path) -> None:
    finding = only(found(tmp_path, replace(FACTS, exists=True, owner="somebody")))

    assert not finding.fatal
    assert "hubfleet rotate" in finding.remedy
    assert found(tmp_path, replace(FACTS, exists=True, owner="u")) == ()


def test_a_key_pair_is_told_to_be_the_users_own(tmp_path: Path) -> None:
    assert "belongs to a user (here ada)" in only(found(tmp_path, keypair="other")).why


# the template and its image


def with_template(**changes: Any) -> Facts:
    return replace(FACTS, templates=(replace(TEMPLATE, **changes),))


def with_image(**changes: Any) -> Facts:
    return replace(FACTS, images=(replace(IMAGE, **changes),))


def test_a_template_of_another_driver_is_told_apart(tmp_path: Path) -> None:
    assert found(tmp_path, with_template(driver="k8s_capi_helm_v1")) == ()
    finding = only(found(tmp_path, with_template(driver="k8s_fedora_coreos_v1")))
    assert (finding.layer, finding.fatal) == (Layer.DRIVER, True)


def test_a_hidden_template_can_be_used_and_is_told(tmp_path: Path) -> None:
    finding = only(found(tmp_path, with_template(hidden=True)))
    assert (finding.layer, finding.fatal) == (Layer.MAGNUM, False)


def test_three_control_plane_nodes_need_a_load_balancer(tmp_path: Path) -> None:
    facts = with_template(load_balancer=False)
    assert found(tmp_path, facts) == ()
    three = only(found(tmp_path, facts, control_plane={"machine": "m3.quad", "nodes": 3}))
    assert "no load balancer" in three.what


def test_an_image_that_is_not_there_or_not_alone_or_not_active_is_told(tmp_path: Path) -> None:
    assert "is not there" in only(found(tmp_path, replace(FACTS, images=()))).what
    assert "is not the only one" in only(found(tmp_path, replace(FACTS, images=(IMAGE, IMAGE)))).what
    assert "it is queued" in only(found(tmp_path, with_image(status="queued"))).why


@pytest.mark.parametrize("lacking", ["kube_version", "os_distro"])
def test_an_image_without_what_the_driver_reads_is_told(tmp_path: Path, lacking: str) -> None:
    finding = only(found(tmp_path, with_image(properties={**IMAGE.properties, lacking: ""})))
    assert (finding.layer, finding.fatal) == (Layer.DRIVER, True)
    assert lacking in finding.what


def test_an_image_too_large_for_a_flavor_is_told_unless_nodes_have_root_volumes(tmp_path: Path) -> None:
    finding = only(found(tmp_path, with_image(min_disk=40)))
    assert "the flavor m3.quad is too small for the template's image" in finding.what
    assert "20 GiB of disk; the image needs 40" in finding.why
    assert found(tmp_path, with_image(min_disk=40), labels={"boot_volume_size": 40}) == ()
    assert "15360 MiB of memory" in only(found(tmp_path, with_image(min_ram=20000))).why


def test_a_flavor_without_a_disk_needs_a_root_volume(tmp_path: Path) -> None:
    facts = replace(FACTS, flavors=(*FLAVORS, Flavor("4", "v3.quad", 4, 15360, 0)))
    pools = {**POOLS, "user": {"machine": "v3.quad"}}
    finding = only(found(tmp_path, facts, pools=pools))
    assert "the flavor v3.quad has no disk" in finding.what
    assert finding.fatal
    assert found(tmp_path, facts, pools=pools, labels={"boot_volume_size": 40}) == ()


@pytest.mark.parametrize(
    ("labels", "layer", "words"),
    [
        ({"capi_helm_chart_version": "0.14.0"}, Layer.CHART, "2i2c-org/infrastructure#5601"),
        ({"max_node_count": "3"}, Layer.DRIVER, "max_node_count"),
    ],
)
def test_labels_of_a_template_that_mean_trouble_are_told(
    tmp_path: Path, labels: dict[str, str], layer: Layer, words: str
) -> None:
    finding = only(found(tmp_path, with_template(labels=labels)))
    assert (finding.layer, finding.fatal) == (layer, False)
    assert words in finding.why


def test_the_dashboard_is_told_unless_somebody_turns_it_off(tmp_path: Path) -> None:
    assert found(tmp_path) == ()  # the provider does
    machine = {"machine": "m3.quad"}
    finding = only(found(tmp_path, provider="openstack", control_plane=machine))
    assert "CREATE_IN_PROGRESS for ever" in finding.what
    off = with_template(labels={"kube_dashboard_enabled": "False"})
    assert found(tmp_path, off, provider="openstack", control_plane=machine) == ()


def test_a_volume_type_that_a_label_names_must_be_there(tmp_path: Path) -> None:
    labels = {"boot_volume_size": 40, "boot_volume_type": "ssd"}
    assert "no volume type named ssd" in only(found(tmp_path, labels=labels)).what


# networks


def test_the_templates_external_network_must_be_there(tmp_path: Path) -> None:
    for name in ("publc", None):
        finding = only(found(tmp_path, with_template(external_network=name)))
        assert (finding.layer, finding.fatal) == (Layer.NETWORK, True)
        assert finding.why.endswith("ada sees: public")
    assert found(tmp_path, with_template(external_network="n-2")) == ()


def test_a_network_of_ours_must_have_a_subnet_and_a_router(tmp_path: Path) -> None:
    ours = (Network("n-1", "mine", external=False, project="p"), Network("n-2", "public", external=True))
    facts = replace(FACTS, networks=ours)
    assert "no router leads from the network mine to public" in only(found(tmp_path, facts, network="mine")).what
    elsewhere = replace(facts, routers=(Router("r", "n-9", frozenset({"n-1"})), Router("q", "n-2", frozenset({"n-3"}))))
    assert "no router" in only(found(tmp_path, elsewhere, network="mine")).what
    connected = replace(facts, routers=(Router("r", "n-2", frozenset({"n-1"})),))
    assert found(tmp_path, connected, network="mine") == ()
    assert "has no subnet" in only(found(tmp_path, replace(connected, subnets=()), network="mine")).what


def test_of_a_shared_network_the_router_is_not_seen_and_nothing_is_said(tmp_path: Path) -> None:
    shared = (Network("n-1", "mine", external=False, project="others"), Network("n-2", "public", external=True))
    assert found(tmp_path, replace(FACTS, networks=shared), network="mine") == ()


def test_a_network_of_the_clusters_own_wants_a_name_server(tmp_path: Path) -> None:
    finding = only(found(tmp_path, with_template(name_server=None)))
    assert not finding.fatal
    assert found(tmp_path, with_template(name_server=None), network="auto_allocated_network") == ()


# quotas that are not machines


@pytest.mark.parametrize(
    ("what", "needed", "service"),
    [
        ("clusters", 1, "Magnum"),
        ("load balancers", 2, "Octavia"),
        ("floating IPs", 2, "Neutron"),
        ("ports", 5, "Neutron"),
        ("security groups", 2, "Neutron"),
        ("networks", 1, "Neutron"),
        ("subnets", 1, "Neutron"),
        ("routers", 1, "Neutron"),
    ],
)
def test_what_a_cluster_takes_once_is_counted(tmp_path: Path, what: str, needed: int, service: str) -> None:
    full = replace(FACTS, quota={what: Room(needed + 3, 4)})
    finding = only(found(tmp_path, full))
    assert finding.fatal
    assert f"needs {needed} {what}, and {needed - 1} are left" in finding.what
    assert service in finding.why
    assert found(tmp_path, replace(full, exists=True, machines={"m3.quad": 2, "m3.large": 10})) == ()


def test_a_named_network_takes_no_network_and_an_inner_api_no_floating_ip(tmp_path: Path) -> None:
    full = replace(FACTS, quota={"networks": Room(1, 1), "routers": Room(1, 1), "floating IPs": Room(2, 1)})
    network = "auto_allocated_network"
    assert found(tmp_path, full, network=network, labels={"master_lb_floating_ip_enabled": False}) == ()


def test_root_volumes_and_etcds_are_counted_by_number_and_size_and_type(tmp_path: Path) -> None:
    labels = {"boot_volume_size": 40, "boot_volume_type": "ceph", "etcd_volume_size": 10}
    quota = {"volumes": Room(100, 0), "gigabytes": Room(100, 0), "gigabytes of ceph": Room(119, 0)}
    all_gigabytes, of_a_type = found(tmp_path, replace(FACTS, quota=quota), labels=labels, pools=FIXED)
    assert "needs 130 gigabytes, and 100 are left" in all_gigabytes.what
    assert "needs 120 gigabytes of ceph, and 119 are left" in of_a_type.what
    assert "(Cinder)" in of_a_type.why
    homes = only(found(tmp_path, replace(FACTS, quota={"volumes": Room(30, 0)}), labels=labels, pools=FIXED))
    assert "homes of 25 users" in homes.what


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    assert found(tmp_path, replace(FACTS, quota={"cores": Room(None, 5)})) == ()


def test_everything_in_the_way_is_found_at_once(tmp_path: Path) -> None:
    made = found(tmp_path, replace(FACTS, volume_types=(), quota={"cores": Room(1, 1)}), template="x", keypair="y")

    assert len(made) == 4
