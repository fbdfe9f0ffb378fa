"""The files that a cluster is made from: where none of them changed, neither did the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hubfleet.spec.models import Cluster
from hubfleet.spec.resolving import references


def sources(cluster: Cluster) -> Iterator[Path]:
    """All that was read for it, and will be to make its releases: its file, its fleet's, values files, files of sops,
    and those that it names; a folder stands for all below it. Not what is looked up when it is applied (`${file:}`).
    Some may come twice."""
    places = cluster.places
    yield places.cluster.file
    if places.fleet is not None:
        yield places.fleet.file
    yield from (document.file for document in places.files.values())
    yield from (one.file for one in references(cluster) if one.file is not None)
    if cluster.charts.mirror is not None:
        yield cluster.folder("charts", "mirror") / cluster.charts.mirror
    grafana = cluster.monitoring.grafana if cluster.monitoring else None
    if grafana is not None and grafana.dashboards is not None:
        yield cluster.folder("monitoring", "grafana", "dashboards") / grafana.dashboards
    for name, hub in cluster.hubs.items():
        if "/" in hub.chart and not hub.chart.startswith("oci:"):
            yield cluster.folder("hubs", name, "chart") / hub.chart
        for key in ("templates", "static", "logo"):
            path: str | None = getattr(hub.pages, key)
            if path is not None:
                yield cluster.folder("hubs", name, "pages", key) / path
