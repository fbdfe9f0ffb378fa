"""A registry in the cluster: its release, what BinderHub and the nodes are told of it, and what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.engine.releases import with_stand_ins
from hubfleet.hubs import Release, releases
from hubfleet.hubs.schemas import check
from hubfleet.spec.trees import at
from tests.unit.cluster_files import example, problems
from tests.unit.hub_files import LABEL, describe, load

MAIL = {"ingress": {"email": "ops@example.org"}}
NAME = "hubfleet-registry-main"
KEYS: dict[str, Any] = {"top": MAIL, "kind": "binder", "chart": "binderhub", "auth": None}


def made(folder: Path, registry: dict[str, Any] | None = None, **hub: Any) -> dict[str, Release]:
    cluster = load(folder, **KEYS | {"registry": {"in_cluster": registry or {}}} | hub)
    return {one.name: one for one in releases(cluster, describe(cluster))}


def test_it_has_a_volume_an_account_and_a_name_at_the_entry(tmp_path: Path) -> None:
    found = made(tmp_path)[NAME]
    assert (found.chart.name, found.namespace, found.url) == ("registry", NAME, "https://registry.hub.example.org")
    assert found.values["persistence"] == {"size": "100Gi"}
    assert found.values["ingress"]["hosts"] == ["registry.hub.example.org"]
    assert found.values["ingress"]["tls"][0]["hosts"] == ["registry.hub.example.org"]
    assert found.values["nodeSelector"] == {LABEL: "core"}
    assert found.entry is not None
    assert found.hosts == ("registry.hub.example.org",)


def test_builds_push_with_its_account_and_nodes_pull_with_it(tmp_path: Path) -> None:
    every = made(tmp_path)
    hub, registry = every["main"], every[NAME]
    config = hub.values["config"]
    assert config["BinderHub"]["image_prefix"] == "registry.hub.example.org/binder-"
    assert config["DockerRegistry"] == {"url": "https://registry.hub.example.org"}
    pushes, pulls = hub.values["registry"], hub.jupyterhub["imagePullSecret"]
    assert (pushes["url"], pushes["username"]) == ("https://registry.hub.example.org", "hubfleet")
    assert (pulls["registry"], pulls["username"]) == (pushes["url"], "hubfleet")
    of_hub = {one.path: (one.namespace, one.key) for one in hub.generated if one.key == "registry-password"}
    of_registry = {one.path: (one.namespace, one.key) for one in registry.generated}
    assert of_hub.keys() == {("registry", "password"), ("jupyterhub", "imagePullSecret", "password")}
    assert {*of_hub.values()} == {*of_registry.values()} == {(NAME, "registry-password")}
    filled = with_stand_ins(hub)
    assert at(filled, ("registry", "password")) == at(filled, ("jupyterhub", "imagePullSecret", "password"))


def test_the_hub_comes_after_it(tmp_path: Path) -> None:
    assert made(tmp_path)["main"].needs == {"cluster", f"release/{NAME}"}


def test_its_name_and_size_may_be_others(tmp_path: Path) -> None:
    every = made(tmp_path, {"size": "1Ti", "domain": "images.example.org"})
    assert every[NAME].values["persistence"]["size"] == "1Ti"
    assert every["main"].values["config"]["BinderHub"]["image_prefix"] == "images.example.org/binder-"


def test_without_certificates_nodes_could_not_pull(tmp_path: Path) -> None:
    hub = {"kind": "binder", "domain": "hub.example.org", "registry": {"in_cluster": {}}}
    (problem,) = problems(tmp_path, example(hubs={"main": hub}, ingress=None))
    assert problem.startswith("hubs.main.registry.in_cluster: nodes fetch images by https alone")
    assert problems(tmp_path, example(hubs={"main": hub})) == []
    assert problems(tmp_path, example(hubs={"main": hub}, ingress={"issuer": "letsencrypt"})) == []


def test_another_hub_cannot_have_its_name(tmp_path: Path) -> None:
    hub = {"kind": "binder", "domain": "hub.example.org", "registry": {"in_cluster": {}}}
    other = {"domain": "registry.hub.example.org", "auth": {"shared_password": {}}}
    (problem,) = problems(tmp_path, example(hubs={"main": hub, "other": other}))
    assert "the registry of hub main has the domain registry.hub.example.org already" in problem


def test_other_hubs_have_none(tmp_path: Path) -> None:
    registry = {"quay": {"organization": "lab", "username": "r", "password": "${env:TOKEN}"}}
    cluster = load(tmp_path, **KEYS | {"registry": registry})
    assert NAME not in {one.name for one in releases(cluster, describe(cluster))}


def test_validate_takes_it_before_there_is_a_password(tmp_path: Path) -> None:
    cluster = load(tmp_path, **KEYS | {"registry": {"in_cluster": {}}})
    assert check(cluster, describe(cluster)).problems == ()


@pytest.mark.parametrize("wrong", [{"size": "big"}, {"domain": "https://images"}])
def test_what_it_cannot_be_is_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    hub = {"kind": "binder", "domain": "hub.example.org", "registry": {"in_cluster": wrong}}
    (problem,) = problems(tmp_path, example(hubs={"main": hub}))
    assert problem.startswith(f"hubs.main.registry.in_cluster.{next(iter(wrong))}")
