"""What a release stands on before Helm is asked: a namespace that says whose it is, and classes for its claims."""

from __future__ import annotations

from collections.abc import Callable

from hubfleet.engine import removal
from hubfleet.engine.run import Clock, pause
from hubfleet.errors import HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.hubs import Release
from hubfleet.plan.releases import CLUSTER, HUB
from hubfleet.tools.kube import Kube

STORAGE_COMES = 300.0
"""Seconds that a new cluster's storage classes may take."""


def namespace(release: Release, kube: Kube, tell: Callable[[Kind, str], None], clock: Clock, cluster: str) -> None:
    """Have the namespace of a release, once one that is on its way out is gone."""
    there = kube.namespace(release.namespace)
    if there and there.deleting:
        removal.Removal(kube, release.namespace, lambda text: tell(Kind.PROGRESS, text), clock, timeout=120).gone()
    kube.ensure_namespace(release.namespace, marks(release, cluster))


def marks(release: Release, cluster: str) -> dict[str, str]:
    """Labels that say whose it is."""
    return {CLUSTER: cluster, **({HUB: release.hub} if release.hub else {})}


def apis(release: Release, kube: Kube) -> None:
    """Raises HubfleetError where the cluster has not got an API of which the chart makes objects."""
    missing = sorted(one for one in release.apis if not kube.has(one))
    if missing:
        raise HubfleetError(
            f"the cluster has not got the API {missing[0]}",
            why=f"release {release.name} makes objects of it, and its chart does not bring it",
            remedy="install it (the Gateway API: https://gateway-api.sigs.k8s.io/guides/), or `ingress: api: ingress`",
            layer=Layer.KUBERNETES,
        )


def storage(release: Release, kube: Kube, tell: Callable[[Kind, str], None], clock: Clock) -> None:
    """Wait until there are the storage classes of its claims. On a new cluster they come after its nodes, and a pod
    that is made before them is not scheduled until some minutes later: its claim gets the default class afterwards,
    and nothing tells the scheduler (seen with Kubernetes 1.34, "unbound immediate PersistentVolumeClaims")."""
    began, told = clock.now(), False
    while True:
        there = kube.storage_classes()
        known = {one.name for one in there} | {"" for one in there if one.default}
        missing = sorted(release.storage_classes - known)
        if not missing:
            return
        what = f"the storage class {missing[0]}" if missing[0] else "a default storage class"
        if not told:
            tell(Kind.PROGRESS, f"waiting for {what}")
            told = True
        if clock.now() > began + STORAGE_COMES:
            names = ", ".join(one.name for one in there) or "none"
            raise HubfleetError(
                f"the cluster has not got {what}",
                why=f"the hub's claims need it; there are: {names}",
                remedy="name one that is there (storage: storage_class:), or make one the default",
                layer=Layer.STORAGE,
            )
        clock.sleep(pause(clock.now() - began, least=0.3))
