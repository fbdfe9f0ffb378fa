"""Kubernetes' cluster-autoscaler (its chart 9.59), on a cloud whose clusters come without one. Pure.

It never stops a user's server: it takes no node away with a pod that nobody would make anew
(cluster-autoscaler/FAQ.md, "What types of pods can prevent CA from removing a node?").
"""

from __future__ import annotations

from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.release import Release
from hubfleet.provider import Autoscaler, Description
from hubfleet.spec import Causes, Cluster, Layer

Values = dict[str, Any]
NAME = "hubfleet-autoscaler"
"""Of the release, its namespace and its ServiceAccount."""


def release(cluster: Cluster, description: Description) -> Release | None:
    """None where the cloud, or somebody, has seen to it."""
    wanted = description.traits.autoscaler
    if wanted is None:
        return None
    values = _values(wanted) | placement.core(cluster, description)
    source = ("provider", cluster.provider.name, "autoscaler")
    causes: Causes = {(): [source], ("nodeSelector",): [("pools",)], ("tolerations",): [("pools",)]}
    return Release(
        name=NAME,
        namespace=NAME,
        chart=charts.of_others("cluster-autoscaler", cluster),
        values=values,
        layers=(Layer(values, causes=causes),),
        source=source,
    )


def _values(wanted: Autoscaler) -> Values:
    return {
        "cloudProvider": wanted.cloud,
        "awsRegion": wanted.region,
        "autoDiscovery": {"clusterName": wanted.cluster},
        "fullnameOverride": NAME,
        "rbac": {"serviceAccount": {"name": NAME, "annotations": dict(wanted.account)}},
        "extraArgs": {
            "expander": "least-waste",
            # Pods with an emptyDir, and those of kube-system, else keep a node for ever; users' own pods still do.
            "skip-nodes-with-local-storage": False,
            "skip-nodes-with-system-pods": False,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "200Mi"}, "limits": {"memory": "600Mi"}},
    }
