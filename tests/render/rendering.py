"""A hub of a file, rendered by Helm."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from hubfleet.engine import charting
from hubfleet.engine.releases import with_stand_ins
from hubfleet.hubs import Release
from hubfleet.tools.helm import Helm


@dataclass(frozen=True)
class Manifests:
    """What would be applied."""

    documents: tuple[dict[str, Any], ...]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The object of this kind and name."""
        (found,) = [doc for doc in self.documents if (doc["kind"], doc["metadata"]["name"]) == (kind, name)]
        return found

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pod spec of each Deployment, DaemonSet, StatefulSet and Job, by name."""
        workloads = [doc for doc in self.documents if doc["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job")]
        return {doc["metadata"]["name"]: doc["spec"]["template"]["spec"] for doc in workloads}

    def secret(self, name: str, key: str) -> str:
        """A key of a Secret, decoded."""
        return base64.b64decode(self.one("Secret", name)["data"][key]).decode()


def render(helm: Helm, release: Release, chart: Path | None = None) -> Manifests:
    """With the release's own chart, or another."""
    folder = chart or release.chart.path
    assert folder is not None
    chart_there = replace(release.chart, path=folder)
    with charting.ready(chart_there, with_stand_ins(release), helm, release.beside) as (place, values):
        text = helm.template(release.name, release.namespace, place, values)
    return Manifests(tuple(doc for doc in yaml.safe_load_all(text) if doc))
