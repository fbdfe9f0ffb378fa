"""Monitoring: what watches the hubs of a cluster."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hubfleet.spec.models.fields import Domain, Model, Quantity, Text, Values


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


class Grafana(Model):
    """Grafana, which draws what Prometheus measured. It has dashboards of the cluster, its hubs and users' servers, and
    no volume: all that it shows is in files."""

    domain: Domain | None = None
    """The name under which people reach it, behind the entry that the cluster's hubs share. Left out, it has no address
    in the world: `hubfleet credentials --grafana` says how to reach it."""
    dashboards: Text | None = None
    """A folder of further dashboards, from the folder of the file that names it: each a file NAME.json, as Grafana
    exports it."""
    values: Values = Field(default_factory=dict[str, Any])
    """Anything that Grafana's chart takes; wins over what hubfleet computes."""


class Monitoring(Model):
    """What watches the hubs of a cluster."""

    prometheus: Prometheus | None = Prometheus()
    """Prometheus, which asks hubs, servers and nodes every minute how they are, and keeps the answers. With null there
    is none."""
    grafana: Grafana | None = Grafana()
    """Grafana, which draws what Prometheus measured. With null there is none."""

    @property
    def domain(self) -> str | None:
        """The name under which people reach Grafana, if it has one."""
        return self.grafana.domain if self.grafana else None
