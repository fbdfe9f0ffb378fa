"""Homes that all users of a hub have on one volume, each with a quota: jupyterhub-home-nfs (its chart 1.2.1). Pure.

A release for each such hub, as 2i2c has it: its volume, its server (NFS Ganesha) and what holds users to their quotas
are its own, so that one hub's users neither fill nor slow down another's, and a hub that comes leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.release import Release, Share
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, KeyPath, Layer
from hubfleet.spec.models.fields import mebibytes

Values = dict[str, Any]
CLASS = "hubfleet-homes"
"""The storage class of the volumes: XFS, which alone has quotas for folders, and mounted so that it heeds them."""
CLAIM = "home-nfs"
"""Of the volume, and in the hub's namespace of what users' pods mount; the server's Service, too: the chart's name for
all of them."""
_FOLDER = "homes"
"""On the volume; what the quotas' keeper writes down is beside it."""


def name(hub: str) -> str:
    """Of the release with the homes of this hub, and its namespace."""
    return f"hubfleet-homes-{hub}"


def share(hub: str, cluster: Cluster) -> Share | None:
    """Where the homes of this hub are; None where each user has a volume, or there are none."""
    return Share(CLAIM, name(hub), f"/{_FOLDER}") if cluster.shares_homes(hub) else None


def storage() -> Values:
    """What the values of such a hub have below `singleuser`. KubeSpawner's escaped names are those of older hubs, so
    that folders which were copied from one have theirs (kubespawner 7, slugs.py)."""
    return {
        "storage": {"type": "static", "static": {"pvcName": CLAIM, "subPath": "{escaped_username}"}},
        # Locks and sockets of kernels, which NFS is slow with.
        "extraEnv": {"JUPYTER_RUNTIME_DIR": "/tmp/jupyter-runtime"},  # noqa: S108 (of the user's own pod)
    }


def releases(cluster: Cluster, description: Description) -> Iterator[Release]:
    """One for each hub whose users share a volume."""
    for hub in cluster.hubs:
        if cluster.shares_homes(hub):
            yield _release(hub, cluster, description)


def _release(hub: str, cluster: Cluster, description: Description) -> Release:
    values = _values(hub, cluster, description)
    return Release(
        name=name(hub),
        namespace=name(hub),
        chart=charts.of_others("jupyterhub-home-nfs", cluster),
        values=values,
        layers=(Layer(values, causes=_causes(hub)),),
        source=("hubs", hub, "homes"),
        xfs_class=CLASS,
        storage_classes=frozenset({placement.storage_class(cluster, description) or ""}),
    )


def _values(hub: str, cluster: Cluster, description: Description) -> Values:
    wanted = cluster.homes(hub)
    assert wanted.quota is not None  # noqa: S101 (asked before)
    return {
        "fullnameOverride": "",
        "persistentVolume": {"size": wanted.size, "storageClass": CLASS},
        "quotaEnforcer": {
            "config": {
                "QuotaManager": {
                    "paths": [f"/export/{_FOLDER}"],
                    "hard_quota": mebibytes(wanted.quota) / 1024,  # GiB
                    # Which folder has which number; in the container they would go with it, and all be numbered anew.
                    "projects_file": "/export/.projects",
                    "projid_file": "/export/.projid",
                }
            }
        },
        **placement.core(cluster, description),
    }


def _causes(hub: str) -> Causes:
    def said(key: str) -> list[KeyPath]:
        return [("hubs", hub, "homes", key), ("storage", "homes", key)]

    return {
        (): [("hubs", hub, "homes"), ("storage", "homes")],
        ("persistentVolume", "size"): said("size"),
        ("quotaEnforcer", "config", "QuotaManager", "hard_quota"): said("quota"),
        ("nodeSelector",): [("pools",)],
        ("tolerations",): [("pools",)],
    }
