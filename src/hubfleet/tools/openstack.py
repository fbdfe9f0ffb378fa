"""The door to OpenStack: who we are to a cloud, and what it has for us."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from hubfleet.tools.openstack_session import Session


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


@dataclass(frozen=True)
class Subnet:
    """A subnet of a network (its id) of Neutron that the project sees. `version` of IP: 4 or 6."""

    id: str
    name: str
    network: str
    version: int


@dataclass(frozen=True)
class Room:
    """One quota: how much there may be and is. `limit` None: no limit."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """What may still be made; None: no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True)
class Owned:
    """Something that costs: a floating IP, a volume, an application credential."""

    kind: str
    id: str
    name: str


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
        )

    def _credential(self, token: Mapping[str, Any]) -> Credential | None:
        brief = token.get("application_credential")
        if not brief:
            return None
        path = f"/users/{token['user']['id']}/application_credentials/{brief['id']}"
        full = self.get("identity", path, allow=(401, 403, 404)).body.get("application_credential", {})
        expires = _time(full["expires_at"]) if full.get("expires_at") else None
        return Credential(brief["id"], brief.get("name", ""), brief.get("restricted"), expires)

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
            words = ",".join(sorted(word for word in wanted if bool(_UUID.fullmatch(word)) == (key == "id")))
            if words:
                query = urlencode({key: f"in:{words}", "member_status": "all", "limit": 200})
                answer = self.get("image", f"/images?{query}").body["images"]
                found |= {image["id"]: _image(image) for image in answer}
        return tuple(found.values())

    def keypairs(self) -> tuple[str, ...]:
        """Names of the user's SSH key pairs."""
        return tuple(sorted(k["keypair"]["name"] for k in self.get("compute", "/os-keypairs").body["keypairs"]))

    def networks(self) -> tuple[Network, ...]:
        """The networks that this project sees. A Neutron that has just started answers with none for a moment."""
        found = self.get("network", "/networks").body["networks"]
        if not found:
            self.pause(1.0)
            found = self.get("network", "/networks").body["networks"]
        return tuple(Network(n["id"], n["name"], bool(n.get("router:external"))) for n in found)

    def subnets(self) -> tuple[Subnet, ...]:
        """The subnets that this project sees."""
        found = self.get("network", "/subnets").body["subnets"]
        return tuple(Subnet(s["id"], s["name"], s["network_id"], s["ip_version"]) for s in found)

    def volume_types(self) -> tuple[str, ...]:
        """Names of Cinder's volume types. Magnum's driver fails where there is none (magnum-capi-helm 1.4
        driver.py:946)."""
        return tuple(t["name"] for t in self.get("block-storage", "/types").body["volume_types"])

    def quota(self) -> Mapping[str, Room]:
        """Limits and use of "instances", "cores", "ram" (MiB), "floating IPs" and "volumes"."""
        limits = self.get("compute", "/limits").body["limits"]["absolute"]
        rooms = {
            "instances": _room(limits["maxTotalInstances"], limits["totalInstancesUsed"]),
            "cores": _room(limits["maxTotalCores"], limits["totalCoresUsed"]),
            "ram": _room(limits["maxTotalRAMSize"], limits["totalRAMUsed"]),
        }
        quota = self.get("network", f"/quotas/{self.project_id}/details.json", allow=(403, 404)).body.get("quota")
        if quota:
            rooms["floating IPs"] = _room(quota["floatingip"]["limit"], quota["floatingip"]["used"])
        volumes = self.get("block-storage", "/limits", allow=(403, 404)).body.get("limits", {}).get("absolute")
        if volumes:
            rooms["volumes"] = _room(volumes["maxTotalVolumes"], volumes["totalVolumesUsed"])
        return rooms

    def leftovers(self, marks: Collection[str]) -> tuple[Owned, ...]:
        """What still stands and bears one of these marks (a cluster's UUID, its release's name) as a word of its name,
        description or metadata: application credentials (Magnum's are magnum-UUID-…, magnum-capi-helm 1.4
        common/app_creds.py:66), floating IPs, volumes."""
        path = f"/users/{self.user_id}/application_credentials"
        credentials = self.get("identity", path, allow=(401, 403)).body.get("application_credentials", ())
        addresses = self.get("network", "/floatingips").body["floatingips"]
        volumes = self.get("block-storage", "/volumes/detail").body["volumes"]
        found = [
            *(Owned("application credential", c["id"], c["name"]) for c in credentials),
            *(Owned("floating IP", a["floating_ip_address"], a.get("description") or "") for a in addresses),
            *(Owned("volume", v["id"], " ".join([v["name"] or "", *v.get("metadata", {}).values()])) for v in volumes),
        ]
        return tuple(owned for owned in found if any(_word(mark, owned.name) for mark in marks))


def _time(text: str) -> datetime:
    """Keystone gives "…Z" for tokens and no zone at all for application credentials; both are UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IMAGE_FIELDS = frozenset({"id", "name", "status", "min_disk", "min_ram"})


def _image(found: Mapping[str, Any]) -> Image:
    texts = {key: value for key, value in found.items() if isinstance(value, str) and key not in _IMAGE_FIELDS}
    return Image(found["id"], found["name"] or "", found["status"], found["min_disk"], found["min_ram"], texts)


def _room(limit: int, used: int) -> Room:
    return Room(None if limit < 0 else limit, used)


def _word(mark: str, text: str) -> bool:
    return bool(mark) and re.search(rf"(?<![a-z0-9]){re.escape(mark)}(?![a-z0-9])", text) is not None
