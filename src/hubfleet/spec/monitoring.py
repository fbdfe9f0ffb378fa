"""What is wrong with what watches hubs, beyond single values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubfleet.spec.checking import Where
from hubfleet.spec.dashboards import dashboard_problems
from hubfleet.spec.models import Hub, Ingress, Monitoring
from hubfleet.spec.problems import KeyPath, Problem

_AT: KeyPath = ("monitoring", "grafana")


def monitoring_problems(
    monitoring: Monitoring | None, ingress: Ingress, hubs: Mapping[str, Hub], where: Where
) -> Iterator[Problem]:
    """Of a cluster's `monitoring`; nothing where there is none."""
    if monitoring is None:
        return
    grafana = monitoring.grafana
    if grafana is None:
        if monitoring.prometheus is None:
            yield where("monitoring").problem("nothing of it is left", "take the key `monitoring` away")
        return
    if monitoring.prometheus is None and "datasources" not in grafana.values:
        what = "Grafana would have nothing to show: there is no Prometheus"
        yield where("monitoring", "prometheus").problem(what, "name yours in `grafana: {values: {datasources: ...}}`")
    if grafana.domain is not None:
        yield from _domain_problems(grafana.domain, ingress, hubs, where)
    if grafana.dashboards is not None:
        at = where(*_AT, "dashboards")
        yield from dashboard_problems(at.position.file.parent / grafana.dashboards, at)


def _domain_problems(name: str, ingress: Ingress, hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    at = where(*_AT, "domain")
    entry = ingress.shared or ingress.class_name is not None or any(hub.builds_images for hub in hubs.values())
    if not entry:
        what = f"nothing would answer at {name}: the cluster has no entry that hubs share"
        remedy = "write `ingress: {shared: true}`; or, for an entry that is there, `ingress: {class: NAME}`"
        yield at.problem(what, remedy)
    for hub in (hub for hub, one in hubs.items() if one.builds_images and one.hub_host == name):
        yield at.problem(f"the JupyterHub of hub {hub} has the domain {name} already", "give Grafana its own")
