import tomllib
from pathlib import Path

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.nodes import containerd
from hubfleet_sandbox.nodes.machine import Machine

SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A prepared root with one unpacked layer."""
    layer = tmp_path / "images/containerd" / SNAPSHOTS / "snapshots/1/fs/usr"
    layer.mkdir(parents=True)
    (layer / "program").write_text("from the image")
    (tmp_path / "images/containerd" / SNAPSHOTS / "metadata.db").write_text("what is where")
    return tmp_path / "images"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    plugins = tmp_path / "cni"
    plugins.mkdir()
    (plugins / "ptp").touch()
    monkeypatch.setattr(containerd, "_PLUGIN_FOLDERS", (str(tmp_path / "nothing"), str(plugins)))
    return Machine(Layout(tmp_path / "state", tmp_path, 3, 25000), 7)


def test_a_node_starts_with_the_images_and_a_database_of_its_own(machine: Machine, images: Path) -> None:
    containerd.prepare(machine, images)
    root = machine.disk / "containerd" / SNAPSHOTS
    assert (root / "snapshots/1/fs/usr/program").read_text() == "from the image"
    (root / "metadata.db").write_text("changed by this node")
    assert (images / "containerd" / SNAPSHOTS / "metadata.db").read_text() == "what is where"


def test_removing_an_image_on_a_node_does_not_touch_the_layer_of_all(machine: Machine, images: Path) -> None:
    containerd.prepare(machine, images)
    (machine.disk / "containerd" / SNAPSHOTS / "snapshots/1").unlink()
    assert (images / "containerd" / SNAPSHOTS / "snapshots/1/fs/usr/program").exists()


def test_a_node_that_starts_again_keeps_what_it_has(machine: Machine, images: Path) -> None:
    containerd.prepare(machine, images)
    database = machine.disk / "containerd" / SNAPSHOTS / "metadata.db"
    database.write_text("changed by this node")
    containerd.prepare(machine, images)
    assert database.read_text() == "changed by this node"


def test_a_preparation_that_was_killed_half_way_is_finished(machine: Machine, images: Path) -> None:
    containerd.prepare(machine, images)
    (machine.disk / "containerd/config.toml").unlink()  # it is written last
    (machine.disk / "containerd" / SNAPSHOTS / "metadata.db").unlink()
    containerd.prepare(machine, images)
    assert (machine.disk / "containerd" / SNAPSHOTS / "metadata.db").exists()


def test_the_configuration_is_toml_and_keeps_within_the_machine(machine: Machine, images: Path) -> None:
    containerd.prepare(machine, images)
    settings = tomllib.loads((machine.disk / "containerd/config.toml").read_text())
    assert (settings["root"], settings["state"]) == ("/var/lib/containerd", "/run/containerd")
    assert settings["plugins"]["io.containerd.grpc.v1.cri"]["restrict_oom_score_adj"] is True
    assert settings["required_plugins"] == ["io.containerd.grpc.v1.cri"]
    assert '"subnet": "10.131.7.0/24"' in (machine.disk / "cni/net.d/10-pods.conflist").read_text()


def test_missing_plugins_are_named_with_their_package(
    machine: Machine, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containerd, "_PLUGIN_FOLDERS", ("/nowhere",))
    with pytest.raises(SandboxError, match="containernetworking-plugins"):
        containerd.prepare(machine, images)
