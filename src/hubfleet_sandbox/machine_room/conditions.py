"""Conditions of an object's status, as Cluster API writes them. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubfleet_sandbox.kubernetes.api import Object


@dataclass(frozen=True)
class Truth:
    """Whether something is so; if not, why (a word, and a sentence)."""

    so: bool
    reason: str = ""
    message: str = ""


def conditions(before: Sequence[Object], now: Mapping[str, Truth]) -> list[Object]:
    """The list for the status; what did not change keeps the time of its last change."""
    since = {(item["type"], item["status"]): item["lastTransitionTime"] for item in before}
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [_condition(name, truth, since, moment) for name, truth in now.items()]


def _condition(name: str, truth: Truth, since: Mapping[tuple[str, str], str], moment: str) -> Object:
    status = "True" if truth.so else "False"
    item: Object = {"type": name, "status": status, "lastTransitionTime": since.get((name, status), moment)}
    if not truth.so:
        item |= {"severity": "Info", "reason": truth.reason or "NotReady", "message": truth.message}
    return item
