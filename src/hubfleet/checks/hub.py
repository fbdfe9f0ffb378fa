"""Whether a hub answers, as a browser would find out: through its load balancer and its proxy."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.errors import Layer
from hubfleet.tools import hub
from hubfleet.tools.hub import Answer


@dataclass(frozen=True)
class HubHealth:
    """`answers`: JupyterHub itself spoke; `version` is its own. Otherwise `layer` and `why` say who did not. `seconds`
    is what it took."""

    answers: bool
    version: str = ""
    layer: Layer | None = None
    why: str = ""
    seconds: float = 0.0


def answers(address: str, url: str, *, timeout: float = 5.0) -> HubHealth:
    """Whether the hub of this URL (https://DOMAIN) answers at its load balancer's address, within so many seconds."""
    return judged(hub.ask(address, url, timeout=timeout), address)


def judged(answer: Answer, address: str) -> HubHealth:
    """What the answer from this address says of the hub."""
    if answer.version:
        return HubHealth(True, answer.version, seconds=answer.seconds)
    if answer.status is None:
        layer, why = Layer.NETWORK, f"{address} does not answer: {answer.error}"
    elif answer.status in (502, 503, 504):
        layer, why = Layer.HUB, f"the proxy at {address} answers, the hub behind it does not (HTTP {answer.status})"
    else:
        layer, why = Layer.PROXY, f"what answers at {address} is not JupyterHub (HTTP {answer.status})"
    return HubHealth(False, layer=layer, why=why, seconds=answer.seconds)
