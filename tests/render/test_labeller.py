"""The chart of the labeller, rendered with what hubfleet computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release
from hubfleet.tools.helm import Helm
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, TWO_POOLS, labeller

TAINTED = TWO_POOLS | {"gpu": {"machine": "g", "labels": {"a": "b"}, "taints": ["gpu=true:NoSchedule"]}}


def wanted(folder: Path, **file: Any) -> Release:
    found = labeller(folder, **{"pools": TAINTED} | file)
    assert found is not None
    return found


@pytest.fixture
def found(helm: Helm, tmp_path: Path) -> Manifests:
    return render(helm, wanted(tmp_path))


def test_it_is_what_it_is_said_to_be(found: Manifests) -> None:
    kinds = sorted((doc["kind"], doc["metadata"]["name"]) for doc in found.documents)
    assert kinds == [
        ("ClusterRole", "hubfleet-labeller-labeller"),
        ("ClusterRole", "hubfleet-labeller-labeller-clean"),
        ("ClusterRoleBinding", "hubfleet-labeller-labeller"),
        ("ClusterRoleBinding", "hubfleet-labeller-labeller-clean"),
        ("ConfigMap", "labeller"),
        ("ConfigMap", "labeller-clean"),
        ("Deployment", "labeller"),
        ("Job", "labeller-clean"),
        ("ServiceAccount", "labeller"),
        ("ServiceAccount", "labeller-clean"),
    ]


def test_it_may_read_and_patch_nodes_and_nothing_else(found: Manifests) -> None:
    rules = [doc["rules"] for doc in found.documents if doc["kind"] == "ClusterRole"]
    assert rules == [[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "patch"]}]] * 2


def test_what_cleans_up_comes_with_rights_of_its_own_when_everything_else_is_gone(found: Manifests) -> None:
    hooks = {
        (doc["kind"], doc["metadata"]["name"]): doc["metadata"]["annotations"]
        for doc in found.documents
        if "helm.sh/hook" in doc["metadata"].get("annotations", {})
    }
    assert len(hooks) == 5
    assert {one["helm.sh/hook"] for one in hooks.values()} == {"post-delete"}
    assert all(name.endswith("labeller-clean") for _, name in hooks)
    assert hooks["Job", "labeller-clean"].get("helm.sh/hook-weight", "0") == "0"
    assert hooks["ClusterRoleBinding", "hubfleet-labeller-labeller-clean"]["helm.sh/hook-weight"] == "-1"


def test_the_program_and_the_wishes_are_mounted(found: Manifests) -> None:
    data = found.one("ConfigMap", "labeller")["data"]
    compile(data["labeller.py"], "labeller.py", "exec")
    assert json.loads(data["pools.json"]) == {
        "gpu": {"nodes": {LABEL: "gpu"}, "labels": {"a": "b"}, "taints": ["gpu=true:NoSchedule"]}
    }


def test_it_runs_on_the_core_pool_in_spite_of_its_taints(helm: Helm, tmp_path: Path) -> None:
    pools = TAINTED | {"core": {"machine": "m", "runs": ["core"], "taints": ["core:NoSchedule"]}}
    for pod in render(helm, wanted(tmp_path, pools=pools)).pods().values():
        assert pod["nodeSelector"] == {LABEL: "core"}
        assert pod["tolerations"] == [{"key": "core", "operator": "Equal", "value": "", "effect": "NoSchedule"}]


def test_nothing_runs_as_root_and_nothing_may_become_it(found: Manifests) -> None:
    for pod in found.pods().values():
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_other_wishes_start_it_anew(helm: Helm, tmp_path: Path) -> None:
    def marks(**pool: Any) -> Any:
        other = TWO_POOLS | {"gpu": {"machine": "g", **pool}}
        deployment = render(helm, wanted(tmp_path, pools=other)).one("Deployment", "labeller")
        return deployment["spec"]["template"]["metadata"]["annotations"]

    assert marks(labels={"a": "b"}) == marks(labels={"a": "b"})
    assert marks(labels={"a": "b"}) != marks(labels={"a": "c"})
