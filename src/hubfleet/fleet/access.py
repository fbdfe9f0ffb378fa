"""Getting at a cluster: one fresh kubeconfig for a verb's whole run, and the doors that use it."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubfleet.engine import keeping, kubeconfigs, releases
from hubfleet.engine.ground import Ground, ground
from hubfleet.errors import CloudError, HubfleetError, Layer, UsageError
from hubfleet.events import Watch
from hubfleet.fleet.loading import Target
from hubfleet.hubs.platform import grafana
from hubfleet.plan.kept import Kept
from hubfleet.tools import helm, process
from hubfleet.tools.helm import Helm
from hubfleet.tools.kube import Kube


@dataclass(frozen=True)
class Doors:
    """A cluster's API and Helm on it. `kubeconfig` is a private file that goes with the verb."""

    kubeconfig: Path
    kube: Kube
    helm: Helm


class Access:
    """Opens the doors once, when first asked; threads may share one. Close it, and the kubeconfig is gone."""

    def __init__(self, ground: Ground, cluster: str, watch: Watch | None = None) -> None:
        self.cluster, self._watch = cluster, watch
        self._ground, self._lock, self._stack = ground, threading.Lock(), ExitStack()
        self._doors: Doors | None = None

    def doors(self) -> Doors:
        """CloudError if there is no cluster to get at."""
        doors = self.doors_if_there()
        if doors is None:
            raise _not_there(self.cluster)
        return doors

    def doors_if_there(self) -> Doors | None:
        """None if there is no cluster, or its API has no address yet. CloudError if we may not get at it."""
        with self._lock:
            if self._doors is None:
                self._doors = self._open()
            return self._doors

    def close(self) -> None:
        """Forget the doors."""
        self._stack.close()

    def _open(self) -> Doors | None:
        text = self._ground.kubeconfig()
        if text is None:
            return None
        file = self._stack.enter_context(kubeconfigs.private_file(text))
        return Doors(file, self._stack.enter_context(Kube(text, watch=self._watch)), Helm(file))


@contextmanager
def access(ground: Ground, cluster: str, watch: Watch | None = None) -> Generator[Access]:
    """An Access that is closed at the end of the block; `watch` counts what its requests take."""
    opened = Access(ground, cluster, watch)
    try:
        yield opened
    finally:
        opened.close()


def kubeconfig(target: Target) -> str:
    """A fresh kubeconfig (text) of the cluster's administrator. CloudError if there is no cluster."""
    text = ground(target.description).kubeconfig()
    if text is None:
        raise _not_there(target.cluster.name)
    return text


def kept(opened: Access) -> Kept:
    """What hubfleet keeps in the cluster; nothing where there is none, or it does not answer."""
    try:
        doors = opened.doors_if_there()
        return keeping.read(doors.kube) if doors else Kept()
    except CloudError:
        return Kept()


def _not_there(cluster: str) -> CloudError:
    what = f"the cluster {cluster} is not there, or has no Kubernetes API yet"
    remedy = "hubfleet apply makes it; hubfleet status tells how far it is"
    return CloudError(what, remedy=remedy, layer=Layer.KUBERNETES)


def run_with_kubeconfig(target: Target, program: str, arguments: Sequence[str]) -> int:
    """Run kubectl or helm (the one that hubfleet itself runs) on the cluster, on this terminal; its exit code."""
    named = str(helm.find()) if program == "helm" else program
    with kubeconfigs.private_file(kubeconfig(target)) as file:
        return process.on_terminal([named, *arguments], env={**os.environ, "KUBECONFIG": str(file)})


def login(target: Target, hub: str) -> releases.Credentials:
    """How to log in to a hub. UsageError if the file has no such hub."""
    if hub not in target.cluster.hubs:
        known = ", ".join(target.cluster.hubs) or "none"
        raise UsageError(f"{target.cluster.file} has no hub {hub!r}", remedy=f"it has: {known}")
    resolved = target.resolved()
    wanted = next(release for release in resolved.releases() if release.hub == hub)
    with access(ground(target.description), target.cluster.name) as opened:
        return releases.credentials(wanted, opened.doors().kube)


def grafana_login(target: Target) -> releases.Credentials:
    """How to log in to the cluster's Grafana. UsageError if the file asks for none."""
    wanted = next((one for one in target.resolved().releases() if one.name == grafana.NAME), None)
    if wanted is None:
        raise UsageError(f"{target.cluster.file} has no Grafana", remedy="write `monitoring: {}` into it, and apply")
    with access(ground(target.description), target.cluster.name) as opened:
        return releases.grafana_credentials(wanted, opened.doors().kube)


def first_line(error: HubfleetError) -> str:
    """An error in one line."""
    return f"{error.layer}: {error.what}" if error.layer else error.what
