"""Homes on a volume that all users of a hub share: its storage class, and what users' pods mount.

What is mounted is a PersistentVolume with the address of the server, which nodes must be able to use: they know none of
the cluster's own names. It holds nothing itself, so it is made anew when the server has another address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubfleet.engine.run import Clock, pause
from hubfleet.errors import HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.hubs import Release, Share
from hubfleet.hubs.platform.homes import CLASS
from hubfleet.plan.releases import CLUSTER
from hubfleet.plan.volumes import SHARED
from hubfleet.tools.kube import Kube

LETS_GO = 120.0
"""Seconds that servers may take to let go of homes that are to be mounted from elsewhere."""
XFS = ["pquota"]
"""How such a volume is mounted: with quotas for folders. Later, none can be set."""
_MOUNTED = ["rsize=1048576", "wsize=1048576", "timeo=600", "retrans=2", "soft", "noresvport"]
"""As jupyterhub-home-nfs has it (its examples/): `soft`, since a server that is away for long would otherwise leave
processes that nobody can end."""

_OF_BOTH: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
"""Of volume and claim. Both say 1 MiB, which means nothing with NFS."""

Tell = Callable[[Kind, str], None]


def storage_class(release: Release, kube: Kube) -> None:
    """Have the class of its claim, which is like the cluster's own but for the file system. One that is there stays as
    it is."""
    if not release.xfs_class:
        return
    (like,) = release.storage_classes
    found = next(one for one in kube.storage_classes() if (one.name == like if like else one.default))
    parameters = {**found.made.get("parameters", {}), "csi.storage.k8s.io/fstype": "xfs"}
    kube.make(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": release.xfs_class},
            **found.made,
            "parameters": parameters,
            "mountOptions": XFS,
            "allowVolumeExpansion": True,
        }
    )


def mount(release: Release, kube: Kube, tell: Tell, clock: Clock, cluster: str) -> None:
    """Have what the pods of users mount, if they share their homes. HubfleetError of layer storage if the server is not
    there, or people's servers still have homes from where it was before."""
    share = release.share
    if share is None:
        return
    server = next((one.inside for one in kube.services(share.namespace) if one.name == share.service), "")
    if not server:
        raise HubfleetError(
            f"the server of the homes of hub {release.hub} has no address",
            why=f"there is no Service {share.service} in the namespace {share.namespace}",
            remedy="hubfleet apply makes it",
            layer=Layer.STORAGE,
        )
    there = next((one for one in kube.volumes() if one.name == share.namespace), None)
    if there is not None and there.server != server:
        _let_go(release, share, kube, tell, clock)
    kube.make(_volume(release, share, server, cluster))
    kube.make(_claim(release, share))


def clear(namespace: str, kube: Kube) -> None:
    """After a namespace's claims: take away what its pods mounted, and the class where no claim has it any more."""
    for one in kube.volumes():
        if one.namespace == namespace and one.server:
            kube.delete("PersistentVolume", "", one.name)  # which holds nothing itself
    if not any(one.storage_class == CLASS for one in kube.claims(None)):
        kube.delete("StorageClass", "", CLASS)


def _let_go(release: Release, share: Share, kube: Kube, tell: Tell, clock: Clock) -> None:
    """Take away what pods mount, and wait until none does: Kubernetes keeps a claim for as long."""
    tell(Kind.PROGRESS, "the server of the homes has another address: mounting them anew")
    kube.delete("PersistentVolumeClaim", release.namespace, SHARED)
    kube.delete("PersistentVolume", "", share.namespace)
    began = clock.now()
    while any(one.name == share.namespace for one in kube.volumes()) or any(
        one.name == SHARED for one in kube.claims(release.namespace)
    ):
        if clock.now() > began + LETS_GO:
            raise HubfleetError(
                f"the homes of hub {release.hub} cannot be mounted anew while servers have them",
                why="the server of the homes has another address than before",
                remedy="stop the servers of users (the hub's admin page), then apply again",
                layer=Layer.STORAGE,
            )
        clock.sleep(pause(clock.now() - began, least=0.3))


def _volume(release: Release, share: Share, server: str, cluster: str) -> dict[str, Any]:
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": release.namespace, "name": SHARED}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": share.namespace, "labels": {CLUSTER: cluster}},
        "spec": {
            **_OF_BOTH,
            "capacity": {"storage": "1Mi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": owner,
            "mountOptions": _MOUNTED,
            "nfs": {"server": server, "path": share.folder},
        },
    }


def _claim(release: Release, share: Share) -> dict[str, Any]:
    metadata = {"name": SHARED, "namespace": release.namespace}
    size = {"resources": {"requests": {"storage": "1Mi"}}}
    spec = {**_OF_BOTH, **size, "volumeName": share.namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
