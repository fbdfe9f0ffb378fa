"""A cluster file for tests, and what loading says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hubfleet.spec import Cluster, ControlPlane, InvalidFiles, Model, load_cluster


class CloudSettings(Model):
    """A cloud of the tests."""

    template: str
    """A template of the site."""
    cloud: str | None = None
    control_plane: ControlPlane = ControlPlane(machine="small")


class BareSettings(Model):
    """Needs nothing."""

    context: str | None = None


PROVIDERS: dict[str, type[Model]] = {"bare": BareSettings, "cloud": CloudSettings}

EXAMPLE = """\
name: pythia
provider:
  cloud: {template: kubernetes-1-33, control_plane: {machine: m3.quad, nodes: 3}}
pools:
  core: {machine: m3.quad, nodes: 1, runs: [core]}
  user: {machine: m3.large, nodes: {min: 1, max: 10}, runs: [users]}
storage:
  homes: {size: 20Gi}
ingress: {email: ops@example.org}
hubs:
  main:
    domain: hub.example.org
    auth: {github: {client_id: abc, client_secret: "${env:GITHUB}", organizations: [projectpythia]}}
    admins: [ada]
    image: quay.io/pangeo/pangeo-notebook:2026.01.01
    chart: lite
    culling: {idle: 600}
    values: {hub: {config: {token: "x-${env:TOKEN}"}}}
  course:
    domain: course.example.org
    auth: {shared_password: {}}
"""


def example(**changes: Any) -> dict[str, Any]:
    """The example as a tree; `changes` are keys of the top level, None takes one away."""
    tree: dict[str, Any] = {**yaml.safe_load(EXAMPLE), **changes}
    return {key: value for key, value in tree.items() if value is not None}


def hub(**changes: Any) -> dict[str, Any]:
    """The example with one hub, `main`, that has these keys besides a domain and authentication."""
    plain = {"domain": "hub.example.org", "auth": {"shared_password": {}}}
    entries = {key: value for key, value in {**plain, **changes}.items() if value is not None}
    return example(hubs={"main": entries})


def load(folder: Path, content: str | dict[str, Any]) -> Cluster:
    """The cluster of a file in this folder that holds this text or tree."""
    file = folder / "cluster.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return load_cluster(file, list(PROVIDERS), PROVIDERS.__getitem__)


def problems(folder: Path, content: str | dict[str, Any]) -> list[str]:
    """What is wrong with it: each problem as "key: what — remedy", in the file's order; [] if nothing is."""
    try:
        load(folder, content)
    except InvalidFiles as error:
        return [str(problem).split(": ", 1)[1] for problem in error.problems]
    return []


def places(folder: Path, content: str | dict[str, Any]) -> list[str]:
    """Where things are wrong: "file:line:column", files by their names."""
    try:
        load(folder, content)
    except InvalidFiles as error:
        return [str(problem.position).rsplit("/", 1)[1] for problem in error.problems]
    return []
