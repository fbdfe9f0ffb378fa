"""What people keep outlives the release that made its claims, whatever its chart says of them.

Helm asks two places whether an object of a release may stay (Helm 3.19): an upgrade that does not have it any more asks
the object in the cluster (pkg/kube/client.go, Update), an uninstall asks the manifest of then
(pkg/action/resource_policy.go). So a claim that a chart makes without `helm.sh/resource-policy: keep` is marked in the
cluster, and before the uninstall a chart of nothing takes the place of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from hubfleet.hubs import charts
from hubfleet.plan.volumes import of_hub
from hubfleet.spec.trees import at
from hubfleet.tools.helm import Helm
from hubfleet.tools.kube import Kube

_KIND = "PersistentVolumeClaim"
_KEEP = {"helm.sh/resource-policy": "keep"}
_NOTHING = "nothing"
"""Our chart that has no object."""


def keep(release: str, namespace: str, helm: Helm, kube: Kube) -> bool:
    """Mark the release's claims that Helm would take away, so that an upgrade leaves them; whether there is any."""
    found = [*_not_kept(helm.manifest(release, namespace))]
    for name in found:
        kube.annotate(_KIND, namespace, name, _KEEP)
    return bool(found)


def uninstall(release: str, namespace: str, helm: Helm, kube: Kube, *, hooks: bool = True) -> None:
    """Uninstall a release that is there, and leave its claims. Safe to repeat. Where its chart would not leave them,
    its hooks do not run."""
    if keep(release, namespace, helm, kube):
        place = charts.ours(_NOTHING).path
        assert place is not None  # noqa: S101 (a folder of ours)
        helm.upgrade_install(release, namespace, place, {}, {})
    helm.uninstall(release, namespace, hooks=hooks)


def mark(namespace: str, kube: Kube, labels: Mapping[str, str]) -> None:
    """Write on what people keep in a namespace that hubfleet did not make, whose it is: nothing else tells it once the
    release is gone."""
    for one in filter(of_hub, kube.claims(namespace)):
        kube.label(_KIND, namespace, one.name, labels)


def _not_kept(manifest: str) -> Iterator[str]:
    for one in of(manifest):
        if at(one, ("metadata", "annotations", "helm.sh/resource-policy")) != "keep":
            yield str(at(one, ("metadata", "name")))


def of(manifest: str) -> Iterator[Mapping[str, Any]]:
    """Those of a manifest, as they stand there."""
    for one in yaml.load_all(manifest, Loader=yaml.CSafeLoader) if _KIND in manifest else ():
        if at(one, ("kind",)) == _KIND:
            yield one
