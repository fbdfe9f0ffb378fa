"""What every trial of a hub is made of: steps with their times, and the work on a user's server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hubfleet.checks.notebook import Notebook
from hubfleet.checks.pods import Trouble
from hubfleet.engine.run import Clock
from hubfleet.errors import CloudError, Layer
from hubfleet.tools import kernel
from hubfleet.tools.hub import Hub
from hubfleet.tools.kernel import Kernel
from hubfleet.words import counted

SILENT = 45.0
"""Seconds that a hub, or a user's server, may be silent before that is taken for its answer."""
ANSWERS = 60.0
"""Seconds that a kernel may take to answer."""
Open = Callable[..., Kernel]
Asked = TypeVar("Asked")


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


class Failed(Exception):
    """A step did not go well."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


def asked(ask: Callable[[], Asked], clock: Clock) -> Asked:
    """What a hub or a server says to a question that may be put twice; one that is silent for a moment is asked again.
    An apply would be rolled back for it."""
    end = clock.now() + SILENT
    while True:
        try:
            return ask()
        except CloudError as error:
            if (error.status or 500) < 500 or clock.now() >= end:
                raise
            clock.sleep(1.0)


@dataclass
class Steps:
    """Steps as they are done, and told."""

    clock: Clock
    tell: Callable[[str], None]
    done: list[Step] = field(default_factory=list[Step], init=False)

    def do(self, name: str, act: Callable[[], Any]) -> Any:
        """Do it, and remember how long it took; what it gives, if that is a text, is what was seen."""
        began = self.clock.now()
        found = act()
        self.done.append(Step(name, self.clock.now() - began, found if isinstance(found, str) else ""))
        self.tell(f"{name}: {self.done[-1].seconds:.1f} s")
        return found


@dataclass(frozen=True)
class Work:
    """What a user does on a server: opens a kernel, runs a notebook, writes a file and reads it. `base` is the path of
    the server, `end` when all of that has to be done, `log` the server's last words."""

    hub: Hub
    base: str
    clock: Clock
    end: float
    log: Callable[[], str]
    connect: Open = kernel.connect

    def all(self, steps: Steps, notebook: Notebook) -> None:
        """Raises Failed or CloudError."""
        opened = steps.do("kernel", lambda: self._kernel(notebook))
        with closing(opened):
            steps.do("notebook", lambda: self._run(notebook, opened))
        steps.do("file", self._file)

    def _kernel(self, notebook: Notebook) -> Kernel:
        # On a new node a server may not reach the hub yet, of which it asks who is there: HTTP 500.
        found = asked(lambda: self.hub.at_server("GET", f"{self.base}api/kernelspecs"), self.clock)
        specs: Mapping[str, Any] = found or {}
        name = notebook.kernel if notebook.kernel in specs.get("kernelspecs", {}) else specs.get("default", "")
        made: Mapping[str, Any] = self.hub.at_server("POST", f"{self.base}api/kernels", {"name": name}) or {}
        end = min(self.end, self.clock.now() + ANSWERS)

        answered = False

        def tick() -> None:
            self.clock.sleep(0)
            if self.clock.now() >= (self.end if answered else end):
                raise Failed(self._silent(name))

        path = f"{self.base}api/kernels/{made['id']}/channels"
        opened = self.connect(self.hub.address, self.hub.url, path, self.hub.token, tick, timeout=30)
        try:
            opened.ready()
        except BaseException:
            opened.close()
            raise
        answered = True
        return opened

    def _silent(self, name: str) -> Trouble:
        log = self.log()
        why = f"the server's last words:\n{log}" if log else "nothing came over its websocket"
        return Trouble(Layer.KERNEL, f"the kernel {name} does not answer", why, "see whether it starts in the image")

    def _run(self, notebook: Notebook, opened: Kernel) -> str:
        for number, cell in enumerate(notebook.cells, 1):
            output = opened.run(cell.code)
            if output.error:
                what = f"cell {number} of the notebook ({notebook.name}) failed"
                raise Failed(Trouble(Layer.KERNEL, what, output.error, "see whether the image has what it needs"))
            if cell.expects not in output.text:
                what = f"cell {number} of the notebook ({notebook.name}) gave something else"
                raise Failed(Trouble(Layer.KERNEL, what, f"{output.text!r} instead of {cell.expects!r}"))
        return counted(len(notebook.cells), "cell")

    def _file(self) -> None:
        """Through the server's contents, as a browser does."""
        name, text = f"hubfleet-check-{secrets.token_hex(4)}.txt", secrets.token_hex(16)
        path = f"{self.base}api/contents/{name}"
        self.hub.at_server("PUT", path, {"type": "file", "format": "text", "content": text})
        found: Mapping[str, Any] = self.hub.at_server("GET", f"{path}?content=1") or {}
        self.hub.at_server("DELETE", path)
        if found.get("content") != text:
            raise Failed(Trouble(Layer.STORAGE, "a file in the home was read otherwise than it was written"))
