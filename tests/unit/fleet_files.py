"""A fleet's files for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hubfleet.spec import Fleet, load_fleet
from tests.unit.cluster_files import PROVIDERS

POOLS = {"all": {"machine": "m", "runs": ["core", "users"]}}


def tree(**changes: Any) -> dict[str, Any]:
    """A fleet of whatever clusters there are, whose hubs need only a domain."""
    plain = {
        "clusters": ["clusters/*/cluster.yaml"],
        "defaults": {
            "cluster": {"provider": {"bare": {}}, "pools": POOLS},
            "hub": {"auth": {"shared_password": {}}, "chart": "lite"},
        },
    }
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


def write(folder: Path, fleet: dict[str, Any], **clusters: dict[str, Any] | str) -> Path:
    """The fleet's file, with a cluster file for each of these in a folder of its name."""
    for name, content in clusters.items():
        file = folder / "clusters" / name / "cluster.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump({"name": name, **content}, sort_keys=False)
        file.write_text(text)
    file = folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(fleet, sort_keys=False))
    return file


def hubs(**entries: Any) -> dict[str, Any]:
    """A cluster with these hubs; a text is a hub's domain."""
    return {"hubs": {name: {"domain": one} if isinstance(one, str) else one for name, one in entries.items()}}


def load(folder: Path, fleet: dict[str, Any], **clusters: dict[str, Any] | str) -> Fleet:
    """The fleet of these files."""
    return load_fleet(write(folder, fleet, **clusters), list(PROVIDERS), PROVIDERS.__getitem__)


def problems(folder: Path, fleet: dict[str, Any], **clusters: dict[str, Any] | str) -> list[str]:
    """Everything that is wrong with them, as "FILE:LINE: key: what — remedy", files from the folder."""
    found = load(folder, fleet, **clusters).every_problem
    return [
        f"{one.position.file.relative_to(folder)}:{one.position.line}: {str(one).split(': ', 1)[1]}"
        for one in sorted(found, key=lambda one: one.position)
    ]
