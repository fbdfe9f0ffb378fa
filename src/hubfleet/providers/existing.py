"""A Kubernetes cluster that somebody else made and keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubfleet.provider import CONTRACT, Description, ExistingCluster, Traits
from hubfleet.spec.models import Cluster, Model
from hubfleet.spec.problems import InvalidFiles, Problem, written


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
        """The kubeconfig's absolute path and the context. A relative path is from the folder of the file that has it.

        InvalidFiles where labels, taints or GPUs are wanted of pools that are not told apart.
        """
        settings = cluster.provider.settings
        if problems := [*_problems(cluster, settings.pool_label)]:
            raise InvalidFiles(problems)
        folder = cluster.folder("provider", "existing", "kubeconfig")
        kubeconfig = settings.kubeconfig and (folder / settings.kubeconfig.expanduser()).resolve()
        label = settings.pool_label
        return Description(
            infrastructure=ExistingCluster(cluster.name, kubeconfig, settings.context),
            traits=Traits(min_pool_nodes=0, pool_label=label),
            placement={name: {label: name} if label else {} for name in cluster.pools},
        )


def _problems(cluster: Cluster, label: str | None) -> Iterator[Problem]:
    for name, pool in cluster.pools.items():
        for key in ("labels", "taints", "gpus"):
            if getattr(pool, key) and label is None:
                path = ("pools", name, key)
                what = "nobody knows which nodes are this pool's"
                remedy = "add `pool_label:` to the provider's block: a label that tells pools apart"
                yield Problem(cluster.position(*path), what, written(path), remedy)
        if label is not None and label in pool.labels:
            own = ("pools", name, "labels", label)
            remedy = "take it away: it says which pool a node belongs to"
            yield Problem(cluster.position(*own), "this is the `pool_label`", written(own), remedy)


provider = ExistingProvider()
