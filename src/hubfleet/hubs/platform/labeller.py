"""The labeller: a small program of ours in the cluster that puts the labels and taints of pools on their nodes. Pure.

Magnum's driver passes none of them on (magnum-capi-helm 1.4 driver.py:986), and an autoscaler brings nodes when nobody
looks. It runs in the image of a hub, which the core node has anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from hubfleet.hubs import charts, placement
from hubfleet.hubs.release import Chart, Release
from hubfleet.provider import Description
from hubfleet.spec import Cluster, Layer, merged, own_values
from hubfleet.spec.trees import map_at

NAME = "hubfleet-labeller"
_IMAGE_OF_UPSTREAM = "quay.io/jupyterhub/k8s-hub"
"""The hub's, in Zero to JupyterHub's chart; its tag is the chart's version."""


def release(cluster: Cluster, description: Description) -> Release | None:
    """None where no pool has labels or taints."""
    pools = {
        name: {
            "nodes": dict(description.placement[name]),
            "labels": dict(pool.labels),
            "taints": [*map(str, pool.taints)],
        }
        for name, pool in cluster.pools.items()
        if pool.labels or pool.taints
    }
    if not pools:
        return None
    rest = {"image": _image(cluster), **placement.core(cluster, description)}
    layers = (Layer(rest, causes={(): [("pools",)], ("image",): [("hubs",)]}), Layer({"pools": pools}))
    chart = charts.ours("labeller")
    return Release(name=NAME, namespace=NAME, chart=chart, values=merged(layers), layers=layers, source=("pools",))


def _image(cluster: Cluster) -> dict[str, Any]:
    """Of the first hub: as its values have it, or its chart's own."""
    for name in cluster.hubs:
        chart = charts.chart(name, cluster)
        own = _image_in(map_at(own_values(cluster, name), chart.inside))
        return {**_of_chart(chart, cluster), **own}
    return _of_chart(charts.upstream(cluster), cluster)


def _of_chart(chart: Chart, cluster: Cluster) -> dict[str, Any]:
    upstreams = {"name": _IMAGE_OF_UPSTREAM, "tag": charts.upstream(cluster).version}
    return upstreams | _image_in(charts.defaults(chart))


def _image_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """A hub's image in values, as far as they say."""
    hub = cast("Mapping[str, Any]", values.get("hub") or {})
    image = cast("Mapping[str, Any]", hub.get("image") or {})
    return {key: image[key] for key in ("name", "tag", "pullPolicy") if image.get(key)}
