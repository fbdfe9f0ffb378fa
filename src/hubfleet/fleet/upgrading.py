"""`upgrade`: a cluster goes to another Kubernetes, and its users are waited for before their nodes go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from hubfleet import hubs
from hubfleet.engine import rollout, servers
from hubfleet.engine.ground import Way, ground
from hubfleet.engine.leases import Hold
from hubfleet.engine.run import Clock, Job
from hubfleet.errors import CloudError
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.fleet.access import Access, access, first_line, kept
from hubfleet.fleet.applying import Outcome, carry_out, outcome, recorded
from hubfleet.fleet.loading import Target
from hubfleet.plan import Plan
from hubfleet.plan.releases import CLUSTER
from hubfleet.plan.upgrades import Wish

_ANSWER = 900.0
"""Seconds for one hub, at most, to answer again."""


def plan_upgrade(target: Target, wish: Wish, watch: Watch) -> Plan:
    """The hops to what is wished for, and who would notice. UsageError if the site does not have it, Refused where
    there is no way."""
    stands_on = ground(target.description, watch, target.clouds)
    with access(stands_on, target.cluster.name, watch) as opened:
        steps = stands_on.upgrade(wish, lambda: kept(opened))
        notes = tuple(_notes(opened)) if steps else ()
    return Plan(target.cluster.name, steps, notes=notes)


def _notes(opened: Access) -> Iterator[str]:
    try:
        running = servers.running(opened.doors().kube)
    except CloudError as error:
        yield f"who has a server running cannot be seen ({first_line(error)})"
        return
    if running:
        yield f"{servers.told(running)} run now: they stop when their node goes, homes stay"


def upgrade(
    target: Target,
    made: Plan,
    say: Say,
    watch: Watch,
    *,
    timeout: float,
    patience: float,
    hold: Hold | None = None,
) -> Outcome:
    """Make it so. `patience`: seconds during which users' servers are waited for before the first node goes; `timeout`:
    seconds for the whole after that. Ends when every hub that was there answers again. The same call goes on."""
    stands_on = ground(target.description, watch, target.clouds)
    with recorded(target, "upgrade", say) as journal, access(stands_on, made.cluster, watch) as opened:
        way = Way(journal, watch, Clock(), timeout, hold)
        carry_out([Job("users", partial(_wait_for_users, opened, way, made.cluster, patience))], way, made.cluster)
        hops = stands_on.upgrade_jobs(made.steps, way)
        last = frozenset(job.id for job in hops)
        jobs = [*hops, *(replace(job, needs=last) for job in _hubs(target, opened, way))]
        carry_out(jobs, way, made.cluster)
    return outcome(made, "upgrade", watch)


def _wait_for_users(opened: Access, way: Way, cluster: str, patience: float) -> str:
    def tell(text: str) -> None:
        way.say(Event(Kind.PROGRESS, cluster, "users", text))

    with way.watch.waiting("users"):
        still = servers.wait_for_users(lambda: opened.doors().kube, tell, way.clock, patience=patience)
    if still:
        text = f"{servers.told(still)} still run and will stop when their node goes"
        way.say(Event(Kind.WARNING, cluster, "users", text))
    return servers.told(still)


def _hubs(target: Target, opened: Access, way: Way) -> Iterator[Job]:
    """A job for each hub that is installed: until it answers."""
    kube = opened.doors().kube
    ours = {(record.namespace, record.release) for record in kube.records() if CLUSTER in record.labels}
    for release in target.without_secrets().releases():
        if (release.namespace, release.name) in ours:
            yield Job(f"release/{release.name}", partial(_answers, release, opened, way))


def _answers(release: hubs.Release, opened: Access, way: Way) -> str:
    def tell(kind: Kind, text: str) -> None:
        way.say(Event(kind, opened.cluster, f"release/{release.name}", text))

    with way.watch.waiting("pods"):
        wait = rollout.Rollout(release, opened.doors().kube, tell, way.clock, timeout=min(_ANSWER, way.timeout))
        health = wait.wait()
    return f"JupyterHub {health.version} answers" if health else "its pods run"


def wish(target: Target, kubernetes: str | None, template: str | None) -> Wish:
    """What the command line wishes for; without anything there, what the file says."""
    if template or kubernetes:
        return Wish(kubernetes or "", template or "")
    return Wish(template=getattr(target.cluster.provider.settings, "template", ""))
