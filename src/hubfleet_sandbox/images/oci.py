"""Images in OCI's format from folders: no more than a tar, its digests and three JSON files.

Source: github.com/opencontainers/image-spec, image-layout.md, manifest.md, config.md. Layers are not compressed: they
are read once, on this machine.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Image:
    """An image to make: its full name with a tag, and how a container of it starts by default."""

    name: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    user: str = ""
    folder: str = "/"
    environment: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Blob:
    digest: str
    size: int

    def described(self, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}


def archive(image: Image, root: Path, place: Path) -> None:
    """Write `place`, an OCI archive of one layer: the folder `root` with its owners and modes."""
    layout = place.with_suffix(".layout")
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    try:
        layer = _layer(root, blobs)
        config = _json(blobs, _configuration(image, layer))
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": config.described(_CONFIG),
            "layers": [layer.described(_LAYER)],
        }
        named = {**_json(blobs, manifest).described(_MANIFEST), "annotations": {"io.containerd.image.name": image.name}}
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
        processes.run(["tar", "-C", layout, "-cf", place, "oci-layout", "index.json", "blobs"], timeout=300)
    finally:
        shutil.rmtree(layout)


def _layer(root: Path, blobs: Path) -> _Blob:
    made = blobs / "layer"
    processes.run(["tar", "-C", root, "--numeric-owner", "--sort=name", "-cf", made, "."], timeout=600)
    with made.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _Blob(f"sha256:{digest}", made.rename(blobs / digest).stat().st_size)


def _configuration(image: Image, layer: _Blob) -> Mapping[str, object]:
    start = {
        "Entrypoint": image.entrypoint,
        "Cmd": image.command,
        "User": image.user,
        "WorkingDir": image.folder,
        "Env": image.environment,
    }
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {name: value for name, value in start.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
    }


def _json(blobs: Path, content: Mapping[str, object]) -> _Blob:
    data = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return _Blob(f"sha256:{digest}", len(data))
