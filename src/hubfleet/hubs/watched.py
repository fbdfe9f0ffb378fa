"""The service by which the cluster's Prometheus reads a hub's metrics, which nobody else may. Pure.

One token for all hubs of a cluster: Prometheus takes one for all that it finds by the same rules.
"""

from __future__ import annotations

from typing import Any

from hubfleet.hubs.platform import prometheus
from hubfleet.hubs.release import Generated
from hubfleet.spec import Causes, Cluster

SERVICE = "hubfleet-prometheus"
"""Name of the service and of its role, in JupyterHub."""


_ASKED_ONCE = {"service": {"annotations": {"prometheus.io/scrape": "false"}}}
"""Of a Service that its chart has Prometheus ask besides: all that it counts would count twice."""


def values(cluster: Cluster, *, upstream: bool) -> dict[str, Any]:
    """For both charts; `upstream` has a network policy besides, and annotations by which Prometheus would ask the hub
    a second time."""
    if prometheus.of(cluster) is None:
        return {}
    role = {"services": [SERVICE], "scopes": ["read:metrics"]}
    found: dict[str, Any] = {"services": {SERVICE: {}}, "loadRoles": {SERVICE: role}}
    if upstream:
        its = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": prometheus.NAME}}}
        found["networkPolicy"] = {"ingress": [{"ports": [{"port": "http"}], "from": [its]}]}
        found |= _ASKED_ONCE
    return {"hub": found}


def of_binder(cluster: Cluster) -> dict[str, Any]:
    """What BinderHub's chart has besides, for its own Service."""
    return {} if prometheus.of(cluster) is None else _ASKED_ONCE


def generated(cluster: Cluster) -> tuple[Generated, ...]:
    """The token, which is Prometheus' as well."""
    if prometheus.of(cluster) is None:
        return ()
    path = ("hub", "services", SERVICE, "apiToken")
    return (Generated(prometheus.TOKEN.key, path, prometheus.TOKEN.length, prometheus.NAME),)


def causes() -> Causes:
    """From which keys of the file `values` come."""
    own = (("services", SERVICE), ("loadRoles", SERVICE), ("networkPolicy", "ingress"), ("service", "annotations"))
    return {("hub", *path): [("monitoring",)] for path in own}


def causes_of_binder() -> Causes:
    """From which keys of the file `of_binder` comes."""
    return {("service", "annotations"): [("monitoring",)]}
