"""Images of the internet that a chart asks for, which nodes of the sandbox cannot fetch: their own play them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hubfleet.spec import KeyPath
from hubfleet.spec.trees import map_at
from hubfleet_sandbox import layout
from hubfleet_sandbox.images import HUB, PAUSE
from hubfleet_sandbox.nodes.machine import Machine

PLAYED: dict[KeyPath, str] = {
    ("hub", "image"): HUB,
    ("proxy", "chp", "image"): HUB,
    ("prePuller", "pause", "image"): PAUSE,
}
"""Where Zero to JupyterHub's values name an image, and which image of the nodes can do the same."""


def put(state: Path, values: dict[str, Any]) -> None:
    """Every node of the sandbox that is there has the images that these values name. Before a pod wants them: a kubelet
    that has asked for one in vain waits for minutes."""
    sandbox = layout.load(state)
    assert sandbox is not None
    for folder in sandbox.nodes.glob("[0-9]*"):
        machine = Machine(sandbox, int(folder.name))
        for played, name in _named(values):
            machine.run(["ctr", "-n", "k8s.io", "images", "tag", "--force", played, name])


def _named(values: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for path, played in PLAYED.items():
        image = map_at(values, path)
        yield played, f"{image['name']}:{image['tag']}"
