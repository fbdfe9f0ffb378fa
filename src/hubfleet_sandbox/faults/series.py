"""Series of faults drawn from a seed. Each ends by itself, so that whoever goes on long enough gets through."""

from __future__ import annotations

import random

from hubfleet_sandbox.faults import Fault

# What is asked while a cluster is made: service, method, path.
_REQUESTS = (
    ("magnum", "POST", "/clusters$"),
    ("magnum", "POST", "/nodegroups$"),
    ("magnum", "GET", "/clusters/[^/]+$"),
    ("magnum", "GET", "/nodegroups"),
    ("magnum", "POST", "/certificates$"),
    ("magnum", "GET", "/certificates/"),
    ("keystone", "POST", "/auth/tokens$"),
    ("keystone", "", "/application_credentials"),
    ("nova", "GET", "/flavors"),
    ("neutron", "GET", "/networks"),
    ("neutron", "POST", "/floatingips"),
    ("cinder", "GET", "/types"),
    ("glance", "GET", "/images"),
)
_STATUSES = (409, 429, 500, 503)


def draw(seed: int, count: int) -> tuple[Fault, ...]:
    """So many faults; the same ones for the same seed."""
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    return tuple(dice.choice((_http, _http, _http, _reset, _slow, _lost, _expiry, _lock, _late, _idle))(dice)
                 for _ in range(count))  # fmt: skip


def _http(dice: random.Random) -> Fault:
    service, method, path = dice.choice(_REQUESTS)
    status = dice.choice(_STATUSES)
    after, times = dice.randint(0, 3), dice.randint(1, 3)
    wait = dice.randint(1, 2) if status == 429 else None
    return Fault(
        "http", service=service, method=method, path=path, status=status, retry_after=wait, after=after, times=times
    )


def _reset(dice: random.Random) -> Fault:
    service, method, path = dice.choice(_REQUESTS)
    return Fault("reset", service=service, method=method, path=path, after=dice.randint(0, 2), times=1)


def _slow(dice: random.Random) -> Fault:
    service, method, path = dice.choice(_REQUESTS)
    return Fault("slow-answers", service=service, method=method, path=path, seconds=dice.choice((1.0, 3.0)), times=2)


def _lost(dice: random.Random) -> Fault:
    path = dice.choice(("/clusters", "/nodegroups"))
    return Fault("not-found-after-accept", service="magnum", path=path, times=dice.randint(1, 4))


def _expiry(dice: random.Random) -> Fault:
    return Fault("token-expiry", seconds=float(dice.randint(2, 5)), times=dice.randint(1, 3))


def _lock(dice: random.Random) -> Fault:
    return Fault("helm-conflict", seconds=float(dice.randint(3, 9)), times=1)


def _late(dice: random.Random) -> Fault:
    return Fault("slow-create", seconds=float(dice.randint(3, 9)), times=1)


def _idle(dice: random.Random) -> Fault:
    return Fault("node-never-joins", seconds=float(dice.randint(5, 15)), times=1)
