"""The OpenStack services' REST interfaces, just enough to seed a cloud: no SDK, no catalogue, no retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.layout import Layout

PATHS = {
    "keystone": "/v3",
    "glance": "/v2",
    "nova": "/v2.1",
    "neutron": "/v2.0",
    "cinder": "/v3",
    "magnum": "/v1",
}
_TIMEOUT = 60.0  # seconds; a service's first request imports half of it


class Session:
    """A user's token for a project, and the HTTP connections to the sandbox's services."""

    def __init__(self, layout: Layout, user: str, password: str, project: str) -> None:
        """Log in with a password (both names are of the default domain)."""
        self._layout = layout
        self._http = httpx.Client(trust_env=False, timeout=_TIMEOUT)
        answer = self._send("POST", "keystone", "/auth/tokens", _login(user, password, project))
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        token = answer.json()["token"]
        self.user: str = token["user"]["id"]
        self.project: str = token["project"]["id"]

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, service: str, path: str) -> Any:
        """The answer's JSON. Raises SandboxError with the service's own words when it refuses."""
        return self._send("GET", service, path, None).json()

    def post(self, service: str, path: str, body: object) -> Any:
        """As `get`."""
        return self._send("POST", service, path, body).json()

    def put(self, service: str, path: str, body: object | None = None) -> None:
        """As `get`, for what answers nothing of interest."""
        self._send("PUT", service, path, body)

    def upload(self, path: str, content: bytes) -> None:
        """Give an image its data."""
        headers = {"Content-Type": "application/octet-stream"}
        self._check(self._http.put(self._address("glance", path), content=content, headers=headers))

    def _send(self, method: str, service: str, path: str, body: object | None) -> httpx.Response:
        # Magnum gives templates only to who asks for a version of its API.
        headers = {"OpenStack-API-Version": "container-infra latest"} if service == "magnum" else {}
        return self._check(self._http.request(method, self._address(service, path), json=body, headers=headers))

    def _address(self, service: str, path: str) -> str:
        return f"{self._layout.url(service)}{PATHS[service]}{path}"

    @staticmethod
    def _check(answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            request = answer.request
            raise SandboxError(f"{request.method} {request.url} answered {answer.status_code}", why=answer.text[:1000])
        return answer


def _login(user: str, password: str, project: str) -> Mapping[str, object]:
    domain = {"id": "default"}
    who = {"methods": ["password"], "password": {"user": {"name": user, "password": password, "domain": domain}}}
    return {"auth": {"identity": who, "scope": {"project": {"name": project, "domain": domain}}}}
