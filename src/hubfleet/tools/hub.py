"""The door to a JupyterHub: asked through its load balancer, as a browser would, also before DNS knows it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    # A certificate is not judged here: Let's Encrypt gives it only after DNS leads to the address.
    with httpx2.Client(verify=False, timeout=timeout, trust_env=False, transport=transport) as client:
        began = time.monotonic()
        try:
            name = {"sni_hostname": meant.host}
            answer = client.get(meant.copy_with(host=address), headers={"Host": meant.host}, extensions=name)
        except httpx2.HTTPError as error:
            return Answer(None, "", str(error) or type(error).__name__, time.monotonic() - began)
        return Answer(answer.status_code, _version(answer), "", time.monotonic() - began)


def _version(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["version"]) if answer.is_success else ""
    except (ValueError, KeyError, TypeError):
        return ""
