"""Whether a hub answers."""

from __future__ import annotations

import httpx2
import pytest

from hubfleet.checks.hub import HubHealth, judged
from hubfleet.errors import Layer
from hubfleet.tools import hub

URL = "https://hub.example.org"


def asked(respond: object, url: str = URL) -> tuple[HubHealth, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return respond(request) if callable(respond) else respond  # type: ignore[return-value]

    address = "172.30.0.100"
    return judged(hub.ask(address, url, transport=httpx2.MockTransport(handle)), address), seen


def test_a_hub_is_asked_at_its_address_under_its_own_name() -> None:
    health, (request,) = asked(httpx2.Response(200, json={"version": "5.5.4"}))
    assert (health.answers, health.version) == (True, "5.5.4")
    assert str(request.url) == "https://172.30.0.100/hub/api/"
    assert request.headers["host"] == request.extensions["sni_hostname"] == "hub.example.org"


def test_a_hub_without_certificate_is_asked_by_http() -> None:
    _, (request,) = asked(httpx2.Response(200, json={"version": "5"}), "http://hub.example.org")
    assert str(request.url) == "http://172.30.0.100/hub/api/"


@pytest.mark.parametrize(
    ("answer", "layer"),
    [
        (httpx2.Response(503, text="Service Unavailable"), Layer.HUB),
        (httpx2.Response(200, text="<html>welcome to nginx"), Layer.PROXY),
        (httpx2.Response(200, json=["not", "a", "hub"]), Layer.PROXY),
        (httpx2.Response(404), Layer.PROXY),
    ],
)
def test_whoever_answers_instead_is_named(answer: httpx2.Response, layer: Layer) -> None:
    health, _ = asked(answer)
    assert (health.answers, health.layer) == (False, layer)
    assert "172.30.0.100" in health.why


def test_an_address_at_which_nobody_answers_is_a_matter_of_the_network() -> None:
    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused")

    health, _ = asked(nobody)
    assert (health.answers, health.layer) == (False, Layer.NETWORK)
    assert "connection refused" in health.why
