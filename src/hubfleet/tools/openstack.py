"""The door to OpenStack: who we are to a cloud, and what it has for us."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from hubfleet.tools import openstack_inventory, openstack_quota, openstack_volumes
from hubfleet.tools.openstack_inventory import Inventory, Thing
from hubfleet.tools.openstack_quota import Rooms
from hubfleet.tools.openstack_session import Session
from hubfleet.tools.openstack_volumes import Volume

_ROUTER_PORTS = ("router_interface", "router_interface_distributed", "ha_router_replicated_interface")


@dataclass(frozen=True)
class Token:
    """Who we are to the cloud, as Keystone sees it (`GET /v3/auth/tokens`)."""

    user: str
    user_id: str
    project: str
    project_id: str
    roles: frozenset[str]
    expires: datetime
    """Of the token; Keystone gives a new one by itself while the credential lasts."""
    services: frozenset[str]
    """Types of the services in the catalog."""
    credential: Credential | None
    """The application credential it was made with, if it was."""
    kind: str = "application_credential"
    """Of the credential, in Keystone's words: that, "password", "token", ..."""


@dataclass(frozen=True)
class Credential:
    """An application credential of Keystone's. A restricted one cannot make others, which Magnum's driver needs to."""

    id: str
    name: str
    restricted: bool | None
    """None where the answer did not tell."""
    expires: datetime | None = None


@dataclass(frozen=True)
class Flavor:
    """A machine type. `ram` in MiB, `disk` in GiB."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int


@dataclass(frozen=True)
class Image:
    """An image of Glance's. `properties`: what its makers set beside Glance's own fields (kube_version, os_distro).
    `min_disk` in GiB, `min_ram` in MiB."""

    id: str
    name: str
    status: str
    min_disk: int
    min_ram: int
    properties: Mapping[str, str]

    @property
    def kubernetes(self) -> str:
        """The Kubernetes in it, "v1.33.2"; "" where it does not tell."""
        found = self.properties.get("kube_version", "")
        return f"v{found.removeprefix('v')}" if found else ""


@dataclass(frozen=True)
class Network:
    """A network of Neutron that the project sees."""

    id: str
    name: str
    external: bool
    project: str = ""
    """Whose it is."""


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network (its id) of Neutron that the project sees. `version` of IP: 4 or 6."""

    id: str
    name: str
    network: str
    version: int


@dataclass(frozen=True)
class Router:
    """A router: the external network (its id) that it leads to, if any, and the networks that it joins."""

    id: str
    outside: str | None
    inside: frozenset[str]


@dataclass(frozen=True)
class Server:
    """A machine of Nova. `flavor` is an id; `fault` Nova's words where it failed."""

    id: str
    name: str
    flavor: str
    status: str
    fault: str


@dataclass(frozen=True)
class Balancer:
    """A load balancer of Octavia. `status` is its provisioning status: PENDING_CREATE, ACTIVE, ERROR, ..."""

    id: str
    name: str
    status: str
    age: float | None = None
    """Seconds since it was asked for, by Octavia's own clock; None where it does not tell."""


class Cloud(Session):
    """One project of one cloud, as its services tell of it."""

    # who we are

    def token(self) -> Token:
        """Logs in if need be, and gives what Keystone says of us. CloudError of layer credential or network if it
        does not let us in."""
        token = self.get("identity", "/auth/tokens", headers={"X-Subject-Token": self.secret()}).body["token"]
        project = token.get("project", {})
        return Token(
            user=token["user"]["name"],
            user_id=token["user"]["id"],
            project=project.get("name", ""),
            project_id=project.get("id", ""),
            roles=frozenset(role["name"] for role in token.get("roles", ())),
            expires=_time(token["expires_at"]),
            services=frozenset(service["type"] for service in token.get("catalog", ())),
            credential=self._credential(token),
            kind=next(iter(token.get("methods", ())), ""),
        )

    def _credential(self, token: Mapping[str, Any]) -> Credential | None:
        brief = token.get("application_credential")
        if not brief:
            return None
        path = f"/users/{token['user']['id']}/application_credentials/{brief['id']}"
        full = self.get("identity", path, allow=(401, 403, 404)).body.get("application_credential", {})
        expires = _time(full["expires_at"]) if full.get("expires_at") else None
        return Credential(brief["id"], brief.get("name", ""), brief.get("restricted"), expires)

    def application_credentials(self) -> tuple[Credential, ...]:
        """Those of our user, as far as we may see them."""
        path = f"/users/{self.user_id}/application_credentials"
        found = self.get("identity", path, allow=(401, 403)).body.get("application_credentials", ())
        return tuple(
            Credential(c["id"], c["name"], not c["unrestricted"], _time(c["expires_at"]) if c["expires_at"] else None)
            for c in found
        )

    # what there is

    def flavors(self) -> tuple[Flavor, ...]:
        """The machine types that this project may use, by name."""
        found = self.get("compute", "/flavors/detail").body["flavors"]
        flavors = (Flavor(f["id"], f["name"], f["vcpus"], f["ram"], f["disk"]) for f in found)
        return tuple(sorted(flavors, key=lambda flavor: flavor.name))

    def images(self, wanted: Collection[str]) -> tuple[Image, ...]:
        """Those of the images with these names or UUIDs that the project sees, community ones included."""
        found: dict[str, Image] = {}
        for key in ("name", "id"):
            words = ",".join(sorted(word for word in wanted if is_uuid(word) == (key == "id")))
            if words:
                query = urlencode({key: f"in:{words}", "member_status": "all", "limit": 200})
                answer = self.get("image", f"/images?{query}").body["images"]
                found |= {image["id"]: _image(image) for image in answer}
        return tuple(found.values())

    def keypairs(self) -> tuple[str, ...]:
        """Names of the user's SSH key pairs."""
        return tuple(sorted(k["keypair"]["name"] for k in self.get("compute", "/os-keypairs").body["keypairs"]))

    def networks(self) -> tuple[Network, ...]:
        """The networks that this project sees."""
        return tuple(map(_network, self._of_neutron("networks")))

    def subnets(self) -> tuple[Subnet, ...]:
        """The subnets that this project sees."""
        found = self._of_neutron("subnets")
        return tuple(Subnet(s["id"], s["name"], s["network_id"], s["ip_version"]) for s in found)

    def volume_types(self) -> tuple[str, ...]:
        """Names of Cinder's volume types. Magnum's driver fails where there is none (magnum-capi-helm 1.4
        driver.py:946)."""
        return tuple(t["name"] for t in self.get("block-storage", "/types").body["volume_types"])

    def routers(self) -> tuple[Router, ...]:
        """The routers that this project sees, with the networks that they join."""
        owners = "&".join(f"device_owner=network:{kind}" for kind in _ROUTER_PORTS)
        ports = self._of_neutron("ports", f"?{owners}&fields=device_id&fields=network_id")
        found = self._of_neutron("routers")
        return tuple(_router(r, ports) for r in found)

    def _of_neutron(self, kind: str, query: str = "") -> list[Mapping[str, Any]]:
        """A Neutron that has just started answers with none for a moment."""
        found: list[Mapping[str, Any]] = self.get("network", f"/{kind}{query}").body[kind]
        if not found:
            self.pause(1.0)
            found = self.get("network", f"/{kind}{query}").body[kind]
        return found

    def servers(self) -> tuple[Server, ...]:
        """Every machine of the project, a thousand at most."""
        found = self.get("compute", "/servers/detail").body["servers"]
        return tuple(map(_server, found))

    def balancers(self) -> tuple[Balancer, ...] | None:
        """Every load balancer of the project; None where the cloud has no Octavia, or it does not tell us. (Octavia API
        v2, GET /v2/lbaas/loadbalancers.)"""
        if not self.offers("load-balancer"):
            return None
        fields = "&".join(f"fields={name}" for name in ("id", "name", "provisioning_status", "created_at"))
        answer = self.get("load-balancer", f"/lbaas/loadbalancers?{fields}", allow=(401, 403, 404))
        found = answer.body.get("loadbalancers") if answer.status < 400 else None
        if found is None:
            return None
        return tuple(
            Balancer(one["id"], one["name"] or "", one["provisioning_status"], answer.since(one.get("created_at")))
            for one in found
        )

    def begun(self, release: str) -> bool:
        """Whether Cluster API has begun with the cluster of this release: its security groups, whose names have that in
        them, come before its load balancer and its machines (cluster-api-provider-openstack 0.10,
        controllers/openstackcluster_controller.go, reconcileNetworkComponents)."""
        groups = self.get("network", "/security-groups?fields=name").body["security_groups"]
        return any(_word(release, group["name"]) for group in groups)

    def quota(self) -> Rooms:
        """Limits and use, by the names of `openstack_quota.rooms`."""
        return openstack_quota.rooms(self)

    def volumes(self) -> tuple[Volume, ...]:
        """Every volume of the project, by name."""
        return openstack_volumes.volumes(self)

    def mark_volume(self, volume: str, metadata: Mapping[str, str]) -> None:
        """Write this on a volume (its id), beside what is there. Nothing happens to one that is gone."""
        openstack_volumes.mark(self, volume, metadata)

    def delete_volume(self, volume: str) -> None:
        """Ask for the deletion of a volume (its id) that nothing uses. One that is gone is fine; one that is in use
        stays, which is to be seen by listing."""
        openstack_volumes.delete(self, volume)

    def inventory(self) -> Inventory:
        """All that the project has and a cluster may have left."""
        return openstack_inventory.inventory(self)

    def remove(self, thing: Thing) -> None:
        """Ask for its deletion: `openstack_inventory.remove`."""
        openstack_inventory.remove(self, thing)

    def there(self, thing: Thing) -> bool:
        """Whether it is still to be seen."""
        return openstack_inventory.there(self, thing)


def is_uuid(text: str) -> bool:
    """Whether it is one, and so hardly a name."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text, re.IGNORECASE) is not None


def _time(text: str) -> datetime:
    """Keystone gives "…Z" for tokens and no zone at all for application credentials; both are UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _network(found: Mapping[str, Any]) -> Network:
    external = bool(found.get("router:external"))
    return Network(found["id"], found["name"], external, found.get("project_id") or "")


def _router(found: Mapping[str, Any], ports: Collection[Mapping[str, Any]]) -> Router:
    gateway: Mapping[str, Any] = found.get("external_gateway_info") or {}
    inside = frozenset(port["network_id"] for port in ports if port["device_id"] == found["id"])
    return Router(found["id"], gateway.get("network_id"), inside)


def _server(found: Mapping[str, Any]) -> Server:
    fault: Mapping[str, Any] = found.get("fault") or {}
    return Server(found["id"], found["name"], found["flavor"].get("id", ""), found["status"], fault.get("message", ""))


_IMAGE_FIELDS = frozenset({"id", "name", "status", "min_disk", "min_ram"})


def _image(found: Mapping[str, Any]) -> Image:
    texts = {key: value for key, value in found.items() if isinstance(value, str) and key not in _IMAGE_FIELDS}
    return Image(found["id"], found["name"] or "", found["status"], found["min_disk"], found["min_ram"], texts)


def _word(mark: str, text: str) -> bool:
    return bool(mark) and re.search(rf"(?<![a-z0-9]){re.escape(mark)}(?![a-z0-9])", text) is not None
