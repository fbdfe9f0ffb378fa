"""When there is a labeller, what it is told, and in which image it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.hub_files import LABEL, TWO_POOLS, labeller

GPU = {"gpu": {"machine": "g", "labels": {"a": "b"}, "taints": ["gpu=true:NoSchedule"]}}


def values(folder: Path, **file: Any) -> dict[str, Any]:
    found = labeller(folder, **{"pools": TWO_POOLS | GPU} | file)
    assert found is not None
    return dict(found.values)


def test_without_labels_and_taints_there_is_none(tmp_path: Path) -> None:
    assert labeller(tmp_path) is None
    assert labeller(tmp_path, pools=TWO_POOLS | {"gpu": {"machine": "g", "gpus": 1}}) is None


def test_it_is_told_what_the_nodes_of_a_pool_get_and_how_they_are_known(tmp_path: Path) -> None:
    assert values(tmp_path)["pools"] == {
        "gpu": {"nodes": {LABEL: "gpu"}, "labels": {"a": "b"}, "taints": ["gpu=true:NoSchedule"]}
    }


def test_it_is_no_hub_and_has_a_namespace_of_its_own(tmp_path: Path) -> None:
    found = labeller(tmp_path, pools=TWO_POOLS | GPU)
    assert found is not None
    assert (found.hub, found.url, found.namespace, found.subject) == (
        "",
        "",
        "hubfleet-labeller",
        "release hubfleet-labeller",
    )


@pytest.mark.parametrize(
    ("hub", "image"),
    [
        ({}, {"name": "quay.io/jupyterhub/k8s-hub", "tag": "4.4.0"}),
        ({"chart": "lite"}, {"name": "localhost/hubfleet-hub", "tag": "1", "pullPolicy": "IfNotPresent"}),
        ({"values": {"hub": {"image": {"name": "mirror/hub"}}}}, {"name": "mirror/hub", "tag": "4.4.0"}),
        (
            {"values": {"hub": {"image": {"tag": "${env:TOKEN}", "pullSecrets": ["x"], "pullPolicy": None}}}},
            {"name": "quay.io/jupyterhub/k8s-hub", "tag": "t0k3n"},
        ),
        ({"values": {"hub": None}}, {"name": "quay.io/jupyterhub/k8s-hub", "tag": "4.4.0"}),
    ],
)
def test_it_runs_in_the_image_of_the_hub(tmp_path: Path, hub: dict[str, Any], image: dict[str, str]) -> None:
    assert values(tmp_path, **hub)["image"] == image


def test_on_a_cluster_without_hubs_it_runs_in_upstreams_image(tmp_path: Path) -> None:
    assert values(tmp_path, top={"hubs": {}})["image"] == {"name": "quay.io/jupyterhub/k8s-hub", "tag": "4.4.0"}


def test_a_chart_of_ones_own_says_which_image_the_hub_has(tmp_path: Path) -> None:
    chart = tmp_path / "mine"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: mine\nversion: 1.0.0\n")
    assert values(tmp_path, chart="./mine")["image"]["name"] == "quay.io/jupyterhub/k8s-hub"
    (chart / "values.yaml").write_text("hub: {image: {name: own, tag: 2}}\n")
    assert values(tmp_path, chart="./mine")["image"] == {"name": "own", "tag": 2}
