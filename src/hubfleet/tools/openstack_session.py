"""The way to OpenStack: one cloud of clouds.yaml (or of the OS_* variables), asked by plain REST through its session.

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
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from hubfleet.errors import CloudError, Layer
from hubfleet.events import Watch
from hubfleet.tools import openstack_errors

if TYPE_CHECKING:
    from keystoneauth1 import session as keystone
    from openstack.config import OpenStackConfig
    from openstack.config.cloud_region import CloudRegion

APP = "hubfleet"
"""Who asks, in the User-Agent of each request: a cloud's operators see it in their logs."""
TIMEOUT = 30.0
"""Seconds for one request."""
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each further try of a request that may be repeated."""
LONGEST = 60.0
"""Seconds: a cloud that wants to be left alone for longer is not waited for."""
_VERSIONS = {
    "identity": "v3",
    "image": "v2",
    "network": "v2.0",
    "compute": "v2.1",
    "block-storage": "v3",
    "container-infra": "v1",
    "load-balancer": "v2",
}
"""Added to an endpoint of the catalog that names no version."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, its JSON ({} where there was none), and its headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def since(self, moment: str | None) -> float | None:
        """Seconds from a moment (ISO 8601) until this answer, by the service's own clock: its header Date. Both are UTC
        where they name no zone. None where one of them does not tell."""
        try:
            began, now = datetime.fromisoformat(moment or ""), parsedate_to_datetime(self.headers.get("Date", ""))
        except ValueError:
            return None
        return (_utc(now) - _utc(began)).total_seconds()


class Session:
    """One project of one cloud, and requests to its services. Threads may share it.

    `endpoint` gives a service's address by its type, or None; `watch` counts the time that requests take; `sleep` is
    for tests.
    """

    def __init__(
        self,
        session: keystone.Session,
        name: str,
        endpoint: Callable[[str], str | None],
        *,
        watch: Watch | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self.name, self._endpoint, self._sleep = session, name, endpoint, sleep
        self._watch = watch or Watch()

    @classmethod
    def connect(cls, cloud: str | None, watch: Watch | None = None) -> Self:
        """The cloud of this name in clouds.yaml; None: that of the OS_* variables. Makes no request.

        CloudError of layer credential if there is no such entry, or it is not complete.
        """
        with warnings.catch_warnings():  # the SDK deprecates parts of itself that it uses itself
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return cls._connected(cloud or os.environ.get("OS_CLOUD"), watch)

    @classmethod
    def _connected(cls, cloud: str | None, watch: Watch | None) -> Self:
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

    def secret(self) -> str:
        """A token, after logging in if need be. CloudError of layer credential or network if we are not let in."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"), self._watch.waiting("OpenStack"):
            return str(self._session.get_token())

    @property
    def project_id(self) -> str:
        """Of the project that the credential is for."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            return str(self._session.get_project_id())

    @property
    def user_id(self) -> str:
        """Whose the credential is."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            return str(self._session.get_user_id())

    # requests

    def offers(self, service: str) -> bool:
        """Whether the catalog, as this credential sees it, has a service of this type."""
        with openstack_errors.of_requests(f"cannot log in to {self.name}"):
            return bool(self._endpoint(service))

    def get(
        self, service: str, path: str, *, headers: Mapping[str, str] | None = None, allow: Collection[int] = ()
    ) -> Answer:
        """The answer to a GET; asked again for about 20 s while the cloud stumbles."""
        with self._waiting(service):
            return self._asked(service, "GET", path, openstack_errors.transient, headers=headers, allow=allow)

    def send(
        self,
        service: str,
        method: str,
        path: str,
        content: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
        harmless: bool = False,
    ) -> Answer:
        """The answer to a request that changes something; sent once, since it may have been heard though the answer
        got lost, unless it is `harmless` to do it twice. But a cloud that says 429 has done nothing. A status of 400
        and above is a CloudError, but for those in `allow`."""
        may = openstack_errors.transient if harmless else openstack_errors.not_begun
        with self._waiting(service):
            return self._asked(service, method, path, may, content=content, headers=headers, allow=allow)

    def pause(self, seconds: float) -> None:
        """Let the cloud come to itself."""
        with self._waiting("network"):
            self._sleep(seconds)

    def _waiting(self, service: str) -> AbstractContextManager[None]:
        return self._watch.waiting("Magnum" if service == "container-infra" else "OpenStack")

    def _asked(self, service: str, method: str, path: str, again: Callable[[CloudError], bool], **rest: Any) -> Answer:
        for pause in _PAUSES:
            try:
                return self._request(service, method, path, **rest)
            except CloudError as error:
                if not again(error) or error.again > LONGEST:
                    raise
                wait = max(pause, error.again)
            self._sleep(wait)
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
            wait = answer.headers.get("Retry-After", "")
            raise openstack_errors.of_answer(service, method, path, answer.status, answer.body, wait)
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
        return OpenStackConfig(load_yaml_config=False, app_name=APP)
    try:
        for file in filter(Path.is_file, map(Path, _files())):
            yaml.safe_load(file.read_text(encoding="utf-8"))  # the SDK would skip a broken one
            break
        return OpenStackConfig(config_files=_files(), load_envvars=False, app_name=APP)
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


def _endpoint(region: CloudRegion, session: keystone.Session, service: str) -> str | None:
    from keystoneauth1.exceptions import EndpointNotFound

    try:
        return region.get_endpoint(service) or session.get_endpoint(
            service_type=service,
            interface=region.get_interface(service),
            region_name=region.get_region_name(service),
        )
    except EndpointNotFound:
        return None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(content: bytes) -> Any:
    """What it is as JSON, {} where it is empty, None where it is no JSON."""
    try:
        return json.loads(content) if content else {}
    except ValueError:
        return None
