"""A Kubernetes cluster that somebody else made and keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubfleet.provider import CONTRACT, Autoscaler, Description, ExistingCluster, Traits
from hubfleet.spec.models import Cluster, Model
from hubfleet.spec.models.fields import AWSRegion, AWSRole, Text
from hubfleet.spec.problems import InvalidFiles, Problem, written


class AWSAutoscaler(Model):
    """A cluster-autoscaler for a cluster of Amazon's (EKS)."""

    cluster: Text
    """The cluster's name there. Its groups of nodes are found by two tags, `k8s.io/cluster-autoscaler/enabled` and
    `k8s.io/cluster-autoscaler/CLUSTER`; managed node groups have them."""
    region: AWSRegion
    """The region that it is in: us-west-2."""
    role: AWSRole | None = None
    """The ARN of the IAM role that may change them, for service accounts (IRSA). Left out, EKS Pod Identity gives one
    to the service account `hubfleet-autoscaler` of the namespace `hubfleet-autoscaler`, or the nodes have it."""


class AutoscalerChoice(Model):
    """Which cloud the cluster is on: exactly one."""

    aws: AWSAutoscaler
    """Amazon's."""


class ExistingSettings(Model):
    """The block `existing`."""

    kubeconfig: Path | None = None
    """Path of a kubeconfig, relative to the cluster file. Left out: the usual place (KUBECONFIG, ~/.kube/config)."""
    context: str | None = None
    """Left out: the kubeconfig's current one."""
    pool_label: str | None = None
    """Key of a label whose value on a node is the name of its pool. Left out: pools are not told apart."""
    autoscaler: AutoscalerChoice | None = None
    """A cluster-autoscaler, which adds nodes when users wait for them and takes idle ones away. Left out: the cluster
    has one, or its nodes stay."""


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
            traits=Traits(min_pool_nodes=0, pool_label=label, autoscaler=_autoscaler(settings.autoscaler)),
            placement={name: {label: name} if label else {} for name in cluster.pools},
        )


def _autoscaler(choice: AutoscalerChoice | None) -> Autoscaler | None:
    if choice is None:
        return None
    aws = choice.aws
    account = {"eks.amazonaws.com/role-arn": aws.role} if aws.role else {}
    return Autoscaler("aws", aws.cluster, aws.region, account)


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
