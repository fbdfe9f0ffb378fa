"""Claims that are there, and that Kubernetes would not make what a chart wants: smaller, or of another class.

Helm finds out in the middle of an upgrade ("field can not be less than status.capacity", "spec is immutable after
creation"). We look at the manifests before, so that it holds for any chart, and for a release that is to be taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hubfleet.engine import claims
from hubfleet.hubs import Release
from hubfleet.hubs.platform import prometheus
from hubfleet.plan.releases import place
from hubfleet.plan.volumes import DATABASE, SHARED
from hubfleet.spec import Cluster, Problem
from hubfleet.spec.problems import written
from hubfleet.spec.trees import at
from hubfleet.tools.kube import Claim

Key = Literal["size", "class"]
_BYTES = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("kMGTP", start=1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTP", start=1)},
}
_VOLUME: dict[Key, str] = {"size": "size", "class": "storageClass"}
_SAID: dict[str, tuple[tuple[str, ...], dict[Key, str]]] = {
    DATABASE: (("hub", "db", "pvc"), {"size": "storage", "class": "storageClassName"}),
    SHARED: (("persistentVolume",), _VOLUME),
    prometheus.NAME: (("server", "persistentVolume"), _VOLUME),
}
"""Of claims whose chart we know: below which of its values their size and class are said, and as what."""


@dataclass(frozen=True)
class Unfit:
    """What is refused of a claim."""

    claim: str
    key: Key
    now: str
    then: str

    def __str__(self) -> str:
        if self.key == "size":
            return f"the claim {self.claim} has {self.now}, and would have {self.then}: no volume becomes smaller"
        then = self.then or "the cluster's default"
        return f"the claim {self.claim} is of storage class {self.now}, and would be of {then}: a claim keeps its class"


def problems(
    release: Release, cluster: Cluster, there: Mapping[str, Claim], *, wanted: str, before: str
) -> Iterator[Problem]:
    """Those of a release, each with its place in the files: what there is by name, and the manifests that its chart
    makes and made."""
    for one in unfit(wanted, before, there):
        above, keys = _SAID.get(one.claim, ((), {}))
        if one.key not in keys:
            position, remedy = cluster.position(*release.source), "have its chart make it as it is"
        else:
            inside = release.chart.inside if release.hub else ()
            path = (*map(str, inside), *above, keys[one.key])
            position = place(cluster, release, path)
            remedy = f"write what it has, among its values: {'.'.join(path)}: {one.now}"
        yield Problem(position, str(one), written(release.source), remedy)


def unfit(wanted: str, before: str, there: Mapping[str, Claim]) -> Iterator[Unfit]:
    """By the manifests alone, which Helm compares with each other as well: a class that neither names stays."""
    past = dict(_specs(before))
    for name, spec in _specs(wanted):
        claim = there.get(name)
        if claim is None:
            continue
        size = str(at(spec, ("resources", "requests", "storage")) or "")
        if 0 < _bytes(size) < _bytes(claim.size):
            yield Unfit(name, "size", claim.size, size)
        named = str(spec.get("storageClassName") or "")
        if (named or past.get(name, {}).get("storageClassName")) and named != claim.storage_class:
            yield Unfit(name, "class", claim.storage_class, named)


def _specs(manifest: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in claims.of(manifest):
        yield str(at(one, ("metadata", "name"))), one.get("spec") or {}


def _bytes(quantity: str) -> float:
    """Of one that nobody writes so (1e9, 5E), none: Kubernetes has its say of it later."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", quantity)
    return float(found[1]) * _BYTES.get(found[2], 0) if found else 0
