"""The ConfigMap in a cluster that holds what hubfleet keeps about it: plan.kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from hubfleet.plan import kept
from hubfleet.plan.kept import Kept
from hubfleet.tools.kube import Kube

NAMESPACE, NAME = "kube-system", "hubfleet"


def read(kube: Kube) -> Kept:
    """What is kept there. CloudError if the API does not answer."""
    return kept.parsed(kube.config_map(NAMESPACE, NAME) or {})


def adopt(kube: Kube) -> None:
    """From now on the cluster is hubfleet's."""
    kube.merge_config_map(NAMESPACE, NAME, {kept.ADOPTED: datetime.now(UTC).isoformat(timespec="seconds")})


def leave(kube: Kube, sizes: Mapping[str, str | None]) -> None:
    """Keep how node groups were left; None forgets one."""
    if sizes:
        kube.merge_config_map(NAMESPACE, NAME, kept.written(sizes))
