"""Kubernetes' way to write amounts: `10Gi`, `500M`, `1.5Ti`."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_BINARY = {"": 0, "Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"m": -1, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_FORM = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")


def amount(text: str) -> Decimal:
    """The number that a quantity stands for. Raises ValueError if it is none."""
    found = _FORM.fullmatch(text.strip())
    if found and found[2] in _BINARY:
        return Decimal(found[1]) * Decimal(1024) ** _BINARY[found[2]]
    if found and found[2] in _DECIMAL:
        return Decimal(found[1]) * Decimal(1000) ** _DECIMAL[found[2]]
    raise ValueError(f"not a Kubernetes quantity: {text!r}")


def gibibytes(text: str) -> int:
    """A quantity in whole GiB, rounded up, as volumes are sold."""
    return int((amount(text) / Decimal(1024) ** 3).to_integral_value(rounding=ROUND_CEILING))
