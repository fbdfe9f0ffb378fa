"""Homes on a volume that all users of a hub share: its server, its quotas, and what hubs' values say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release, Share, layers, releases
from hubfleet.spec import Cluster, origin
from tests.unit.cluster_files import example, hub, problems
from tests.unit.hub_files import LABEL, describe, load

SHARED = {"size": "500Gi", "quota": "10Gi"}


def made(cluster: Cluster) -> dict[str, Release]:
    return {one.name: one for one in releases(cluster, describe(cluster))}


def shared(folder: Path, **file: Any) -> dict[str, Release]:
    top = {"storage": {"homes": SHARED}} | file.pop("top", {})
    return made(load(folder, **{"chart": "jupyterhub", "top": top} | file))


def test_with_a_quota_a_hub_has_one_volume_and_a_server_for_it_on_the_core_pool(tmp_path: Path) -> None:
    found = shared(tmp_path)["hubfleet-homes-main"]
    assert (found.namespace, found.hub, found.chart.name) == ("hubfleet-homes-main", "", "jupyterhub-home-nfs")
    assert found.values["persistentVolume"] == {"size": "500Gi", "storageClass": "hubfleet-homes"}
    assert (found.xfs_class, found.storage_classes) == ("hubfleet-homes", {""})
    assert found.values["nodeSelector"] == {LABEL: "core"}
    keeper = found.values["quotaEnforcer"]["config"]["QuotaManager"]
    assert (keeper["hard_quota"], keeper["paths"]) == (10, ["/export/homes"])


def test_which_folder_has_which_number_is_written_on_the_volume_beside_the_homes(tmp_path: Path) -> None:
    keeper = shared(tmp_path)["hubfleet-homes-main"].values["quotaEnforcer"]["config"]["QuotaManager"]
    for file in (keeper["projects_file"], keeper["projid_file"]):
        assert file.startswith("/export/")
        assert not file.startswith("/export/homes/")


def test_users_mount_their_folder_and_the_hub_waits_for_the_server(tmp_path: Path) -> None:
    found = shared(tmp_path)["main"]
    storage = found.values["singleuser"]["storage"]
    assert storage == {"type": "static", "static": {"pvcName": "home-nfs", "subPath": "{escaped_username}"}}
    assert found.share == Share("home-nfs", "hubfleet-homes-main", "/homes")
    assert found.needs == {"cluster", "release/hubfleet-homes-main"}
    assert found.storage_classes == {""}  # of its database alone


def test_each_hub_has_a_volume_of_its_own_of_the_size_that_it_says(tmp_path: Path) -> None:
    big = {"domain": "big.example.org", "auth": {"shared_password": {}}, "homes": {"size": "2Ti", "quota": "512Mi"}}
    small = {"domain": "small.example.org", "auth": {"shared_password": {}}}
    found = shared(tmp_path, top={"hubs": {"big": big, "small": small}})
    sizes = {name: one.values["persistentVolume"]["size"] for name, one in found.items() if "homes" in name}
    assert sizes == {"hubfleet-homes-big": "2Ti", "hubfleet-homes-small": "500Gi"}
    assert found["hubfleet-homes-big"].values["quotaEnforcer"]["config"]["QuotaManager"]["hard_quota"] == 0.5


def test_without_a_quota_each_user_has_a_volume(tmp_path: Path) -> None:
    found = shared(tmp_path, homes={"size": "5Gi"})
    assert found.keys() == {"main"}
    assert found["main"].values["singleuser"]["storage"]["capacity"] == "5Gi"
    assert found["main"].share is None


def test_a_hub_of_the_small_chart_gives_each_user_a_volume_of_the_quota(tmp_path: Path) -> None:
    found = shared(tmp_path, chart="lite")
    assert found.keys() == {"main"}
    assert found["main"].values["singleuser"]["storage"]["capacity"] == "10Gi"
    (problem,) = problems(tmp_path, hub(chart="lite", homes=SHARED))
    assert problem.startswith("hubs.main.homes.quota: the chart lite gives each user a volume")


def test_a_binder_hub_keeps_nothing(tmp_path: Path) -> None:
    registry = {"quay": {"organization": "lab", "username": "r", "password": "${env:TOKEN}"}}
    found = shared(tmp_path, kind="binder", chart="binderhub", registry=registry, auth=None)
    assert "hubfleet-homes-main" not in found
    assert found["main"].values["jupyterhub"]["singleuser"]["storage"] == {"type": "none"}


@pytest.mark.parametrize("place", ["storage", "hub"])
def test_a_quota_that_is_more_than_the_volume_is_told(tmp_path: Path, place: str) -> None:
    wrong = {"size": "10Gi", "quota": "1Ti"}
    tree = example(storage={"homes": wrong}) if place == "storage" else hub(chart="jupyterhub", homes=wrong)
    (problem,) = problems(tmp_path, tree)
    assert "a user's quota of 1Ti is more than the whole volume, which has 10Gi" in problem


def test_show_says_where_a_hubs_storage_comes_from(tmp_path: Path) -> None:
    cluster = load(tmp_path, chart="jupyterhub", top={"storage": {"homes": SHARED}})
    every = layers(cluster, describe(cluster), "main")
    assert origin(cluster, every, ("singleuser", "storage", "type")).key == "storage.homes.quota"
