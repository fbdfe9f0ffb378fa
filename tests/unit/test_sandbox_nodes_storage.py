from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.cloud import Cloud, CloudError
from hubfleet_sandbox.kubernetes.access import ClusterAccess
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.nodes import storage
from tests.unit.sandbox_kubernetes_fake import FakeCloud, FakeKubernetes

CLAIMS, VOLUMES = "/api/v1/namespaces/hub/persistentvolumeclaims", "/api/v1/persistentvolumes"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
SELECTED = {"volume.kubernetes.io/selected-node": "pythia-user-1"}


class World:
    """A cluster's storage with a fake Kubernetes and a fake cloud."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud | None) -> None:
        self.kubernetes, self.cloud, self.now = FakeKubernetes(), cloud, 100.0
        monkeypatch.setattr(storage, "Client", lambda _: self.kubernetes)
        monkeypatch.setattr(storage.time, "monotonic", lambda: self.now)
        self.folder = folder / "volumes"
        real: Any = cloud
        access = ClusterAccess("pythia", 0, folder / "kubeconfig")
        self.storage = storage.Storage(Layout(folder, folder, 0, 25000), access, real)
        self.storage.step()

    def claim(self, name: str = "home", *, pod: bool = True, size: str = "10Gi", **spec: Any) -> str:
        asked = {
            "storageClassName": "csi-cinder",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        }
        metadata = {"name": name, "namespace": "hub", "uid": f"uid-{name}", "annotations": SELECTED if pod else {}}
        self.kubernetes.put(f"{CLAIMS}/{name}", {"metadata": metadata, "spec": asked | spec})
        return f"pvc-uid-{name}"

    def handle(self, name: str) -> str:
        """The id of a volume in Cinder, as its PersistentVolume has it."""
        csi = self.kubernetes.objects[f"{VOLUMES}/{name}"]["spec"]["csi"]
        assert csi["driver"] == "cinder.csi.openstack.org"
        return str(csi["volumeHandle"])

    def attachment(self, volume: str) -> dict[str, Any]:
        """What Kubernetes makes when a pod with the volume gets a node."""
        spec = {"attacher": "cinder.csi.openstack.org", "nodeName": "n1", "source": {"persistentVolumeName": volume}}
        return self.kubernetes.put(f"{ATTACHMENTS}/va", {"metadata": {"name": "va"}, "spec": spec})

    @property
    def volumes(self) -> set[str]:
        return {path.rsplit("/", 1)[1] for path in self.kubernetes.objects if path.startswith(VOLUMES)}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, FakeCloud())


def test_the_default_class_is_the_one_of_a_real_cluster(world: World) -> None:
    found = world.kubernetes.objects["/apis/storage.k8s.io/v1/storageclasses/csi-cinder"]
    assert found["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert (found["provisioner"], found["volumeBindingMode"]) == ("cinder.csi.openstack.org", "WaitForFirstConsumer")


def test_a_claim_with_a_pod_gets_a_folder_a_volume_and_a_record_in_cinder(world: World) -> None:
    name = world.claim(size="1500Mi")
    world.storage.step()
    volume = world.kubernetes.objects[f"{VOLUMES}/{name}"]["spec"]
    assert volume["claimRef"]["uid"] == "uid-home"
    assert (world.folder / world.handle(name)).is_dir()
    assert world.cloud
    assert set(world.cloud.volumes) == {world.handle(name)}
    (record,) = world.cloud.volumes.values()
    assert (record["name"], record["size"], record["status"]) == (name, 2, "available")
    assert record["metadata"]["cinder.csi.openstack.org/cluster"] == "pythia"


def test_a_claim_waits_for_its_first_pod(world: World) -> None:
    world.claim(pod=False)
    world.storage.step()
    assert world.volumes == set()
    name = world.claim(pod=True)
    world.storage.step()
    assert world.volumes == {name}


def test_a_claim_of_another_class_is_left_to_others(world: World) -> None:
    world.claim(storageClassName="nfs")
    world.storage.step()
    assert world.volumes == set()


def test_a_volume_goes_with_its_claim_folder_and_record_too(world: World) -> None:
    name = world.claim()
    world.storage.step()
    (world.folder / world.handle(name) / "notebook").touch()
    del world.kubernetes.objects[f"{CLAIMS}/home"]
    world.kubernetes.merge(f"{VOLUMES}/{name}", {"status": {"phase": "Released"}})
    world.storage.step()
    assert world.cloud
    assert (world.volumes, world.cloud.volumes, list(world.folder.iterdir())) == (set(), {}, [])


def test_a_released_volume_that_is_to_be_kept_is_kept(world: World) -> None:
    name = world.claim()
    world.storage.step()
    patch = {"status": {"phase": "Released"}, "spec": {"persistentVolumeReclaimPolicy": "Retain"}}
    world.kubernetes.merge(f"{VOLUMES}/{name}", patch)
    world.storage.step()
    assert world.volumes == {name}
    assert (world.folder / world.handle(name)).is_dir()


def test_a_volume_is_in_use_in_cinder_while_a_node_has_it(world: World) -> None:
    name = world.claim()
    world.storage.step()
    world.attachment(name)
    world.storage.step()
    assert world.cloud
    assert world.kubernetes.objects[f"{ATTACHMENTS}/va"]["status"] == {"attached": True}
    assert world.cloud.volumes[world.handle(name)]["status"] == "in-use"
    world.kubernetes.merge(f"{VOLUMES}/{name}", {"status": {"phase": "Released"}})
    world.storage.step()
    assert world.volumes == {name}, "not before it is let go"
    world.kubernetes.delete(f"{ATTACHMENTS}/va")
    world.storage.step()
    assert world.volumes == set()


def test_a_volume_that_is_in_use_elsewhere_is_not_attached_and_that_is_told(world: World) -> None:
    name = world.claim()
    world.storage.step()
    assert world.cloud
    world.cloud.volumes[world.handle(name)]["status"] = "in-use"
    world.attachment(name)
    world.storage.step()
    status = world.kubernetes.objects[f"{ATTACHMENTS}/va"]["status"]
    assert not status["attached"]
    assert "in use elsewhere" in status["attachError"]["message"]


def test_a_volume_that_somebody_made_a_persistent_volume_for_is_attached_and_removed_like_any(world: World) -> None:
    assert world.cloud
    volume = world.cloud.request("block-storage", "POST", "/volumes", {"volume": {"name": "old", "metadata": {}}})
    handle = volume["volume"]["id"]
    world.cloud.volumes[handle]["status"] = "available"
    csi = {"driver": "cinder.csi.openstack.org", "volumeHandle": handle}
    spec = {"csi": csi, "persistentVolumeReclaimPolicy": "Delete"}
    world.kubernetes.put(f"{VOLUMES}/mine", {"metadata": {"name": "mine"}, "spec": spec})
    world.attachment("mine")
    world.storage.step()
    assert world.cloud.volumes[handle]["status"] == "in-use"
    world.kubernetes.delete(f"{ATTACHMENTS}/va")
    world.kubernetes.merge(f"{VOLUMES}/mine", {"status": {"phase": "Released"}})
    world.storage.step()
    assert (world.volumes, world.cloud.volumes) == (set(), {})


def test_a_claim_that_was_made_larger_gets_what_it_asks_for(world: World) -> None:
    name = world.claim()
    world.storage.step()
    world.claim(size="20Gi", volumeName=name)
    world.kubernetes.merge(f"{CLAIMS}/home", {"status": {"capacity": {"storage": "10Gi"}}})
    world.storage.step()
    assert world.kubernetes.objects[f"{VOLUMES}/{name}"]["spec"]["capacity"] == {"storage": "20Gi"}
    assert world.kubernetes.objects[f"{CLAIMS}/home"]["status"]["capacity"] == {"storage": "20Gi"}


def test_a_spent_quota_is_told_to_the_user_and_tried_again_later(world: World) -> None:
    assert world.cloud
    world.cloud.refusal = CloudError("POST /volumes: 413", 413, why="VolumeLimitExceeded: (10) exceeded")
    name = world.claim()
    world.storage.step()
    (event,) = (item for path, item in world.kubernetes.objects.items() if "/events/" in path)
    assert (event["reason"], event["involvedObject"]["name"]) == ("ProvisioningFailed", "home")
    assert "VolumeLimitExceeded" in event["message"]
    world.cloud.refusal = None
    world.storage.step()
    assert world.volumes == set(), "not at once"
    world.now += 6
    world.storage.step()
    assert world.volumes == {name}


def test_a_step_begun_and_not_finished_makes_no_second_record(world: World) -> None:
    name = world.claim()
    world.storage.step()
    del world.kubernetes.objects[f"{VOLUMES}/{name}"]  # as if the process had been killed before it made this
    world.kubernetes.writes += 1
    world.storage.step()
    assert world.cloud
    assert world.volumes == {name}
    assert len(world.cloud.volumes) == 1


def test_a_step_with_nothing_new_writes_nothing(world: World) -> None:
    world.claim()
    world.storage.step()
    world.storage.step()
    writes = world.kubernetes.writes
    world.storage.step()
    assert world.kubernetes.writes == writes


@pytest.mark.parametrize("cloud", [None, FakeCloud(services=("network",))])
def test_without_cinder_there_are_volumes_and_no_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, monkeypatch, cloud)
    names = {world.claim("one"), world.claim("two")}
    world.storage.step()
    assert world.volumes == names
    assert [record.message for record in caplog.records].count(
        "cluster pythia: no Cinder: its volumes have no records there"
    ) == 1


def test_the_fake_cloud_stands_for_the_real_one() -> None:
    assert all(hasattr(Cloud, name) for name in ("offers", "request"))
