"""One writer per cluster, across machines: a Lease in the cluster, which ends by itself when its holder dies.

The API server's clock is everybody's, so that machines whose clocks differ agree on what has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from hubfleet.errors import CloudError, Layer, Refused
from hubfleet.tools.kube import Kube, Lease

NAMESPACE = "kube-system"
LASTS = 60
"""Seconds after which a Lease that nobody renews has ended."""
EVERY = 10.0
"""Seconds between two renewals."""
_TRIES = 5


class Hold:
    """A writer's hold on a cluster; threads may share it.

    `holder` tells people who it is ("ada@laptop:4711"). `place` is one for all hubfleets that a lock of the kernel
    already keeps apart: a Lease of the same place is one whose holder has died. `breaks` names a holder whose Lease is
    to be taken from him.
    """

    def __init__(self, cluster: str, holder: str, place: str, *, breaks: str = "", every: float = EVERY) -> None:
        self.cluster, self.holder, self.place = cluster, holder, place
        self._breaks, self._every = breaks, every
        self._lock, self._end = threading.Lock(), threading.Event()
        self._kube: Kube | None = None
        self._lost: Refused | None = None
        self._stop: Callable[[], None] = lambda: None

    @property
    def taken(self) -> bool:
        """Whether the Lease was taken."""
        return self._kube is not None

    def take(self, kube: Kube) -> None:
        """Take the Lease and renew it from now on; nothing to do if it is taken. `kube` is used until the end. Refused
        with who holds it, since when, and how to break it; CloudError if the API does not answer."""
        with self._lock:
            if self._kube is None:
                self._take(kube)
                self._kube = kube
                threading.Thread(target=self._renewing, args=(kube,), name="lease", daemon=True).start()

    def on_loss(self, stop: Callable[[], None]) -> None:
        """Call this when somebody takes the Lease away."""
        self._stop = stop
        if self._lost is not None:
            stop()

    def check(self) -> None:
        """Refused if somebody took the Lease away."""
        if self._lost is not None:
            raise self._lost

    def forget(self) -> None:
        """The cluster goes, and its Lease with it."""
        self._end.set()

    def release(self) -> None:
        """Let go, so that the next writer need not wait. An API that is gone does not matter."""
        kube = None if self._end.is_set() else self._kube
        self._end.set()
        if kube is None or self._lost is not None:
            return
        with self._lock:
            try:
                there = kube.lease(NAMESPACE, self._name)
                if there is not None and self._ours(there):
                    kube.delete("Lease", NAMESPACE, self._name)
            except CloudError:
                return

    @property
    def _name(self) -> str:
        return f"hubfleet-{self.cluster}"

    def _ours(self, there: Lease) -> bool:
        return (there.holder, there.place) == (self.holder, self.place)

    def _take(self, kube: Kube) -> None:
        for _ in range(_TRIES):
            there, now = kube.lease(NAMESPACE, self._name), kube.now()
            if there is not None and not self._free(there, now):
                raise held(self.cluster, there, now)
            version = there.version if there else ""
            wanted = Lease(self._name, NAMESPACE, self.holder, self.place, LASTS, now, now, version)
            if kube.put_lease(wanted) is not None:
                return
        raise CloudError(
            f"the lock of the cluster {self.cluster} changes hands all the time",
            why=f"{_TRIES} times somebody else was quicker",
            remedy="see who works on this cluster at the same time, then run the same command again",
            layer=Layer.KUBERNETES,
        )

    def _free(self, there: Lease, now: float) -> bool:
        """Nobody's; ended; or of a hubfleet of this place, which is dead, since the kernel gave its lock to us."""
        ended = now >= there.renewed + there.lasts
        return not there.holder or ended or there.place == self.place or there.holder == self._breaks

    def _renewing(self, kube: Kube) -> None:
        while not self._end.wait(self._every):
            try:
                with self._lock:
                    self._renew(kube)
            except CloudError:
                continue  # a control plane that is being replaced: nobody can take the Lease through it either
            if self._lost is not None:
                self._stop()
                return

    def _renew(self, kube: Kube) -> None:
        there = kube.lease(NAMESPACE, self._name)
        if self._end.is_set():
            return
        if there is None or self._ours(there):
            now = kube.now()
            fresh = Lease(self._name, NAMESPACE, self.holder, self.place, LASTS, now, now)
            kube.put_lease(replace(there, renewed=now) if there else fresh)
        else:
            self._lost = _lost(self.cluster, there)


def held(cluster: str, there: Lease, now: float) -> Refused:
    """Somebody else is at this cluster."""
    left = max(0.0, there.renewed + there.lasts - now)
    return Refused(
        f"{cluster} is being changed by {there.holder}",
        why=f"one cluster has one writer at a time; that one has its lock since {_time(there.acquired)} "
        f"({now - there.acquired:.0f} s) and renewed it {now - there.renewed:.0f} s ago",
        remedy="wait until it is done (hubfleet status looks without changing); if it is dead, the lock ends by itself "
        f"in {left:.0f} s; to take it from one that hangs: --break-lock {there.holder}",
        layer=Layer.KUBERNETES,
    )


def _lost(cluster: str, there: Lease) -> Refused:
    return Refused(
        f"{there.holder} took the lock of {cluster} over while this run was at it",
        why=f"at {_time(there.acquired)}: by --break-lock, or since this machine had not renewed it for {LASTS} s",
        remedy="nothing more is done here; see what that one does, then run the same command again: it goes on",
        layer=Layer.KUBERNETES,
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
