"""The floor of every tool that validates a fleet: parse its files with libyaml, merge, and validate each hub's values
by a compiled schema. No positions, no models, no messages: a count of errors.

    python -m benchmarks.bare FOLDER SCHEMA DEFAULTS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

Tree = dict[str, Any]


def over(weaker: Tree, stronger: Tree) -> Tree:
    """Maps merge, the rest replaces."""
    merged = dict(weaker)
    for key, value in stronger.items():
        below: Any = merged.get(key)
        merged[key] = over(below, value) if type(below) is type(value) is dict else value
    return merged


def main(folder: Path, schema: Path, defaults: Path) -> None:
    """Print how many hubs there are, and how many errors."""
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text()))
    chart = load(defaults)
    fleet = load(folder / "fleet.yaml")
    common = over(chart, load(folder / "common.values.yaml"))
    hubs = errors = 0
    for file in sorted(folder.glob(fleet["clusters"][0])):
        cluster = load(file)
        shared = over(common, load(file.parent / "common.values.yaml"))
        for hub in cluster["hubs"].values():
            values = shared
            for name in hub["values_files"]:
                values = over(values, load(file.parent / name))
            hubs += 1
            errors += sum(1 for _ in validator.iter_errors(values))
    print(f"{hubs} hubs, {errors} errors")


def load(file: Path) -> Tree:
    """A file's tree."""
    with file.open("rb") as stream:
        tree: Tree = yaml.load(stream, Loader=yaml.CSafeLoader)
    return tree


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
