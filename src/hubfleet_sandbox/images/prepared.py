"""The prepared containerd root: images imported and unpacked once, which every node starts from.

A node does not import (12 s and 600 MB each); it takes the databases and links to the unpacked layers, which nothing
ever writes to (see `nodes.containerd`).
"""

from __future__ import annotations

import importlib.resources
import json
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes
from hubfleet_sandbox.images import hub, oci
from hubfleet_sandbox.layout import Layout

if TYPE_CHECKING:
    from hubfleet_sandbox.steps import Say

HUB = hub.IMAGE.name
"""The image of hubs, proxies and user servers."""

PAUSE = "localhost/pause:1"
"""The image of the container that holds a pod's namespaces."""

_PAUSE_IMAGE = oci.Image(name=PAUSE, entrypoint=("/pause",))
_NAME = "node-images"
_LABELS = ("io.cri-containerd.image=managed", "io.cri-containerd.pinned=pinned")  # the kubelet keeps pinned images
_CONFIGURATION = """version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
"""
_DOCUMENT = 5000  # bytes: manifests and configurations are smaller, layers larger (pause has 800 KB)


def get(cache: Path, say: Say) -> Path:
    """A folder with `containerd` (the root to start nodes from) and `pause` (a program). Made if the cache has none."""
    return entries.get(cache, _NAME, made_from(), lambda folder: _make(cache, folder, say))


def cached(cache: Path) -> bool:
    """Whether `get` has nothing to build."""
    return entries.there(cache, _NAME, made_from())


def made_from() -> dict[str, str | bytes]:
    """All that decides how the images turn out: a change in any of it makes them anew."""
    own = {path.name: path.read_bytes() for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".c")}
    containerd = processes.run(["containerd", "--version"], timeout=30)
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    return {**own, **hub.sources(), "containerd": containerd, "release": release}


def _make(cache: Path, folder: Path, say: Say) -> None:
    log = cache / f"{_NAME}.log"
    log.unlink(missing_ok=True)
    work = folder / "work"  # inside, so that it goes too when we are killed
    work.mkdir()
    _pause(folder / "pause", work)
    hub.build(cache, work / "hub", log, say)
    say("packing")
    oci.archive(hub.IMAGE, work / "hub", work / "hub.tar")
    say("unpacking into containerd")
    _import(folder / "containerd", work)
    shutil.rmtree(work)


def _pause(program: Path, work: Path) -> None:
    with importlib.resources.as_file(importlib.resources.files(__package__ or "") / "pause.c") as source:
        processes.run(["cc", "-static", "-Os", "-s", "-o", program, source], timeout=60)
    root = work / "pause"
    root.mkdir()
    shutil.copy2(program, root / "pause")
    oci.archive(_PAUSE_IMAGE, root, work / "pause.tar")


def _import(root: Path, work: Path) -> None:
    """Import both archives with a containerd of its own, then let go of the packed layers: they are unpacked.

    It runs in a mount namespace with its own /run: its socket has a short path, and no mount outlives it.
    """
    config = work / "config.toml"
    config.write_text(_CONFIGURATION.format(root=root))
    layout = Layout(state=work, cache=work, slot=0, ports=0)  # of no sandbox: only this process lives here
    namespace = ["unshare", "--mount", "--propagation", "private", "setpriv", "--pdeathsig", "KILL"]
    begin = 'mount -t tmpfs tmpfs /run && exec containerd --config "$0"'
    containerd = processes.start(layout, "containerd", [*namespace, "sh", "-c", begin, str(config)])
    ctr = ["nsenter", f"--mount=/proc/{containerd.pid}/ns/mnt", "ctr", "--namespace", "k8s.io"]
    socket = Path(f"/proc/{containerd.pid}/root/run/containerd/containerd.sock")
    try:
        processes.wait("containerd", socket.exists, timeout=30, process=containerd, layout=layout)
        for name in ("pause", "hub"):
            processes.run([*ctr, "images", "import", work / f"{name}.tar"], timeout=600)
        for image in (PAUSE, HUB):
            processes.run([*ctr, "images", "label", image, *_LABELS], timeout=30)
        _let_go(ctr, root)
    finally:
        processes.stop([containerd])


def _let_go(ctr: list[str], root: Path) -> None:
    """Remove the layers' tars, as containerd's `discard_unpacked_layers` does for images that it pulls."""
    blobs = list((root / "io.containerd.content.v1.content/blobs/sha256").iterdir())
    documents = {path.name: json.loads(path.read_bytes()) for path in blobs if path.stat().st_size < _DOCUMENT}
    for digest, document in documents.items():
        for number, layer in enumerate(document.get("layers", [])):
            reference = f"containerd.io/gc.ref.content.l.{number}="  # an empty value removes it
            processes.run([*ctr, "content", "label", f"sha256:{digest}", reference], timeout=30)
            processes.run([*ctr, "content", "rm", layer["digest"]], timeout=60)
