"""Names are looked up side by side, with an end, and without ever failing."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from hubfleet.tools import dns


def answer(monkeypatch: pytest.MonkeyPatch, names: dict[str, Any]) -> None:
    def asked(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        found = names[host]
        if isinstance(found, Exception):
            raise found
        if isinstance(found, threading.Event):
            found.wait()
            return []
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in found]

    monkeypatch.setattr(dns, "getaddrinfo", asked)


def test_a_name_has_addresses_or_none_and_one_that_nobody_could_be_asked_of_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {
        "hub.example.org": ["192.0.2.7", "192.0.2.7", "192.0.2.8"],
        "new.example.org": socket.gaierror(socket.EAI_NONAME, "unknown"),
        "later.example.org": socket.gaierror(socket.EAI_AGAIN, "try again"),
    }
    answer(monkeypatch, names)
    assert dns.addresses(names) == {
        "hub.example.org": ("192.0.2.7", "192.0.2.8"),
        "new.example.org": (),
        "later.example.org": None,
    }


def test_one_that_hangs_is_unknown_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    answer(monkeypatch, {"slow.example.org": hangs, "hub.example.org": ["192.0.2.7"]})
    found = dns.addresses(["slow.example.org", "hub.example.org"], within=0.05)
    hangs.set()
    assert found["slow.example.org"] is None
