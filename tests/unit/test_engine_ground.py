"""What hubs stand on: a cluster that Magnum makes, or one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hubfleet.engine.ground.existing import ExistingGround
from hubfleet.engine.ground.magnum import MagnumGround
from hubfleet.engine.way import Way
from hubfleet.errors import CloudError, Layer, Refused
from hubfleet.events import Watch
from hubfleet.plan import Action
from hubfleet.provider import ExistingCluster
from tests.unit.clocks import FakeClock
from tests.unit.hub_files import load as load_hub
from tests.unit.kube_api import Api, kubeconfig_file
from tests.unit.magnum_files import described, load
from tests.unit.magnum_site import Site


class Ours:
    """A site, and the ground of a cluster there."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.site = Site(FakeClock())
        self.ground = MagnumGround(described(load(folder, **settings)), self.site)  # type: ignore[arg-type]


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    return Ours(tmp_path)


def test_each_kubeconfig_is_for_the_clusters_address_with_a_key_of_its_own(ours: Ours) -> None:
    ours.site.add_cluster()
    first, second = ours.ground.kubeconfig(), ours.ground.kubeconfig()
    assert first is not None
    assert yaml.safe_load(first)["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"
    assert first != second


@pytest.mark.parametrize(
    "changes", [{"api_address": None, "status": "CREATE_IN_PROGRESS"}, {"status": "DELETE_IN_PROGRESS"}]
)
def test_a_cluster_that_is_not_there_yet_or_any_more_has_no_kubeconfig(ours: Ours, changes: dict[str, Any]) -> None:
    assert ours.ground.kubeconfig() is None
    ours.site.add_cluster(**changes)
    assert ours.ground.kubeconfig() is None


def test_a_cluster_that_is_not_there_has_no_pools_and_is_not_well(ours: Ours) -> None:
    state = ours.ground.state()
    assert (state.exists, state.well, state.pools) == (False, False, ())


def test_pools_are_told_with_magnums_word_and_the_nodes_they_must_have(tmp_path: Path) -> None:
    pools = {
        "core": {"machine": "m3.quad", "nodes": 2, "runs": ["core"]},
        "user": {"machine": "m3.large", "nodes": {"min": 1, "max": 3}},
        "gpu": {"machine": "g3.small", "nodes": {"min": 0, "max": 2}},
    }
    ours = Ours(tmp_path, pools=pools)
    ours.site.add_cluster(version="v1.33.2")
    ours.site.add_group("default-worker", "m3.quad", 2, 1, None)
    state = ours.ground.state()
    assert state.text == "Magnum: CREATE_COMPLETE, Kubernetes v1.33.2, template kubernetes-1-33"
    assert state.well
    assert {pool.name: (pool.state, pool.least) for pool in state.pools} == {
        "core": ("CREATE_COMPLETE", 2),
        "user": ("absent", 1),
        "gpu": ("absent", 0),
    }


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "UPDATE_IN_PROGRESS"])
def test_a_cluster_that_magnum_is_at_or_gave_up_on_is_not_well(ours: Ours, status: str) -> None:
    ours.site.add_cluster(status=status)
    assert not ours.ground.state().well


def test_what_magnum_could_not_delete_can_be_asked_for_again(ours: Ours) -> None:
    assert ours.ground.removal() == ()
    ours.site.add_cluster(status="DELETE_FAILED")
    assert [step.action for step in ours.ground.removal()] == [Action.DESTROY]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "DELETE_FAILED"])
def test_a_cluster_of_somebody_else_is_not_removed(ours: Ours, status: str) -> None:
    ours.site.add_cluster(status=status, labels={})
    with pytest.raises(Refused, match="did not make"):
        ours.ground.removal()


def there(folder: Path, api: Api) -> ExistingGround:
    cluster = ExistingCluster("lab", kubeconfig_file(folder), None)
    return ExistingGround(cluster, lambda text: api.kube())


def test_a_cluster_that_is_there_is_kept_and_never_removed(tmp_path: Path) -> None:
    api = Api()
    api.add("nodes", "", "n1")
    ground = there(tmp_path, api)
    (step,) = ground.infrastructure(load_hub(tmp_path)).steps
    assert (step.id, step.action, step.details) == ("cluster", Action.KEEP, ("Kubernetes v1.34.4", "1 node"))
    assert ground.removal() == ()
    assert ground.state().well


def test_a_cluster_that_does_not_answer_cannot_be_planned_on_and_is_not_well(tmp_path: Path) -> None:
    def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused")

    api = Api()
    api.fail = nobody
    ground = there(tmp_path, api)
    with pytest.raises(CloudError) as error:
        ground.infrastructure(load_hub(tmp_path))
    assert error.value.layer is Layer.KUBERNETES
    assert (ground.state().well, "does not answer" in ground.state().text) == (False, True)


def test_what_answers_and_is_no_kubernetes_is_told(tmp_path: Path) -> None:
    api = Api()
    api.fail = lambda request: httpx2.Response(200, text="<html>please log in")
    with pytest.raises(CloudError, match="is no Kubernetes API"):
        there(tmp_path, api).infrastructure(load_hub(tmp_path))


def test_a_cluster_that_somebody_keeps_has_no_credential_that_could_be_made_anew(tmp_path: Path) -> None:
    way = Way(lambda _: None, Watch(), FakeClock(), timeout=60)
    with pytest.raises(Refused, match="no credential that hubfleet could make anew"):
        there(tmp_path, Api()).rotate(way)
