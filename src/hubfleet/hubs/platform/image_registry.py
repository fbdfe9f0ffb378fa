"""A registry in the cluster for the images that a BinderHub builds: our chart `registry`, of CNCF Distribution. Pure.

A release for each such hub: its images go with it, and no other hub's account can change them. Nodes fetch from it by
https and its DNS name, since their containerd knows neither the cluster's names nor its Services.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.platform import entry
from hubfleet.hubs.release import Generated, Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Layer
from hubfleet.spec.models import InCluster

Values = dict[str, Any]
USER = "hubfleet"
"""Its one account."""


def name(hub: str) -> str:
    """Of the release with this hub's registry, and its namespace."""
    return f"hubfleet-registry-{hub}"


def password(hub: str) -> Generated:
    """Of the account. It is kept with the registry, whichever of the two releases comes first."""
    return Generated("registry-password", ("password",), length=48, namespace=name(hub))


def releases(cluster: Cluster, description: Description) -> Iterator[Release]:
    """One for each hub that keeps its images in the cluster."""
    for hub, wanted in cluster.hubs.items():
        images = wanted.built_images
        if isinstance(images, InCluster):
            yield _release(hub, images, cluster, description)


def _release(hub: str, images: InCluster, cluster: Cluster, description: Description) -> Release:
    storage_class = placement.storage_class(cluster, description)
    values: Values = {
        "username": USER,
        "persistence": {"size": images.size, **({"storageClass": storage_class} if storage_class else {})},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        **entry.values(cluster, [images.host]),
        **placement.core(cluster, description),
    }
    return Release(
        name=name(hub),
        namespace=name(hub),
        chart=charts.ours("registry"),
        values=values,
        layers=(Layer(values, causes=_causes(hub, cluster)),),
        source=("hubs", hub, "registry"),
        generated=(password(hub),),
        url=f"https://{images.host}",
        entry=entry.reached(name(hub), cluster),
        storage_classes=frozenset({storage_class or ""}),
    )


def _causes(hub: str, cluster: Cluster) -> Causes:
    key = ("hubs", hub, "registry", "in_cluster")
    return {
        (): [key],
        ("persistence", "size"): [(*key, "size")],
        ("persistence", "storageClass"): [("storage", "storage_class"), ("provider", cluster.provider.name)],
        ("ingress",): [("ingress",)],
        ("ingress", "hosts"): [(*key, "domain"), ("hubs", hub, "domain")],
        ("httpRoute",): [("ingress", "api")],
        ("httpRoute", "hostnames"): [(*key, "domain"), ("hubs", hub, "domain")],
        ("nodeSelector",): [("pools",)],
        ("tolerations",): [("pools",)],
    }
