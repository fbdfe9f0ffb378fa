"""The door to OpenStack: which cloud, who we are to it, what it has, and errors that say what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.errors import CloudError, Layer
from hubfleet.tools import openstack_volumes
from hubfleet.tools.openstack import Balancer, Cloud, Credential, Flavor, Network, Router, Subnet
from hubfleet.tools.openstack import Server as Machine
from hubfleet.tools.openstack_errors import transient, words
from hubfleet.tools.openstack_quota import Room
from tests.unit.openstack_server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_cloud_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OS_CLOUD", "OS_AUTH_URL", "OS_CLIENT_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def clouds(folder: Path, monkeypatch: pytest.MonkeyPatch, **entries: dict[str, Any]) -> None:
    file = folder / "my-clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": entries}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))


def entry(url: str, **changes: Any) -> dict[str, Any]:
    auth = {
        "auth_url": f"{url}/identity/v3",
        "application_credential_id": "c-1",
        "application_credential_secret": "hunter2",
    }
    return {"auth_type": "v3applicationcredential", "auth": auth, "region_name": "IU", **changes}


@pytest.fixture
def cloud(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    clouds(tmp_path, monkeypatch, js2=entry(server.url))
    found = Cloud.connect("js2")
    found._sleep = lambda _: None
    return found


# which cloud


def test_a_name_that_clouds_yaml_lacks_is_told_with_those_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds(tmp_path, monkeypatch, js2=entry("http://127.0.0.1:1"), campus=entry("http://127.0.0.1:1"))

    with pytest.raises(CloudError, match="no cloud named js3") as caught:
        Cloud.connect("js3")
    assert caught.value.layer is Layer.CREDENTIAL
    assert "campus, js2" in caught.value.why
    assert "did you mean js2?" in caught.value.remedy


def test_without_any_clouds_yaml_the_places_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("openstack.config.loader.CONFIG_FILES", [str(tmp_path / "clouds.yaml")])

    with pytest.raises(CloudError) as caught:
        Cloud.connect("js2")
    assert str(tmp_path / "clouds.yaml") in caught.value.why
    assert "OS_CLIENT_CONFIG_FILE" in caught.value.remedy


def test_a_clouds_yaml_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.yaml").write_text("clouds: [js2")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "bad.yaml"))

    with pytest.raises(CloudError, match=r"clouds\.yaml cannot be read"):
        Cloud.connect("js2")


def test_a_broken_clouds_yaml_is_told_by_its_line_and_not_by_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.yaml").write_text('clouds:\n  js2: {auth: {password: s3cret, "x}}\n')
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "bad.yaml"))

    with pytest.raises(CloudError) as caught:
        Cloud.connect("js2")
    assert "line " in caught.value.why
    assert "s3cret" not in str(caught.value)


def test_a_certificate_that_is_not_there_is_a_matter_of_the_settings(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url.replace("http:", "https:")
    clouds(tmp_path, monkeypatch, js2=entry(url, cacert=str(tmp_path / "nowhere.pem")))

    with pytest.raises(CloudError) as caught:
        Cloud.connect("js2").token()
    assert caught.value.layer is Layer.CREDENTIAL
    assert "nowhere.pem" in caught.value.why


def test_what_answers_in_place_of_a_service_is_told(cloud: Cloud, server: Server) -> None:
    server.answer("GET", "/compute/v2.1/flavors/detail", b"<html>please log in")

    with pytest.raises(CloudError) as caught:
        cloud.flavors()
    assert "in place of Nova" in caught.value.what
    assert "please log in" in caught.value.why


def test_an_incomplete_entry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds(tmp_path, monkeypatch, js2={"auth_type": "v3applicationcredential", "auth": {}})

    with pytest.raises(CloudError, match="settings of js2 are not complete") as caught:
        Cloud.connect("js2")
    assert "application credential ID" in caught.value.why


def test_no_name_and_no_variables_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openstack.config.loader.CONFIG_FILES", [])

    with pytest.raises(CloudError, match="no cloud is named"):
        Cloud.connect(None)


def test_the_variables_are_not_mixed_with_the_only_entry_of_clouds_yaml(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds(tmp_path, monkeypatch, other=entry("http://127.0.0.1:1"))
    for name, value in entry(server.url)["auth"].items():
        monkeypatch.setenv(f"OS_{name.upper()}", value)
    monkeypatch.setenv("OS_AUTH_TYPE", "v3applicationcredential")

    assert Cloud.connect(None).token().user == "ada"


def test_os_cloud_names_the_entry(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds(tmp_path, monkeypatch, js2=entry(server.url), other=entry("http://127.0.0.1:1"))
    monkeypatch.setenv("OS_CLOUD", "js2")

    assert Cloud.connect(None).name == "js2"


def test_settings_are_the_sdks_own_without_its_faces_of_every_service(tmp_path: Path) -> None:
    """`Cloud.connect` imports a part of the SDK; in a process of its own, for here pytest has imported all of it."""
    (tmp_path / "secure.yaml").write_text("clouds: {js2: {auth: {password: hunter2}}}")
    (tmp_path / "clouds.yaml").write_text("clouds: {js2: {profile: auro, auth: {username: ada, project_name: p}}}")
    settings = "c = OpenStackConfig().get_one('js2').config; print(sorted(c['auth'].items()), c['region_name'])"
    ours = "from hubfleet.tools.openstack import Cloud; Cloud.connect('js2'); import sys;"
    plain = [sys.executable, "-c", f"from openstack.config import OpenStackConfig; {settings}"]
    part = [sys.executable, "-c", f"{ours} from openstack.config import OpenStackConfig; {settings}"]
    names = [sys.executable, "-c", f"{ours} print('openstack.config' in sys.modules, 'openstack.cloud' in sys.modules)"]

    whole, alone, loaded = (
        subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for argv in (plain, part, names)
    )

    assert "hunter2" in whole
    assert "auro.io" in whole
    assert alone == whole
    assert loaded == "True False\n"


# who we are


def test_the_token_says_who_we_are(cloud: Cloud) -> None:
    token = cloud.token()

    assert (token.user, token.project, token.roles) == ("ada", "PHY123", {"member", "reader"})
    assert token.expires == datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert "container-infra" in token.services
    assert token.credential == Credential("c-1", "hubfleet", False, datetime(2027, 1, 1, tzinfo=UTC))


def test_a_clouds_operators_see_in_their_logs_that_it_is_hubfleet_who_asks(cloud: Cloud, server: Server) -> None:
    server.answer("GET", "/compute/v2.1/flavors/detail", {"flavors": []})
    cloud.flavors()

    assert server.requests
    assert [one for one in server.requests if not one.headers["User-Agent"].startswith("hubfleet ")] == []


def test_a_restricted_credential_is_seen(cloud: Cloud, server: Server) -> None:
    restricted = server.token(application_credential={"id": "c-1", "name": "x", "restricted": True})
    server.replace("GET", "/identity/v3/auth/tokens", restricted)

    credential = cloud.token().credential

    assert credential is not None
    assert credential.restricted is True


def test_a_password_has_no_application_credential(cloud: Cloud, server: Server) -> None:
    server.replace("GET", "/identity/v3/auth/tokens", server.token(application_credential=None))

    assert cloud.token().credential is None


def test_a_wrong_credential_is_told_without_its_secret(cloud: Cloud, server: Server) -> None:
    error = {
        "error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}
    }
    server.replace("POST", "/identity/v3/auth/tokens", error, 401)

    with pytest.raises(CloudError, match="cannot log in to js2") as caught:
        cloud.token()
    assert caught.value.layer is Layer.CREDENTIAL
    assert "hunter2" not in str(caught.value)
    assert len(server.asked("POST", "/identity/v3/auth/tokens")) == 1


def test_a_cloud_that_cannot_be_reached_is_the_networks_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clouds(tmp_path, monkeypatch, js2=entry(f"http://127.0.0.1:{port}"))

    with pytest.raises(CloudError) as caught:
        Cloud.connect("js2").token()
    assert caught.value.layer is Layer.NETWORK
    assert caught.value.why.endswith(": Connection refused")
    assert "auth_url" in caught.value.remedy


def test_what_is_not_tls_is_told(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds(tmp_path, monkeypatch, js2=entry(server.url.replace("http:", "https:")))

    with pytest.raises(CloudError) as caught:
        Cloud.connect("js2").token()
    assert caught.value.layer is Layer.NETWORK
    assert "cacert" in caught.value.remedy


# what there is


def test_answers_become_data(cloud: Cloud, server: Server) -> None:
    flavor = {"id": "f-1", "name": "m3.quad", "vcpus": 4, "ram": 15360, "disk": 20, "links": []}
    server.answer("GET", "/compute/v2.1/flavors/detail", {"flavors": [flavor]})
    server.answer(
        "GET", "/compute/v2.1/os-keypairs", {"keypairs": [{"keypair": {"name": "deploy", "public_key": "x"}}]}
    )
    network = {"id": "n-1", "name": "public", "router:external": True}
    server.answer("GET", "/network/v2.0/networks", {"networks": [network]})
    subnet = {"id": "s-1", "name": "v4", "network_id": "n-1", "ip_version": 4}
    server.answer("GET", "/network/v2.0/subnets", {"subnets": [subnet]})
    server.answer("GET", "/volume/v3/types", {"volume_types": [{"id": "t", "name": "__DEFAULT__"}]})

    assert cloud.flavors() == (Flavor("f-1", "m3.quad", 4, 15360, 20),)
    assert cloud.keypairs() == ("deploy",)
    assert cloud.networks() == (Network("n-1", "public", external=True),)
    assert cloud.subnets() == (Subnet("s-1", "v4", "n-1", 4),)
    assert cloud.volume_types() == ("__DEFAULT__",)


def test_images_are_found_by_name_and_by_id_and_tell_their_kubernetes(cloud: Cloud, server: Server) -> None:
    uuid = "8f5b1a3e-0f54-4a7f-9c1d-0d6c3a9d2f11"
    named = {"id": "i-1", "name": "jammy-1.33", "status": "active", "min_disk": 10, "min_ram": 0, "size": 5}
    server.answer("GET", "/image/v2/images", {"images": [{**named, "kube_version": "1.33.2", "os_distro": "ubuntu"}]})
    server.answer("GET", "/image/v2/images", {"images": [{**named, "id": uuid, "name": None}]})

    by_name, by_id = cloud.images(["jammy-1.33", uuid])

    assert (by_name.kubernetes, by_name.properties["os_distro"], by_name.min_disk) == ("v1.33.2", "ubuntu", 10)
    assert (by_id.id, by_id.kubernetes) == (uuid, "")
    asked = [request.path for request in server.asked("GET", "/image/v2/images")]
    assert "name=in%3Ajammy-1.33" in asked[0]
    assert f"id=in%3A{uuid}" in asked[1]


def test_quota_is_what_may_be_and_is(cloud: Cloud, server: Server) -> None:
    absolute = {
        "maxTotalInstances": 25,
        "totalInstancesUsed": 3,
        "maxTotalCores": -1,
        "totalCoresUsed": 12,
        "maxTotalRAMSize": 614400,
        "totalRAMUsed": 46080,
    }
    server.answer("GET", "/compute/v2.1/limits", {"limits": {"rate": [], "absolute": absolute}})
    quota = {"quota": {"floatingip": {"limit": 10, "used": 1, "reserved": 1}, "rbac_policy": {"limit": 9, "used": 0}}}
    server.answer("GET", "/network/v2.0/quotas/p-1/details.json", quota)
    per = {"limit": -1, "in_use": 0, "reserved": 0}
    volumes = {
        "id": "p-1",
        "volumes": {"limit": 10, "in_use": 3, "reserved": 1},
        "gigabytes": per,
        "per_volume_gigabytes": per,
        "snapshots": per,
        "volumes___DEFAULT__": per,
        "gigabytes_fast_ssd": {"limit": 100, "in_use": 40, "reserved": 0},
    }
    server.answer("GET", "/volume/v3/os-quota-sets/p-1", {"quota_set": volumes})

    assert cloud.quota() == {
        "instances": Room(25, 3),
        "cores": Room(None, 12),
        "ram": Room(614400, 46080),
        "server groups": Room(None, 0),
        "floating IPs": Room(10, 2),
        "volumes": Room(10, 4),
        "gigabytes": Room(None, 0),
        "gigabytes of fast_ssd": Room(100, 40),
    }
    assert [cloud.quota()[name].left for name in ("instances", "cores")] == [22, None]


def test_quota_that_nobody_tells_is_left_out_and_octavias_is_counted(cloud: Cloud, server: Server) -> None:
    absolute = {f"{kind}{what}": 1 for what in ("Instances", "Cores", "RAM") for kind in ("maxTotal", "total")}
    limits = {key.replace("maxTotalRAM", "maxTotalRAMSize"): value for key, value in absolute.items()}
    limits |= {f"total{what}Used": 0 for what in ("Instances", "Cores", "RAM")}
    server.answer("GET", "/compute/v2.1/limits", {"limits": {"absolute": limits}})
    for path in ("/network/v2.0/quotas/p-1/details.json", "/volume/v3/os-quota-sets/p-1"):
        server.answer("GET", path, {"message": "no"}, 403)
    with_octavia(server)
    server.answer("GET", "/lb/v2/lbaas/quotas/p-1", {"quota": {"load_balancer": 10, "pool": -1}})
    server.answer("GET", "/lb/v2/lbaas/loadbalancers", {"loadbalancers": [{"id": "a"}, {"id": "b"}]})

    found = cloud.quota()

    assert found["load balancers"] == Room(10, 2)
    assert "volumes" not in found
    assert "floating IPs" not in found


def with_octavia(server: Server) -> None:
    """From now on the catalog has it."""
    token = server.token()
    endpoint = {"interface": "public", "region": "IU", "region_id": "IU", "url": f"{server.url}/lb", "id": "lb"}
    token["token"]["catalog"].append({"type": "load-balancer", "name": "octavia", "id": "lb", "endpoints": [endpoint]})
    server.replace("POST", "/identity/v3/auth/tokens", token, 201, **{"X-Subject-Token": "secret-token"})


def test_load_balancers_become_data_with_their_age_by_octavias_own_clock(cloud: Cloud, server: Server) -> None:
    with_octavia(server)
    told = {"id": "lb-1", "name": "k8s-kubeapi", "provisioning_status": "PENDING_CREATE", "created_at": _CREATED}
    young = {"id": "lb-2", "name": None, "provisioning_status": "ERROR"}
    date = "Wed, 25 Nov 2026 12:01:35 GMT"
    server.answer("GET", _BALANCERS, {"loadbalancers": [told, young]}, Date=date)

    assert cloud.balancers() == (Balancer("lb-1", "k8s-kubeapi", "PENDING_CREATE", 95.0), Balancer("lb-2", "", "ERROR"))
    (asked,) = server.asked("GET", _BALANCERS)
    assert "fields=provisioning_status" in asked.path


_BALANCERS, _CREATED = "/lb/v2/lbaas/loadbalancers", "2026-11-25T12:00:00"


def test_a_cloud_without_octavia_tells_nothing_of_load_balancers(cloud: Cloud, server: Server) -> None:
    assert cloud.balancers() is None
    assert server.asked("GET", _BALANCERS) == []


def test_an_octavia_that_may_not_be_asked_tells_nothing(cloud: Cloud, server: Server) -> None:
    with_octavia(server)
    server.answer("GET", _BALANCERS, {"faultcode": "Client", "faultstring": "Policy does not allow this"}, 403)
    assert cloud.balancers() is None


def test_routers_and_servers_become_data(cloud: Cloud, server: Server) -> None:
    routers = [{"id": "r", "external_gateway_info": {"network_id": "out"}}, {"id": "q", "external_gateway_info": None}]
    server.answer("GET", "/network/v2.0/routers", {"routers": routers})
    ports = [{"device_id": "r", "network_id": "a"}, {"device_id": "r", "network_id": "b"}]
    server.answer("GET", "/network/v2.0/ports", {"ports": ports})
    fault = {"message": "No valid host was found.", "code": 500}
    one = {"id": "s", "name": "n", "flavor": {"id": "f"}, "status": "ERROR", "fault": fault}
    server.answer("GET", "/compute/v2.1/servers/detail", {"servers": [one]})

    assert cloud.routers() == (Router("r", "out", frozenset({"a", "b"})), Router("q", None, frozenset()))
    assert cloud.servers() == (Machine("s", "n", "f", "ERROR", "No valid host was found."),)


def test_what_a_neutron_that_has_just_started_does_not_tell_is_asked_for_again(cloud: Cloud, server: Server) -> None:
    found: dict[str, list[dict[str, Any]]] = {
        "networks": [{"id": "n", "name": "public"}],
        "subnets": [{"id": "s", "name": "v4", "network_id": "n", "ip_version": 4}],
        "routers": [{"id": "r", "external_gateway_info": {"network_id": "n"}}],
        "ports": [{"device_id": "r", "network_id": "m"}],
    }
    for kind, items in found.items():
        server.answer("GET", f"/network/v2.0/{kind}", {kind: []})
        server.answer("GET", f"/network/v2.0/{kind}", {kind: items})

    assert len(cloud.networks()) == len(cloud.subnets()) == 1
    assert cloud.routers() == (Router("r", "n", frozenset({"m"})),)


def test_cluster_api_has_begun_with_a_cluster_whose_security_groups_are_there(cloud: Cloud, server: Server) -> None:
    named = [{"name": "default"}, {"name": "k8s-cluster-magnum-p-1-pythia-abcd-secgroup-worker"}]
    server.answer("GET", "/network/v2.0/security-groups", {"security_groups": named})

    assert cloud.begun("pythia-abcd")
    assert not cloud.begun("pythia-abc")


# requests


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_get_is_asked_again_while_the_cloud_stumbles(cloud: Cloud, server: Server, status: int) -> None:
    for _ in range(3):
        server.answer("GET", "/volume/v3/types", {"message": "busy"}, status)
    server.answer("GET", "/volume/v3/types", {"volume_types": []})

    assert cloud.volume_types() == ()
    assert len(server.asked("GET", "/volume/v3/types")) == 4


def test_a_cloud_that_goes_on_stumbling_is_told(cloud: Cloud, server: Server) -> None:
    server.answer("GET", "/volume/v3/types", {"message": "busy"}, 503)

    with pytest.raises(CloudError, match="Cinder answered 503") as caught:
        cloud.volume_types()
    assert transient(caught.value)
    assert caught.value.why == "busy"
    assert "again later" in caught.value.remedy


def test_a_service_that_is_down_is_named(cloud: Cloud, server: Server) -> None:
    down = server.token(catalog=None)
    endpoint = {"interface": "public", "region": "IU", "region_id": "IU", "url": "http://127.0.0.1:1/v1", "id": "m"}
    down["token"]["catalog"] = [{"type": "container-infra", "name": "magnum", "id": "m", "endpoints": [endpoint]}]
    server.replace("POST", "/identity/v3/auth/tokens", down, 201, **{"X-Subject-Token": "secret-token"})

    with pytest.raises(CloudError, match="Magnum does not answer") as caught:
        cloud.get("container-infra", "/clusters")
    assert caught.value.layer is Layer.MAGNUM
    assert transient(caught.value)


def test_a_post_is_never_sent_twice(cloud: Cloud, server: Server) -> None:
    server.answer("POST", "/magnum/v1/clusters", {}, 503)

    with pytest.raises(CloudError):
        cloud.send("container-infra", "POST", "/clusters", {})
    assert len(server.asked("POST", "/magnum/v1/clusters")) == 1


def test_a_post_that_came_too_soon_is_sent_again_when_the_cloud_says(cloud: Cloud, server: Server) -> None:
    slept: list[float] = []
    cloud._sleep = slept.append
    server.answer("POST", "/magnum/v1/clusters", {}, 429, **{"Retry-After": "7"})
    server.answer("POST", "/magnum/v1/clusters", {}, 429, **{"Retry-After": "Sun, 22 Nov 2026 17:00:00 GMT"})
    server.answer("POST", "/magnum/v1/clusters", {"uuid": "7"}, 202)

    assert cloud.send("container-infra", "POST", "/clusters", {}).body == {"uuid": "7"}
    assert slept == [7.0, 1.0]


def test_a_cloud_that_wants_to_be_left_alone_for_long_is_told_at_once(cloud: Cloud, server: Server) -> None:
    server.answer("GET", "/volume/v3/types", {"message": "busy"}, 503, **{"Retry-After": "3600"})

    with pytest.raises(CloudError, match="Cinder answered 503"):
        cloud.volume_types()
    assert len(server.asked("GET", "/volume/v3/types")) == 1


def test_a_request_that_does_no_harm_twice_is_sent_again(cloud: Cloud, server: Server) -> None:
    server.answer("POST", "/magnum/v1/certificates", {}, 500)
    server.answer("POST", "/magnum/v1/certificates", {"pem": "a"}, 201)

    assert cloud.send("container-infra", "POST", "/certificates", {}, harmless=True).body == {"pem": "a"}


def test_what_we_may_not_is_the_credentials_fault(cloud: Cloud, server: Server) -> None:
    server.answer("GET", "/volume/v3/types", {"forbidden": {"code": 403, "message": "Policy doesn't allow it"}}, 403)

    with pytest.raises(CloudError) as caught:
        cloud.volume_types()
    assert (caught.value.layer, caught.value.status) == (Layer.CREDENTIAL, 403)
    assert caught.value.why == "Policy doesn't allow it"


def test_a_service_that_is_not_in_the_catalog_is_told(cloud: Cloud, server: Server) -> None:
    with pytest.raises(CloudError, match="no service of type dns"):
        cloud.get("dns", "/zones")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"errors": [{"code": "client", "status": 404, "title": "No", "detail": "Cluster x could not be found."}]},
            "Cluster x could not be found.",
        ),
        ({"badRequest": {"code": 400, "message": "Invalid"}}, "Invalid"),
        ({"error": {"code": 401, "message": "No", "title": "Unauthorized"}}, "No"),
        ({"NeutronError": {"type": "X", "message": "Quota exceeded", "detail": ""}}, "Quota exceeded"),
        ({}, ""),
        ("<html>", ""),
    ],
)
def test_each_services_own_words_are_found(body: object, text: str) -> None:
    assert words(body) == text


def test_volumes_come_page_by_page_with_what_is_written_on_them(
    cloud: Cloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(number: int) -> dict[str, Any]:
        made = "2026-11-25T12:00:00.000000"
        rest: dict[str, Any] = {"size": 10, "status": "available", "created_at": made, "metadata": {"k": "v"}}
        return {"id": f"v-{number}", "name": None if number else "pvc-0"} | rest

    monkeypatch.setattr(openstack_volumes, "PAGE", 2)
    server.answer("GET", "/volume/v3/volumes/detail", {"volumes": [found(0), found(1)]})
    server.answer("GET", "/volume/v3/volumes/detail", {"volumes": [found(2)]})
    volumes = cloud.volumes()

    assert [(one.id, one.name) for one in volumes] == [("v-1", ""), ("v-2", ""), ("v-0", "pvc-0")]
    assert (volumes[0].size, volumes[0].created, volumes[0].metadata) == (
        10,
        datetime(2026, 11, 25, 12, tzinfo=UTC),
        {"k": "v"},
    )
    asked = [request.path for request in server.asked("GET", "/volume/v3/volumes/detail")]
    assert [path.partition("?")[2] for path in asked] == ["limit=2", "limit=2&marker=v-1"]


def test_a_volume_is_written_on_and_deleted_and_one_that_is_gone_is_fine(cloud: Cloud, server: Server) -> None:
    server.answer("POST", "/volume/v3/volumes/v-1/metadata", {"metadata": {}})
    server.answer("POST", "/volume/v3/volumes/v-2/metadata", {"itemNotFound": {}}, status=404)
    server.answer("DELETE", "/volume/v3/volumes/v-1", status=202)
    server.answer("DELETE", "/volume/v3/volumes/v-2", {"itemNotFound": {}}, status=404)
    server.answer("DELETE", "/volume/v3/volumes/v-3", {"badRequest": {"message": "Invalid volume"}}, status=400)
    cloud.delete_volume("v-3")
    for volume in ("v-1", "v-2"):
        cloud.mark_volume(volume, {"keep": "true"})
        cloud.delete_volume(volume)
    (written,) = server.asked("POST", "/volume/v3/volumes/v-1/metadata")
    assert written.body == {"metadata": {"keep": "true"}}
    assert len(server.asked("DELETE", "/volume/v3/volumes/v-2")) == 1
