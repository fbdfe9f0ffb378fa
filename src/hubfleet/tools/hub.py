"""The door to a JupyterHub: asked through its load balancer, as a browser would, also before DNS knows it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubfleet.errors import CloudError, Layer
from hubfleet.tools import balanced

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is HTTP's, None where nobody answered (`error` says why); `version` is JupyterHub's, ""
    where it was not JupyterHub that spoke. `seconds` it took."""

    status: int | None
    version: str
    error: str
    seconds: float


def ask(address: str, url: str, *, timeout: float = 5.0, transport: httpx2.BaseTransport | None = None) -> Answer:
    """Ask JupyterHub's API for its version at `address`, the load balancer's IP or name, as if the DNS name in `url`
    (https://DOMAIN) led there already. Never raises for a hub that is unwell; `timeout` in seconds."""
    import httpx2

    meant = httpx2.URL(f"{url}/hub/api/")
    with balanced.client(timeout, transport) as client:
        began = time.monotonic()
        try:
            answer = client.get(**balanced.request(address, meant))
        except httpx2.HTTPError as error:
            return Answer(None, "", str(error) or type(error).__name__, time.monotonic() - began)
        return Answer(answer.status_code, _version(answer), "", time.monotonic() - began)


def _version(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["version"]) if answer.is_success else ""
    except (ValueError, KeyError, TypeError):
        return ""


class Hub:
    """One user of a hub, and that user's server, by JupyterHub's API and the server's, with a service's `token`.

    Every failure is a CloudError with HTTP's status, None where nobody answered. `timeout` in seconds, for a request.
    """

    def __init__(
        self,
        address: str,
        url: str,
        token: str,
        user: str,
        *,
        timeout: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        import httpx2

        self.address, self.url, self.token = address, url, token
        self._user, self._meant = f"/hub/api/users/{user}", httpx2.URL(url)
        self._client = balanced.client(timeout, transport)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def user(self) -> dict[str, Any] | None:
        """JupyterHub's model of the user; None if there is none."""
        found: dict[str, Any] | None = self._ask("GET", self._user, none=(404,))
        return found

    def server(self) -> dict[str, Any]:
        """JupyterHub's model of the user's server, {} if it neither runs nor starts nor stops."""
        servers: dict[str, dict[str, Any]] = (self.user() or {}).get("servers") or {}
        return servers.get("") or {}

    def make_user(self) -> None:
        """Nothing if there is one."""
        self._ask("POST", self._user, {}, none=(409,))

    def delete_user(self) -> None:
        """With the server, and the home, where KubeSpawner keeps it on a claim of the user's own."""
        self._ask("DELETE", self._user, none=(404,))

    def start(self) -> None:
        """Ask for the server with what the hub offers first."""
        self._ask("POST", f"{self._user}/server", {})

    def stop(self) -> None:
        """Ask for the server's end, also while it starts."""
        self._ask("DELETE", f"{self._user}/server", none=(404,))

    def progress(self) -> Iterator[Mapping[str, Any]]:
        """What the hub tells while the server starts, until it runs or failed: `message`, `progress`, `ready`,
        `failed`. Blocks."""
        import httpx2

        try:
            with self._client.stream("GET", **self._at(f"{self._user}/server/progress")) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield dict(json.loads(line[5:]))
        except (httpx2.HTTPError, httpx2.StreamError, ValueError, TypeError) as error:
            raise _unanswered(self.address, error) from error

    def at_server(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the server itself; `path` begins with the server's own ("/user/NAME/")."""
        return self._ask(method, path, body)

    def _at(self, path: str) -> dict[str, Any]:
        return balanced.request(self.address, self._meant.join(path), Authorization=f"token {self.token}")

    def _ask(self, method: str, path: str, body: Any = None, *, none: tuple[int, ...] = ()) -> Any:
        """The answer's JSON; None where it has none, or is of a status in `none`."""
        import httpx2

        try:
            answer = self._client.request(method, json=body, **self._at(path))
            if answer.status_code in none:
                return None
            if not answer.is_success:
                raise _refusal(method, path, answer)
            return answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else None
        except (httpx2.HTTPError, ValueError) as error:
            raise _unanswered(self.address, error) from error


def _unanswered(address: str, error: Exception) -> CloudError:
    return CloudError(
        f"{address} does not answer as a hub does", why=str(error) or type(error).__name__, layer=Layer.NETWORK
    )


def _refusal(method: str, path: str, answer: httpx2.Response) -> CloudError:
    try:
        said = str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        said = ""
    status = answer.status_code
    layer = Layer.HUB if path.startswith("/hub/") else Layer.SERVER
    return CloudError(f"{method} {path} gives HTTP {status}", why=said, layer=layer, status=status)
