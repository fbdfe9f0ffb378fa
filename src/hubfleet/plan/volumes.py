"""Volumes in which people keep something (homes, a hub's database): known by what is written on them, also when their
cluster is gone. Pure.

The CSI driver writes the cluster's release and the claim on each (cloud-provider-openstack,
pkg/csi/cinder/controllerserver.go, CreateVolume; run with --extra-create-metadata, as its chart does). hubfleet adds
what is to be kept, and of which cluster of a file it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hubfleet.tools.kube_objects import Claim
from hubfleet.tools.openstack_volumes import Volume

KEEP = "janitor.capi.azimuth-cloud.com/keep"
"""With "true" the janitor of Cluster API for OpenStack, which many sites run, leaves a volume when its cluster goes
(its README, "Cinder volumes are deleted by default")."""
CLUSTER = "hubfleet.org/cluster"
"""The cluster's name in its file."""
USER = "hubfleet.org/user"
"""The JupyterHub user whose home it is."""
RELEASE = "cinder.csi.openstack.org/cluster"
"""Magnum's driver's release: the cluster's name, a hyphen, twelve letters and digits."""
CLAIM = "csi.storage.k8s.io/pvc/name"
NAMESPACE = "csi.storage.k8s.io/pvc/namespace"
DATABASE = "hub-db-dir"
"""The claim of a hub's database, in Zero to JupyterHub and in lite."""
SHARED = "home-nfs"
"""The claim of the volume on which all users of a hub have their homes, and of what their pods mount from its server:
the name that the chart jupyterhub-home-nfs gives it."""
REGISTRY = "hub-registry"
"""The claim of the images that a BinderHub built, in our chart `registry`."""
HOME = "claim-"
"""With this begins the claim of a home, there too (KubeSpawner's pvc_name_template)."""
_RELEASE = re.compile(r"(?P<name>.+)-[a-z0-9]{12}")


@dataclass(frozen=True)
class HubVolume:
    """A volume that a claim was given: `namespace` (a hub's has its name) and `claim`, in the cluster of this name
    whose driver's release is `release`. `size` in GiB; `kept`: it stays when its cluster goes; `user`: whose home it
    is, "" where that is not written on it."""

    cluster: str
    release: str
    namespace: str
    claim: str
    user: str
    kept: bool
    volume: Volume

    @property
    def size(self) -> int:
        """In GiB."""
        return self.volume.size


@dataclass(frozen=True)
class Volumes:
    """Those of clusters of one name: of the one that is there, and of those before it."""

    present: tuple[HubVolume, ...] = ()
    earlier: tuple[HubVolume, ...] = ()


def hub_volume(volume: Volume) -> HubVolume | None:
    """What its metadata tell; None for a volume of no claim."""
    written = volume.metadata
    release, namespace, claim = written.get(RELEASE, ""), written.get(NAMESPACE, ""), written.get(CLAIM, "")
    if not (release and namespace and claim):
        return None
    found = _RELEASE.fullmatch(release)
    return HubVolume(
        cluster=written.get(CLUSTER) or (found["name"] if found else release),
        release=release,
        namespace=namespace,
        claim=claim,
        user=written.get(USER, ""),
        kept=written.get(KEEP) == "true",
        volume=volume,
    )


def of_claims(volumes: Iterable[Volume]) -> tuple[HubVolume, ...]:
    """Those of the project's volumes that claims were given."""
    return tuple(found for found in map(hub_volume, volumes) if found)


def of_cluster(volumes: Iterable[Volume], name: str, release: str | None) -> Volumes:
    """Those of clusters of this name, of which the one that is there has this release (None: there is none)."""
    ours = [one for one in of_claims(volumes) if one.cluster == name and one.volume.status != "deleting"]
    return Volumes(
        tuple(one for one in ours if one.release == release), tuple(one for one in ours if one.release != release)
    )


def personal(claim: str) -> bool:
    """Whether people keep something in a claim, by its name: a home's, all homes', a hub's database, the images
    that it built, whoever installed the hub."""
    return claim in (DATABASE, SHARED, REGISTRY) or claim.startswith(HOME)


def of_hub(claim: Claim) -> bool:
    """The same of one that may be somebody else's, in a namespace that hubfleet did not make."""
    return personal(claim.name) or bool(claim.user)


def lasts(metadata: Mapping[str, str]) -> bool:
    """Whether people keep something in a volume on which this is written: it is marked so, or its claim is personal,
    and its cluster went before anybody marked it."""
    return metadata.get(KEEP) == "true" or personal(metadata.get(CLAIM, ""))


def marks(cluster: str, release: str, claim: Claim) -> Mapping[str, str]:
    """What a volume of this claim of a hub has to have written on it, so that it stays and is found again."""
    user = {USER: claim.user} if claim.user else {}
    return {KEEP: "true", CLUSTER: cluster, RELEASE: release, NAMESPACE: claim.namespace, CLAIM: claim.name, **user}


def lacking(volumes: Iterable[Volume], wanted: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    """What is still to be written on which volume (its id)."""
    found: dict[str, Mapping[str, str]] = {}
    for volume in volumes:
        new = {key: text for key, text in wanted.get(volume.id, {}).items() if volume.metadata.get(key) != text}
        found |= {volume.id: new} if new else {}
    return found


def described(claims: Collection[str], size: int | None = None) -> str:
    """Claims of a hub in words, with their size in GiB if it is known: "3 homes and the database (31 GiB)"."""
    count = sum(1 for claim in claims if claim not in (DATABASE, SHARED, REGISTRY))
    parts = [f"{count} home{'s' if count != 1 else ''}"] if count else []
    parts += ["the shared homes"] if SHARED in claims else []
    parts += ["the built images"] if REGISTRY in claims else []
    parts += ["the database"] if DATABASE in claims else []
    return f"{' and '.join(parts) or 'nothing'}{f' ({size} GiB)' if size is not None else ''}"
