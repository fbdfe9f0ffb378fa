"""Asking a server by its load balancer's address, as if DNS led there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


def client(timeout: float, transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    """`timeout` in seconds. A certificate is not judged: Let's Encrypt gives it only after DNS leads to the address."""
    import httpx2

    return httpx2.Client(verify=False, timeout=timeout, trust_env=False, transport=transport)


def request(address: str, meant: httpx2.URL, **headers: str) -> dict[str, Any]:
    """What a request takes for the URL that is meant, to be sent to `address`, an IP or a name."""
    return {
        "url": meant.copy_with(host=address),
        "headers": {"Host": meant.netloc.decode(), **headers},
        "extensions": {"sni_hostname": meant.host},
    }
