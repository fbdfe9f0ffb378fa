"""What holds for every test: no look at a clock, none at the network's names."""

import socket

import pytest
from hypothesis import HealthCheck, settings

from hubfleet.tools import dns

# Property tests may take their time on a busy machine: no test of ours is about time.
settings.register_profile("hubfleet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hubfleet")


@pytest.fixture(autouse=True)
def _no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be asked what a name is: a test that needs an answer brings it."""

    def asked(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "no resolver")

    monkeypatch.setattr(dns, "getaddrinfo", asked)
