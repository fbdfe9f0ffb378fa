"""A small client of the Kubernetes API: any kind by its path, objects as JSON, watches as iterators.

Never through a proxy and never with this machine's own trust: what it talks to is on this machine.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""


def section(item: Object | None, *path: str) -> Object:
    """What an object has at this path; empty if there is nothing."""
    for name in path:
        item = (item or {}).get(name)
    return item or {}


def entries(item: Object | None, *path: str) -> list[Object]:
    """The list that an object has at this path; empty if there is none."""
    found: list[Object] | None = section(item, *path[:-1]).get(path[-1])
    return found or []


_MANAGER = "hubfleet-sandbox"


@dataclass(frozen=True)
class Kind:
    """A resource of the API: its group ("" for the core), version, plural name and kind."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The address below the server's; without a namespace, of all namespaces or of a kind that has none."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(["namespaces", namespace] if namespace else []), self.plural, name, subresource]
        return "/".join(part for part in parts if part)

    def of(self, item: Object, subresource: str = "") -> str:
        """The address of this object."""
        return self.path(item["metadata"].get("namespace", ""), item["metadata"]["name"], subresource)


@dataclass(frozen=True)
class Event:
    """What a watch tells: ADDED, MODIFIED or DELETED, and the object; or BOOKMARK with a version only."""

    type: str
    object: Object


class RefusedError(SandboxError):
    """The API server answered, and not with success. `status` is HTTP's, `reason` Kubernetes' (`Conflict`)."""

    def __init__(self, what: str, status: int, reason: str, why: str) -> None:
        super().__init__(what, why=why)
        self.status, self.reason = status, reason


class UnreachableError(SandboxError):
    """No answer came: the API server is not there (yet), or not any more."""


class Client:
    """Speaks to the cluster of a kubeconfig's current context. Can be used by several threads. With `user` it may do
    what that one may, not what the kubeconfig's may. `transport` is for tests."""

    def __init__(
        self, kubeconfig: Path, *, user: str = "", timeout: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        server, context = _credentials(kubeconfig)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=10)
        self._http = httpx.Client(
            base_url=server,
            headers={"Impersonate-User": user} if user else {},
            verify=context,
            trust_env=False,
            timeout=timeout,
            limits=limits,
            transport=transport,
        )
        self.server = server

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            return self._http.get("/readyz", timeout=2.0).status_code == HTTPStatus.OK
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> Object | None:
        """The object, or None if there is none."""
        return self._found("GET", path)

    def list(self, path: str, **parameters: str) -> tuple[list[Object], str]:
        """The objects and the version from which a watch goes on."""
        answer = self._ask("GET", path, parameters=parameters)
        return entries(answer, "items"), answer["metadata"]["resourceVersion"]

    def create(self, path: str, item: Object) -> Object:
        """Make an object; RefusedError with status 409 if it is there."""
        return self._ask("POST", path, item)

    def apply(self, path: str, item: Object) -> Object:
        """Make or change an object, as its owner (server-side apply)."""
        parameters = {"fieldManager": _MANAGER, "force": "true"}
        return self._ask("PATCH", path, item, "application/apply-patch+yaml", parameters)

    def merge(self, path: str, patch: Object) -> Object | None:
        """Change an object by a merge patch; None if it is gone."""
        return self._found("PATCH", path, patch, "application/merge-patch+json")

    def replace(self, path: str, item: Object) -> Object:
        """Write an object as a whole; RefusedError with status 409 if somebody changed it since it was read."""
        return self._ask("PUT", path, item)

    def delete(self, path: str) -> None:
        """Delete an object; no error if it is gone."""
        self._found("DELETE", path)

    def watch(self, path: str, version: str, *, seconds: int = 300) -> Iterator[Event]:
        """What happens from this version on, for so many seconds at most. RefusedError 410: list again."""
        parameters = {
            "watch": "1",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            "allowWatchBookmarks": "1",
        }
        try:
            with self._http.stream(
                "GET", path, params=parameters, timeout=httpx.Timeout(10.0, read=seconds + 30)
            ) as got:
                if got.status_code != HTTPStatus.OK:
                    got.read()
                    raise _refusal("watch", path, got)
                for line in got.iter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise RefusedError(
                            f"watch {path}", status.get("code", 0), status.get("reason", ""), str(status)
                        )
                    yield Event(event["type"], event["object"])
        except httpx.HTTPError as error:
            raise UnreachableError(f"the watch of {self.server}{path} broke off", why=str(error)) from error

    def _found(
        self, method: str, path: str, body: Object | None = None, kind: str = "application/json"
    ) -> Object | None:
        try:
            return self._ask(method, path, body, kind)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _ask(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        kind: str = "application/json",
        parameters: Mapping[str, str] | None = None,
    ) -> Object:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind} if content else {}
        try:
            answer = self._http.request(method, path, content=content, headers=headers, params=parameters)
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"no answer from {self.server}{path}", why=str(error) or type(error).__name__
            ) from error
        if not answer.is_success:
            raise _refusal(method, path, answer)
        found: Object = answer.json()
        return found


def _refusal(method: str, path: str, answer: httpx.Response) -> RefusedError:
    try:
        status: Object = answer.json()
    except ValueError:
        status = {}
    why = status.get("message", answer.text[:500])
    return RefusedError(f"{method} {path}: {answer.status_code}", answer.status_code, status.get("reason", ""), why)


def _credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """The server's address and the TLS settings of the first cluster and user: ours have one of each."""
    document: Object = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:  # 0600; ssl reads certificates from files only
        pair.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return cluster["server"], context


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
