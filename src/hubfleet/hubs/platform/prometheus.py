"""Prometheus (its chart 29.27), which measures the hubs, the servers of users and the nodes of a cluster. Pure.

With node exporter on every node and kube-state-metrics, no alertmanager and no pushgateway. JupyterHub gives its
metrics to whoever has the scope `read:metrics` (5.5, handlers/metrics.py): to Prometheus alone (`hubs.watched`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.release import SECRET, Generated, Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, KeyPath, Layer, merged, own_values, with_own
from hubfleet.spec.models import Prometheus
from hubfleet.spec.models.fields import mebibytes
from hubfleet.spec.trees import at

Values = dict[str, Any]
NAME = "hubfleet-prometheus"
"""Of the release, its namespace, its Service and its claim."""
TOKEN = Generated("metrics-token", (), length=48)
"""By which hubs know it. In no value: the Secret itself is there as a file."""
_TOKENS = "/etc/hubfleet"
_FULL = 0.8
"""Of the volume: what was measured last, and is not packed yet, counts beyond (Prometheus, Storage, "Right-sizing
retention size")."""
_HUB = 8081
"""The port of a hub, in both charts."""
_BINDER = 8585
"""The port of a BinderHub, in its chart."""


def of(cluster: Cluster) -> Prometheus | None:
    """What the file says of it; None where it asks for none."""
    return cluster.monitoring.prometheus if cluster.monitoring else None


def release(cluster: Cluster, description: Description) -> Release | None:
    """None where the file asks for none."""
    wanted = of(cluster)
    if wanted is None:
        return None
    key = ("monitoring", "prometheus")
    computed = Layer(_values(cluster, description, wanted), causes=_causes(cluster))
    layers = with_own(computed, wanted.values, (*key, "values"))
    values = merged(layers)
    claims = at(values, ("server", "persistentVolume", "enabled")) is not False
    return Release(
        name=NAME,
        namespace=NAME,
        chart=charts.of_others("prometheus", cluster),
        values=values,
        layers=layers,
        source=key,
        generated=(TOKEN,),
        storage_classes=frozenset({placement.storage_class(cluster, description) or ""} if claims else ()),
    )


def _causes(cluster: Cluster) -> Causes:
    pools = [("pools",)]
    key = ("monitoring", "prometheus")
    return {
        (): [("monitoring",)],
        **{("server", one): pools for one in ("nodeSelector", "tolerations")},
        **{("kube-state-metrics", one): pools for one in ("nodeSelector", "tolerations")},
        ("server", "retention"): [(*key, "days")],
        ("server", "retentionSize"): [(*key, "size")],
        ("server", "persistentVolume", "size"): [(*key, "size")],
        ("server", "persistentVolume", "storageClass"): [
            ("storage", "storage_class"),
            ("provider", cluster.provider.name),
        ],
        **{("scrapeConfigs", job): [("hubs",)] for job in ("jupyterhub", "binderhub")},
        ("scrapeConfigs", "kubernetes-service-endpoints"): pools,
    }


def _values(cluster: Cluster, description: Description, wanted: Prometheus) -> Values:
    core = placement.core(cluster, description)
    return {
        "server": {**_server(cluster, description, wanted), **core},
        "scrapeConfigs": {
            "kubernetes-service-endpoints": {"metric_relabel_configs": [*_pools(description)]},
            "kubernetes-api-servers": {
                "enabled": False
            },  # two thirds of all series of a small cluster, asked by nobody
            **_jobs(cluster),
        },
        "kube-state-metrics": {
            # Whose pod it is, and which pool's node: its metrics name neither by themselves.
            "metricLabelsAllowlist": ["pods=[app,component,app.kubernetes.io/component]", "nodes=[*]"],
            "metricAnnotationsAllowList": ["pods=[hub.jupyter.org/username]"],
            **core,
        },
        "prometheus-node-exporter": {"tolerations": [{"operator": "Exists"}]},
        "alertmanager": {"enabled": False},
        "prometheus-pushgateway": {"enabled": False},
    }


def _pools(description: Description) -> Iterator[Values]:
    """Which pool's a node is, as the label `pool` of kube-state-metrics' `kube_node_labels`: each cloud says it by
    another label of nodes."""
    for pool, labels in description.placement.items():
        if labels:
            names = [f"label_{_told_as(name)}" for name in labels]
            regex = ";".join(("kube_node_labels", *(value.replace(".", r"\.") for value in labels.values())))
            yield {"source_labels": ["__name__", *names], "regex": regex, "target_label": "pool", "replacement": pool}


def _told_as(label: str) -> str:
    """A label's name as kube-state-metrics writes it (its internal/store/utils.go)."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"[^a-zA-Z0-9_]", "_", label)).lower()


def _server(cluster: Cluster, description: Description, wanted: Prometheus) -> Values:
    storage_class = placement.storage_class(cluster, description)
    return {
        "fullnameOverride": NAME,
        "retention": f"{wanted.days}d",
        "retentionSize": f"{int(mebibytes(wanted.size) * _FULL)}MB",  # which are 1024 KB of 1024 bytes to Prometheus
        "persistentVolume": {"size": wanted.size, **({"storageClass": storage_class} if storage_class else {})},
        "extraSecretMounts": [{"name": SECRET, "secretName": SECRET, "mountPath": _TOKENS, "readOnly": True}],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "3Gi"}},
    }


def _jobs(cluster: Cluster) -> Values:
    """One for hubs, which give their metrics to Prometheus alone; one for BinderHubs, which give them to everybody (its
    metrics.py)."""
    hubs = {name: (*charts.chart(name, cluster).inside, "hub", "baseUrl") for name in cluster.hubs}
    binders = {name: ("config", "BinderHub", "base_url") for name, hub in cluster.hubs.items() if hub.builds_images}
    token = {"authorization": {"credentials_file": f"{_TOKENS}/{TOKEN.key}"}}
    found: Values = {}
    if hubs:
        component = "__meta_kubernetes_pod_label_app_kubernetes_io_component"
        found["jupyterhub"] = {**token, **_job(cluster, hubs, component, f"hub;{_HUB}", "hub/metrics")}
    if binders:
        component = "__meta_kubernetes_pod_label_component"
        found["binderhub"] = _job(cluster, binders, component, f"binder;{_BINDER}", "metrics")
    return found


def _job(cluster: Cluster, bases: Mapping[str, KeyPath], component: str, pods: str, path: str) -> Values:
    """The pods of these hubs, with the labels by which JupyterHub's dashboards tell hubs apart: `namespace` above all.
    `pods`: component and port; `bases`: where a hub's values may say below which path it is."""
    return {
        "metrics_path": f"/{path}",
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [*bases]}}],
        "relabel_configs": [
            {
                "source_labels": [component, "__meta_kubernetes_pod_container_port_number"],
                "regex": pods,
                "action": "keep",
            },
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            *_elsewhere(cluster, bases, path),
        ],
    }


def _elsewhere(cluster: Cluster, bases: Mapping[str, KeyPath], path: str) -> Iterator[Values]:
    """Of hubs whose own values put them below a path."""
    for name, key in bases.items():
        base = at(own_values(cluster, name), key)
        if isinstance(base, str) and base.strip("/"):
            which = {"source_labels": ["__meta_kubernetes_namespace"], "regex": name}
            yield {**which, "target_label": "__metrics_path__", "replacement": f"/{base.strip('/')}/{path}"}
