"""A hub tried as a user would: a server, a kernel, a notebook, a file; and nothing of it left after."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from hubfleet.checks import servers
from hubfleet.checks.notebook import Notebook
from hubfleet.checks.pods import USERS_SERVERS, Trouble
from hubfleet.engine.run import Clock
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.hubs.tester import SERVICE, USER
from hubfleet.spec.trees import at
from hubfleet.tools import kernel
from hubfleet.tools.hub import Hub
from hubfleet.tools.kernel import Kernel
from hubfleet.tools.kube import Claim, Kube, Pod

HOPELESS = 15.0
"""Seconds after which an image that cannot be had is not waited for any more."""
GOES = 180.0
"""Seconds that server, pod and claim may take to go."""
ANSWERS = 60.0
"""Seconds that a kernel may take to answer."""
_LOOK = 2.0
"""Seconds between two looks at the pod."""


@dataclass(frozen=True)
class Step:
    """One thing that was done, in how many seconds, and what was seen."""

    name: str
    seconds: float
    seen: str = ""


@dataclass(frozen=True)
class Tried:
    """The steps that went well, in their order; `trouble` of the one that did not."""

    steps: tuple[Step, ...]
    trouble: Trouble | None = None


class _Failed(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


Open = Callable[..., Kernel]


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
    _steps: list[Step] = field(default_factory=list[Step], init=False)
    _trouble: Trouble | None = field(default=None, init=False)
    _at: str = field(default="", init=False)
    _end: float = field(default=0.0, init=False)

    def run(self) -> Tried:
        """Never raises for a hub that is unwell; Interrupted, with nothing left, when the clock is stopped."""
        self._end = self.clock.now() + self.within
        try:
            if self._left():
                self._do("leftovers", self._tidy)
            self._do("user", self._make_user)
            self._do("server", self._start)
            if self.notebook is not None:
                self._work(self.notebook)
            self._do("stop", self._stop)
        except (_Failed, CloudError) as failure:
            self._trouble = self._told(failure)
        finally:
            self._clean()
        return Tried(tuple(self._steps), self._trouble)

    def _work(self, notebook: Notebook) -> None:
        opened = self._do("kernel", lambda: self._kernel(notebook))
        with closing(opened):
            self._do("notebook", lambda: self._run(notebook, opened))
        self._do("file", self._file)

    def _clean(self) -> None:
        try:
            self._do("clean-up", self._tidy)
        except (_Failed, CloudError) as failure:
            self._trouble = self._trouble or self._told(failure)

    def _do(self, name: str, act: Callable[[], Any]) -> Any:
        began = self.clock.now()
        found = act()
        self._steps.append(Step(name, self.clock.now() - began, found if isinstance(found, str) else ""))
        self.tell(f"{name}: {self._steps[-1].seconds:.1f} s")
        return found

    def _told(self, failure: _Failed | CloudError) -> Trouble:
        if isinstance(failure, _Failed):
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

    def _make_user(self) -> None:
        self.hub.make_user()

    def _start(self) -> str:
        self.hub.start()
        watched = _Progress(self.hub, self.tell)
        seen, since, looked = None, 0.0, 0.0
        while True:
            server = self.hub.server()
            if server.get("ready"):
                pod = self._pod()
                return f"on {pod.node}" if pod else ""
            now = self.clock.now()
            if now - looked >= _LOOK:
                looked, trouble = now, servers.find(self.kube, self._pod(), self._claims())
                if trouble != seen:
                    seen, since = trouble, now
                    self.tell(f"{seen.layer}: {seen.what}" if seen else "what hindered the server is over")
            if not server:
                raise _Failed(seen or self._ended(watched.failure))
            if seen and _hopeless(seen) and now - since >= HOPELESS:
                raise _Failed(seen)
            if now >= self._end:
                raise _Failed(seen or _late(self.within))
            self.clock.sleep(0.5)

    def _ended(self, said: str) -> Trouble:
        return Trouble(
            Layer.SERVER,
            "the test user's server did not start",
            said or "the hub gave it up and does not say why",
            "hubfleet kubectl logs deploy/hub in the hub's namespace tells more",
        )

    def _pod(self) -> Pod | None:
        found = [pod for pod in self.kube.pods(self.namespace, USERS_SERVERS) if pod.user == USER]
        return found[0] if found else None

    def _claims(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.kube.claims(self.namespace) if claim.user == USER)

    # on the server

    def _kernel(self, notebook: Notebook) -> Kernel:
        base = self._base()
        specs: Mapping[str, Any] = self.hub.at_server("GET", f"{base}api/kernelspecs") or {}
        name = notebook.kernel if notebook.kernel in specs.get("kernelspecs", {}) else specs.get("default", "")
        made: Mapping[str, Any] = self.hub.at_server("POST", f"{base}api/kernels", {"name": name}) or {}
        end = min(self._end, self.clock.now() + ANSWERS)

        answered = False

        def tick() -> None:
            self.clock.sleep(0)
            if self.clock.now() >= (self._end if answered else end):
                raise _Failed(self._silent(name))

        opened = self.connect(
            self.hub.address, self.hub.url, f"{base}api/kernels/{made['id']}/channels", self.hub.token, tick, timeout=30
        )
        try:
            opened.ready()
        except BaseException:
            opened.close()
            raise
        answered = True
        return opened

    def _silent(self, name: str) -> Trouble:
        pod = self._pod()
        log = self.kube.log(pod, pod.containers[0].name) if pod and pod.containers else ""
        why = f"the server's last words:\n{log}" if log else "nothing came over its websocket"
        return Trouble(Layer.KERNEL, f"the kernel {name} does not answer", why, "see whether it starts in the image")

    def _run(self, notebook: Notebook, opened: Kernel) -> str:
        for number, cell in enumerate(notebook.cells, 1):
            output = opened.run(cell.code)
            if output.error:
                what = f"cell {number} of the notebook ({notebook.name}) failed"
                raise _Failed(Trouble(Layer.KERNEL, what, output.error, "see whether the image has what it needs"))
            if cell.expects not in output.text:
                what = f"cell {number} of the notebook ({notebook.name}) gave something else"
                raise _Failed(Trouble(Layer.KERNEL, what, f"{output.text!r} instead of {cell.expects!r}"))
        return f"{len(notebook.cells)} cell{'' if len(notebook.cells) == 1 else 's'}"

    def _file(self) -> None:
        """Through the server's contents, as a browser does."""
        name, text = f"hubfleet-check-{secrets.token_hex(4)}.txt", secrets.token_hex(16)
        path = f"{self._base()}api/contents/{name}"
        self.hub.at_server("PUT", path, {"type": "file", "format": "text", "content": text})
        found: Mapping[str, Any] = self.hub.at_server("GET", f"{path}?content=1") or {}
        self.hub.at_server("DELETE", path)
        if found.get("content") != text:
            raise _Failed(Trouble(Layer.STORAGE, "a file in the home was read otherwise than it was written"))

    def _base(self) -> str:
        return str(self.hub.server().get("url") or f"/user/{USER}/")

    # away with it

    def _left(self) -> bool:
        return self.hub.user() is not None or self._pod() is not None or bool(self._claims())

    def _tidy(self) -> None:
        """The server, the user, and then what the hub has not taken away itself. A hub that does not answer is told
        after the rest has gone."""
        failure = None
        try:
            self._forget()
        except (CloudError, _Failed) as failed:
            failure = failed
        pod = self._pod()
        if pod is not None:
            self.kube.delete("Pod", pod.namespace, pod.name)
        for claim in self._claims():
            self.kube.delete("PersistentVolumeClaim", claim.namespace, claim.name)
        self._until(lambda: self._pod() is None and not self._claims(), "its pod and its home")
        if failure is not None:
            raise failure

    def _forget(self) -> None:
        if self.hub.user() is None:
            return
        self._stop()
        self.hub.delete_user()

    def _stop(self) -> None:
        if self.hub.server():
            self.hub.stop()
            self._until(lambda: not self.hub.server(), "its server")

    def _until(self, gone: Callable[[], bool], what: str) -> None:
        end = self.patient.now() + GOES
        while not gone():
            if self.patient.now() >= end:
                trouble = f"of the test user {USER}, {what} did not go in {GOES:.0f} s"
                remedy = f"hubfleet check tries again; else look in the namespace {self.namespace}"
                raise _Failed(Trouble(Layer.KUBERNETES, trouble, "", remedy))
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


def _hopeless(trouble: Trouble) -> bool:
    return trouble.layer is Layer.NODE and "cannot get the image" in trouble.what


def _late(within: float) -> Trouble:
    return Trouble(
        Layer.SERVER,
        f"the test user's server does not run after {within:.0f} s",
        "nothing is seen to hinder it",
        "give it longer: --timeout MINUTES",
    )
