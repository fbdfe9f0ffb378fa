"""A hub as a service of its own sees it: users and their servers, by JupyterHub's API."""

from __future__ import annotations

import json
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from .conftest import Shell

TOKEN = "0123456789abcdef0123456789abcdef"
ENV = {"TESTER_TOKEN": TOKEN}
"""What every command that reads the file needs in its environment."""
SERVICE = """\
      hub:
        config:
          Spawner: {http_timeout: 120}    # a machine that is busy with tests
        services:
          tester: {apiToken: "${env:TESTER_TOKEN}"}
        loadRoles:
          tester: {services: [tester], scopes: [admin:users, admin:servers, "access:servers"]}
"""
"""Goes into the `values` of the hub `main`, so that the tests may ask it."""


@dataclass(frozen=True)
class Hub:
    """A hub of a cluster file."""

    sandbox: Shell
    file: Path
    name: str = "main"

    def starts(self, user: str, seconds: float = 180, **options: str) -> None:
        """A user's server runs, or the test fails with the hub's log."""
        self.asks(user, **options)
        self.gets(user, seconds)

    def gets(self, user: str, seconds: float = 180) -> None:
        """The server that the user asked for runs at last, or the test fails with the hub's log."""
        end = time.monotonic() + seconds
        while not self.server(user).get("ready"):
            assert time.monotonic() < end, self._log()
            time.sleep(0.5)

    def asks(self, user: str, **options: str) -> None:
        """A user asks for a server, which may take a while to come."""
        with suppress(HTTPError):  # 409: the user is known
            self._ask("POST", f"/users/{user}")
        self._ask("POST", f"/users/{user}/server", options)

    def stops(self, user: str, seconds: float = 60) -> None:
        """Nothing of the user's server is left when this returns."""
        self._ask("DELETE", f"/users/{user}/server")
        end = time.monotonic() + seconds
        while self.server(user):
            assert time.monotonic() < end, self._log()
            time.sleep(0.5)

    def knows(self, user: str) -> bool:
        """Whether the hub has this user already."""
        return user in {one["name"] for one in self._ask("GET", "/users")}

    def server(self, user: str) -> dict[str, Any]:
        """What JupyterHub says of a user's server; {} if there is none."""
        return dict(self._ask("GET", f"/users/{user}")["servers"].get("", {}))

    def pod(self, user: str) -> Any:
        """The pod of a user's server as Kubernetes has it, or None."""
        words = ("-n", self.name, "get", "pods", "-l", "component=singleuser-server", "-o", "json")
        ran = self.sandbox.hubfleet("kubectl", "--path", self.file, *words, env=ENV)
        assert ran.code == 0, ran.said
        label = "hub.jupyter.org/username"
        return next((pod for pod in ran.json["items"] if pod["metadata"]["labels"][label] == user), None)

    def lacks(self, user: str, words: str, seconds: float = 60) -> None:
        """The user's server waits for a node, for want of this, in the scheduler's words."""
        end, said = time.monotonic() + seconds, ""
        while words not in said:
            assert time.monotonic() < end, said or self._log()
            pod = self.pod(user) or {"status": {}}
            conditions = pod["status"].get("conditions", ())
            said = next((str(one.get("message")) for one in conditions if one["type"] == "PodScheduled"), "")
            time.sleep(0.5)

    @property
    def address(self) -> str:
        """Where it answers."""
        told = self.sandbox.hubfleet("credentials", self.file, "--hub", self.name, "--json", env=ENV)
        assert told.code == 0, told.said
        return str(told.json["address"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/hub/api{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else b"{}" if method == "POST" else None,
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _log(self) -> str:
        words = ("-n", self.name, "logs", "deploy/hub", "--tail", "30")
        return self.sandbox.hubfleet("kubectl", "--path", self.file, *words, env=ENV).said
