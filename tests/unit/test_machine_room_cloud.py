"""What the machine room keeps in the cloud, and what goes with a cluster."""

from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.cloud import Cloud, CloudError
from hubfleet_sandbox.machine_room import janitor, neutron

IPS = "/v2.0/floatingips"


class FakeCloud(Cloud):
    """Neutron's floating IPs and Cinder's volumes; refuses all else."""

    def __init__(self, volumes: dict[str, dict[str, str]] | None = None) -> None:
        super().__init__("http://none", "id", "secret")
        self.ips: dict[str, str] = {}
        self.volumes = volumes or {}

    def offers(self, service_type: str) -> bool:
        return service_type in ("network", "block-storage")

    def request(self, service_type: str, method: str, path: str, json: Any = None) -> Any:
        match service_type, method, path.partition("?")[0].rpartition("/")[0]:
            case "network", "GET", "/v2.0":
                assert "description=made%20for%20pythia" in path
                return {"floatingips": [{"id": key, "floating_ip_address": "203.0.113.5"} for key in self.ips]}
            case "network", "POST", "/v2.0":
                self.ips["ip1"] = json["floatingip"]["description"]
                return {"floatingip": {"id": "ip1", "floating_ip_address": "203.0.113.5"}}
            case "network", "DELETE", "/v2.0/floatingips":
                return self._take(self.ips, path)
            case "block-storage", "GET", "/volumes":
                return {"volumes": [{"id": k, "name": k, "metadata": v} for k, v in self.volumes.items()]}
            case "block-storage", "DELETE", "/volumes":
                return self._take(self.volumes, path)
            case other:
                raise AssertionError(other)

    @staticmethod
    def _take(items: dict[str, Any], path: str) -> None:
        if items.pop(path.rpartition("/")[2], None) is None:
            raise CloudError(path, 404)


def test_a_floating_ip_is_claimed_once_and_released() -> None:
    cloud = FakeCloud()
    assert neutron.claim(cloud, "public", "made for pythia") == "203.0.113.5"
    assert neutron.claim(cloud, "public", "made for pythia") == "203.0.113.5"
    assert cloud.ips == {"ip1": "made for pythia"}
    neutron.release(cloud, "made for pythia")
    assert cloud.ips == {}
    neutron.release(cloud, "made for pythia")


def test_the_janitor_deletes_the_clusters_volumes_but_those_to_keep(tmp_path: Path) -> None:
    mine = {"cinder.csi.openstack.org/cluster": "pythia"}
    cloud = FakeCloud(
        {"a": mine, "kept": {**mine, janitor.KEEP: "true"}, "other": {"cinder.csi.openstack.org/cluster": "x"}}
    )
    for name in ("a", "kept"):
        (tmp_path / name).mkdir()
    janitor.clean(cloud, "pythia", tmp_path)
    assert set(cloud.volumes) == {"kept", "other"}
    assert {path.name for path in tmp_path.iterdir()} == {"kept"}


def test_a_cluster_without_volumes_to_keep_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pythia"
    (folder / "a").mkdir(parents=True)
    janitor.clean(FakeCloud({"a": {"cinder.csi.openstack.org/cluster": "pythia"}}), "pythia", folder)
    assert not folder.exists()


def test_what_somebody_else_deleted_first_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = FakeCloud({"a": {"cinder.csi.openstack.org/cluster": "pythia"}})
    listed = cloud.request("block-storage", "GET", "/volumes/detail")
    cloud.volumes.clear()
    ask = cloud.request
    monkeypatch.setattr(cloud, "request", lambda *args: listed if args[1] == "GET" else ask(*args))
    janitor.clean(cloud, "pythia", tmp_path)
