"""A new application credential for a cluster: Magnum makes it, and what uses it in the cluster gets to know it.

Magnum's driver puts the new one into the management cluster and deletes the old one at once (magnum-capi-helm 1.4
driver.py:1360). From there the site's addon provider writes it into the Secret `cloud-config` of the cluster
(capi-helm-charts, cluster-addons, openstack/cloud-config.yaml); the cloud controller manager and the CSI driver read it
when they start, and the chart's Reloader, which would restart them, is off by default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hubfleet.engine import keeping
from hubfleet.engine.nodes import OpenKube
from hubfleet.engine.run import pause
from hubfleet.engine.way import Way
from hubfleet.errors import CloudError, Layer, Refused
from hubfleet.events import Event, Kind
from hubfleet.plan.frozen import refuse_foreign
from hubfleet.plan.kept import Kept
from hubfleet.plan.requests import MARK
from hubfleet.tools.kube import Controller, Kube
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.magnum import Cluster, Magnum
from hubfleet.tools.openstack import Credential

NEEDED = (1, 12)
"""Microversion."""
SECRET = "cloud-config"  # noqa: S105 (its name)


@dataclass(frozen=True)
class Rotated:
    """What became of a rotation. `credential`: the new one's name; `restarted`: what has it now; `left`: what is still
    to be done by hand."""

    cluster: str
    credential: str
    restarted: tuple[str, ...]
    left: tuple[str, ...]


def rotate(
    magnum: Magnum,
    name: str,
    open_kube: OpenKube,
    way: Way,
    kept: Callable[[], Kept] = Kept,
    *,
    adopt: bool = False,
) -> Rotated:
    """Have the cluster's application credential made anew, and restart what uses it. Refused where Magnum cannot, or
    the cluster is not hubfleet's: neither made by it nor, as `kept` tells, adopted; unless `adopt` makes it so. That is
    the way to take over another user's cluster: Magnum gives a kubeconfig to its owner alone."""
    there = magnum.cluster(name)
    if there is None:
        raise CloudError(f"there is no cluster {name}", remedy="hubfleet apply makes it", layer=Layer.MAGNUM)
    foreign = MARK not in there.labels
    refuse_foreign(there, kept() if foreign and not adopt else Kept(), adopt=adopt)
    _refuse(magnum, there)
    before = {one.id for one in _of(magnum, there)}
    _tell(way, name, "asked Magnum for a new application credential")
    with way.watch.waiting("Magnum"):
        magnum.rotate_credential(there.uuid)
        after = magnum.cluster(there.uuid) or there
    if after.failed:
        raise CloudError(
            f"Magnum could not make a new application credential for {name}",
            why=after.reason,
            remedy="the old one is still in use; `hubfleet apply` settles the cluster, then try again",
            layer=Layer.DRIVER,
        )
    new = next((one for one in _of(magnum, there) if one.id not in before), None)
    if new is None:
        raise CloudError(
            f"Magnum says that it rotated the credential of {name}, and there is no new one",
            why="no application credential of ours bears the cluster's UUID that was not there before",
            remedy="see `openstack application credential list`, and tell the cloud's operators",
            layer=Layer.MAGNUM,
        )
    _tell(way, name, f"the new one is {new.name}")
    with open_kube(kubeconfig(magnum, after)) as kube:
        if foreign and adopt:
            keeping.adopt(kube)
        restarted, left = _spread(kube, name, new, way)
    return Rotated(name, new.name, restarted, (*filter(None, [after.reason]), *left))


def _refuse(magnum: Magnum, there: Cluster) -> None:
    if magnum.microversion < NEEDED:
        raise Refused(
            f"the Magnum of {magnum.cloud.name} cannot make new credentials for its clusters",
            why="it speaks microversion {}.{}; that needs {}.{}".format(*magnum.microversion, *NEEDED),
            remedy="ask the cloud's operators for a newer Magnum; the present credential goes on",
            layer=Layer.MAGNUM,
        )
    if there.under_way or not there.api_address:
        raise Refused(
            f"Magnum is at work on {there.name} ({there.status})",
            why="a new credential in the middle of that might be used by half of it",
            remedy="wait until `hubfleet status` is well, then run the same command again",
            layer=Layer.MAGNUM,
        )
    credential = magnum.cloud.token().credential
    if credential and credential.restricted:
        raise Refused(
            f"the application credential {credential.name} is restricted",
            why="with it, Magnum may not make another one",
            remedy="put an unrestricted one into clouds.yaml: openstack application credential create --unrestricted",
            layer=Layer.CREDENTIAL,
        )


def _of(magnum: Magnum, there: Cluster) -> list[Credential]:
    """The cluster's credentials that are ours (magnum-capi-helm 1.4 common/app_creds.py:66)."""
    return [one for one in magnum.cloud.application_credentials() if one.name.startswith(f"magnum-{there.uuid}-")]


def _spread(kube: Kube, name: str, new: Credential, way: Way) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was restarted, and what is left to do."""
    users = kube.using(SECRET)
    if not users:
        return (), ()
    named = tuple(f"{one.kind} {one.namespace}/{one.name}" for one in users)
    if not _wait(way, lambda: _arrived(kube, new), f"the Secret {SECRET} does not have it yet", name):
        todo = f"the Secret {SECRET} still has the old credential: the site's addon provider writes it; once it has,"
        return (), (f"{todo} restart {', '.join(named)}",)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    for one in users:
        kube.restart(one, at)
        _tell(way, name, f"restarted {one.kind} {one.namespace}/{one.name}")
    if not _wait(way, lambda: _settled(kube), "their pods are not ready yet", name):
        return named, (f"pods are not ready: {', '.join(_of_users(kube.using(SECRET)))}",)
    return named, ()


def _arrived(kube: Kube, new: Credential) -> bool:
    found = kube.secrets_named(SECRET).values()
    return bool(found) and all(new.id in "".join(data.values()) for data in found)


def _settled(kube: Kube) -> bool:
    return all(one.settled for one in kube.using(SECRET))


def _of_users(users: tuple[Controller, ...]) -> list[str]:
    return [f"{one.kind} {one.namespace}/{one.name}" for one in users if not one.settled]


def _wait(way: Way, over: Callable[[], bool], still: str, name: str) -> bool:
    """Whether it came true in time."""
    began, told = way.clock.now(), False
    with way.watch.waiting("Kubernetes"):
        while not over():
            waited = way.clock.now() - began
            if waited > way.timeout:
                return False
            if not told and waited > 3:
                told = True
                _tell(way, name, still)
            way.clock.sleep(pause(waited, least=0.3))
    return True


def _tell(way: Way, name: str, text: str) -> None:
    way.say(Event(Kind.PROGRESS, name, "credential", text))
