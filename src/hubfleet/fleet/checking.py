"""`check`: whether what is there also works."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from hubfleet import hubs
from hubfleet.checks import hub as hub_check
from hubfleet.checks import notebook as notebooks
from hubfleet.checks.notebook import Notebook
from hubfleet.checks.pods import Trouble
from hubfleet.engine import entries, names, trial
from hubfleet.engine.binder_trial import REPOSITORY, BinderTrial
from hubfleet.engine.ground import ground
from hubfleet.engine.leases import Hold
from hubfleet.engine.names import HostName
from hubfleet.engine.probe import Probed
from hubfleet.engine.run import Clock
from hubfleet.engine.trial import Trial
from hubfleet.engine.trying import Step, Tried
from hubfleet.engine.way import Way
from hubfleet.errors import HubfleetError, Layer, Refused, UsageError
from hubfleet.events import Event, Kind, Say
from hubfleet.fleet.access import Access, access
from hubfleet.fleet.loading import Target
from hubfleet.hubs.release import SECRET
from hubfleet.hubs.tester import TOKEN, USER
from hubfleet.spec.trees import at
from hubfleet.tools.binder import Binder
from hubfleet.tools.hub import Hub
from hubfleet.words import counted

_PROOF = 300.0
"""Seconds that a server may take to start after an apply: an image may have to be fetched."""
SIDE_BY_SIDE = 8
"""Hubs of a cluster that are checked at a time."""


class Depth(StrEnum):
    """How far a hub is checked: it answers; a server starts and stops; a notebook and a file work on it, too."""

    ANSWERS = "answers"
    STARTS = "starts"
    WORKS = "works"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at ("hub main", "pool user"): whether it works, what was seen, and else why not.
    `steps` that went well, with the seconds that each took."""

    subject: str
    well: bool
    seen: str
    trouble: Trouble | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Checked:
    """Everything that was looked at."""

    cluster: str
    checks: tuple[Check, ...]
    well: bool
    names: tuple[HostName, ...] = ()
    """Of the hubs that were looked at: their DNS records, and what they and their certificates lack."""


def check(
    target: Target,
    *,
    depth: Depth = Depth.WORKS,
    notebook: Notebook | None = None,
    repository: str = REPOSITORY,
    say: Say = lambda _: None,
    within: float = 600,
    clock: Clock | None = None,
) -> Checked:
    """Whether each of the hubs that are meant works, side by side, each within so many seconds (what was made for it
    goes after that), by running this notebook (None: a small one), on a binder hub in what this repository (as it
    stands in the address of a launch) becomes. Raises only where the cluster cannot be asked, or
    the person ends it: then with nothing left, too."""
    wanted = [release for release in target.without_secrets().releases() if release.hub]
    clock = clock or Clock()
    with access(ground(target.description), target.cluster.name) as opened, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        opened.doors()
        name = target.cluster.name
        checker = _Checker(name, opened, depth, notebook or notebooks.BUILT_IN, say, within, clock, repository)
        futures = [pool.submit(checker.check, release) for release in wanted]
        try:
            while wait(futures, timeout=0.5, return_when=FIRST_EXCEPTION).not_done:
                pass  # with a time-out: a signal that comes in the moment before a wait is only seen after it
        except BaseException:  # Ctrl-C, or SIGTERM: the threads tidy up, and the pool waits for them
            clock.stop()
            raise
        tried = tuple(future.result() for future in futures)
        known = names.look(wanted, opened.doors().kube)
        return replace(_checked(target, (*tried, *_certificates(known))), names=known)


def _certificates(known: Sequence[HostName]) -> Iterator[Check]:
    """The names whose certificates are missing: browsers show people a warning, or nothing."""
    for name in known:
        if name.certificate is not None:
            yield Check(f"name {name.host}", well=False, seen="", trouble=name.certificate)


def prove(release: hubs.Release, opened: Access, way: Way) -> str:
    """That a user's server starts on a hub that answers, for `apply`; what was seen, in words. Where its values leave
    no way to try, nothing is. HubfleetError with the layer that is to blame; Refused if somebody else tries it."""
    within = min(way.timeout, _PROOF)
    checker = _Checker(opened.cluster, opened, Depth.STARTS, notebooks.BUILT_IN, way.say, within, way.clock)
    hindered = checker.hindrance(release)
    if hindered is not None:
        return f"not tried: {hindered.what}"
    with way.watch.waiting("pods"):
        seen = checker.tried(release)
    if seen.trouble is not None:
        trouble = seen.trouble
        ill = "does not work" if release.hub_url else "starts no user's server"
        what = f"{release.subject} {ill}: {trouble.what}"
        raise HubfleetError(what, why=trouble.why, remedy=trouble.remedy, layer=trouble.layer)
    return "BinderHub, its registry and its JupyterHub answer" if release.hub_url else "a user's server starts"


def check_autoscaling(target: Target, pools: Sequence[str], say: Say, hold: Hold, *, within: float) -> Checked:
    """Whether each of these pools (none: all that scale and run users) grows for a pod that waits within so many
    seconds, and shrinks after."""
    chosen = [_known(target, name) for name in pools] or scaling_pools(target)
    if not chosen:
        raise UsageError(
            f"{target.cluster.file} has no pool for users that scales by itself",
            remedy="give one a least and a most: `nodes: {min: 1, max: 3}`, or name a pool: --pool NAME",
        )
    stands_on = ground(target.description)
    found: list[Check] = []
    with access(stands_on, target.cluster.name) as opened:
        for name in chosen:
            hold.check()
            found.append(_pool(stands_on.probe(name, opened.doors().kube, _teller(target, name, say), within)))
    return _checked(target, tuple(found))


def scaling_pools(target: Target) -> list[str]:
    """The pools for users that scale by themselves."""
    pools = target.cluster.pools.items()
    return [name for name, pool in pools if "users" in pool.runs and not pool.nodes.fixed]


def _known(target: Target, name: str) -> str:
    if name not in target.cluster.pools:
        raise UsageError(
            f"{target.cluster.file} has no pool {name!r}", remedy=f"it has: {', '.join(target.cluster.pools)}"
        )
    return name


def _teller(target: Target, pool: str, say: Say) -> Callable[[str], None]:
    return lambda text: say(Event(Kind.PROGRESS, target.cluster.name, f"pool/{pool}", text))


def _checked(target: Target, checks: tuple[Check, ...]) -> Checked:
    return Checked(target.cluster.name, checks, all(one.well for one in checks))


@dataclass(frozen=True)
class _Checker:
    cluster: str
    opened: Access
    depth: Depth
    notebook: Notebook
    say: Say
    within: float
    clock: Clock
    repository: str = REPOSITORY

    def check(self, release: hubs.Release) -> Check:
        """As far as the depth says."""
        try:
            return self.tried(release)
        except Refused as error:
            trouble = Trouble(Layer.KUBERNETES, error.what, error.why, error.remedy)
            return Check(f"hub {release.hub}", well=False, seen="", trouble=trouble)

    def tried(self, release: hubs.Release) -> Check:
        """The same; Refused while somebody else tries this hub."""
        answers, address = self._answers(release)
        if not answers.well or self.depth is Depth.ANSWERS:
            return answers
        trouble = self.hindrance(release)
        if trouble is not None:
            return replace(answers, well=False, trouble=trouble)
        tried = self._binder_tried(release, address) if release.hub_url else self._hub_tried(release, address)
        return replace(answers, well=tried.trouble is None, trouble=tried.trouble, steps=(*answers.steps, *tried.steps))

    def _hub_tried(self, release: hubs.Release, address: str) -> Tried:
        door = Hub(address, release.door, self._token(release), USER)
        try:
            with self._alone(release):
                return self._trial(release, door).run()
        finally:
            door.close()

    def _binder_tried(self, release: hubs.Release, address: str) -> Tried:
        """A repository is built and launched only where that takes no login."""
        binder = Binder(address, release.url)
        launches = self.depth is Depth.WORKS and not at(release.values, ("config", "BinderHub", "auth_enabled"))
        repository, tell = (self.repository if launches else None), self._teller(release)

        def server(url: str, token: str) -> Hub:
            return Hub(address, url.partition("/user/")[0], token, USER)

        try:
            trial = BinderTrial(binder, repository, self.notebook, server, tell, self.within, self.clock)
            return trial.run()
        finally:
            binder.close()

    def hindrance(self, release: hubs.Release) -> Trouble | None:
        """Why a hub cannot be tried at all."""
        return None if release.hub_url else _hindrance(release, self._token(release))

    def _token(self, release: hubs.Release) -> str:
        return (self.opened.doors().kube.secret(release.namespace, SECRET) or {}).get(TOKEN.key, "")

    def _trial(self, release: hubs.Release, door: Hub) -> Trial:
        notebook = self.notebook if self.depth is Depth.WORKS else None
        tell = self._teller(release)
        return Trial(door, self.opened.doors().kube, release.namespace, notebook, tell, self.within, self.clock)

    def _answers(self, release: hubs.Release) -> tuple[Check, str]:
        subject = f"hub {release.hub}"
        address = entries.address(release, self.opened.doors().kube)
        if not address:
            trouble = Trouble(Layer.NETWORK, "it has no load balancer's address", "", "hubfleet apply; hubfleet status")
            return Check(subject, well=False, seen="", trouble=trouble), ""
        health = hub_check.answers(address, release.door)
        if not health.answers:
            remedy = "hubfleet apply waits for it and says what its pods lack"
            trouble = Trouble(health.layer or Layer.HUB, health.why, "", remedy)
            return Check(subject, well=False, seen="", trouble=trouble), address
        seen = f"JupyterHub {health.version} answers in {1000 * health.seconds:.0f} ms"
        return Check(subject, well=True, seen=seen, steps=(Step("answers", health.seconds),)), address

    @contextmanager
    def _alone(self, release: hubs.Release) -> Generator[None]:
        """There is one test user: two checks of a hub go one after the other. Refused if that takes too long."""
        me = f"{_who()}@{socket.gethostname()}:{os.getpid()}"
        hold = Hold(f"{self.cluster}.check.{release.hub}", me, secrets.token_hex(8))
        tell, end, told = self._teller(release), self.clock.now() + self.within, False
        while not hold.taken:
            try:
                hold.take(self.opened.doors().kube)
            except Refused:
                if self.clock.now() >= end:
                    raise
                if not told:
                    tell("waiting for another check of this hub, or for one that was killed, for a minute at most")
                    told = True
                self.clock.sleep(2)
        try:
            yield
        finally:
            hold.release()

    def _teller(self, release: hubs.Release) -> Callable[[str], None]:
        return lambda text: self.say(Event(Kind.PROGRESS, self.cluster, f"hub/{release.hub}", text))


def _who() -> str:
    with suppress(KeyError, OSError):
        return getpass.getuser()
    return f"user {os.getuid()}"


def _hindrance(release: hubs.Release, token: str) -> Trouble | None:
    """Why a hub cannot be tried at all."""
    if trial.shared(release.jupyterhub):
        return Trouble(
            Layer.STORAGE,
            "no server of a test user's is started: the homes' claim has one name for everybody",
            "JupyterHub deletes the claim with the user, whoever else has a home on it",
            "give each user a claim (singleuser.storage.dynamic.pvcNameTemplate with {user_server}), or check --quick",
        )
    replaced = [key for key in ("services", "load_roles") if key in _jupyterhub(release)]
    if replaced:
        what = f"the hub's values replace the service of hubfleet's test user: hub.config.JupyterHub.{replaced[0]}"
        remedy = "write hub.services and hub.loadRoles instead, which are merged with it"
        return Trouble(Layer.HUB, what, "the chart puts what hub.config says in the place of its own", remedy)
    if not token:
        what = "the hub has no token for hubfleet's test user yet"
        return Trouble(Layer.HUB, what, "an older hubfleet applied it, or its values replace it", "hubfleet apply")
    return None


def _jupyterhub(release: hubs.Release) -> Mapping[str, Any]:
    """What the values say of JupyterHub itself, where they say so in a map."""
    found = at(release.jupyterhub, ("hub", "config", "JupyterHub"))
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _pool(probed: Probed) -> Check:
    parts = [counted(probed.before, "node")]
    if probed.grew is not None:
        parts.append(f"grew to {probed.most} in {probed.grew:.0f} s")
    if probed.shrank is not None:
        parts.append(f"shrank again in {probed.shrank:.0f} s")
    return Check(f"pool {probed.pool}", probed.trouble is None, ", ".join(parts), probed.trouble)
