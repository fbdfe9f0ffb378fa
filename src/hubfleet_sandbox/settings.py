"""What a person chose for a sandbox at its start: kept in its state folder, read by whom it concerns when needed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout

_FILE = "settings.json"


@dataclass(frozen=True)
class Settings:
    """`node_boot`: seconds that a node takes at least from its Machine to its kubelet, as virtual machines do."""

    node_boot: float = 0.0


def read(layout: Layout) -> Settings:
    """Those of this sandbox; the defaults where nothing was chosen."""
    try:
        return Settings(**json.loads((layout.state / _FILE).read_text()))
    except FileNotFoundError:
        return Settings()


def write(layout: Layout, settings: Settings) -> None:
    """Keep them until the sandbox is stopped. A reader never sees a half."""
    draft = layout.state / f".{_FILE}"
    draft.write_text(json.dumps(asdict(settings)))
    draft.replace(layout.state / _FILE)
