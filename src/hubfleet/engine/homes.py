"""What people keep outlives its cluster: volumes of hubs' claims are marked so that they stay, found again by what is
written on them, and given to the claims of a new cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from hubfleet.engine import footing, shares
from hubfleet.engine.run import Clock, pause
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.hubs import Release
from hubfleet.plan import volumes as known
from hubfleet.plan.homes import FoundAgain
from hubfleet.plan.infrastructure import going
from hubfleet.plan.releases import CLUSTER, HUB
from hubfleet.plan.volumes import DATABASE, HubVolume, Volumes
from hubfleet.spec.trees import at
from hubfleet.tools.kube import Claim, Kube
from hubfleet.tools.kube_objects import USER
from hubfleet.tools.magnum import Cluster, Magnum

DRIVER = "cinder.csi.openstack.org"
"""Name of Cinder's CSI driver (cloud-provider-openstack, pkg/csi/cinder/driver.go)."""
FREE = 300.0
"""Seconds that Cinder may take to see that a volume's machine is gone, and Kubernetes to bind a claim."""
_SIDE_BY_SIDE = 8
_SERVICE = "block-storage"
_DELETABLE = ("available", "error", "error_deleting")
"""States in which Cinder takes a DELETE (cinder 29, volume/api.py, delete)."""

Tell = Callable[[Kind, str], None]


def volumes(magnum: Magnum, cluster: str) -> Volumes:
    """Those of clusters of this name. None where the cloud has no Cinder."""
    if not magnum.cloud.offers(_SERVICE):
        return Volumes()
    there = magnum.cluster(cluster)
    release = there.release if there and not going(there) else None
    return known.of_cluster(magnum.cloud.volumes(), cluster, release)


def keep(magnum: Magnum, cluster: Cluster, kube: Kube | None) -> str:
    """Mark the volumes of hubs' claims, so that they stay when the cluster goes; what they are, for people. `kube`
    None: its API does not answer, and every claim's volume is marked, since nobody tells which are hubs'."""
    if not (cluster.release and magnum.cloud.offers(_SERVICE)):
        return ""
    there = magnum.cloud.volumes()
    if kube is None:
        every = known.of_cluster(there, cluster.name, cluster.release).present
        names = [one.claim for one in every]
        wanted: Mapping[str, Mapping[str, str]] = {
            one.volume.id: {known.KEEP: "true", known.CLUSTER: cluster.name} for one in every
        }
    else:
        claims = _of_hubs(kube, cluster.name)
        names = [claim.name for claim in claims.values()]
        wanted = {handle: known.marks(cluster.name, cluster.release, claim) for handle, claim in claims.items()}
    _mark(magnum, known.lacking(there, wanted))
    return known.described(names) if names else ""


def _of_hubs(kube: Kube, cluster: str) -> dict[str, Claim]:
    """The claims of hubs of this cluster's file, and what looks like a home of anybody else's hub, by Cinder's id of
    their volumes."""
    hubs = {one.name for one in kube.namespaces(f"{CLUSTER}={cluster},{HUB}")}
    # A release that was taken over is in a namespace that is nobody's.
    hubs |= {one.namespace for one in kube.records() if HUB in one.labels and one.labels.get(CLUSTER) == cluster}
    claims = {(one.namespace, one.name): one for one in kube.claims(None)}
    claims = {place: one for place, one in claims.items() if one.namespace in hubs or known.personal(one.name)}
    made = {one.handle: (one.namespace, one.claim) for one in kube.volumes() if one.driver == DRIVER}
    return {handle: claims[owner] for handle, owner in made.items() if owner in claims}


def _mark(magnum: Magnum, wanted: Mapping[str, Mapping[str, str]]) -> None:
    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="volumes") as pool:
        list(pool.map(magnum.cloud.mark_volume, wanted, wanted.values()))


def find_again(work: FoundAgain, magnum: Magnum, cluster: Cluster, kube: Kube, tell: Tell, clock: Clock) -> str:
    """Give a hub's volumes of an earlier cluster to claims of their old names in this one, before the hub is installed:
    Helm and KubeSpawner take claims that are there. Safe to repeat. HubfleetError of layer storage for a volume that is
    still in use elsewhere, or a claim that does not get it."""
    name, release = cluster.name, cluster.release or ""
    footing.namespace(work.release, kube, tell, clock, name)
    footing.storage(work.release, kube, tell, clock)
    shares.storage_class(work.release, kube)
    _free(work.volumes, release, magnum, tell, clock)
    default = next((one.name for one in kube.storage_classes() if one.default), "")
    classes = {one.claim: _storage_class(work.release, one) or default for one in work.volumes}
    for one in work.volumes:
        kube.make(persistent_volume(one, classes[one.claim]))
    _taken(work, kube, tell, clock)
    for one in work.volumes:
        kube.make(claim(one, classes[one.claim], work.release))
    _bound(work, kube, tell, clock)
    claims = {one.name: one for one in kube.claims(work.release.namespace)}
    wanted = {one.volume.id: known.marks(name, release, claims[one.claim]) for one in work.volumes}
    _mark(magnum, wanted)
    return known.described([one.claim for one in work.volumes], sum(one.size for one in work.volumes))


def clear(magnum: Magnum, cluster: Cluster, tell: Tell, clock: Clock, *, homes: bool) -> None:
    """After the cluster is gone: delete its volumes that nobody marked to be kept, with `homes` those as well. What
    does not go within five minutes is left to be told."""
    if not (cluster.release and magnum.cloud.offers(_SERVICE)):
        return
    began, told = clock.now(), 0
    while clock.now() < began + FREE:
        there = known.of_claims(magnum.cloud.volumes())
        ours = [
            one for one in there if one.release == cluster.release and (homes or not known.lasts(one.volume.metadata))
        ]
        if not ours:
            return
        if len(ours) != told:
            told = len(ours)
            tell(Kind.PROGRESS, f"{told} volume{'s' if told != 1 else ''} to delete")
        for one in ours:
            if one.volume.status in _DELETABLE:
                magnum.cloud.delete_volume(one.volume.id)
        clock.sleep(pause(clock.now() - began, least=0.5))


def _free(volumes: Collection[HubVolume], release: str, magnum: Magnum, tell: Tell, clock: Clock) -> None:
    """Until nothing uses them any more, but for those that an earlier run gave to this cluster."""

    def used() -> list[str]:
        now = {one.volume.id: one for one in known.of_claims(magnum.cloud.volumes())}
        lost = [one.volume.name for one in volumes if one.volume.id not in now]
        if lost:
            raise CloudError(
                f"the volume {lost[0]} is not there any more",
                why="somebody deleted it after the plan was made",
                remedy="apply again: it plans with what is there",
                layer=Layer.STORAGE,
            )
        still = (now[one.volume.id] for one in volumes)
        return [
            f"volume {one.volume.name} ({one.volume.status})"
            for one in still
            if one.volume.status != "available" and one.release != release
        ]

    _wait(used, "nothing uses them", "see what has it: openstack volume show; then apply again", tell, clock)


def _taken(work: FoundAgain, kube: Kube, tell: Tell, clock: Clock) -> None:
    """Until Kubernetes has taken note of them: a claim that comes earlier is looked at again after 15 s only
    (kube-controller-manager, --pvclaimbinder-sync-period)."""
    names = {_name(one) for one in work.volumes}

    def unknown() -> list[str]:
        return [f"volume {one.name}" for one in kube.volumes() if one.name in names and not one.phase]

    _wait(
        unknown, "Kubernetes knows them", "hubfleet status tells what ails the cluster; then apply again", tell, clock
    )


def _bound(work: FoundAgain, kube: Kube, tell: Tell, clock: Clock) -> None:
    names = {one.claim for one in work.volumes}

    def waiting() -> list[str]:
        claims = kube.claims(work.release.namespace)
        return [f"claim {one.name} ({one.phase})" for one in claims if one.name in names and one.phase != "Bound"]

    _wait(waiting, "claims have their volumes", "hubfleet kubectl describe pvc says why; then apply again", tell, clock)


def _wait(left: Callable[[], list[str]], what: str, remedy: str, tell: Tell, clock: Clock) -> None:
    began, told = clock.now(), 0
    while still := left():
        if clock.now() > began + FREE:
            raise HubfleetError(
                f"after {FREE:.0f} s still not: {', '.join(still[:5])}",
                why=f"hubfleet waits until {what}",
                remedy=remedy,
                layer=Layer.STORAGE,
            )
        if len(still) != told:
            told = len(still)
            tell(Kind.PROGRESS, f"waiting until {what}: {told} to go")
        clock.sleep(pause(clock.now() - began, least=0.3))


def persistent_volume(one: HubVolume, storage_class: str) -> dict[str, Any]:
    """The manifest of a PersistentVolume for this volume of Cinder's, for its claim alone. It goes with its claim, as
    one that the driver provisions does: the annotation has its provisioner delete it (external-provisioner 5,
    lib/controller shouldDelete)."""
    spec: dict[str, Any] = {
        "capacity": {"storage": f"{one.size}Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": storage_class,
        "volumeMode": "Filesystem",
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": one.namespace,
            "name": one.claim,
        },
        "csi": {"driver": DRIVER, "volumeHandle": one.volume.id, "fsType": "ext4"},
    }
    if one.claim == known.SHARED:
        spec |= {"csi": {**spec["csi"], "fsType": "xfs"}, "mountOptions": shares.XFS}
    metadata = {"name": _name(one), "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def claim(one: HubVolume, storage_class: str, release: Release) -> dict[str, Any]:
    """The manifest of the claim of such a volume: for a home as KubeSpawner makes it (kubespawner 7 spawner.py:2489),
    else such that Helm takes it for the release's own (Helm 3, pkg/action/validate.go)."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{one.size}Gi"}},
        "storageClassName": storage_class,
        "volumeName": _name(one),
    }
    metadata: dict[str, Any] = {"name": one.claim, "namespace": one.namespace}
    if one.user:
        metadata["labels"] = {"app": "jupyterhub", "component": "singleuser-storage", "release": release.name}
        metadata["annotations"] = {USER: one.user}
    else:
        metadata["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        metadata["annotations"] = {
            "meta.helm.sh/release-name": release.name,
            "meta.helm.sh/release-namespace": release.namespace,
        }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _name(one: HubVolume) -> str:
    """Of its PersistentVolume: Cinder's has the name that the driver gave both."""
    return one.volume.name or one.volume.id


def _storage_class(release: Release, one: HubVolume) -> str:
    """Which class the release's values name for such a claim; "" the default."""
    if one.claim == known.SHARED:
        return release.xfs_class
    if one.claim == known.REGISTRY:
        return str(at(release.values, ("persistence", "storageClass")) or "")
    path = ("hub", "db", "pvc", "storageClassName")
    if one.claim != DATABASE:
        path = ("singleuser", "storage", "dynamic", "storageClass")
    found: Any = release.jupyterhub
    for key in path:
        found = cast("Mapping[str, Any]", found).get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
