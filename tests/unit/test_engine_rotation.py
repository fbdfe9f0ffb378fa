"""A cluster's own credential, made anew: refused where it cannot be, and spread to what uses it."""

from __future__ import annotations

import base64
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hubfleet.engine.rotation import Rotated, rotate
from hubfleet.engine.way import Way
from hubfleet.errors import CloudError, Refused
from hubfleet.events import Watch
from hubfleet.plan.kept import NOTHING, Kept
from hubfleet.tools.openstack import Credential
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api
from tests.unit.magnum_site import Site
from tests.unit.test_plan_preflight import TOKEN

POD = {"volumes": [{"name": "config", "secret": {"secretName": "cloud-config"}}]}
AT = "kubectl.kubernetes.io/restartedAt"


class Cloud:
    """A Magnum that rotates, and a cluster whose addons follow after `spreads` seconds (None: never)."""

    def __init__(self, *, spreads: float | None = 5.0) -> None:
        self.clock, self.api, self.spreads = FakeClock(), Api(), spreads
        self.site = Site(self.clock)
        self.site.add_cluster()
        self.own = [Credential("old", "magnum-u-old-1", False)]
        token = replace(TOKEN, credential=Credential("c", "mine", False))
        self.cloud = SimpleNamespace(name="js2", token=lambda: token, application_credentials=lambda: self.own)
        self.microversion, self.rotated_at = (1, 14), float("inf")
        self.certificate_authority, self.sign = self.site.certificate_authority, self.site.sign

    def cluster(self, name: str) -> Any:
        self._spread()
        return self.site.cluster(name)

    def rotate_credential(self, uuid: str) -> None:
        self.own = [Credential("new", f"magnum-{uuid}-2", False)]
        self.rotated_at = self.clock.now()

    def config(self, credential: str) -> None:
        data = {"clouds.yaml": base64.b64encode(f"application_credential_id: {credential}".encode()).decode()}
        self.api.add("secrets", "openstack-system", "cloud-config", data=data)

    def daemon(self, name: str, pod: Any) -> None:
        status = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
        spec = {"template": {"metadata": {}, "spec": pod}}
        self.api.add("daemonsets", "openstack-system", name, spec=spec, status=status)

    def restarted(self, name: str) -> bool:
        found = self.api.objects[("daemonsets", "openstack-system", name)]
        return AT in found["spec"]["template"]["metadata"].get("annotations", {})

    def _spread(self) -> None:
        if self.spreads is not None and self.clock.now() >= self.rotated_at + self.spreads:
            self.config("new")

    def __call__(self, kept: Kept = NOTHING, *, adopt: bool = False) -> Rotated:
        def opened(_: str) -> Any:
            self.api.fail = lambda _: self._spread()
            return self.api.kube()

        way = Way(lambda _: None, Watch(), self.clock, 60)
        return rotate(self, "pythia", opened, way, lambda: kept, adopt=adopt)  # type: ignore[arg-type]


def test_what_mounts_the_credential_is_restarted_once_it_has_the_new_one() -> None:
    cloud = Cloud()
    cloud.config("old")
    cloud.daemon("ccm", POD)
    cloud.daemon("other", {})

    done = cloud()

    assert done == Rotated("pythia", "magnum-u-old-2", ("DaemonSet openstack-system/ccm",), ())
    assert cloud.restarted("ccm")
    assert not cloud.restarted("other")
    assert cloud.clock.now() >= cloud.rotated_at + 5


def test_a_credential_that_does_not_arrive_is_told_with_what_to_restart() -> None:
    cloud = Cloud(spreads=None)
    cloud.config("old")
    cloud.daemon("ccm", POD)

    (left,) = cloud().left

    assert "restart DaemonSet openstack-system/ccm" in left
    assert not cloud.restarted("ccm")


def test_a_cluster_where_nothing_uses_it_is_done_at_once() -> None:
    assert Cloud()().restarted == ()


def test_a_magnum_that_is_too_old_is_told() -> None:
    cloud = Cloud()
    cloud.microversion = (1, 11)
    with pytest.raises(Refused, match="cannot make new credentials") as caught:
        cloud()
    assert "1.11; that needs 1.12" in caught.value.why


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"labels": {}}, "did not make"), ({"status": "UPDATE_IN_PROGRESS"}, "is at work")],
)
def test_what_must_not_be_touched_now_is_refused(changes: dict[str, Any], what: str) -> None:
    cloud = Cloud()
    cloud.site.add_cluster(**changes)
    with pytest.raises(Refused, match=what):
        cloud()
    assert cloud.own[0].id == "old"


def test_a_cluster_that_was_adopted_gets_a_new_credential_too() -> None:
    cloud = Cloud()
    cloud.site.add_cluster(labels={})
    assert cloud(Kept(adopted=True)).credential == "magnum-u-old-2"


def test_another_users_cluster_is_taken_over_by_a_new_credential() -> None:
    cloud = Cloud()
    cloud.site.add_cluster(labels={}, user="somebody-else")
    assert cloud(adopt=True).credential == "magnum-u-old-2"
    assert "adopted" in cloud.api.objects["configmaps", "kube-system", "hubfleet"]["data"]


def test_a_restricted_credential_is_refused() -> None:
    cloud = Cloud()
    cloud.cloud.token = lambda: replace(TOKEN, credential=Credential("c", "mine", True))
    with pytest.raises(Refused, match="is restricted"):
        cloud()


def test_a_rotation_that_made_nothing_is_told() -> None:
    cloud = Cloud()
    cloud.rotate_credential = lambda uuid: None  # type: ignore[method-assign]
    with pytest.raises(CloudError, match="there is no new one"):
        cloud()
