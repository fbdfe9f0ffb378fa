"""What Magnum says of one cluster, as last heard: one thread asks, all may look."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hubfleet.checks.stages import Stage
from hubfleet.engine.run import Clock, pause
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup

FIRST = 1.0
"""Seconds after a request until Magnum's conductor may be expected to have begun with it."""
LEAST = 0.5
"""Seconds between two looks."""
GRACE = 15.0
"""Seconds that who asks Magnum goes on after time is up: who looks at the nodes knows better what is missing."""
AGAIN = 330.0
"""Seconds after which the deletion of a cluster is asked for again, which a Magnum that was restarted may have
forgotten: the driver lets Helm work for five minutes, and does not mind a release that is gone."""
UNKNOWN = 120.0
"""Seconds after its 202 during which Magnum may know nothing of a cluster (its conductor writes the row)."""


@dataclass
class Patience:
    """The clock, the watch that counts waiting, and until when."""

    clock: Clock
    watch: Watch
    timeout: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock.now() + self.timeout

    @property
    def over(self) -> bool:
        """Time is up."""
        return self.over_by(0)

    def over_by(self, seconds: float) -> bool:
        """Time was up so many seconds ago."""
        return self.clock.now() > self._end + seconds

    @property
    def told(self) -> str:
        """The whole of it, for people."""
        return f"{self.timeout / 60:.0f} min" if self.timeout >= 120 else f"{self.timeout:.0f} s"


class View:
    """One cluster of Magnum. `look` asks, and tells what changed; the rest is what was heard."""

    def __init__(self, magnum: Magnum, name: str, say: Say, patience: Patience) -> None:
        self.magnum, self.name, self.patience, self._say = magnum, name, patience, say
        self.uuid: str | None = None
        self.cluster: Cluster | None = None
        self.groups: tuple[NodeGroup, ...] = ()
        self.ready: set[str] = set()
        """Ids of the steps that Kubernetes has shown to be done."""
        self.stages: dict[str, Stage] = {}
        """By subject: at which stage it was seen last, until it is done."""
        self._told: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    @property
    def known(self) -> str:
        """The cluster's UUID, once it is followed."""
        if self.uuid is None:
            raise RuntimeError("no cluster is followed yet")
        return self.uuid

    def follow(self, uuid: str) -> None:
        """From now on this is the cluster."""
        self.uuid = uuid

    def look(self) -> Cluster | None:
        """Ask Magnum (two requests), tell what changed. None if it knows nothing of the cluster (any more)."""
        if self.uuid is None:
            return None
        self.cluster = self.magnum.cluster(self.uuid)
        self.groups = self.magnum.brief_groups(self.uuid) if self.cluster else ()
        if self.cluster:
            version = f", Kubernetes {self.cluster.version}" if self.cluster.version else ""
            address = ", API address known" if self.cluster.under_way and self.cluster.api_address else ""
            self.tell("cluster", f"Magnum: {self.cluster.status}{address}{version}")
        return self.cluster

    def group(self, name: str) -> NodeGroup | None:
        """The node group of that name, as last heard."""
        return next((group for group in self.groups if group.name == name), None)

    def tell(self, subject: str, text: str, kind: Kind = Kind.PROGRESS, *, about: str = "") -> None:
        """Say it, unless it was the last that was said of this subject (and what `about` it)."""
        with self._lock:
            if self._told.get((subject, about)) == text:
                return
            self._told[(subject, about)] = text
        self._say(Event(kind, self.name, subject, text))

    def wait(self, done: Callable[[], bool], what: Callable[[], str]) -> None:
        """Look again and again until `done`. HubfleetError when time is up; `what` says what is missing then."""
        since = self.patience.clock.now()
        while True:
            before = (self.cluster, self.groups)
            self.look()
            if done():
                return
            if self.patience.over_by(GRACE):
                raise self.overdue(what(), Layer.MAGNUM)
            if (self.cluster, self.groups) != before:
                since = self.patience.clock.now()
            self.patience.clock.sleep(pause(self.patience.clock.now() - since, least=LEAST))

    def overdue(self, what: str, layer: Layer, remedy: str = "") -> HubfleetError:
        """Time is up. What hangs somewhere is told before what merely takes long."""
        stuck = next(((subject, stage) for subject, stage in dict(self.stages).items() if stage.stuck), None)
        if stuck is None:
            return late(self, what, layer, remedy)
        subject, stage = stuck
        return late(self, f"{subject.replace('/', ' ')}: {stage.text}", stage.layer, stage.remedy)

    def wait_known(self) -> None:
        """Until Magnum knows the cluster that it promised. CloudError if it does not within two minutes."""
        end = self.patience.clock.now() + UNKNOWN
        while self.look() is None:
            if self.patience.clock.now() > end:
                raise CloudError(
                    f"Magnum took the request for the cluster {self.name} and knows nothing of it",
                    why=f"GET /clusters/{self.uuid} answers 404 for {UNKNOWN:.0f} s; its conductor may be down",
                    remedy="apply again; if it happens again, tell the cloud's operators",
                    layer=Layer.MAGNUM,
                )
            self.patience.clock.sleep(LEAST)

    def wait_gone(self, subject: str) -> None:
        """Until the cluster is deleted. CloudError if Magnum fails to."""

        asked = self.patience.clock.now()

        def gone() -> bool:
            nonlocal asked
            if self.cluster and self.patience.clock.now() - asked > AGAIN:
                asked = self.patience.clock.now()
                self.magnum.delete_cluster(self.cluster.uuid)
            if self.cluster and self.cluster.status == "DELETE_FAILED":
                raise CloudError(
                    f"Magnum failed to delete the cluster {self.name}",
                    why=self.cluster.reason or "it gives no reason",
                    remedy="run the same command again; if it fails again, tell the cloud's operators its UUID, "
                    f"{self.uuid}",
                    layer=Layer.MAGNUM,
                )
            return self.cluster is None or self.cluster.status == "DELETE_COMPLETE"

        self.tell(subject, "asked Magnum to delete it")
        self.wait(gone, lambda: f"the cluster {self.name} is still there")


_GO_ON = "apply again: it goes on waiting; a first cluster at a site can take hours (--timeout)"


def late(view: View, what: str, layer: Layer, remedy: str = "") -> HubfleetError:
    """Time is up. `remedy`: what would help before applying again."""
    cluster = view.cluster
    said = f"Magnum says {cluster.status}" if cluster else "Magnum knows no such cluster"
    reason = (cluster.reason or "; ".join(filter(None, cluster.faults.values()))) if cluster else ""
    return HubfleetError(
        f"{what} after {view.patience.told}",
        why=f"{said}: {reason}" if reason else said,
        remedy=f"{remedy}; then {_GO_ON}" if remedy else _GO_ON,
        layer=layer,
    )
