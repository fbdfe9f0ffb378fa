"""Claims that are there and could not become what a chart makes of them are told before Helm fails on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.engine import releases
from hubfleet.engine.unfit import unfit
from hubfleet.tools.kube import Claim
from tests.unit.test_engine_releases import HELM, Trial, of_a_stranger


def manifest(size: str = "1Gi", storage_class: str | None = None, name: str = "hub-db-dir") -> str:
    spec: dict[str, Any] = {"resources": {"requests": {"storage": size}}}
    spec |= {} if storage_class is None else {"storageClassName": storage_class}
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
    return yaml.safe_dump_all([{"kind": "Service", "metadata": {"name": name}}, claim])


def told(wanted: str, size: str = "1Gi", storage_class: str = "fast", before: str = "") -> list[str]:
    there = Claim("hub-db-dir", "main", "Bound", size, storage_class, {})
    return [one.key for one in unfit(wanted, before, {there.name: there})]


@pytest.mark.parametrize(
    ("now", "then", "found"),
    [
        ("10Gi", "1Gi", ["size"]),
        ("1Gi", "1024Mi", []),
        ("1Gi", "1G", ["size"]),
        ("1Gi", "2Gi", []),
        ("1500M", "1Gi", ["size"]),
        ("1073741824", "1Gi", []),
        ("1Gi", "1e9", []),
    ],
)
def test_no_claim_becomes_smaller(now: str, then: str, found: list[str]) -> None:
    assert told(manifest(then), now) == found


def test_a_claim_keeps_its_class_where_somebody_named_one() -> None:
    assert told(manifest(storage_class="slow")) == ["class"]
    assert told(manifest(storage_class="fast")) == []
    assert told(manifest()) == []
    assert told(manifest(), before=manifest(storage_class="fast")) == ["class"]
    assert told(manifest("1Mi", name="another")) == []


def test_a_hub_that_is_taken_over_is_told_of_its_database_with_the_key_that_would_keep_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    of_a_stranger(trial)
    trial.api.objects["persistentvolumeclaims", "main", "hub-db-dir"]["spec"] = {
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "fast",
    }
    trial.program.answer([HELM, "template"], manifest(storage_class="slow"))
    offline = releases.check([trial.release], trial.helm, trial.file)
    size, its_class = releases.check([trial.release], trial.helm, trial.file, trial.api.kube())
    assert offline == ()
    assert size.what == "the claim hub-db-dir has 10Gi, and would have 1Gi: no volume becomes smaller"
    assert size.remedy == "write what it has, among its values: hub.db.pvc.storage: 10Gi"
    assert its_class.what.endswith("is of storage class fast, and would be of slow: a claim keeps its class")
    assert its_class.remedy.endswith("hub.db.pvc.storageClassName: fast")
    assert size.position.file == trial.file.file


def test_where_nothing_is_there_nothing_more_is_asked(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.program.answer([HELM, "template"], manifest())
    assert releases.check([trial.release], trial.helm, trial.file, trial.api.kube()) == ()
    assert [path for _, path in trial.api.requests] == ["/api/v1/persistentvolumeclaims"]
