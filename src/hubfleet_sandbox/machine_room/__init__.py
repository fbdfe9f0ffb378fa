"""Plays Cluster API and its OpenStack provider: makes true what the objects on the management cluster ask for.

What belongs here: reading those objects, starting and stopping control planes and nodes for them, and writing back
what is really so, in the words that Magnum's driver reads. What never will: how a control plane or a node is made
(`kubernetes`, `nodes`), and anything that a site's own software does for real.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet_sandbox.layout import Layout

NAME = "machine-room"
"""Of its process, and so of its log."""


def start(layout: Layout, programs: Path, image_root: Path) -> None:
    """Start the machine room on a management cluster that is ready; left alone if it runs.

    `image_root` is what nodes take their container images from. What a machine room that was killed had begun is
    taken up by this one.
    """
    options = [f"--state={layout.state}", f"--programs={programs}", f"--images={image_root}"]
    argv = [sys.executable, "-m", "hubfleet_sandbox.machine_room", *options]
    process = processes.find(layout, NAME) or processes.start(layout, NAME, argv)
    ready = layout.state / "machine-room.ready"
    processes.wait(
        "the machine room",
        lambda: ready.exists() and ready.read_text() == str(process.pid),
        timeout=60,
        process=process,
        layout=layout,
    )
