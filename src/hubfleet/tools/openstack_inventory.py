"""All that a project has and a cluster may have left there, with what its makers wrote on it: each service asked once,
side by side.

A service that does not tell is named as not seen: an audit that is silent about it would be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hubfleet.errors import CloudError
from hubfleet.tools import openstack_volumes
from hubfleet.tools.openstack_session import Session

_REFUSED = (401, 403, 404)
_INTERFACES = "router_interface"
_ATTACHED = "os-extended-volumes:volumes_attached"


class Kind(StrEnum):
    """What a thing is. In this order they can be deleted: nothing before what holds it."""

    LOAD_BALANCER = "load balancer"
    FLOATING_IP = "floating IP"
    SERVER = "server"
    PORT = "port"
    SNAPSHOT = "snapshot"
    VOLUME = "volume"
    SECURITY_GROUP = "security group"
    SERVER_GROUP = "server group"
    ROUTER = "router"
    NETWORK = "network"
    CREDENTIAL = "application credential"


@dataclass(frozen=True)
class Thing:
    """Something of the project's. `name` and `description` are as its makers wrote them, as are `marks` (metadata) and
    `tags`. `size` in GiB; `machine` a flavor's id; `created` None where the service does not tell."""

    kind: Kind
    id: str
    name: str
    description: str = ""
    marks: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: tuple[str, ...] = ()
    size: int | None = None
    machine: str = ""
    created: datetime | None = None
    status: str = ""
    users: frozenset[str] = frozenset()
    """Ids of what uses it: a port's server, a volume's attachment, a floating IP's port."""
    parts: frozenset[str] = frozenset()
    """Ids of what goes with it: a load balancer's port, a server's attachments."""


@dataclass(frozen=True)
class Inventory:
    """`unseen`: what could not be looked at, and why, in words."""

    things: tuple[Thing, ...]
    unseen: tuple[str, ...] = ()


def inventory(cloud: Session) -> Inventory:
    """What there is of each Kind. CloudError where a service stumbles or cannot be reached."""
    with ThreadPoolExecutor(len(_ASKS), thread_name_prefix="inventory") as pool:
        answers = {kind: pool.submit(_seen, ask, cloud) for kind, ask in _ASKS.items()}
        found = {kind: answer.result() for kind, answer in answers.items()}
    things = tuple(thing for one in found.values() if not isinstance(one, str) for thing in one)
    return Inventory(things, tuple(f"{kind}s: {why}" for kind, why in found.items() if isinstance(why, str)))


def remove(cloud: Session, thing: Thing) -> None:
    """Ask for its deletion. One that is gone is fine; CloudError (409 mostly) while something uses it."""
    service, path = _place(cloud, thing)
    if thing.kind is Kind.ROUTER:
        _unplug(cloud, thing.id)
    cascade = "?cascade=true" if thing.kind is Kind.LOAD_BALANCER else ""
    cloud.send(service, "DELETE", f"{path}{cascade}", allow=(404,), harmless=True)


def there(cloud: Session, thing: Thing) -> bool:
    """Whether it is still to be seen."""
    service, path = _place(cloud, thing)
    return cloud.get(service, path, allow=(404,)).status != 404


_PLACES = {
    Kind.LOAD_BALANCER: ("load-balancer", "/lbaas/loadbalancers"),
    Kind.FLOATING_IP: ("network", "/floatingips"),
    Kind.SERVER: ("compute", "/servers"),
    Kind.PORT: ("network", "/ports"),
    Kind.SNAPSHOT: ("block-storage", "/snapshots"),
    Kind.VOLUME: ("block-storage", "/volumes"),
    Kind.SECURITY_GROUP: ("network", "/security-groups"),
    Kind.SERVER_GROUP: ("compute", "/os-server-groups"),
    Kind.ROUTER: ("network", "/routers"),
    Kind.NETWORK: ("network", "/networks"),
}


def _place(cloud: Session, thing: Thing) -> tuple[str, str]:
    if thing.kind is Kind.CREDENTIAL:
        return "identity", f"/users/{cloud.user_id}/application_credentials/{thing.id}"
    service, path = _PLACES[thing.kind]
    return service, f"{path}/{thing.id}"


def _unplug(cloud: Session, router: str) -> None:
    """A router with interfaces cannot go."""
    for port in cloud.get("network", f"/ports?device_id={router}").body["ports"]:
        if _INTERFACES in port["device_owner"]:
            path, body = f"/routers/{router}/remove_router_interface", {"port_id": port["id"]}
            cloud.send("network", "PUT", path, body, allow=(404,), harmless=True)


class _Unseen(Exception):
    """Why something could not be looked at."""


def _seen(ask: Callable[[Session], Iterator[Thing]], cloud: Session) -> tuple[Thing, ...] | str:
    try:
        return tuple(ask(cloud))
    except _Unseen as why:
        return str(why)
    except CloudError as error:
        if error.status not in _REFUSED:
            raise
        return f"HTTP {error.status}"


def _load_balancers(cloud: Session) -> Iterator[Thing]:
    """A cloud without Octavia has none."""
    if not cloud.offers("load-balancer"):
        return
    path = f"/lbaas/loadbalancers?project_id={cloud.project_id}"
    for found in cloud.get("load-balancer", path).body["loadbalancers"]:
        parts, status = frozenset({found["vip_port_id"]}), found["provisioning_status"]
        yield _thing(Kind.LOAD_BALANCER, found, parts=parts, status=status)


def _floating_ips(cloud: Session) -> Iterator[Thing]:
    for found in _of_neutron(cloud, "floatingips"):
        yield _thing(Kind.FLOATING_IP, found, name=found["floating_ip_address"], users=_ids(found.get("port_id")))


def _servers(cloud: Session) -> Iterator[Thing]:
    for found in cloud.get("compute", "/servers/detail").body["servers"]:
        attached = frozenset(_attachment(one["id"]) for one in found.get(_ATTACHED, ()))
        told = {"created": _time(found.get("created")), "machine": found["flavor"].get("id", "")}
        yield _thing(Kind.SERVER, found, marks=found.get("metadata") or {}, parts=attached, **told)


def _ports(cloud: Session) -> Iterator[Thing]:
    """Those of routers and load balancers go with these."""
    for found in _of_neutron(cloud, "ports"):
        if found["device_owner"].startswith("compute:") or not found["device_owner"]:
            yield _thing(Kind.PORT, found, users=_ids(found.get("device_id")))


def _snapshots(cloud: Session) -> Iterator[Thing]:
    for found in cloud.get("block-storage", "/snapshots/detail").body["snapshots"]:
        yield _thing(Kind.SNAPSHOT, found, marks=found.get("metadata") or {}, size=found["size"])


def _volumes(cloud: Session) -> Iterator[Thing]:
    for one in openstack_volumes.volumes(cloud):
        yield Thing(
            *(Kind.VOLUME, one.id, one.name),
            marks=one.metadata,
            size=one.size,
            created=one.created,
            status=one.status,
            users=frozenset() if one.status != "in-use" else frozenset({_attachment(one.id)}),
        )


def _security_groups(cloud: Session) -> Iterator[Thing]:
    return (_thing(Kind.SECURITY_GROUP, found) for found in _of_neutron(cloud, "security-groups"))


def _server_groups(cloud: Session) -> Iterator[Thing]:
    """Nova does not tell when one was made."""
    return (
        _thing(Kind.SERVER_GROUP, found) for found in cloud.get("compute", "/os-server-groups").body["server_groups"]
    )


def _routers(cloud: Session) -> Iterator[Thing]:
    return (_thing(Kind.ROUTER, found) for found in _of_neutron(cloud, "routers"))


def _networks(cloud: Session) -> Iterator[Thing]:
    """Their subnets go with them."""
    return (_thing(Kind.NETWORK, found) for found in _of_neutron(cloud, "networks"))


def _credentials(cloud: Session) -> Iterator[Thing]:
    """Those of our user for this project. Where several regions have a Magnum behind one Keystone, a credential of a
    living cluster of another region would look like one of a cluster that is gone."""
    token = cloud.get("identity", "/auth/tokens", headers={"X-Subject-Token": cloud.secret()}).body["token"]
    magnums = [one for one in token.get("catalog", ()) if one["type"].startswith("container-infra")]
    if len({point["region_id"] for one in magnums for point in one["endpoints"]}) > 1:
        raise _Unseen("several regions have a Magnum, and a credential does not tell which one it is of")
    path = f"/users/{cloud.user_id}/application_credentials"
    for found in cloud.get("identity", path).body["application_credentials"]:
        if found["project_id"] == cloud.project_id:
            yield _thing(Kind.CREDENTIAL, found)


_ASKS: Mapping[Kind, Callable[[Session], Iterator[Thing]]] = {
    Kind.LOAD_BALANCER: _load_balancers,
    Kind.FLOATING_IP: _floating_ips,
    Kind.SERVER: _servers,
    Kind.PORT: _ports,
    Kind.SNAPSHOT: _snapshots,
    Kind.VOLUME: _volumes,
    Kind.SECURITY_GROUP: _security_groups,
    Kind.SERVER_GROUP: _server_groups,
    Kind.ROUTER: _routers,
    Kind.NETWORK: _networks,
    Kind.CREDENTIAL: _credentials,
}


def _of_neutron(cloud: Session, kind: str) -> list[dict[str, Any]]:
    """An administrator would be shown those of every project."""
    found: list[dict[str, Any]] = cloud.get("network", f"/{kind}?project_id={cloud.project_id}").body[
        kind.replace("-", "_")
    ]
    return found


def _thing(kind: Kind, found: Mapping[str, Any], **more: Any) -> Thing:
    told: dict[str, Any] = {
        "name": found.get("name") or "",
        "description": found.get("description") or "",
        "tags": tuple(found.get("tags") or ()),
        "created": _time(found.get("created_at")),
        "status": found.get("status") or "",
    }
    return Thing(kind, found["id"], **{**told, **more})


def _attachment(volume: str) -> str:
    return f"attachment of {volume}"


def _ids(found: str | None) -> frozenset[str]:
    return frozenset({found}) if found else frozenset()


def _time(text: str | None) -> datetime | None:
    """Cinder and Octavia name no zone: it is UTC."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
