"""A Kubernetes cluster that somebody else made and keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubfleet.provider import CONTRACT, Description, ExistingCluster, Traits
from hubfleet.spec.models import Cluster, Model


class ExistingSettings(Model):
    """The block `existing`."""

    kubeconfig: Path | None = None
    """Path of a kubeconfig, relative to the cluster file. Left out: the usual place (KUBECONFIG, ~/.kube/config)."""
    context: str | None = None
    """Left out: the kubeconfig's current one."""
    pool_label: str | None = None
    """Key of a label whose value on a node is the name of its pool. Left out: pools are not told apart."""


@dataclass(frozen=True)
class ExistingProvider:
    """Describes what is there; there is nothing to make."""

    name: str = "existing"
    summary: str = "a Kubernetes cluster that is there already, by its kubeconfig"
    settings: type[ExistingSettings] = ExistingSettings
    contract: int = CONTRACT

    def describe(self, cluster: Cluster) -> Description:
        """The kubeconfig's absolute path and the context. A relative path is from the cluster file's folder."""
        settings = cluster.provider.settings
        kubeconfig = settings.kubeconfig and (cluster.file.parent / settings.kubeconfig.expanduser()).resolve()
        label = settings.pool_label
        return Description(
            infrastructure=ExistingCluster(cluster.name, kubeconfig, settings.context),
            traits=Traits(min_pool_nodes=0, pool_label=label),
            placement={name: {label: name} if label else {} for name in cluster.pools},
        )


provider = ExistingProvider()
