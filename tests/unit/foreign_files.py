"""A made-up checkout in the format of 2i2c-org/infrastructure, and the merge that its own tool leaves to Helm."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hubfleet.fleet import load_fleet
from hubfleet.hubs import layers
from hubfleet.importing import ChartsFrom
from hubfleet.spec import Secret, merge, own_values
from hubfleet.spec.secrets import map_leaves
from tests.unit.test_spec_sops import enc, encrypted

BOTH = [ChartsFrom.KEEP, ChartsFrom.UPSTREAM]
INSIDE = {"basehub": ["jupyterhub"], "daskhub": ["basehub", "jupyterhub"]}

LAB = """\
name: lab
provider: gcp
provider_url: https://console.example.org/lab
metadata: {2i2c: {hubspot_deal_id: 1}}
gcp: {key: enc-deployer.secret.json, project: lab-1, cluster: lab-cluster, zone: europe-west2}
support:
  helm_chart_values_files: [support.values.yaml]
hubs:
- name: staging
  display_name: "The lab: staging"
  domain: staging.lab.example.org
  helm_chart: basehub
  helm_chart_values_files: [common.values.yaml, staging.values.yaml, enc-staging.secret.values.yaml]
- name: prod
  domain: lab.example.org
  helm_chart: daskhub
  helm_chart_values_files: [dask.values.yaml]
"""
COMMON = """\
# What both have.
nfs: {enabled: true}
jupyterhub:
  # who may come
  hub:
    config:
      JupyterHub: {authenticator_class: github}
      GitHubOAuthenticator: {allowed_organizations: [lab, other]}
    extraConfig:
      a: |
        # Python, with a comment less deep than some
        c.Spawner.cmd = "run $${HOME} ${env:NOT_OURS} ${PLAIN}"
  singleuser:
    memory: {limit: 2G, guarantee: 1G}
    nodeSelector: &selector {pool: user}
    date: 2026-01-01
# of the server
jupyterhub-home-nfs:
  enabled: true
"""
STAGING = """\
jupyterhub:
  hub: {config: {GitHubOAuthenticator: {allowed_organizations: [lab]}}}
  singleuser:
    memory: null
    nodeSelector:
"""
DASK = """\
base: &base {allow_all: false}
basehub:
  nfs: {enabled: false}
  jupyterhub:
    hub:
      config:
        JupyterHub: {authenticator_class: 'null'}
        Anchored: *base
dask-gateway: {enabled: true}
"""
SECRET = encrypted(f"jupyterhub: {{hub: {{config: {{GitHubOAuthenticator: {{client_secret: '{enc()}'}}}}}}}}")
KUBE = """\
name: 2fast
provider: kubeconfig
kubeconfig: {file: enc-kube.secret.yaml}
hubs:
- {name: main, domain: hub.example.org, helm_chart: basehub, helm_chart_values_files: [main.values.yaml]}
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def checkout(folder: Path) -> Path:
    """A whole one, with two clusters."""
    lab = {"cluster.yaml": LAB, "common.values.yaml": COMMON, "staging.values.yaml": STAGING, "dask.values.yaml": DASK}
    lab |= {"enc-staging.secret.values.yaml": SECRET, "support.values.yaml": "grafana: {}\n"}
    write(folder / "config" / "clusters" / "lab", lab)
    kube = {"cluster.yaml": KUBE, "main.values.yaml": "jupyterhub: {hub: {config: {x: 1}}}\n", "README.md": "hello\n"}
    write(folder / "config" / "clusters" / "fast", kube)
    for chart in INSIDE:
        files = {"Chart.yaml": f"apiVersion: v2\nname: {chart}\nversion: 0.1.0\n", "values.jsonnet": "{}\n"}
        write(folder / "helm-charts" / chart, files)
    return folder


class _AsJson(yaml.SafeLoader):
    """As Helm reads YAML: dates are texts."""


_AsJson.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_helm_reads(file: Path, inside: Sequence[str] = ()) -> dict[str, Any]:
    """What is at this path of the file, "SECRET" for what is encrypted; {} where nothing is."""
    tree = yaml.load(file.read_text(encoding="utf-8"), Loader=_AsJson) or {}
    tree = _as_secret(tree) if tree.pop("sops", None) else tree
    for key in inside:
        tree = tree.get(key) or {}
    return dict(tree)


def as_helm_merges(*trees: dict[str, Any]) -> dict[str, Any]:
    """What `helm -f FILE -f FILE ...` merges of them (Helm 3, pkg/cli/values/options.go: MergeMaps)."""
    return functools.reduce(_over, trees, {})


def _over(weaker: dict[str, Any], stronger: dict[str, Any]) -> dict[str, Any]:
    out = dict(weaker)
    for key, value in stronger.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _over(out[key], value) if both else value
    return out


def _as_secret(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _as_secret(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_as_secret(item) for item in tree]
    return "SECRET" if isinstance(tree, str) and tree.startswith("ENC[") else tree


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of ours, to be compared with those."""
    return dict(map_leaves(values, lambda leaf, _: "SECRET" if isinstance(leaf, Secret) else leaf))


def originals(folder: Path) -> dict[tuple[str, str], tuple[str, list[Path]]]:
    """The chart and the values files, as far as they are there, of every hub of a folder of clusters."""
    found: dict[tuple[str, str], tuple[str, list[Path]]] = {}
    for file in sorted(folder.glob("*/cluster.yaml")):
        for hub in yaml.safe_load(file.read_text(encoding="utf-8")).get("hubs", []):
            files = [file.parent / name for name in hub["helm_chart_values_files"]]
            there = [one for one in files if one.is_file()]
            found[file.parent.name, hub["name"]] = hub["helm_chart"], there
    return found


def differences(clusters: Path, fleet: Path, chart: ChartsFrom) -> list[str]:
    """Hubs of a fleet whose values, as hubfleet merges them, are not those of the original layering. An AssertionError
    where the fleet does not have the same hubs, or something is wrong with it."""
    found = load_fleet(fleet).valid()
    by_folder = {target.cluster.file.parent.name: target for target in found.targets}
    every = originals(clusters)
    assert {(name, hub) for name, one in by_folder.items() for hub in one.cluster.hubs} == set(every)
    wrong: list[str] = []
    for (name, hub), (of, files) in every.items():
        inside = INSIDE[of] if chart is ChartsFrom.UPSTREAM else []
        trees = [as_helm_reads(file, inside) for file in files]
        target = by_folder[name]
        computed, *own = layers(target.cluster, target.description, hub)
        finished = merge(computed.values, *(layer.values for layer in own))
        expected, whole = as_helm_merges(*trees), as_helm_merges(plain(computed.values), *trees)
        if plain(own_values(target.cluster, hub)) != expected or plain(finished) != whole:
            wrong.append(f"{name}/{hub}")
    return wrong
