"""A BinderHub tried as a user would: a repository is built and launched, and a kernel runs on its server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hubfleet.checks.notebook import Notebook
from hubfleet.checks.pods import Trouble
from hubfleet.engine.run import Clock
from hubfleet.engine.trying import Failed, Open, Steps, Tried, Work
from hubfleet.errors import CloudError, Layer
from hubfleet.tools import kernel
from hubfleet.tools.binder import Binder
from hubfleet.tools.hub import Hub

REPOSITORY = "gh/binderhub-ci-repos/cached-minimal-dockerfile/HEAD"
"""What is built where nobody says otherwise: BinderHub's own project tries its deployments with it."""
_ILL = {
    "Docker registry": (Layer.REGISTRY, "see the registry's address and account in `registry:`; hubfleet apply"),
    "JupyterHub API": (
        Layer.HUB,
        "hubfleet status; hubfleet kubectl logs deploy/hub in its namespace tells more",
    ),
    "Pod quota": (Layer.BINDER, "wait until servers have gone, or raise the quota"),
}

_NOT_BEGUN = "is it there, and do `repositories:` in the hub's file let it be built?"
_BUILDING = "hubfleet kubectl get pods in the hub's namespace shows the build's; its log tells more"
_LAUNCHING = "hubfleet kubectl logs deploy/hub in the hub's namespace tells more"


@dataclass
class BinderTrial:
    """One BinderHub's. `repository` None: it is only asked whether it is well. `server` opens the door to a server by
    its address and token."""

    binder: Binder
    repository: str | None
    notebook: Notebook
    server: Callable[[str, str], Hub]
    tell: Callable[[str], None]
    within: float
    clock: Clock = field(default_factory=Clock)
    connect: Open = kernel.connect

    def run(self) -> Tried:
        """Never raises for a hub that is unwell; Interrupted when the clock is stopped, and the server ends then too,
        if it is there."""
        end = self.clock.now() + self.within
        steps, trouble = Steps(self.clock, self.tell), None
        try:
            steps.do("binder", self._well)
            if self.repository is not None:
                self._launched(self.repository, steps, end)
        except Failed as failure:
            trouble = failure.trouble
        except CloudError as failure:
            trouble = Trouble(failure.layer or Layer.BINDER, failure.what, failure.why, failure.remedy)
        return Tried(tuple(steps.done), trouble)

    def _well(self) -> str:
        ill = self.binder.ill()
        if ill:
            layer, remedy = _ILL.get(ill[0], (Layer.BINDER, "hubfleet kubectl logs deploy/binder tells more"))
            raise Failed(Trouble(layer, f"BinderHub finds unwell: {', '.join(ill)}", "", remedy))
        return "registry and JupyterHub answer it"

    def _launched(self, repository: str, steps: Steps, end: float) -> None:
        build = _Build(self.binder, repository, self.clock, end, self.tell)
        steps.do("build", build.built)
        ready = steps.do("launch", build.ready)
        url = str(ready["url"])
        door = self.server(url, str(ready["token"]))
        base = urlsplit(url).path
        try:
            Work(door, base, self.clock, end, lambda: "", self.connect).all(steps, self.notebook)
        finally:
            try:
                # The hub's own culler takes the user away after it.
                steps.do("stop", lambda: door.at_server("POST", f"{base}api/shutdown", {}))
            finally:
                door.close()


class _Build:
    """One build and launch, followed by what BinderHub tells of it."""

    def __init__(self, binder: Binder, repository: str, clock: Clock, end: float, tell: Callable[[str], None]) -> None:
        self._events = binder.build(repository)
        self._repository, self._clock, self._end, self._tell = repository, clock, end, tell
        self._said, self._begun = "", False

    def built(self) -> str:
        """What was built, or found built already."""
        return str(self._until("built", "its image was not built", _BUILDING).get("imageName") or "")

    def ready(self) -> Mapping[str, Any]:
        """The event with the server's `url` and `token`."""
        return self._until("ready", "its server did not start", _LAUNCHING)

    def _until(self, phase: str, in_vain: str, remedy: str) -> Mapping[str, Any]:
        for event in self._events:
            self._clock.sleep(0)
            said = str(event.get("message") or "").strip()
            if said:
                self._said = said
                self._tell(said)
            if event.get("phase") in ("failed", "failure"):
                raise self._failed(in_vain, self._said, remedy if self._begun else _NOT_BEGUN)
            self._begun = True
            if event.get("phase") == phase:
                return event
            if self._clock.now() >= self._end:
                raise self._failed(in_vain, f"its last words: {self._said}", "give it longer: --timeout MINUTES")
        raise self._failed(in_vain, "BinderHub said no more", remedy)

    def _failed(self, what: str, why: str, remedy: str) -> Failed:
        return Failed(Trouble(Layer.BINDER, f"{self._repository}: {what}", why, remedy))
