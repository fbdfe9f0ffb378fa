"""The door to OpenStack: one cloud of clouds.yaml (or of the OS_* variables), asked by plain REST through its session.

Every request has a time-out; those that may be repeated are, when the cloud stumbles. Failures are CloudErrors.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hubfleet.errors import CloudError, Layer
from hubfleet.events import Watch
from hubfleet.tools import openstack_errors

if TYPE_CHECKING:
    from keystoneauth1.session import Session
    from openstack.config import OpenStackConfig
    from openstack.config.cloud_region import CloudRegion

TIMEOUT = 30.0
"""Seconds for one request."""
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each further try of a request that may be repeated."""
_VERSIONS = {"identity": "v3", "network": "v2.0", "compute": "v2.1", "block-storage": "v3", "container-infra": "v1"}
"""Added to an endpoint of the catalog that names no version."""


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


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, its JSON ({} where there was none), and its headers."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Cloud:
    """One project of one cloud. Threads may share it.

    `endpoint` gives a service's address by its type, or None; `watch` counts the time that requests take; `sleep` is
    for tests.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        endpoint: Callable[[str], str | None],
        *,
        watch: Watch | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self.name, self._endpoint, self._sleep = session, name, endpoint, sleep
        self._watch = watch or Watch()

    @classmethod
    def connect(cls, cloud: str | None, watch: Watch | None = None) -> Cloud:
        """The cloud of this name in clouds.yaml; None: that of the OS_* variables. Makes no request.

        CloudError of layer credential if there is no such entry, or it is not complete.
        """
        with warnings.catch_warnings():  # the SDK deprecates parts of itself that it uses itself
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return cls._connected(cloud or os.environ.get("OS_CLOUD"), watch)

    @classmethod
    def _connected(cls, cloud: str | None, watch: Watch | None) -> Cloud:
        settings = _configuration(cloud)
        if cloud and cloud not in _names(settings):
            raise openstack_errors.no_such_cloud(cloud, _names(settings), settings.config_filename, _files())
        if not cloud and not os.environ.get("OS_AUTH_URL"):
            raise openstack_errors.no_cloud_named(_names(_configuration("")))
        name = cloud or "the cloud of the OS_* variables"
        with openstack_errors.of_settings(name):
            region = settings.get_one(cloud or "envvars")
            session = region.get_session()
        session.timeout = TIMEOUT
        return cls(session, name, lambda service: _endpoint(region, session, service), watch=watch)

    # who we are

    def token(self) -> Token:
        """Logs in if need be, and gives what Keystone says of us. CloudError of layer credential or network if it
        does not let us in."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"), self._watch.waiting("OpenStack"):
            secret = self._session.get_token()
        token = self.get("identity", "/auth/tokens", headers={"X-Subject-Token": str(secret)}).body["token"]
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

    def keypairs(self) -> tuple[str, ...]:
        """Names of the user's SSH key pairs."""
        return tuple(sorted(k["keypair"]["name"] for k in self.get("compute", "/os-keypairs").body["keypairs"]))

    def networks(self) -> tuple[Network, ...]:
        """The networks that this project sees. A Neutron that has just started answers with none for a moment."""
        found = self.get("network", "/networks").body["networks"]
        if not found:
            with self._waiting("network"):
                self._sleep(1.0)
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

    @property
    def project_id(self) -> str:
        """Of the project that the credential is for."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            return str(self._session.get_project_id())

    def leftovers(self, marks: Collection[str]) -> tuple[Owned, ...]:
        """What still stands and bears one of these marks (a cluster's UUID, its release's name) as a word of its name,
        description or metadata: application credentials (Magnum's are magnum-UUID-…, magnum-capi-helm 1.4
        common/app_creds.py:66), floating IPs, volumes."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            user = self._session.get_user_id()
        path = f"/users/{user}/application_credentials"
        credentials = self.get("identity", path, allow=(401, 403)).body.get("application_credentials", ())
        addresses = self.get("network", "/floatingips").body["floatingips"]
        volumes = self.get("block-storage", "/volumes/detail").body["volumes"]
        found = [
            *(Owned("application credential", c["id"], c["name"]) for c in credentials),
            *(Owned("floating IP", a["floating_ip_address"], a.get("description") or "") for a in addresses),
            *(Owned("volume", v["id"], " ".join([v["name"] or "", *v.get("metadata", {}).values()])) for v in volumes),
        ]
        return tuple(owned for owned in found if any(_word(mark, owned.name) for mark in marks))

    # requests

    def get(
        self, service: str, path: str, *, headers: Mapping[str, str] | None = None, allow: Collection[int] = ()
    ) -> Answer:
        """The answer to a GET; asked again for about 20 s while the cloud stumbles."""
        with self._waiting(service):
            return self._asked(service, "GET", path, headers=headers, allow=allow)

    def send(
        self,
        service: str,
        method: str,
        path: str,
        content: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
    ) -> Answer:
        """The answer to a request that changes something; sent once, since it may have been heard though the answer
        got lost. A status of 400 and above is a CloudError, but for those in `allow`."""
        with self._waiting(service):
            return self._request(service, method, path, content=content, headers=headers, allow=allow)

    def _waiting(self, service: str) -> AbstractContextManager[None]:
        return self._watch.waiting("Magnum" if service == "container-infra" else "OpenStack")

    def _asked(self, service: str, method: str, path: str, **rest: Any) -> Answer:
        for pause in _PAUSES:
            try:
                return self._request(service, method, path, **rest)
            except CloudError as error:
                if not openstack_errors.transient(error):
                    raise
            self._sleep(pause)
        return self._request(service, method, path, **rest)

    def _request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
    ) -> Answer:
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            url = f"{self._base(service)}{path}"
        with openstack_errors.of_requests(f"{method} {path} failed at {self.name}", service):
            reply = self._session.request(
                url, method, json=content, headers={"Accept": "application/json", **(headers or {})}, raise_exc=False
            )
            body = _json(reply.content)
            answer = Answer(reply.status_code, {} if body is None else body, reply.headers)
        if answer.status >= 400 and answer.status not in allow:
            raise openstack_errors.of_answer(service, method, path, answer.status, answer.body)
        if body is None and answer.status < 400:
            raise openstack_errors.not_json(service, method, path, reply.content)
        return answer

    def _base(self, service: str) -> str:
        found = self._endpoint(service)
        if not found:
            raise CloudError(
                f"{self.name} has no service of type {service}",
                why="its catalog, as this credential sees it, lists none",
                remedy="choose another cloud, or ask its operators",
                layer=Layer.OPENSTACK,
            )
        base, version = found.rstrip("/"), _VERSIONS.get(service)
        return base if version is None or re.search(r"/v\d+(\.\d+)?(/|$)", base) else f"{base}/{version}"


def _configuration(cloud: str | None) -> OpenStackConfig:
    """With a clouds.yaml of one entry, the SDK would merge that entry into the OS_* variables and the other way round:
    each is read alone."""
    _only_settings_of_the_sdk()
    from openstack.config import OpenStackConfig  # 0.2 s, so not at the top
    from openstack.exceptions import ConfigException

    if cloud is None:
        return OpenStackConfig(load_yaml_config=False)
    try:
        for file in filter(Path.is_file, map(Path, _files())):
            yaml.safe_load(file.read_text(encoding="utf-8"))  # the SDK would skip a broken one
            break
        return OpenStackConfig(config_files=_files(), load_envvars=False)
    except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        raise openstack_errors.unreadable(error) from error


def _only_settings_of_the_sdk() -> None:
    """Lets `openstack.config` be imported alone. The package's own `__init__` imports its faces of every service, which
    hubfleet does not use: 0.15 s of each plan, apply and status, and three times that where there is no byte code."""
    spec = importlib.util.find_spec("openstack")
    if "openstack" not in sys.modules and spec is not None:
        sys.modules["openstack"] = importlib.util.module_from_spec(spec)  # its place, without running it


def _names(settings: OpenStackConfig) -> list[str]:
    """The entries of clouds.yaml. Where there is no such file, the SDK makes one up."""
    return sorted(settings.get_cloud_names()) if settings.config_filename else []


def _files() -> list[str]:
    from openstack.config import loader

    own = os.environ.get("OS_CLIENT_CONFIG_FILE")
    return [*([own] if own else []), *loader.CONFIG_FILES]


def _endpoint(region: CloudRegion, session: Session, service: str) -> str | None:
    from keystoneauth1.exceptions import EndpointNotFound

    try:
        return region.get_endpoint(service) or session.get_endpoint(
            service_type=service,
            interface=region.get_interface(service),
            region_name=region.get_region_name(service),
        )
    except EndpointNotFound:
        return None


def _json(content: bytes) -> Any:
    """What it is as JSON, {} where it is empty, None where it is no JSON."""
    try:
        return json.loads(content) if content else {}
    except ValueError:
        return None


def _time(text: str) -> datetime:
    """Keystone gives "…Z" for tokens and no zone at all for application credentials; both are UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _room(limit: int, used: int) -> Room:
    return Room(None if limit < 0 else limit, used)


def _word(mark: str, text: str) -> bool:
    return bool(mark) and re.search(rf"(?<![a-z0-9]){re.escape(mark)}(?![a-z0-9])", text) is not None
