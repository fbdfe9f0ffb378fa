"""A fleet of two clusters, from nothing: examples/fleet, one edit in a default, a mistake that stops at its ring."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import ROOT, Ran, Shell
from .hub_api import ENV

pytestmark = pytest.mark.timeout(1500)
CLUSTERS = ("north", "south")


class Fleet:
    """The example's folder, and verbs on it."""

    def __init__(self, sandbox: Shell, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder

    def __call__(self, verb: str, *words: str, code: int = 0) -> Ran:
        ran = self.sandbox.hubfleet(verb, self.folder, *words, env=ENV, timeout=900)
        assert ran.code == code, ran.said
        return ran

    def edit(self, file: str, old: str, new: str) -> None:
        """As a person edits a file, once."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))

    def revisions(self) -> dict[tuple[str, str], int]:
        """Of each hub's release, by cluster, as Helm counts them."""
        found: dict[tuple[str, str], int] = {}
        for cluster in CLUSTERS:
            where = ("--path", self.folder, "--cluster", cluster)
            ran = self.sandbox.hubfleet("helm", *where, "list", "-A", "-o", "json", env=ENV)
            assert ran.code == 0, ran.said
            hubs = (one for one in ran.json if not one["name"].startswith("hubfleet-"))
            found |= {(cluster, one["name"]): int(one["revision"]) for one in hubs}
        return found

    def changed(self, planned: Ran) -> set[tuple[str, str]]:
        """Cluster and hub of each release that a plan (JSON) would touch."""
        return {
            (cluster["cluster"], step["id"].removeprefix("release/"))
            for cluster in planned.json["clusters"]
            for step in cluster["steps"]
            if step["action"] != "keep"
        }


@pytest.fixture(scope="module")
def fleet(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The example, applied; the last test, or else this, destroys it."""
    folder = tmp_path_factory.mktemp("fleet") / "fleet"
    shutil.copytree(ROOT / "examples" / "fleet", folder)
    found = Fleet(sandbox, folder)
    try:
        found("apply", "--yes")
        yield found
    finally:
        for cluster in CLUSTERS:
            sandbox.hubfleet("destroy", folder, "--cluster", cluster, "--with-homes", "--yes", cluster, timeout=600)


def test_one_command_makes_both_clusters_and_all_hubs_and_a_second_changes_nothing(fleet: Fleet) -> None:
    status = fleet("status", "--json").json
    assert [(one["cluster"], one["well"]) for one in status["clusters"]] == [("north", True), ("south", True)]
    assert [len(one["hubs"]) for one in status["clusters"]] == [2, 3]
    before = fleet.revisions()
    again = fleet("apply", "--yes")
    assert "0 of 2 clusters to change" in again.err
    assert fleet.revisions() == before == dict.fromkeys(before, 1)


def test_every_hub_works_as_a_user_would_find(fleet: Fleet) -> None:
    checked = fleet("check", "--json").json
    checks = {(one["cluster"], check["subject"]): check for one in checked["clusters"] for check in one["checks"]}
    assert len(checks) == 5
    assert all(check["well"] for check in checks.values())
    (server,) = (step for step in checks["south", "hub gpu"]["steps"] if step["name"] == "server")
    assert "gpu" in server["seen"], "the server is on a node of the pool that has GPUs"


def test_whoever_comes_to_the_binder_hub_gets_a_server_of_their_own_and_nothing_of_it_stays(fleet: Fleet) -> None:
    where = ("--cluster", "south", "--hub", "binder")
    address = str(fleet("credentials", *where, "--json").json["address"])
    homes = {visits(address), visits(address)}
    assert len(homes) == 2, "two visitors are two users"
    claims = fleet.sandbox.hubfleet(
        *("kubectl", "--path", fleet.folder, "--cluster", "south", "get", "pvc", "-n", "binder", "-o", "name"), env=ENV
    )
    assert claims.out.split() == ["persistentvolumeclaim/hub-db-dir"]


def visits(address: str) -> str:
    """Where the server of somebody is who comes, logs in nowhere, and waits until JupyterLab is there."""
    end = time.monotonic() + 180
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as browser:
        while not (found := browser.get("/")).url.path.startswith("/user/") or found.status_code != 200:
            assert time.monotonic() < end, found.text
            time.sleep(1)
        assert "JupyterLab" in found.text
        return found.url.path


def test_an_edit_of_a_default_reaches_exactly_the_hubs_that_have_it(fleet: Fleet) -> None:
    fleet.edit("fleet.yaml", "culling: {idle: 3600}", "culling: {idle: 1800}")
    planned = fleet("plan")
    assert re.search(r"cull\.timeout: 3600 → 1800 +\(\S*/fleet\.yaml:\d+:\d+\)", planned.out), planned.out
    # two hubs of south have their own
    reached = {("north", "staging"), ("north", "main"), ("south", "gpu")}
    assert fleet.changed(fleet("plan", "--json")) == reached
    before = fleet.revisions()
    fleet("apply", "--yes")
    assert {hub for hub, revision in fleet.revisions().items() if revision != before[hub]} == reached
    fleet("plan", "--exit-code")


def test_a_hub_alone_is_applied_and_the_others_stay_as_they_are(fleet: Fleet) -> None:
    fleet.edit("fleet.yaml", "culling: {idle: 1800}", "culling: {idle: 2400}")
    before = fleet.revisions()
    fleet("apply", "--yes", "--cluster", "north", "--hub", "main")
    assert {hub for hub, revision in fleet.revisions().items() if revision != before[hub]} == {("north", "main")}
    fleet("apply", "--yes")


def test_an_image_that_does_not_start_stops_at_its_ring_and_is_rolled_back(fleet: Fleet) -> None:
    before: Any = fleet.revisions()
    bad = "image: localhost/hubfleet/no-such-image:1\n    culling: {idle: 2400}"
    fleet.edit("fleet.yaml", "culling: {idle: 2400}", bad)
    ran = fleet("apply", "--yes", code=1)
    assert "not begun: ring production" in ran.err
    assert ran.err.count("it was rolled back to what ran before") >= 2, ran.err
    after = fleet.revisions()
    assert {hub for hub in after if after[hub] == before[hub]} == {
        ("north", "main"),
        ("south", "gpu"),
        ("south", "binder"),
    }
    status = fleet("status", "--json").json
    assert all(hub["answers"] for one in status["clusters"] for hub in one["hubs"])
    assert fleet.changed(fleet("plan", "--json")) == set(before)
    fleet.edit("fleet.yaml", bad, "culling: {idle: 2400}")
    fleet("plan", "--exit-code")
