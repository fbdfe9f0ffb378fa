"""Makes the steps of a cluster of Magnum come true: who asks Magnum, who watches Kubernetes, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hubfleet.engine.audit import Auditor
from hubfleet.engine.homes import clear, keep
from hubfleet.engine.leases import Hold
from hubfleet.engine.magnum_requests import Requests
from hubfleet.engine.magnum_view import Patience, View
from hubfleet.engine.nodes import Nodes, OpenKube
from hubfleet.engine.removal import Removal
from hubfleet.engine.run import Clock, Job
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.plan.infrastructure import ClusterWork, PoolWork
from hubfleet.plan.leftovers import Item
from hubfleet.plan.steps import Action, Step
from hubfleet.provider import MagnumCluster
from hubfleet.tools.kube import Kube
from hubfleet.tools.magnum import Magnum

BALANCERS = 300.0
"""Seconds that a cloud may take to take load balancers away."""


def jobs(
    steps: Sequence[Step],
    magnum: Magnum,
    *,
    kube: OpenKube,
    say: Say,
    watch: Watch,
    clock: Clock,
    timeout: float,
    hold: Hold | None = None,
) -> tuple[Job, ...]:
    """The jobs for the steps "cluster" and "pool/…" of a plan, to be run (engine.run) together with those of the
    releases, on the same `clock`.

    A step that needs a release waits for it: users are told to choose another pool before theirs goes.

    "cluster" is over when its Kubernetes API answers, "pool/NAME" when its nodes are ready there. One more, "magnum",
    makes all requests, one after another, heals conflicts, and is over when Magnum has nothing under way. `hold` is
    taken as soon as the API answers.
    """
    busy = [step for step in steps if step.action is not Action.KEEP]
    if not busy:
        return ()
    work = next(step.work for step in steps if isinstance(step.work, ClusterWork))
    patience = Patience(clock, watch, timeout)
    view = View(magnum, work.desired.name, say, patience)
    nodes = Nodes(view, kube, hold)
    first = frozenset(need for step in busy for need in step.needs if need.startswith("release/"))
    made = [Job("magnum", Requests(view, busy, nodes.registered, hold).run, first)]
    for step in busy:
        match step.work:
            case ClusterWork():
                made.append(Job(step.id, nodes.api))
            case PoolWork() as pool:
                wait = nodes.anew if step.action is Action.REPLACE else nodes.pool
                made.append(Job(step.id, partial(wait, step.id, pool)))
            case other:
                raise TypeError(f"{step.id} has no work that Magnum could do: {type(other).__name__}")
    return tuple(made)


def destroy(
    desired: MagnumCluster,
    magnum: Magnum,
    uuid: str,
    *,
    kube: Kube | None,
    homes: bool,
    say: Say,
    watch: Watch,
    clock: Clock,
    timeout: float,
) -> tuple[Item, ...]:
    """Deletes the cluster, waits until it is gone, and gives what is left of it in the cloud (best: nothing). What
    people keep on it stays, unless `homes` go too.

    `uuid` is of the one that was found to be hubfleet's: nothing to do if it is gone, and another of its name stays.
    `kube` None: its API does not answer.
    """
    there = magnum.cluster(uuid)
    if there is None:
        return ()

    def tell(kind: Kind, text: str) -> None:
        say(Event(kind, desired.name, "cluster", text))

    if not homes:
        keep(magnum, there, kube)  # again: hubs ran until now, and people may have come
    if kube is not None:
        with watch.waiting("Kubernetes"):
            Removal(kube, "", partial(tell, Kind.PROGRESS), clock, timeout=BALANCERS).balancers()
    view = View(magnum, desired.name, say, Patience(clock, watch, timeout))
    if there.status not in {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"}:
        magnum.delete_cluster(there.uuid)
    view.follow(there.uuid)
    with watch.waiting("Magnum"):
        view.wait_gone("cluster")
    with watch.waiting("OpenStack"):
        clear(magnum, there, tell, clock, homes=homes)
        found, unseen = Auditor(magnum).found()
    left = found.by({there.uuid, there.release or there.uuid}).left
    for item in left:
        tell(Kind.WARNING, f"left in the cloud: {item.title}")
    for what in unseen:
        tell(Kind.WARNING, f"what is left in the cloud cannot all be seen: {what}")
    return left
