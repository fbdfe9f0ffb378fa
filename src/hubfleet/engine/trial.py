"""A hub tried as a user would: a server, a kernel, a notebook, a file; and nothing of it left after."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubfleet.checks import servers
from hubfleet.checks.notebook import Notebook
from hubfleet.checks.pods import USERS_SERVERS, Trouble
from hubfleet.engine.run import Clock
from hubfleet.engine.trying import Failed, Open, Steps, Tried, Work, asked
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.hubs.tester import SERVICE, USER
from hubfleet.spec.trees import at
from hubfleet.tools import kernel
from hubfleet.tools.hub import Hub
from hubfleet.tools.kube import Claim, Kube, Pod

HOPELESS = 15.0
"""Seconds after which an image that cannot be had is not waited for any more."""
GOES = 180.0
"""Seconds that server, pod and claim may take to go."""
TRIES = 3
"""Servers that are asked for where a node refuses the last one: its scheduler counts the room anew."""
_LOOK = 2.0
"""Seconds between two looks at the pod."""


class _Refused(Failed):
    """The node that the server was given did not take it."""


@dataclass
class Trial:
    """One hub's. `notebook` None: only a server is started and stopped. `clock` ends it when stopped; what was made
    goes all the same, by `patient`. `within` seconds for all but that."""

    hub: Hub
    kube: Kube
    namespace: str
    notebook: Notebook | None
    tell: Callable[[str], None]
    within: float
    clock: Clock = field(default_factory=Clock)
    patient: Clock = field(default_factory=Clock)
    connect: Open = kernel.connect
    _trouble: Trouble | None = field(default=None, init=False)
    _hindered: Trouble | None = field(default=None, init=False)
    """What hindered the server when its pod was seen last."""
    _end: float = field(default=0.0, init=False)

    def run(self) -> Tried:
        """Never raises for a hub that is unwell; Interrupted, with nothing left, when the clock is stopped."""
        self._end = self.clock.now() + self.within
        steps = Steps(self.clock, self.tell)
        try:
            if self._left():
                steps.do("leftovers", self._tidy)
            steps.do("user", self._make_user)
            steps.do("server", self._start)
            if self.notebook is not None:
                base = str(self._server().get("url") or f"/user/{USER}/")
                Work(self.hub, base, self.clock, self._end, self._log, self.connect).all(steps, self.notebook)
            steps.do("stop", self._stop)
        except (Failed, CloudError) as failure:
            self._trouble = self._told(failure)
        finally:
            self._clean(steps)
        return Tried(tuple(steps.done), self._trouble)

    def _clean(self, steps: Steps) -> None:
        try:
            steps.do("clean-up", self._tidy)
        except (Failed, CloudError) as failure:
            self._trouble = self._trouble or self._told(failure)

    def _told(self, failure: Failed | CloudError) -> Trouble:
        if isinstance(failure, Failed):
            return failure.trouble
        if failure.status in (401, 403):
            return Trouble(
                failure.layer or Layer.HUB,
                f"the hub does not let hubfleet's service {SERVICE} in",
                f"{failure.what}: {failure.why}".rstrip(": "),
                "hubfleet apply gives the hub that service; its values must not replace it: not hub.config.JupyterHub."
                "services and load_roles there, but hub.services and hub.loadRoles",
            )
        return Trouble(failure.layer or Layer.HUB, failure.what, failure.why, failure.remedy)

    # the user and the server

    def _server(self) -> Mapping[str, Any]:
        return asked(self.hub.server, self.patient)

    def _user(self) -> Mapping[str, Any] | None:
        return asked(self.hub.user, self.patient)

    def _make_user(self) -> str:
        self.hub.make_user()
        return "with a token of the hub's, not by its login"

    def _start(self) -> str:
        """KubeSpawner would wait until its time is over for a pod that its node refused, which never runs."""
        for _ in range(TRIES - 1):
            try:
                return self._started()
            except _Refused as refused:
                self.tell(f"asking for the server once more: {refused.trouble.why}")
                self._stop()
                self._delete_pod()  # a start that is interrupted leaves it there (KubeSpawner 7)
                self._until(lambda: self._pod() is None, "its pod")
        return self._started()

    def _started(self) -> str:
        self.hub.start()
        watched = _Progress(self.hub, self.tell)
        began, seen, since, looked = self.clock.now(), None, 0.0, 0.0
        while True:
            server = self._server()
            if server.get("ready"):
                pod = self._pod()
                return f"on {pod.node}" if pod else ""
            now = self.clock.now()
            if now - looked >= _LOOK:
                looked, pod = now, self._pod()
                trouble = servers.find(self.kube, pod, self._claims())
                if pod and not pod.deleting:
                    self._hindered = trouble
                if not _same(trouble, seen):
                    since = now
                    self.tell(f"{trouble.layer}: {trouble.what}" if trouble else "what hindered the server is over")
                seen = trouble
                if trouble and pod and pod.failed:
                    raise _Refused(trouble)
            if not server:
                raise Failed(seen or self._ended(watched.failure, self.clock.now() - began))
            if seen and _hopeless(seen) and now - since >= HOPELESS:
                raise Failed(seen)
            if now >= self._end:
                raise Failed(seen or _late(self.within))
            self.clock.sleep(0.5)

    def _ended(self, said: str, after: float) -> Trouble:
        """`after` so many seconds. Of a start that took too long the hub says little more than that."""
        last = self._hindered
        words = [said.strip()] if said.strip() not in ("", "Spawn failed:") else []
        words += [f"last seen to hinder it: {last.what}: {last.why}".rstrip(": ")] if last else []
        why = "; ".join(words) or f"the hub gave it up after {after:.0f} s, and does not say why"
        remedy = (last and last.remedy) or f"hubfleet kubectl -n {self.namespace} logs deploy/hub tells more"
        return Trouble(last.layer if last else Layer.SERVER, "the test user's server did not start", why, remedy)

    def _pod(self) -> Pod | None:
        found = [pod for pod in self.kube.pods(self.namespace, USERS_SERVERS) if pod.user == USER]
        return found[0] if found else None

    def _log(self) -> str:
        pod = self._pod()
        return self.kube.log(pod, pod.containers[0].name) if pod and pod.containers else ""

    def _claims(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.kube.claims(self.namespace) if claim.user == USER)

    # away with it

    def _left(self) -> bool:
        return self._user() is not None or self._pod() is not None or bool(self._claims())

    def _tidy(self) -> None:
        """The server, the user, and then what the hub has not taken away itself. A hub that does not answer is told
        after the rest has gone."""
        failure = None
        try:
            self._forget()
        except (CloudError, Failed) as failed:
            failure = failed
        self._delete_pod()
        for claim in self._claims():
            self.kube.delete("PersistentVolumeClaim", claim.namespace, claim.name)
        self._until(lambda: self._pod() is None and not self._claims(), "its pod and its home")
        if failure is not None:
            raise failure

    def _delete_pod(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.kube.delete("Pod", pod.namespace, pod.name)

    def _forget(self) -> None:
        if self._user() is None:
            return
        self._stop()
        self.hub.delete_user()

    def _stop(self) -> None:
        if self._server():
            asked(self.hub.stop, self.patient)  # JupyterHub (5.5) answers 500 where a start is not over at once
            self._until(lambda: not self._server(), "its server")

    def _until(self, gone: Callable[[], bool], what: str) -> None:
        end = self.patient.now() + GOES
        while not gone():
            if self.patient.now() >= end:
                trouble = f"of the test user {USER}, {what} did not go in {GOES:.0f} s"
                remedy = f"hubfleet check tries again; else look in the namespace {self.namespace}"
                raise Failed(Trouble(Layer.KUBERNETES, trouble, "", remedy))
            self.patient.sleep(0.5)


class _Progress:
    """Tells what the hub says of the start; `failure` is its word when it gave up."""

    def __init__(self, hub: Hub, tell: Callable[[str], None]) -> None:
        self.failure = ""
        self._hub, self._tell = hub, tell
        threading.Thread(target=self._follow, name="progress", daemon=True).start()

    def _follow(self) -> None:
        try:
            for event in self._hub.progress():
                if event.get("failed"):
                    self.failure = str(event.get("message", ""))
                elif not event.get("ready"):
                    self._tell(str(event.get("message", "")))
        except HubfleetError:
            return  # whether the server runs is seen by asking for it


def shared(values: Mapping[str, Any]) -> bool:
    """Whether the homes' claims, by these values, have one name for everybody: JupyterHub takes the claim of that name
    away with a user, whoever else has a home on it (KubeSpawner 7, delete_forever)."""
    dynamic = ("singleuser", "storage", "dynamic", "pvcNameTemplate")
    templates = [at(values, dynamic), at(values, ("hub", "config", "KubeSpawner", "pvc_name_template"))]
    return any(isinstance(one, str) and "{user" not in one for one in templates)


def _same(one: Trouble | None, other: Trouble | None) -> bool:
    """A kubelet gives two reasons in turn for one image: that it was not had, and that it waits to try again."""
    return (one and (one.layer, one.what)) == (other and (other.layer, other.what))


def _hopeless(trouble: Trouble) -> bool:
    return trouble.layer is Layer.NODE and "cannot get the image" in trouble.what


def _late(within: float) -> Trouble:
    return Trouble(
        Layer.SERVER,
        f"the test user's server does not run after {within:.0f} s",
        "nothing is seen to hinder it",
        "give it longer: --timeout MINUTES",
    )
