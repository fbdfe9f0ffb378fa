"""The inventory of a project: what each service tells of what there is, what it refuses to tell, and deletions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.errors import CloudError
from hubfleet.tools.openstack import Cloud
from hubfleet.tools.openstack_inventory import Kind, Thing
from tests.unit.openstack_server import SERVICES, Server, serving

CREDENTIALS = "/identity/v3/users/u-1/application_credentials"
MADE = "2026-11-25T07:17:30Z"
AT = datetime(2026, 11, 25, 7, 17, 30, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def cloud(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    auth = {"application_credential_id": "c-1", "application_credential_secret": "hunter2"}
    auth["auth_url"] = f"{server.url}/identity/v3"
    entry = {"auth_type": "v3applicationcredential", "auth": auth, "region_name": "IU"}
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"js2": entry}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    found = Cloud.connect("js2")
    found._sleep = lambda _: None
    return found


def of_neutron(identity: str, **more: Any) -> dict[str, Any]:
    told = {"id": identity, "name": "n", "description": "d", "tags": ["t"], "created_at": MADE, "status": "ACTIVE"}
    return {**told, "project_id": "p-1", **more}


def answers(server: Server) -> None:
    """What a project with one of each has (recorded, and cut)."""
    address = of_neutron("f", floating_ip_address="203.0.113.5", port_id="p")
    address.pop("name")
    ports = [
        of_neutron("p", device_owner="compute:nova", device_id="s"),
        of_neutron("q", device_owner="network:router_interface", device_id="r"),
    ]
    machine = {"id": "s", "name": "n", "status": "ACTIVE", "created": MADE, "flavor": {"id": "f-1"}, "metadata": {}}
    machine["os-extended-volumes:volumes_attached"] = [{"id": "v"}]
    volume = {"id": "v", "name": "n", "size": 10, "status": "in-use", "created_at": "2026-11-25T07:17:30.000000"}
    credentials = [{"id": "a", "name": "n", "description": None, "project_id": "p-1"}]
    credentials.append({**credentials[0], "id": "b", "project_id": "p-2"})
    for path, body in {
        "/network/v2.0/floatingips": {"floatingips": [address]},
        "/network/v2.0/ports": {"ports": ports},
        "/network/v2.0/security-groups": {"security_groups": [of_neutron("g")]},
        "/network/v2.0/routers": {"routers": [of_neutron("r")]},
        "/network/v2.0/networks": {"networks": [of_neutron("n")]},
        "/compute/v2.1/servers/detail": {"servers": [machine]},
        "/compute/v2.1/os-server-groups": {"server_groups": [{"id": "sg", "name": "n", "metadata": {}}]},
        "/volume/v3/volumes/detail": {"volumes": [{**volume, "metadata": {"a": "b"}}]},
        "/volume/v3/snapshots/detail": {"snapshots": [{**volume, "id": "w", "metadata": {"a": "b"}}]},
        CREDENTIALS: {"application_credentials": credentials},
    }.items():
        server.answer("GET", path, body)


def test_everything_is_told_with_what_its_makers_wrote_on_it(cloud: Cloud, server: Server) -> None:
    answers(server)

    found = cloud.inventory()

    assert found.unseen == ()
    attached = frozenset({"attachment of v"})
    assert {thing.id: thing for thing in found.things} == {
        "f": Thing(Kind.FLOATING_IP, "f", "203.0.113.5", "d", {}, ("t",), None, "", AT, "ACTIVE", frozenset({"p"})),
        "s": Thing(Kind.SERVER, "s", "n", machine="f-1", created=AT, status="ACTIVE", parts=attached),
        "p": Thing(Kind.PORT, "p", "n", "d", {}, ("t",), None, "", AT, "ACTIVE", frozenset({"s"})),
        "w": Thing(Kind.SNAPSHOT, "w", "n", "", {"a": "b"}, (), 10, "", AT, "in-use"),
        "v": Thing(Kind.VOLUME, "v", "n", "", {"a": "b"}, (), 10, "", AT, "in-use", attached),
        "g": Thing(Kind.SECURITY_GROUP, "g", "n", "d", {}, ("t",), None, "", AT, "ACTIVE"),
        "sg": Thing(Kind.SERVER_GROUP, "sg", "n"),
        "r": Thing(Kind.ROUTER, "r", "n", "d", {}, ("t",), None, "", AT, "ACTIVE"),
        "n": Thing(Kind.NETWORK, "n", "n", "d", {}, ("t",), None, "", AT, "ACTIVE"),
        "a": Thing(Kind.CREDENTIAL, "a", "n"),
    }


def test_load_balancers_are_asked_of_octavia_where_there_is_one(
    cloud: Cloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SERVICES, "load-balancer", "/octavia/v2")
    server.replace("POST", "/identity/v3/auth/tokens", server.token(), 201, **{"X-Subject-Token": "t"})
    answers(server)
    balancer = {"id": "lb", "name": "kube_service_x_y_z", "description": "", "tags": [], "vip_port_id": "vip"}
    balancer |= {"provisioning_status": "ACTIVE", "created_at": "2026-11-25T07:17:30"}
    server.answer("GET", "/octavia/v2/lbaas/loadbalancers", {"loadbalancers": [balancer]})

    (found,) = (thing for thing in cloud.inventory().things if thing.kind is Kind.LOAD_BALANCER)

    parts = frozenset({"vip"})
    assert found == Thing(Kind.LOAD_BALANCER, "lb", "kube_service_x_y_z", created=AT, status="ACTIVE", parts=parts)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_service_that_refuses_is_told_as_not_seen(cloud: Cloud, server: Server, status: int) -> None:
    answers(server)
    server.replace("GET", CREDENTIALS, {"error": {"message": "no"}}, status)

    found = cloud.inventory()

    assert found.unseen == (f"application credentials: HTTP {status}",)
    assert len(found.things) == 9


def test_a_service_that_is_broken_is_an_error(cloud: Cloud, server: Server) -> None:
    answers(server)
    server.replace("GET", "/volume/v3/snapshots/detail", {"message": "broken"}, 500)

    with pytest.raises(CloudError):
        cloud.inventory()


def test_credentials_are_not_judged_where_another_region_may_have_their_cluster(cloud: Cloud, server: Server) -> None:
    answers(server)
    token = server.token()
    (magnum,) = (one for one in token["token"]["catalog"] if one["type"] == "container-infra")
    magnum["endpoints"].append({**magnum["endpoints"][0], "region": "TACC", "region_id": "TACC"})
    server.replace("GET", "/identity/v3/auth/tokens", token)

    found = cloud.inventory()

    assert [thing for thing in found.things if thing.kind is Kind.CREDENTIAL] == []
    assert "several regions have a Magnum" in found.unseen[0]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (Kind.FLOATING_IP, "/network/v2.0/floatingips/x"),
        (Kind.SERVER, "/compute/v2.1/servers/x"),
        (Kind.PORT, "/network/v2.0/ports/x"),
        (Kind.SNAPSHOT, "/volume/v3/snapshots/x"),
        (Kind.VOLUME, "/volume/v3/volumes/x"),
        (Kind.SECURITY_GROUP, "/network/v2.0/security-groups/x"),
        (Kind.SERVER_GROUP, "/compute/v2.1/os-server-groups/x"),
        (Kind.NETWORK, "/network/v2.0/networks/x"),
        (Kind.CREDENTIAL, f"{CREDENTIALS}/x"),
    ],
)
def test_a_thing_is_deleted_and_seen_to_be_gone(cloud: Cloud, server: Server, kind: Kind, path: str) -> None:
    server.answer("DELETE", path, status=204)
    server.answer("GET", path, {})
    server.answer("GET", path, {}, 404)
    thing = Thing(kind, "x", "n")

    cloud.remove(thing)

    assert len(server.asked("DELETE", path)) == 1
    assert [cloud.there(thing), cloud.there(thing)] == [True, False]


def test_a_router_is_unplugged_before_it_is_deleted(cloud: Cloud, server: Server) -> None:
    ports = [
        {"id": "i", "device_owner": "network:router_interface"},
        {"id": "g", "device_owner": "network:router_gateway"},
    ]
    server.answer("GET", "/network/v2.0/ports", {"ports": ports})
    server.answer("PUT", "/network/v2.0/routers/x/remove_router_interface", {})
    server.answer("DELETE", "/network/v2.0/routers/x", status=204)

    cloud.remove(Thing(Kind.ROUTER, "x", "n"))

    assert [one.body for one in server.asked("PUT", "/network/v2.0/routers/x/remove_router_interface")] == [
        {"port_id": "i"}
    ]
