"""What users' pods mount of a shared volume leads to its server, and its class has quotas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.engine import shares
from hubfleet.errors import HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.hubs import Release
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api
from tests.unit.test_hubs_homes import shared

NAME = "hubfleet-homes-main"


class Trial:
    """A hub whose users share their homes, and a cluster with the server."""

    def __init__(self, folder: Path) -> None:
        self.hub, self.homes = (shared(folder)[name] for name in ("main", NAME))
        self.api, self.clock = Api(), FakeClock()
        self.said: list[str] = []
        self.serves("10.0.0.7")

    def serves(self, address: str) -> None:
        spec = {"clusterIP": address}
        self.api.add("services", NAME, "home-nfs", spec=spec)

    def mount(self, release: Release | None = None) -> None:
        shares.mount(release or self.hub, self.api.kube(), self._tell, self.clock, "pythia")

    def _tell(self, _: Kind, text: str) -> None:
        self.said.append(text)

    def holds(self, plural: str, namespace: str, name: str) -> None:
        """Kubernetes keeps what a pod has, until it ends."""
        spec = {"nfs": {"server": "10.0.0.7"}} if plural == "persistentvolumes" else {}
        self.api.add(plural, namespace, name, spec=spec)

    def mounted(self) -> Any:
        return self.api.objects["persistentvolumes", "", NAME]["spec"]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_users_mount_the_hubs_folder_at_an_address_that_nodes_can_use(trial: Trial) -> None:
    trial.mount()
    volume = trial.mounted()
    assert volume["nfs"] == {"server": "10.0.0.7", "path": "/homes"}
    assert volume["accessModes"] == ["ReadWriteMany"]
    claim = trial.api.objects["persistentvolumeclaims", "main", "home-nfs"]["spec"]
    assert (claim["volumeName"], claim["storageClassName"]) == (NAME, "")
    owner = volume["claimRef"]
    assert (owner["namespace"], owner["name"]) == ("main", "home-nfs")


def test_mounting_again_changes_nothing(trial: Trial) -> None:
    trial.mount()
    before = dict(trial.api.objects)
    trial.mount()
    assert trial.api.objects == before
    assert trial.said == []


def test_a_server_with_another_address_is_mounted_anew(trial: Trial) -> None:
    trial.mount()
    trial.serves("10.0.0.8")
    trial.mount()
    assert trial.mounted()["nfs"]["server"] == "10.0.0.8"
    assert trial.said == ["the server of the homes has another address: mounting them anew"]


def test_homes_that_servers_hold_are_told_with_what_to_do(trial: Trial) -> None:
    trial.mount()
    trial.serves("10.0.0.8")
    trial.api.on_delete = trial.holds
    with pytest.raises(HubfleetError, match="while servers have them") as error:
        trial.mount()
    assert error.value.layer is Layer.STORAGE
    assert trial.clock.now() >= shares.LETS_GO


def test_a_server_that_is_not_there_is_told(trial: Trial) -> None:
    del trial.api.objects["services", NAME, "home-nfs"]
    with pytest.raises(HubfleetError, match="has no address"):
        trial.mount()


def test_a_hub_with_a_volume_for_each_user_mounts_nothing(trial: Trial) -> None:
    trial.mount(trial.homes)
    assert trial.api.names("persistentvolumes") == []


def test_the_class_is_the_clusters_own_with_xfs_and_its_quotas(trial: Trial) -> None:
    trial.api.add(
        "storageclasses",
        "",
        "fast",
        metadata={"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        provisioner="cinder.csi.openstack.org",
        parameters={"availability": "nova"},
        reclaimPolicy="Delete",
        volumeBindingMode="Immediate",
    )
    shares.storage_class(trial.homes, trial.api.kube())
    made = trial.api.objects["storageclasses", "", "hubfleet-homes"]
    assert made["provisioner"] == "cinder.csi.openstack.org"
    assert made["parameters"] == {"availability": "nova", "csi.storage.k8s.io/fstype": "xfs"}
    assert (made["mountOptions"], made["allowVolumeExpansion"]) == (["pquota"], True)
    assert "is-default-class" not in str(made["metadata"])


def test_what_pods_mounted_goes_with_the_claims_of_its_hub(trial: Trial) -> None:
    trial.mount()
    shares.clear("other", trial.api.kube())
    assert trial.api.names("persistentvolumes") == [NAME]
    shares.clear("main", trial.api.kube())
    assert trial.api.names("persistentvolumes") == []


def test_the_class_goes_with_the_last_volume_of_it(trial: Trial) -> None:
    shares.storage_class(trial.homes, trial.api.kube())
    trial.api.add("persistentvolumeclaims", NAME, "home-nfs", spec={"storageClassName": "hubfleet-homes"})
    shares.clear("main", trial.api.kube())
    assert "hubfleet-homes" in trial.api.names("storageclasses")
    del trial.api.objects["persistentvolumeclaims", NAME, "home-nfs"]
    shares.clear(NAME, trial.api.kube())
    assert trial.api.names("storageclasses") == ["fast"]
