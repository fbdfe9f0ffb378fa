"""What somebody made with other tools becomes hubfleet's: a cluster of the OpenStack client's, of which nothing is made
anew; a hub of plain Helm's, with its users and their homes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from .conftest import ROOT, Ran, Shell, cluster_file
from .hub_api import ENV, SERVICE, TOKEN, Hub

pytestmark = pytest.mark.timeout(900)
NAME = "adopted"


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example's file for a cluster that is there already, and not hubfleet's."""
    labels = "auto_scaling_enabled=true,min_node_count=1,kube_dashboard_enabled=false"
    words = ("--cluster-template", "kubernetes-1-34-jammy", "--keypair", "deploy", "--labels", labels)
    size = ("--master-count", "1", "--node-count", "1", "--flavor", "m3.quad", "--master-flavor", "m3.quad")
    made = sandbox(
        *("openstack", "--os-cloud", "sandbox", "coe", "cluster", "create", *words, *size, "--merge-labels", NAME)
    )
    assert made.code == 0, made.said
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME)
    yield path
    sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME)


def until_complete(sandbox: Shell) -> str:
    """The cluster's UUID, once Magnum is done with it."""
    for _ in range(240):
        shown = sandbox.openstack("coe", "cluster", "show", NAME)
        if shown["status"].endswith("_COMPLETE"):
            return str(shown["uuid"])
        assert not shown["status"].endswith("_FAILED"), shown
        time.sleep(1)
    raise AssertionError(f"{NAME} is not complete")


def test_a_cluster_of_the_openstack_client_is_taken_over_with_its_groups(sandbox: Shell, file: Path) -> None:
    uuid = until_complete(sandbox)
    size = ("--node-count", "1", "--min-nodes", "1", "--max-nodes", "1", "--flavor", "m3.quad")
    made = sandbox("openstack", "--os-cloud", "sandbox", "coe", "nodegroup", "create", *size, NAME, "user")
    assert made.code == 0, made.said
    until_complete(sandbox)

    refused = sandbox.hubfleet("apply", file, "--yes")
    assert refused.code == 4, refused.said
    assert "hubfleet apply --adopt" in refused.err
    assert sandbox.hubfleet("destroy", file, "--with-homes", "--yes", NAME).code == 4
    leases = sandbox.hubfleet("kubectl", "--path", file, "get", "leases", "-n", "kube-system", "-o", "name")
    assert leases.code == 0, leases.said
    assert f"hubfleet-{NAME}" not in leases.out  # who was refused has touched nothing

    planned = sandbox.hubfleet("plan", file, "--adopt")
    assert f"taken over ({uuid})" in planned.out, planned.said
    assert "create cluster" not in planned.out
    assert "create pool" not in planned.out

    applied = sandbox.hubfleet("apply", file, "--adopt", "--yes")
    assert applied.code == 0, applied.said
    assert sandbox.openstack("coe", "cluster", "show", NAME)["uuid"] == uuid
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
    assert sandbox.hubfleet("status", file, "--json").json["well"] is True


def test_what_does_not_fit_is_told_with_its_line(sandbox: Shell, file: Path) -> None:
    other = file.with_name("other.yaml")
    other.write_text(file.read_text().replace("keypair: deploy", "keypair: theirs"))
    planned = sandbox.hubfleet("plan", other)
    assert "keypair was deploy when the cluster was made; the file says theirs" in planned.out, planned.said
    assert "other.yaml:" in planned.out


def test_a_size_changed_by_hand_is_told_as_changed_outside_hubfleet(sandbox: Shell, file: Path) -> None:
    words = ("coe", "nodegroup", "update", "--max-nodes", "2", NAME, "user")
    changed = sandbox("openstack", "--os-cloud", "sandbox", *words)
    assert changed.code == 0, changed.said
    planned = sandbox.hubfleet("plan", file)
    assert "changed outside hubfleet, which left it at 1" in planned.out, planned.said
    applied = sandbox.hubfleet("apply", file, "--yes")
    assert applied.code == 0, applied.said
    assert sandbox.openstack("coe", "nodegroup", "show", NAME, "user")["max_node_count"] == 1


HUB = """\
  {name}:
    domain: {name}.example.org
    chart: lite
    auth: {{shared_password: {{}}}}
    values:
"""
OLD: dict[str, Any] = {
    "hub": {
        "config": {"JupyterHub": {"authenticator_class": "dummy"}, "Spawner": {"http_timeout": 120}},
        "db": {"pvc": {"annotations": {"helm.sh/resource-policy": None}}},
        "services": {"tester": {"apiToken": TOKEN}},
        "loadRoles": {"tester": {"services": ["tester"], "scopes": ["admin:users", "admin:servers", "access:servers"]}},
    },
    "singleuser": {"storage": {"capacity": "1Gi"}},
    "cull": {"timeout": 600},
}
"""What plain Helm was given. Its uninstall would take the hub's database along."""


@dataclass(frozen=True)
class Theirs:
    """A hub that somebody made with plain Helm and a chart of this name, and that is in the file now."""

    sandbox: Shell
    file: Path
    name: str
    without: str
    """The file's text before."""

    @property
    def hub(self) -> Hub:
        return Hub(self.sandbox, self.file, self.name)

    def run(self, *words: str | Path) -> Ran:
        return self.sandbox.hubfleet(*words, env=ENV)

    def kubectl(self, *words: str) -> Ran:
        ran = self.run("kubectl", "--path", self.file, "-n", self.name, *words)
        assert ran.code == 0, ran.said
        return ran

    def in_home(self, user: str, script: str) -> str:
        """What a program says that runs in a user's home directory."""
        pod = self.hub.pod(user)["metadata"]["name"]
        return self.kubectl("exec", pod, "--", "sh", "-c", f"cd /home/jovyan && {script}").out.strip()


@pytest.fixture(params=["lite", "another"])
def theirs(sandbox: Shell, file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Theirs:
    """One whose user `ann` has a file in her home, and `bea` none yet."""
    chart, name = tmp_path / request.param, f"of-{request.param}"
    shutil.copytree(ROOT / "src" / "hubfleet" / "charts" / "lite", chart)
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("name: lite", f"name: {request.param}"))
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    without = file.read_text()
    file.write_text(without + HUB.format(name=name) + SERVICE)
    found = Theirs(sandbox, file, name, without)
    where = ("--namespace", name, "--create-namespace", "--values", str(tmp_path / "old.json"))
    made = found.run("helm", "--path", file, "install", name, chart, *where)
    assert made.code == 0, made.said
    found.kubectl("rollout", "status", "deployment/hub", "--timeout", "180s")
    found.hub.starts("ann")
    found.in_home("ann", "echo kept > note")
    found.hub.asks("bea")
    return found


def test_a_hub_of_plain_helms_is_taken_over_with_its_users_and_their_files(theirs: Theirs) -> None:
    refused = theirs.run("plan", theirs.file)
    assert refused.code == 4, refused.said
    assert "hubfleet apply --adopt" in refused.said

    planned = theirs.run("plan", theirs.file, "--adopt")
    assert "taken over, which hubfleet did not make, kept: 2 homes and the database" in planned.out, planned.said
    assert "cull.timeout: 600 → 3600" in planned.out
    assert TOKEN not in planned.said

    applied = theirs.run("apply", theirs.file, "--adopt", "--yes")
    assert applied.code == 0, applied.said
    assert theirs.run("plan", theirs.file, "--exit-code").code == 0
    assert theirs.hub.knows("ann")
    assert theirs.hub.knows("bea")
    if theirs.name == "of-lite":  # the chart is the same: nobody's server stops
        theirs.hub.stops("ann")
    theirs.hub.starts("ann")
    assert theirs.in_home("ann", "cat note") == "kept"

    theirs.file.write_text(theirs.without)
    removed = theirs.run("apply", theirs.file, "--yes")
    assert removed.code == 0, removed.said
    claims = theirs.kubectl("get", "pvc", "-o", "jsonpath={.items[*].metadata.name}").out.split()
    assert {"claim-ann", "hub-db-dir"} <= set(claims)
    theirs.run("kubectl", "--path", theirs.file, "delete", "namespace", theirs.name)


HEAT, STACK = "of-heat", "6a1a3e0e-8a47-4b8f-9d0c-2f1d7f0c7a11"


@pytest.fixture
def of_heat(sandbox: Shell, file: Path, tmp_path: Path) -> Iterator[Path]:
    """The file of a cluster that Magnum's old driver made: Magnum has rows of it, and nobody who could change it. They
    are the adopted cluster's, with another name and a Heat stack's id."""
    with closing(sqlite3.connect(sandbox.state / "openstack" / "magnum.db", timeout=30)) as rows:
        uuid = rows.execute("SELECT uuid FROM cluster WHERE name = ?", [NAME]).fetchone()[0]
        groups = [row[0] for row in rows.execute("SELECT uuid FROM nodegroup WHERE cluster_id = ?", [uuid])]
        with rows:
            copy(rows, "cluster", uuid, {"uuid": STACK, "name": HEAT, "stack_id": STACK, "labels": "{}"})
            for group in groups:
                copy(rows, "nodegroup", group, {"uuid": str(uuid4()), "cluster_id": STACK})
        path = tmp_path / "cluster.yaml"
        path.write_text(file.read_text().replace(f"name: {NAME}", f"name: {HEAT}"))
        try:
            yield path
        finally:
            with rows:
                rows.execute("DELETE FROM nodegroup WHERE cluster_id = ?", [STACK])
                rows.execute("DELETE FROM cluster WHERE uuid = ?", [STACK])


def copy(rows: sqlite3.Connection, table: str, uuid: str, new: dict[str, str]) -> None:
    """One more row like that of this UUID, with other values in some columns."""
    names = [row[1] for row in rows.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    chosen = ", ".join("?" if name in new else name for name in names)
    values = [new[name] for name in names if name in new]
    wish = f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} FROM {table} WHERE uuid = ?"
    rows.execute(wish, [*values, uuid])


def test_a_cluster_of_the_old_heat_driver_is_told_apart_and_no_verb_touches_it(sandbox: Shell, of_heat: Path) -> None:
    planned = sandbox.hubfleet("plan", of_heat)
    assert "was made by Magnum's old Heat driver, and has to be replaced" in planned.said
    assert "move the homes (docs/how-to/pools.md" in planned.said
    seen = sandbox.hubfleet("status", of_heat)
    assert seen.code == 1, seen.said
    assert "old Heat driver, and has to be replaced" in seen.out
    for words in (["apply", of_heat], ["scale", "user", of_heat, "--nodes", "2"], ["upgrade", of_heat]):
        refused = sandbox.hubfleet(*words, "--yes")
        assert refused.code == 4, refused.said
        assert "has to be replaced" in refused.err
    refused = sandbox.hubfleet("destroy", of_heat, "--yes", HEAT)
    assert refused.code == 4, refused.said
    assert HEAT in [one["name"] for one in sandbox.openstack("coe", "cluster", "list")]
