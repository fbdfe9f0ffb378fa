"""Volumes are marked, found again and deleted as Cinder and Kubernetes take it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hubfleet import hubs, registry
from hubfleet.engine import homes
from hubfleet.errors import CloudError, HubfleetError
from hubfleet.events import Kind
from hubfleet.plan import volumes
from hubfleet.plan.homes import FoundAgain, steps
from hubfleet.plan.releases import CLUSTER, HUB
from tests.unit import hub_files
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api
from tests.unit.magnum_files import load
from tests.unit.magnum_site import Site
from tests.unit.test_plan_homes import NEW, release, volume


class Trial:
    """A cluster of Magnum's, its API, its cloud with a home and a database of the one before it."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.api = FakeClock(), Api()
        self.site = Site(self.clock)
        self.cloud = self.site.cloud
        self.site.add_cluster(release=NEW)
        (self.cluster,) = self.site.clusters.values()
        self.has(volume("claim-ann", **{volumes.USER: "ann"}), volume("hub-db-dir"))
        self.hub = release(folder)
        self.api.fail = self._binds
        self.binds = True
        self.said: list[str] = []

    def has(self, *disks: Any) -> None:
        self.cloud.disks |= {one.id: one for one in disks}

    def _binds(self, _: httpx2.Request) -> None:
        """Kubernetes gives a claim the volume that it names."""
        for (kind, _, _), one in list(self.api.objects.items()):
            named = ("persistentvolumes", "", one.get("spec", {}).get("volumeName"))
            if kind == "persistentvolumes":
                one.setdefault("status", {"phase": "Available"})
            if kind == "persistentvolumeclaims" and named in self.api.objects and self.binds:
                one["status"] = {"phase": "Bound"}

    def find_again(self) -> str:
        found = volumes.of_cluster(self.cloud.volumes(), "pythia", NEW).earlier
        (step,) = steps([self.hub], [], found)
        assert isinstance(step.work, FoundAgain)
        return homes.find_again(step.work, self.site, self.cluster, self.api.kube(), self._tell, self.clock)  # type: ignore[arg-type]

    def _tell(self, _: Kind, text: str) -> None:
        self.said.append(text)

    def claim(self, name: str, namespace: str = "main", user: str = "", **spec: Any) -> None:
        """A claim on the cluster, with its volume."""
        annotations = {"annotations": {"hub.jupyter.org/username": user}} if user else {}
        self.api.add("persistentvolumeclaims", namespace, name, metadata=annotations, spec={})
        owner = {"namespace": namespace, "name": name}
        csi = {"driver": homes.DRIVER, "volumeHandle": f"{name}-2025"}
        self.api.add("persistentvolumes", "", f"pv-{name}", spec={"claimRef": owner, "csi": csi} | spec)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_a_hub_finds_its_volumes_under_the_claims_that_it_had(trial: Trial) -> None:
    assert trial.find_again() == "1 home and the database (20 GiB)"

    home = trial.api.objects[("persistentvolumeclaims", "main", "claim-ann")]
    disk = trial.api.objects[("persistentvolumes", "", "pvc-claim-ann-2025")]
    assert home["spec"]["volumeName"] == "pvc-claim-ann-2025"
    assert home["metadata"]["annotations"] == {"hub.jupyter.org/username": "ann"}
    assert disk["spec"]["csi"]["volumeHandle"] == "claim-ann-2025"
    assert disk["spec"]["claimRef"]["name"] == "claim-ann"
    assert disk["spec"]["storageClassName"] == home["spec"]["storageClassName"] == "fast"
    database = trial.api.objects[("persistentvolumeclaims", "main", "hub-db-dir")]
    assert database["metadata"]["annotations"]["meta.helm.sh/release-name"] == "main"
    assert trial.api.objects[("namespaces", "", "main")]["metadata"]["labels"] == {CLUSTER: "pythia", HUB: "main"}


def test_what_was_found_again_is_of_the_new_cluster_and_a_second_time_changes_nothing(trial: Trial) -> None:
    trial.find_again()

    found = volumes.of_cluster(trial.cloud.volumes(), "pythia", NEW)
    assert (len(found.present), found.earlier) == (2, ())
    assert all(one.kept for one in found.present)


def test_a_run_that_was_killed_in_between_is_continued(trial: Trial) -> None:
    before = dict(trial.cloud.disks)
    trial.find_again()
    trial.cloud.disks = {key: replace(one, status="in-use") for key, one in before.items() if "claim" in key}
    trial.cloud.disks["claim-ann-2025"].metadata[volumes.RELEASE] = NEW  # type: ignore[index]
    trial.has(before["hub-db-dir-2025"])
    del trial.api.objects[("persistentvolumeclaims", "main", "hub-db-dir")]

    assert trial.find_again() == "the database (10 GiB)"


def test_a_volume_that_something_uses_is_waited_for_and_named(trial: Trial) -> None:
    trial.has(replace(trial.cloud.disks["claim-ann-2025"], status="in-use"))
    with pytest.raises(HubfleetError, match=r"volume pvc-claim-ann-2025 \(in-use\)") as error:
        trial.find_again()
    assert error.value.layer == "storage"
    assert "waiting until nothing uses them: 1 to go" in trial.said
    assert trial.api.names("persistentvolumeclaims") == []


def test_a_claim_that_does_not_get_its_volume_is_named(trial: Trial) -> None:
    trial.binds = False
    with pytest.raises(HubfleetError, match=r"claim claim-ann \(Pending\)"):
        trial.find_again()


def test_a_volume_that_is_deleted_after_the_plan_was_made_is_told(trial: Trial) -> None:
    found = volumes.of_cluster(trial.cloud.volumes(), "pythia", NEW).earlier
    del trial.cloud.disks["claim-ann-2025"]
    work = FoundAgain(trial.hub, found)
    with pytest.raises(CloudError, match="is not there any more"):
        homes.find_again(work, trial.site, trial.cluster, trial.api.kube(), trial._tell, trial.clock)  # type: ignore[arg-type]


def test_what_is_hubs_is_kept_and_what_is_not_goes_with_the_cluster(trial: Trial) -> None:
    trial.has(*(volume(name, release=NEW) for name in ("claim-ann", "hub-db-dir", "cache")))
    trial.api.add("namespaces", "", "main", metadata={"labels": {CLUSTER: "pythia", HUB: "main"}})
    trial.claim("claim-ann", user="ann")
    trial.claim("hub-db-dir")
    trial.claim("cache", namespace="default")
    trial.has(volume("claim-eve", namespace="anothers-hub", release=NEW))
    trial.claim("claim-eve", namespace="anothers-hub")

    assert homes.keep(trial.site, trial.cluster, trial.api.kube()) == "2 homes and the database"  # type: ignore[arg-type]
    homes.clear(trial.site, trial.cluster, trial._tell, trial.clock, homes=False)  # type: ignore[arg-type]

    assert sorted(trial.cloud.disks) == ["claim-ann-2025", "claim-eve-2025", "hub-db-dir-2025"]
    assert trial.cloud.disks["claim-ann-2025"].metadata[volumes.USER] == "ann"


def test_the_database_of_a_hub_that_was_taken_over_is_kept_in_a_namespace_that_is_not_ours(trial: Trial) -> None:
    trial.has(volume("hub-db-dir", release=NEW))
    trial.api.add("namespaces", "", "main")
    trial.api.record("main", "main", 2, "deployed", **{CLUSTER: "pythia", HUB: "main"})
    trial.claim("hub-db-dir")
    assert homes.keep(trial.site, trial.cluster, trial.api.kube()) == "the database"  # type: ignore[arg-type]
    homes.clear(trial.site, trial.cluster, trial._tell, trial.clock, homes=False)  # type: ignore[arg-type]
    assert "hub-db-dir-2025" in trial.cloud.disks


def test_of_a_cluster_that_does_not_answer_every_volume_is_kept(trial: Trial) -> None:
    trial.has(volume("cache", namespace="default", release=NEW))

    assert homes.keep(trial.site, trial.cluster, None) == "1 home"  # type: ignore[arg-type]
    homes.clear(trial.site, trial.cluster, trial._tell, trial.clock, homes=False)  # type: ignore[arg-type]

    assert "cache-2025" in trial.cloud.disks


def test_with_homes_all_of_this_cluster_go_and_none_of_the_one_before(trial: Trial) -> None:
    trial.has(volume("claim-joe", release=NEW, **{volumes.KEEP: "true"}))

    homes.clear(trial.site, trial.cluster, trial._tell, trial.clock, homes=True)  # type: ignore[arg-type]

    assert sorted(trial.cloud.disks) == ["claim-ann-2025", "hub-db-dir-2025"]


def test_what_cinder_does_not_let_go_is_left_to_be_told(trial: Trial) -> None:
    trial.has(replace(volume("cache", release=NEW), status="in-use"))
    began = trial.clock.now()

    homes.clear(trial.site, trial.cluster, trial._tell, trial.clock, homes=False)  # type: ignore[arg-type]

    assert "cache-2025" in trial.cloud.disks
    assert trial.clock.now() - began >= homes.FREE
    assert trial.said == ["1 volume to delete"]


def test_the_volume_that_users_share_is_found_again_with_its_file_system_and_its_quotas(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    file = load(tmp_path, homes={"size": "10Gi", "quota": "1Gi"})
    every = hubs.releases(file, registry.provider(file.provider.name).describe(file))
    trial.hub = next(one for one in every if one.name == "hubfleet-homes-main")
    trial.has(volume("home-nfs", namespace="hubfleet-homes-main"), volume("data", namespace="hubfleet-homes-main"))

    assert trial.find_again() == "the shared homes (10 GiB)"

    disk = trial.api.objects[("persistentvolumes", "", "pvc-home-nfs-2025")]["spec"]
    assert (disk["csi"]["fsType"], disk["mountOptions"]) == ("xfs", ["pquota"])
    claim = trial.api.objects[("persistentvolumeclaims", "hubfleet-homes-main", "home-nfs")]
    assert claim["spec"]["storageClassName"] == disk["storageClassName"] == "hubfleet-homes"
    assert claim["metadata"]["annotations"]["meta.helm.sh/release-name"] == "hubfleet-homes-main"
    assert "hubfleet-homes" in trial.api.names("storageclasses")


def test_the_volume_that_users_share_is_marked_although_its_namespace_is_no_hubs(trial: Trial) -> None:
    trial.has(volume("home-nfs", namespace="hubfleet-homes-main", release=NEW))
    trial.claim("home-nfs", namespace="hubfleet-homes-main")
    assert homes.keep(trial.site, trial.cluster, trial.api.kube()) == "the shared homes"  # type: ignore[arg-type]
    assert trial.cloud.disks["home-nfs-2025"].metadata[volumes.KEEP] == "true"


def test_images_that_a_hub_built_are_found_again_for_its_registry(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    registry_of = {"kind": "binder", "chart": "binderhub", "auth": None, "registry": {"in_cluster": {}}}
    file = hub_files.load(tmp_path, top={"ingress": {"email": "ops@example.org"}}, **registry_of)
    every = hubs.releases(file, hub_files.describe(file))
    trial.hub = next(one for one in every if one.chart.name == "registry")
    trial.has(volume("hub-registry", namespace=trial.hub.namespace))

    assert trial.find_again() == "the built images (10 GiB)"

    claim = trial.api.objects[("persistentvolumeclaims", "hubfleet-registry-main", "hub-registry")]
    assert claim["metadata"]["annotations"]["meta.helm.sh/release-name"] == "hubfleet-registry-main"
    assert claim["spec"]["storageClassName"] == "fast"
