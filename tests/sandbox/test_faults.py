"""Faults of the cloud, made on purpose by the sandbox: apply gets through, or stops with the cause named and goes on
when the fault is gone; and there is never a second cluster of the name, or a second node group."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import HUBFLEET, PIPES, Ran, Shell

pytestmark = pytest.mark.timeout(1500)
NAME = "faults"
FILE = """
name: faults
provider:
  jetstream2:
    cloud: sandbox
    template: kubernetes-1-34-jammy
    keypair: deploy
    control_plane: {machine: m3.quad, nodes: 1}
pools:
  core: {machine: m3.quad, nodes: 1, runs: [core, users]}
"""
EXTRA = "  extra: {machine: m3.quad, nodes: 1, runs: [users]}\n"
GROUPS = {"default-master", "default-worker"}


class Census:
    """Counts the clusters of the name in Magnum's own database, five times a second, in any weather."""

    def __init__(self, database: Path) -> None:
        self.most, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._count, args=(f"file:{database}?mode=ro",))

    def __enter__(self) -> Census:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=60)

    def _count(self, database: str) -> None:
        with closing(sqlite3.connect(database, uri=True, timeout=30)) as rows:
            while not self._over.wait(0.2):
                (found,) = rows.execute("SELECT count(*) FROM cluster WHERE name = ?", (NAME,)).fetchone()
                self.most = max(self.most, found)


class Weather:
    """The sandbox's faults, and hubfleet in the midst of them."""

    def __init__(self, sandbox: Shell, folder: Path, census: Census) -> None:
        self.sandbox, self.census = sandbox, census
        self.file = folder / "cluster.yaml"
        self.wants(FILE)

    def wants(self, text: str) -> None:
        """From now on the file says so."""
        self.file.write_text(text)

    def destroy(self) -> None:
        """All of it, in good weather."""
        self.fault("clear")
        gone = self.sandbox.hubfleet("destroy", self.file, "--with-homes", "--yes", NAME)
        assert gone.code == 0, gone.said

    def fault(self, *words: str) -> None:
        """`hubfleet sandbox fault WORDS`."""
        ran = self.sandbox.hubfleet("sandbox", "fault", *words, "--state", self.sandbox.state)
        assert ran.code == 0, ran.said

    def begin(self, *words: str) -> None:
        """`hubfleet sandbox fault add WORDS`."""
        self.fault("add", *words)

    def struck(self) -> list[tuple[str, int]]:
        """What each fault did, and how often, in the order in which they were begun."""
        ran = self.sandbox.hubfleet("sandbox", "fault", "list", "--json", "--state", self.sandbox.state)
        assert ran.code == 0, ran.said
        return [(one["kind"], one["done"]) for one in ran.json]

    def apply(self, *words: str) -> Ran:
        """`hubfleet apply` of the file."""
        return self.sandbox.hubfleet("apply", self.file, "--yes", *words, timeout=900)

    def applied(self, *words: str) -> None:
        """As `apply`, which is to succeed."""
        ran = self.apply(*words)
        assert ran.code == 0, ran.said

    def interrupted_by(self, words: str, *faults: Sequence[str], timeout: str = "15") -> Ran:
        """`hubfleet apply`, and faults that begin when it says `words`."""
        argv = [HUBFLEET, "apply", self.file, "--yes", "--timeout", timeout]
        with subprocess.Popen(argv, env=dict(self.sandbox.env), **PIPES) as run:
            watchdog = threading.Timer(900, run.kill)
            watchdog.start()
            said, begun = "", False
            for line in run.stderr or ():
                said += line
                if words in line and not begun:
                    begun = True
                    for fault in faults:
                        self.begin(*fault)
            out = run.stdout.read() if run.stdout else ""
            watchdog.cancel()
        assert begun, f"never said {words!r}: {said}"
        return Ran(run.returncode, out, said)

    def magnum_killed(self, *meanwhile: str, after: int = 0) -> Ran:
        """`hubfleet apply`, during which Magnum is killed, and started again, when it has accepted a request and has
        not run Helm yet. `meanwhile`: what its database is told before."""
        self.before_helm(20, after)
        argv = [HUBFLEET, "apply", self.file, "--yes"]
        with subprocess.Popen(argv, env=dict(self.sandbox.env), **PIPES) as run:
            try:
                until(lambda: dict(self.struck())["slow-answers"] == 1)
                for statement in meanwhile:
                    self.database(statement)
                self.begin("magnum-restart")
                out, said = run.communicate(timeout=900)
            finally:
                run.kill()
        return Ran(run.returncode, out, said)

    def before_helm(self, seconds: int, after: int = 0) -> None:
        """Magnum's driver, which asks Glance for the image before it runs Helm, waits for so long, once. `after`: how
        often Glance is asked before."""
        words = ("--service", "glance", "--path", "/images/ubuntu-", "--times", "1")
        self.begin("slow-answers", *words, "--seconds", str(seconds), "--after", str(after))

    def database(self, statement: str) -> None:
        """Change Magnum's, behind its back."""
        with sqlite3.connect(self.sandbox.state / "openstack" / "magnum.db", timeout=30) as database:
            database.execute(statement)

    def groups(self) -> dict[str, str]:
        """Node groups and their statuses, as the OpenStack client has them: of one cluster, and each name once."""
        clusters = [cluster["name"] for cluster in self.sandbox.openstack("coe", "cluster", "list")]
        assert clusters.count(NAME) == 1
        listed = self.sandbox.openstack("coe", "nodegroup", "list", NAME)
        names = Counter(group["name"] for group in listed)
        assert set(names.values()) == {1}, names
        return {group["name"]: group["status"] for group in listed}

    def beneath(self) -> list[str]:
        """What became of it below Magnum: Cluster API's clusters and groups in the management cluster, and Nova's
        machines; without what each name has at its end by chance."""
        management = ("kubectl", "--kubeconfig", self.sandbox.state / "home" / "management.kubeconfig")
        ran = self.sandbox(*management, "get", "clusters,machinedeployments", "-A", "-o", "json")
        assert ran.code == 0, ran.said
        found = [(one["kind"], one["metadata"]["name"]) for one in ran.json["items"]]
        servers = [one["Name"] for one in self.sandbox.openstack("server", "list")]
        found += [("server", re.sub("(-[0-9a-f]{5}){1,2}$", "", name)) for name in servers]
        own = [(kind, name) for kind, name in found if name.startswith(f"{NAME}-")]
        return sorted(f"{kind} {re.sub(f'^{NAME}-[a-z0-9]+', NAME, name)}" for kind, name in own)

    def whole(self, *more: str) -> None:
        """Nothing is left to do, and nothing is there twice, or ever was; not in Magnum, nor below it."""
        planned = self.sandbox.hubfleet("plan", self.file, "--exit-code")
        assert planned.code == 0, planned.said
        groups = self.groups()
        assert set(groups) == GROUPS | set(more)
        assert all(status.endswith("_COMPLETE") for status in groups.values()), groups
        assert self.census.most == 1
        workers = ("default-worker", *more)
        once = [f"Cluster {NAME}", *(f"MachineDeployment {NAME}-{group}" for group in workers)]
        once += [f"server {NAME}-{group}" for group in ("control-plane", *workers)]
        until(lambda: self.beneath() == sorted(once), self.beneath)


def until(seen: Callable[[], bool], told: Callable[[], object] = str, seconds: float = 120) -> None:
    """Wait for something that somebody else does; `told` says how far it came, where it does not come."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, told()
        time.sleep(0.2)


def stopped(ran: Ran, code: int, *words: str) -> None:
    """It stopped for these reasons, and said so as people read it."""
    assert ran.code == code, ran.said
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err, ran.said


@pytest.fixture(scope="module")
def cluster(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    """A small cluster's file; what comes of it is destroyed at the end."""
    with Census(sandbox.state / "openstack" / "magnum.db") as census:
        weather = Weather(sandbox, tmp_path_factory.mktemp("faults"), census)
        weather.fault("clear")
        yield weather
        weather.destroy()


@pytest.fixture(autouse=True)
def clearing_up(sandbox: Shell) -> Iterator[None]:
    """Each test ends in good weather."""
    yield
    ran = sandbox.hubfleet("sandbox", "fault", "clear", "--state", sandbox.state)
    assert ran.code == 0, ran.said


def test_a_control_plane_that_is_slower_than_our_patience_is_named_and_waited_for_by_the_next_apply(
    cluster: Weather,
) -> None:
    cluster.begin("slow-create", "--cluster", NAME, "--seconds", "600")
    ran = cluster.apply("--timeout", "0.8")
    stopped(ran, 1, "network: ", "the API's address https://", " is known and does not answer", "apply again")
    cluster.fault("clear")
    cluster.applied()
    cluster.whole()


def test_a_cluster_that_a_killed_magnum_forgot_to_make_is_made_anew_in_its_place(cluster: Weather) -> None:
    cluster.destroy()
    ran = cluster.magnum_killed("UPDATE cluster SET created_at = datetime(created_at, '-16 minutes')", after=1)
    assert ran.code == 0, ran.said
    assert "cluster: Magnum began to make it and forgot: it goes, and is made anew" in ran.err
    cluster.whole()
    clusters = [one["uuid"] for one in cluster.sandbox.openstack("coe", "cluster", "list")]
    named = [one["Name"] for one in cluster.sandbox.openstack("application", "credential", "list")]
    left = [name for name in named if name.startswith("magnum-") and not any(uuid in name for uuid in clusters)]
    assert left == []


def test_a_cluster_is_made_through_errors_lost_answers_and_slowness(cluster: Weather) -> None:
    cluster.destroy()
    cluster.wants(FILE + EXTRA)
    cluster.begin("http", "--status", "429", "--retry-after", "1", "--service", "nova", "--times", "2")
    cluster.begin("http", "--status", "503", "--service", "keystone", "--path", "/auth/tokens", "--times", "2")
    cluster.begin("http", "--status", "500", "--method", "POST", "--path", "/clusters$", "--times", "1")
    cluster.begin("not-found-after-accept", "--path", "/clusters$", "--times", "3")
    cluster.begin("http", "--status", "429", "--method", "POST", "--path", "/nodegroups$", "--times", "1")
    cluster.begin("http", "--status", "500", "--method", "POST", "--path", "/nodegroups$", "--times", "1")
    cluster.begin("reset", "--method", "POST", "--path", "/nodegroups$", "--times", "1")
    cluster.begin("reset", "--method", "POST", "--path", "/certificates$", "--times", "1")
    cluster.begin("slow-answers", "--seconds", "2", "--method", "GET", "--path", "/nodegroups$", "--times", "2")
    cluster.begin("slow-create", "--seconds", "4", "--times", "1")
    cluster.applied()
    assert [done for _, done in cluster.struck()] == [2, 2, 1, 3, 1, 1, 1, 1, 2, 1]
    cluster.whole("extra")


def test_a_request_that_ends_a_pool_may_get_lost_too(cluster: Weather) -> None:
    cluster.wants(FILE)
    cluster.begin("http", "--status", "503", "--method", "DELETE", "--path", "/nodegroups/", "--times", "1")
    cluster.begin("reset", "--method", "DELETE", "--path", "/nodegroups/", "--times", "1")
    cluster.applied()
    assert cluster.struck() == [("http", 1), ("reset", 1)]
    cluster.whole()


GROUP = ("--method", "POST", "--path", "/nodegroups$")
LASTING = {
    "Magnum: Magnum answered 409 to POST /clusters/": ("http", "--status", "409", *GROUP),
    "Magnum: Magnum does not take the node group extra\n  why: Magnum answered 500": (
        "http",
        "--status",
        "500",
        *GROUP,
    ),
    "cannot log in to sandbox": ("http", "--status", "401", "--service", "keystone", "--path", "/auth/tokens"),
    "quota: ": ("quota", "--service", "nova"),
}
"""The cause and its layer, as apply tells it, of faults that do not pass by themselves."""


def test_a_cloud_that_goes_on_refusing_is_told_by_its_cause_and_a_later_apply_goes_on(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA)
    for words, fault in LASTING.items():
        cluster.begin(*fault)
        stopped(cluster.apply(), 5, words)
        cluster.fault("clear")
    cluster.applied()
    cluster.whole("extra")


def test_tokens_that_expire_under_way_are_fetched_anew(cluster: Weather) -> None:
    cluster.wants(FILE)
    ran = cluster.interrupted_by("asked Magnum to delete", ["token-expiry"])
    assert ran.code == 0, ran.said
    assert cluster.struck()[0][1] >= 1
    cluster.whole()


def test_machines_that_never_join_are_told_as_such_and_join_when_the_fault_is_gone(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA)
    cluster.begin("node-never-joins", "--cluster", NAME, "--group", "extra")
    ran = cluster.apply("--timeout", "0.7")
    stopped(ran, 1, "node: pool extra: waiting for 1 of 1 nodes: faults-", " runs and does not become a node")
    assert "openstack console log show" in ran.err
    cluster.fault("clear")
    cluster.applied()
    cluster.whole("extra")


def test_a_magnum_that_is_killed_while_it_deletes_a_pool_is_asked_again(cluster: Weather) -> None:
    cluster.wants(FILE)
    ran = cluster.magnum_killed()
    assert ran.code == 0, ran.said
    assert "pool/extra: asked Magnum again to delete the node group" in ran.err, ran.said
    cluster.whole()


def test_a_quota_that_somebody_else_uses_up_under_way_is_told_with_what_to_do(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA)
    cluster.before_helm(10)
    ran = cluster.interrupted_by("asked Magnum for the node group", ["quota", "--service", "nova"], timeout="0.6")
    stopped(ran, 1, "quota: pool extra: waiting for 1 of 1 nodes: the project's quota of ", " is used up (")
    assert "ask for more quota" in ran.err
    cluster.fault("clear")
    cluster.applied()
    cluster.whole("extra")


def test_a_credential_that_is_revoked_under_way_is_told_as_such(cluster: Weather) -> None:
    cluster.wants(FILE)
    refused = ("http", "--status", "401", "--service", "keystone", "--method", "POST", "--path", "/auth/tokens$")
    ran = cluster.interrupted_by("asked Magnum to delete", refused, ["token-expiry"])
    stopped(ran, 5, "credential: ")
    cluster.fault("clear")
    cluster.applied()
    cluster.whole()


def test_a_held_lock_of_the_release_is_told_in_helms_words_and_healed_when_it_is_given_back(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA)
    cluster.begin("helm-conflict", "--cluster", NAME)
    words = "another operation (install/upgrade/rollback) is in progress"
    stopped(cluster.apply("--timeout", "0.4"), 1, words)
    cluster.fault("clear")
    cluster.applied()
    cluster.whole("extra")


def test_a_magnum_that_is_killed_while_it_makes_a_pool_is_reminded_of_it(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA + EXTRA.replace("extra", "other"))
    ran = cluster.magnum_killed()
    assert ran.code == 0, ran.said
    assert "nudge 1 settles it" in ran.err
    cluster.whole("extra", "other")


def test_a_cluster_is_made_once_through_a_lost_answer_and_a_seeded_series_of_faults(cluster: Weather) -> None:
    cluster.destroy()
    cluster.wants(FILE + EXTRA)
    cluster.begin("reset", "--method", "POST", "--path", "/clusters$", "--times", "1")
    cluster.fault("random", "--seed", "5", "--count", "8")
    tries, ran = 1, cluster.apply()
    while ran.code != 0 and tries < 6:
        assert ran.code in (1, 5), ran.said
        stopped(ran, ran.code, "  do:  ")
        tries, ran = tries + 1, cluster.apply()
    assert ran.code == 0, ran.said
    assert cluster.struck()[0] == ("reset", 1)
    assert sum(done for _, done in cluster.struck()) >= 5
    cluster.fault("clear")
    cluster.whole("extra")
