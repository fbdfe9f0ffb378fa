"""Faults of the cloud, made on purpose by the sandbox: apply gets through, or stops with the cause named and goes on
when the fault is gone; and there is never a second cluster of the name, or a second node group."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import HUBFLEET, Ran, Shell

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


class Weather:
    """The sandbox's faults, and hubfleet in the midst of them."""

    def __init__(self, sandbox: Shell, folder: Path) -> None:
        self.sandbox = sandbox
        self.file = folder / "cluster.yaml"
        self.wants(FILE)

    def wants(self, text: str) -> None:
        """From now on the file says so."""
        self.file.write_text(text)

    def destroy(self) -> None:
        """All of it, in good weather."""
        self.fault("clear")
        gone = self.sandbox.hubfleet("destroy", self.file, "--yes", NAME)
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

    def interrupted_by(self, words: str, *fault: str) -> Ran:
        """`hubfleet apply`, and a fault that begins when it says `words`."""
        argv = [HUBFLEET, "apply", self.file, "--yes"]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(argv, env=dict(self.sandbox.env), **pipes) as run:
            watchdog = threading.Timer(900, run.kill)
            watchdog.start()
            said, begun = "", False
            for line in run.stderr or ():
                said += line
                if words in line and not begun:
                    begun = True
                    self.begin(*fault)
            out = run.stdout.read() if run.stdout else ""
            watchdog.cancel()
        assert begun, f"never said {words!r}: {said}"
        return Ran(run.returncode, out, said)

    def groups(self) -> dict[str, str]:
        """Node groups and their statuses, as the OpenStack client has them: of one cluster, and each name once."""
        clusters = [cluster["name"] for cluster in self.sandbox.openstack("coe", "cluster", "list")]
        assert clusters.count(NAME) == 1
        listed = self.sandbox.openstack("coe", "nodegroup", "list", NAME)
        names = Counter(group["name"] for group in listed)
        assert set(names.values()) == {1}, names
        return {group["name"]: group["status"] for group in listed}

    def whole(self, *more: str) -> None:
        """Nothing is left to do, and nothing is there twice."""
        planned = self.sandbox.hubfleet("plan", self.file, "--exit-code")
        assert planned.code == 0, planned.said
        groups = self.groups()
        assert set(groups) == GROUPS | set(more)
        assert all(status.endswith("_COMPLETE") for status in groups.values()), groups


def stopped(ran: Ran, code: int, *words: str) -> None:
    """It stopped for these reasons, and said so as people read it."""
    assert ran.code == code, ran.said
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err, ran.said


@pytest.fixture(scope="module")
def cluster(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    """A small cluster's file; what comes of it is destroyed at the end."""
    weather = Weather(sandbox, tmp_path_factory.mktemp("faults"))
    weather.fault("clear")
    yield weather
    weather.destroy()


@pytest.fixture(autouse=True)
def clearing_up(sandbox: Shell) -> Iterator[None]:
    """Each test ends in good weather."""
    yield
    ran = sandbox.hubfleet("sandbox", "fault", "clear", "--state", sandbox.state)
    assert ran.code == 0, ran.said


def test_a_cluster_is_made_through_errors_lost_answers_and_slowness(cluster: Weather) -> None:
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
    ran = cluster.interrupted_by("asked Magnum to delete", "token-expiry")
    assert ran.code == 0, ran.said
    assert cluster.struck()[0][1] >= 1
    cluster.whole()


def test_a_held_lock_of_the_release_is_told_in_helms_words_and_healed_when_it_is_given_back(cluster: Weather) -> None:
    cluster.wants(FILE + EXTRA)
    cluster.begin("helm-conflict", "--cluster", NAME)
    words = "another operation (install/upgrade/rollback) is in progress"
    stopped(cluster.apply("--timeout", "0.4"), 1, words)
    cluster.fault("clear")
    cluster.applied()
    cluster.whole("extra")


def test_a_cluster_is_made_once_through_a_lost_answer_and_a_seeded_series_of_faults(cluster: Weather) -> None:
    cluster.destroy()
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
