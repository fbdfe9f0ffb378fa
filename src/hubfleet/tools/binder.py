"""The door to a BinderHub: asked through the load balancer, as a browser would, also before DNS knows it.

Its API: binderhub/builder.py (BuildHandler: server-sent events, each with a `phase`), health.py (HealthHandler).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubfleet.errors import CloudError, Layer
from hubfleet.tools import balanced

if TYPE_CHECKING:
    import httpx2

_SILENT = 60.0
"""Seconds without a word; BinderHub says one every 25 (builder.py, KEEPALIVE_INTERVAL)."""
_BUILD_TOKEN = re.compile(r'"buildToken": "([\w.-]+)"')
"""In the page of a launch (main.py, RepoLaunchUIHandler)."""


class Binder:
    """A BinderHub at `address`, the load balancer's IP or name, whose DNS name is in `url`. Failures are CloudErrors,
    with HTTP's status, None where nobody answered."""

    def __init__(self, address: str, url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        import httpx2

        self.address = address
        self._meant = httpx2.URL(url)
        self._client = balanced.client(_SILENT, transport)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ill(self) -> tuple[str, ...]:
        """What BinderHub itself finds unwell of what it needs ("Docker registry", "JupyterHub API"); () if nothing."""
        import httpx2

        try:
            answer = self._client.get(**self._at("/health"), timeout=30.0)
            if answer.status_code not in (200, 503):
                raise self._unanswered(f"HTTP {answer.status_code}", answer.status_code)
            checks: list[Mapping[str, Any]] = answer.json()["checks"]
            return tuple(str(one["service"]) for one in checks if not one["ok"] and not one.get("_ignore_failure"))
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._unanswered(str(error) or type(error).__name__) from error

    def build(self, repository: str) -> Iterator[Mapping[str, Any]]:
        """Build a repository (`gh/OWNER/NAME/REF`) and launch it; what BinderHub tells meanwhile: `phase`, `message`,
        and with the phase `ready` the server's `url` and `token`. Blocks. Closing it lets BinderHub stop watching."""
        import httpx2

        try:
            token = self._build_token(repository)
            asked = self._at(f"/build/{repository}", {"build_token": token}, Accept="text/event-stream")
            with self._client.stream("GET", **asked) as answer:
                if not answer.is_success:
                    raise self._unanswered(f"HTTP {answer.status_code}", answer.status_code)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield dict(json.loads(line[5:]))
        except (httpx2.HTTPError, httpx2.StreamError, ValueError, TypeError) as error:
            raise self._unanswered(str(error) or type(error).__name__) from error

    def _build_token(self, repository: str) -> str:
        """What a browser has from the page of a launch. Who builds without it may do so ten times an hour, together
        with everybody whose address is the same to BinderHub (base.py, check_rate_limit). "" where no page has one."""
        found = _BUILD_TOKEN.search(self._client.get(**self._at(f"/v2/{repository}")).text)
        return found[1] if found else ""

    def _at(self, path: str, asking: Mapping[str, str] | None = None, **headers: str) -> dict[str, Any]:
        meant = self._meant.copy_with(path=path)
        return balanced.request(self.address, meant.copy_merge_params(asking or {}), **headers)

    def _unanswered(self, why: str, status: int | None = None) -> CloudError:
        layer = Layer.NETWORK if status is None else Layer.BINDER
        return CloudError(f"{self.address} does not answer as BinderHub does", why=why, layer=layer, status=status)
