"""A cluster that somebody keeps, a file with a hub for it, and hubfleet's verbs on them: all real but the API server,
Helm and the hub's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hubfleet import fleet
from hubfleet.engine import ground
from hubfleet.events import Event, Watch
from hubfleet.fleet import Outcome, Status, access, planning
from hubfleet.plan import Plan
from hubfleet.tools import hub
from hubfleet.tools.helm import Helm
from hubfleet.tools.hub import Answer
from tests.unit.kube_api import Api, kubeconfig_file
from tests.unit.test_engine_releases import HELM, HelmProgram

HUB: dict[str, Any] = {"domain": "hub.example.org", "chart": "lite", "auth": {"shared_password": {}}, "admins": ["ada"]}
LABEL = "example.org/pool"


class Lab:
    """Verbs of `fleet` on a file in `folder`; what was said is in `said`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.api, self.said = folder, Api(), list[Event]()
        self.helm = HelmProgram(self.api)
        self.helm.answer([HELM, "version"], stdout="v3.19.5")
        self.helm.answer([HELM, "get", "values"], stdout="{}")
        self.answer = Answer(200, "5.5.4", "", 0.1)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        for module in (ground, access):
            monkeypatch.setattr(module, "Kube", lambda text, **_: self.api.kube())
        for module in (planning, access):
            monkeypatch.setattr(module, "Helm", self._helm)
        monkeypatch.setattr(hub, "ask", lambda address, url, *, timeout: self.answer)
        self.api.add("nodes", "", "n1", status={"conditions": [{"type": "Ready", "status": "True"}]})
        kubeconfig_file(folder)
        self.write()

    def _helm(self, kubeconfig: Path | None) -> Helm:
        return Helm(kubeconfig, program=Path(HELM), cache=self.folder, run=self.helm)

    def write(
        self,
        hubs: dict[str, Any] | None = None,
        pools: dict[str, Any] | None = None,
        ingress: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """The file, with the kubeconfig beside it."""
        tree = {
            "name": "lab",
            "provider": {"existing": {"kubeconfig": "kubeconfig", **settings}},
            "pools": pools or {"all": {"runs": ["core", "users"]}},
            "ingress": ingress or {},
            "hubs": {"main": HUB} if hubs is None else hubs,
        }
        self.file.write_text(yaml.safe_dump(tree, sort_keys=False))

    @property
    def file(self) -> Path:
        return self.folder / "cluster.yaml"

    def away(self) -> None:
        """Nobody answers at the API server's address."""

        def nobody(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("connection refused")

        self.api.fail = nobody

    def plan(self) -> Plan:
        return fleet.plan(fleet.load(self.file))

    def actions(self) -> dict[str, str]:
        return {step.id: str(step.action) for step in self.plan().steps}

    def apply(self) -> Outcome:
        return fleet.apply(fleet.load(self.file), self.plan(), self.said.append, Watch(), timeout=60)

    def destroy(self, *, homes: bool = False) -> Outcome:
        target = fleet.load(self.file)
        made = fleet.plan_destroy(target, homes=homes)
        return fleet.destroy(target, made, self.said.append, Watch(), timeout=60, homes=homes)

    def status(self) -> Status:
        return fleet.status(fleet.load(self.file))
