"""A fleet's files, made up but shaped like the largest one that is public: 30 clusters, 171 hubs of which one cluster
has 95, some 234 values files, profile lists in two of five hubs. The same numbers give the same files.

    python -m benchmarks.fleet_files FOLDER [--clusters 30] [--hubs 171]
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CLUSTERS, HUBS, VALUES_FILES = 30, 171, 234
_CROWDED = 95 / 171
"""The share of all hubs that one cluster has; the others share the rest."""
_MORE_FILES = (VALUES_FILES - HUBS - CLUSTERS) / HUBS
"""Values files beyond one a cluster and one a hub, a hub."""
_SIZES = [(0.5, 2), (1, 4), (2, 8), (4, 16), (8, 32)]
"""CPUs and GiB that users choose from."""
Tree = dict[str, Any]
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write(folder: Path, clusters: int = CLUSTERS, hubs: int = HUBS, chart: str = "lite") -> int:
    """Write the fleet; the number of its values files. `chart`: of every hub."""
    chance = random.Random(2026)
    _dump(folder / "fleet.yaml", _fleet(chart))
    _dump(folder / "common.values.yaml", _common())
    count = 1
    for index, size in enumerate(sizes(clusters, hubs)):
        count += _cluster(folder / "clusters" / f"cluster-{index:04}", index, size, chance)
    return count


def sizes(clusters: int, hubs: int) -> Iterator[int]:
    """How many hubs each cluster has; the first is the crowded one, in every thirty."""
    groups = max(1, clusters // CLUSTERS)
    for group in range(groups):
        here = clusters // groups + (group < clusters % groups)
        share = hubs // groups + (group < hubs % groups)
        crowded = round(share * _CROWDED) if here > 1 else share
        yield crowded
        rest = share - crowded
        for index in range(here - 1):
            yield rest // (here - 1) + (index < rest % (here - 1))


def _fleet(chart: str) -> Tree:
    return {
        "clusters": ["clusters/*/cluster.yaml"],
        "rings": ["staging", "production"],
        "defaults": {
            "cluster": {
                "provider": {"existing": {"pool_label": "example.org/pool"}},
                "storage": {"homes": {"size": "10Gi"}},
                "ingress": {"email": "ops@example.org"},
            },
            "hub": {
                "chart": chart,
                "auth": {"github": {"client_secret": "${env:GITHUB_SECRET}"}},
                "culling": {"idle": 3600},
                "values_files": ["common.values.yaml"],
            },
        },
    }


def _common() -> Tree:
    """What all hubs have, as such fleets have it: announcements, limits, an environment."""
    config: Tree = {
        "JupyterHub": {"authenticator_class": "github", "tornado_settings": {"slow_spawn_timeout": 0}},
        "KubeSpawner": {"common_labels": {f"example.org/label-{index}": f"value {index}" for index in range(10)}},
        "Spawner": {"http_timeout": 120},
    }
    environment = {f"SETTING_{index}": f"the value of setting {index}" for index in range(30)}
    extra = {"01-hello": "c.Spawner.debug = True\n" * 20}
    return {
        "hub": {"config": config, "concurrentSpawnLimit": 64, "extraConfig": extra},
        "singleuser": {"extraEnv": environment, "startTimeout": 600, "memory": {"limit": "2G", "guarantee": "1G"}},
    }


def _cluster(folder: Path, index: int, size: int, chance: random.Random) -> int:
    name = folder.name
    files = {"common.values.yaml": _of_cluster(chance)}
    hubs: Tree = {}
    for number in range(size):
        hub = f"hub-{number:03}"
        own = [f"{hub}.values.yaml"]
        files[own[0]] = _of_hub(chance)
        if chance.random() < _MORE_FILES:
            own.insert(0, f"{hub}.more.values.yaml")
            files[own[0]] = _environment(chance)
        hubs[hub] = {
            "ring": "staging" if number == 0 else "production",
            "domain": f"{hub}.{name}.example.org",
            "auth": {"github": {"client_id": f"id-{index}-{number}", "organizations": [f"org-{number}"]}},
            "admins": [f"admin-{one}" for one in range(3)],
            "image": f"quay.io/example/image-{number % 7}:2026.01.{1 + number % 28:02}",
            "values_files": own,
        }
    _dump(
        folder / "cluster.yaml",
        {
            "name": name,
            "pools": {
                "core": {"machine": "m", "runs": ["core"]},
                "user": {"machine": "m", "nodes": {"min": 1, "max": 20}},
            },
            "defaults": {"hub": {"values_files": ["common.values.yaml"]}},
            "hubs": hubs,
        },
    )
    for file, values in files.items():
        _dump(folder / file, values)
    return len(files)


def _of_cluster(chance: random.Random) -> Tree:
    values = _environment(chance)
    values["cull"] = {"timeout": chance.choice([1800, 3600]), "every": 300}
    return values


def _environment(chance: random.Random) -> Tree:
    names = chance.sample(range(1000), 25)
    return {"singleuser": {"extraEnv": {f"OF_{one}": f"{chance.random():.6f} of something" for one in names}}}


def _of_hub(chance: random.Random) -> Tree:
    values: Tree = _environment(chance)
    values["hub"] = {"config": {"GitHubOAuthenticator": {"allowed_users": [f"user-{one}" for one in range(20)]}}}
    if chance.random() < 65 / 171:
        values["singleuser"]["profileList"] = [*_profiles(chance)]
    return values


def _profiles(chance: random.Random) -> Iterator[Tree]:
    for index, (cpus, gigabytes) in enumerate(_SIZES[: chance.randint(2, len(_SIZES))]):
        override: Tree = {"cpu_guarantee": cpus, "mem_guarantee": f"{gigabytes}G", "mem_limit": f"{gigabytes}G"}
        yield {
            "display_name": f"{cpus} CPUs, {gigabytes} GB",
            "description": "for everyday work" if index == 0 else "for more",
            "default": index == 0,
            "kubespawner_override": override | {"image": f"quay.io/example/other-{index}:2026.01.01"},
        }


def _dump(file: Path, tree: Tree) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.dump(json.loads(json.dumps(tree)), Dumper=_Dumper, sort_keys=False))


def main() -> None:
    """Write the files into a folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_files", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clusters", type=int, default=CLUSTERS)
    parser.add_argument("--hubs", type=int, default=HUBS)
    parser.add_argument("--chart", default="lite")
    options = parser.parse_args()
    count = write(options.folder, options.clusters, options.hubs, options.chart)
    print(f"{options.clusters} clusters, {options.hubs} hubs, {count} values files")


if __name__ == "__main__":
    main()
