"""Cluster files of a cloud with Magnum, and what becomes of them, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hubfleet import registry, spec
from hubfleet.provider import MagnumCluster

POOLS: dict[str, Any] = {
    "core": {"machine": "m3.quad", "nodes": 1, "runs": ["core"]},
    "user": {"machine": "m3.large", "nodes": {"min": 1, "max": 10}},
}


def load(
    folder: Path,
    pools: dict[str, Any] | None = None,
    provider: str = "jetstream2",
    homes: dict[str, Any] | None = None,
    top: dict[str, Any] | None = None,
    **settings: Any,
) -> spec.Cluster:
    """A cluster file with these pools, these keys at its top and these settings of its provider."""
    usual = {"cloud": "js2", "template": "kubernetes-1-33", "keypair": "deploy", "network": None}
    block = ({} if provider == "existing" else usual) | settings
    tree = {"name": "pythia", "provider": {provider: block}, "pools": POOLS if pools is None else pools}
    tree["storage"] = {"homes": homes or {}}
    tree["hubs"] = {"main": {"domain": "hub.example.org", "auth": {"shared_password": {}}}}
    tree |= top or {}
    file = folder / "pythia.yaml"
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return spec.load_cluster(file, registry.names(), lambda name: registry.provider(name).settings)


def described(file: spec.Cluster) -> MagnumCluster:
    """The description of its cluster."""
    found = registry.provider(file.provider.name).describe(file).infrastructure
    assert isinstance(found, MagnumCluster)
    return found
