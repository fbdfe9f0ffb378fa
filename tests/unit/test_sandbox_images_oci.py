import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.images import oci

IMAGE = oci.Image("localhost/hub:1", ("tini", "--"), ("jupyterhub",), "1000", "/srv", ("HOME=/home/jovyan",))


@pytest.fixture
def blobs(tmp_path: Path) -> dict[str, bytes]:
    """The files of an archive made from a small root file system."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/hub").write_text("#!/bin/sh\n")
    (root / "usr/bin/hub").chmod(0o755)
    (root / "bin").symlink_to("usr/bin")
    oci.archive(IMAGE, root, tmp_path / "hub.tar")
    assert {path.name for path in tmp_path.iterdir()} == {"root", "hub.tar"}, "nothing else is left"
    with tarfile.open(tmp_path / "hub.tar") as archive:
        return {member.name: file.read() for member in archive if (file := archive.extractfile(member))}


def document(blobs: dict[str, bytes], digest: str) -> Any:
    return json.loads(blobs[f"blobs/sha256/{digest.removeprefix('sha256:')}"])


def test_every_blob_is_named_by_its_digest(blobs: dict[str, bytes]) -> None:
    named = {name: data for name, data in blobs.items() if name.startswith("blobs/")}
    assert len(named) == 3
    assert all(hashlib.sha256(data).hexdigest() == Path(name).name for name, data in named.items())


def test_the_index_names_the_image_and_leads_to_its_layer(blobs: dict[str, bytes], tmp_path: Path) -> None:
    (entry,) = json.loads(blobs["index.json"])["manifests"]
    assert entry["annotations"] == {"io.containerd.image.name": "localhost/hub:1"}
    manifest = document(blobs, entry["digest"])
    (layer,) = manifest["layers"]
    assert layer["size"] == len(blobs[f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}"])
    (tmp_path / "layer").write_bytes(blobs[f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}"])
    with tarfile.open(tmp_path / "layer") as found:
        hub = found.getmember("./usr/bin/hub")
        assert (hub.mode, hub.uid, hub.gid) == (0o755, os.getuid(), os.getgid())
        assert found.getmember("./bin").linkname == "usr/bin"
    assert document(blobs, manifest["config"]["digest"])["rootfs"]["diff_ids"] == [layer["digest"]]


def test_a_container_starts_as_the_image_says(blobs: dict[str, bytes]) -> None:
    manifest = document(blobs, json.loads(blobs["index.json"])["manifests"][0]["digest"])
    assert document(blobs, manifest["config"]["digest"])["config"] == {
        "Entrypoint": ["tini", "--"],
        "Cmd": ["jupyterhub"],
        "User": "1000",
        "WorkingDir": "/srv",
        "Env": ["HOME=/home/jovyan"],
    }
