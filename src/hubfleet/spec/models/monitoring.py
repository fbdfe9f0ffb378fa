"""Monitoring: what watches the hubs of a cluster."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hubfleet.spec.models.fields import Model, Quantity, Values


def _whole_number(value: Any) -> Any:
    """For Python, and so for pydantic, true is 1."""
    if isinstance(value, bool):
        raise ValueError("needs a number of days: 90")  # noqa: TRY004 (pydantic's way)
    return value


class Prometheus(Model):
    """Prometheus, which asks hubs, servers and nodes every minute how they are, and keeps the answers."""

    size: Quantity = "20Gi"
    """Of its volume. The oldest answers go when four fifths of it are full."""
    days: Annotated[int, BeforeValidator(_whole_number), Field(ge=1)] = 90
    """How long answers are kept."""
    values: Values = Field(default_factory=dict[str, Any])
    """Anything that Prometheus' chart takes; wins over what hubfleet computes."""


class Monitoring(Model):
    """What watches the hubs of a cluster."""

    prometheus: Prometheus = Prometheus()
    """Prometheus, which asks hubs, servers and nodes every minute how they are, and keeps the answers."""
