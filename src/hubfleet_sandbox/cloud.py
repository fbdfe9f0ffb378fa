"""A small client of OpenStack with an application credential: what runs in a cluster uses the cloud in this way.

The controllers of the sandbox keep their records (volumes, floating IPs) with it, with the same rights that the real
ones have: those of the credential that Magnum made for the cluster. One kind of token, plain HTTP, no library: the
OpenStack SDK takes longer to import than a machine room to start.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 60.0  # seconds; what a busy Nova did after its client gave up would be made a second time
_ALIASES = {"block-storage": ("block-storage", "volumev3")}  # its official name, and the one that clouds still use


class CloudError(SandboxError):
    """OpenStack refused or did not answer. `status` is HTTP's, 0 if there was no answer."""

    def __init__(self, what: str, status: int, *, why: str = "") -> None:
        super().__init__(what, why=why, remedy="see the service's log with `hubfleet sandbox status`")
        self.status = status


@dataclass(frozen=True)
class _Session:
    token: str
    project: str
    endpoints: Mapping[str, str]

    def endpoint(self, service_type: str) -> str | None:
        names = _ALIASES.get(service_type, (service_type,))
        return next((self.endpoints[name] for name in names if name in self.endpoints), None)


@dataclass
class Cloud:
    """One project of one cloud. Can be used by several threads."""

    auth_url: str
    credential: str
    secret: str = field(repr=False)
    region: str | None = None
    verify: bool | str = True

    def __post_init__(self) -> None:
        # What it speaks to is on this machine: no proxy.
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=self.verify)
        self._lock = threading.Lock()
        self._session: _Session | None = None

    @property
    def project(self) -> str:
        """The id of the project that the credential is for."""
        return self._authenticated().project

    def offers(self, service_type: str) -> bool:
        """Whether the catalog has a service of this type."""
        return self._authenticated().endpoint(service_type) is not None

    def request(
        self, service_type: str, method: str, path: str, json: Any = None, *, version: str | None = None
    ) -> Any:
        """The JSON answer (None without one) of the service's public endpoint; `path` goes on from the catalog's;
        `version` is the API's, with the service's name ("volume 3.27").

        Raises CloudError when the answer is no success; signs in again if the token is no longer good.
        """
        session = self._authenticated()
        headers = {"OpenStack-API-Version": version} if version else {}
        answer = self._send(session, service_type, method, path, json, headers)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            session = self._authenticated(instead_of=session)
            answer = self._send(session, service_type, method, path, json, headers)
        if not answer.is_success:
            raise CloudError(
                f"{method} {path} ({service_type}): {answer.status_code}", answer.status_code, why=answer.text[:500]
            )
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _send(
        self, session: _Session, service_type: str, method: str, path: str, json: Any, headers: Mapping[str, str]
    ) -> httpx.Response:
        base = session.endpoint(service_type)
        if base is None:
            raise CloudError(
                f"the cloud has no service of type {service_type}",
                0,
                why=f"its catalog has {', '.join(sorted(session.endpoints))}",
            )
        return self._ask(
            method, f"{base.rstrip('/')}/{path.lstrip('/')}", json, {"X-Auth-Token": session.token, **headers}
        )

    def _ask(self, method: str, url: str, json: Any, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._http.request(method, url, json=json, headers=headers)
        except httpx.HTTPError as error:
            raise CloudError(f"no answer from {url}", 0, why=str(error) or type(error).__name__) from error

    def _authenticated(self, instead_of: _Session | None = None) -> _Session:
        with self._lock:
            if self._session is None or self._session is instead_of:
                self._session = self._sign_in()
            return self._session

    def _sign_in(self) -> _Session:
        credential = {"id": self.credential, "secret": self.secret}
        body = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": credential}}}
        root = self.auth_url.rstrip("/").removesuffix("/v3")
        answer = self._ask("POST", f"{root}/v3/auth/tokens", body, {})
        if not answer.is_success:
            raise CloudError("Keystone refused the application credential", answer.status_code, why=answer.text[:500])
        token = answer.json()["token"]
        return _Session(
            answer.headers["X-Subject-Token"], token["project"]["id"], _endpoints(token["catalog"], self.region)
        )


def from_clouds_yaml(text: str) -> Cloud:
    """The first cloud of a clouds.yaml; SandboxError unless its auth is an application credential."""
    document = yaml.safe_load(text)
    try:
        entry = next(iter(document["clouds"].values()))
        auth = entry["auth"]
        credential, secret = auth["application_credential_id"], auth["application_credential_secret"]
        verify = entry.get("cacert") or entry.get("verify", True)
        return Cloud(auth["auth_url"], credential, secret, entry.get("region_name"), verify)
    except (KeyError, TypeError, StopIteration, AttributeError) as error:
        raise SandboxError("clouds.yaml has no application credential", why=f"what is missing: {error}") from error


def _endpoints(catalog: list[dict[str, Any]], region: str | None) -> dict[str, str]:
    """Service type -> public endpoint."""
    found: dict[str, str] = {}
    for service in catalog:
        for endpoint in service["endpoints"]:
            if endpoint["interface"] == "public" and region in (None, endpoint["region"]):
                found[service["type"]] = endpoint["url"]
    return found
