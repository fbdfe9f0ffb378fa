"""The clouds that one verb speaks with: it logs in to each once, however many parts of it ask."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hubfleet.events import Watch

if TYPE_CHECKING:
    from hubfleet.tools.openstack import Cloud


class Clouds:
    """Opens the door to a cloud when it is first asked for; threads may share one."""

    def __init__(self) -> None:
        self._open: dict[str | None, Cloud] = {}
        self._lock = threading.Lock()

    def connect(self, cloud: str | None, watch: Watch | None) -> Cloud:
        """The door to the cloud of this name: `tools.openstack.Cloud.connect`. The first `watch` counts."""
        from hubfleet.tools.openstack import Cloud  # `validate` must not wait for it

        with self._lock:
            if cloud not in self._open:
                self._open[cloud] = Cloud.connect(cloud, watch)
            return self._open[cloud]
