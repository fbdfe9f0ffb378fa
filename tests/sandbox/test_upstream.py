"""One file, two charts: a hub on Zero to JupyterHub's real chart and one on `lite`, which have the same keys, are the
same for their users and for whoever runs them.

Needs that chart (HUBFLEET_CHARTS). The images that it names are played by the sandbox's own (stand_ins.py), and two of
them cannot be: the pre-puller's hook and the block of the cloud's metadata by iptables are off, and are not seen here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from hubfleet.tools import kernel

from . import stand_ins
from .conftest import Ran, Shell
from .hub_api import ENV, SERVICE, TOKEN, Hub
from .test_first_hub import NODE_GROUP
from .test_login import person, posts

pytestmark = pytest.mark.timeout(900)
NAME, HUBS = "alike", ("lite", "upstream")
FLEET = f"""\
clusters: [cluster.yaml]
rings: [all]
defaults:
  hub:
    ring: all
    auth: {{shared_password: {{}}}}
    admins: [root]
    image: localhost/hubfleet-hub:1
    profiles: [{{title: Small, seats: 16}}, {{title: Large, seats: 8}}]
    named_servers: 1
    culling: {{idle: 60, every: 10}}
    values:
{SERVICE}
      singleuser: {{extraEnv: {{COURSE: botany}}}}
"""
CLUSTER = f"""\
name: {NAME}
provider:
  jetstream2: {{cloud: sandbox, template: kubernetes-1-34-jammy, keypair: deploy, control_plane: {{machine: m3.quad}}}}
pools:
  core: {{machine: m3.quad, nodes: 1, runs: [core]}}
  user: {{machine: m3.quad, nodes: 1, runs: [users]}}
storage: {{homes: {{size: 1Gi}}}}
charts: {{mirror: charts}}
hubs:
  lite: {{domain: lite.example.org, chart: lite}}
"""
UPSTREAM = """\
  upstream:
    domain: upstream.example.org
    values:
      prePuller: {hook: {enabled: false}}
      singleuser: {cloudMetadata: {blockWithIptables: false}}
"""
OWN = r"\w+_TOKEN|JPY_PARENT_PID|(HUB|PROXY_API|PROXY_PUBLIC)_(PORT|SERVICE)\w*"
"""What of a server's environment is another in each hub: tokens, and what Kubernetes tells of its Services."""
INSIDE = f"""
import json, os, re
environment = {{key: value for key, value in os.environ.items() if not re.fullmatch({OWN!r}, key)}}
home = os.path.expanduser("~")
with open(f"{{home}}/note.txt", "a") as note:
    print("was here", file=note)
who = {{"user": os.getuid(), "groups": os.getgroups(), "folder": os.getcwd(), "mounted": os.path.ismount(home)}}
print(json.dumps({{"environment": environment, "note": open(note.name).read(), **who}}))
"""
TRIED = {"anybody": ("bob", "ann"), "nobody": ("bob", ""), "root": ("root", "root"), "thief": ("root", "ann")}
"""Names with which people try to log in, and whose password they have."""


class Pair:
    """The fleet's folder, and verbs on it."""

    def __init__(self, sandbox: Shell, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder

    def __call__(self, verb: str, *words: str, code: int = 0) -> Ran:
        ran = self.sandbox.hubfleet(verb, self.folder, *words, env=ENV)
        assert ran.code == code, ran.said
        return ran

    def kubectl(self, *words: str) -> Ran:
        ran = self.sandbox.hubfleet("kubectl", "--path", self.folder, *words, env=ENV)
        assert ran.code == 0, ran.said
        return ran

    def status(self) -> dict[str, Any]:
        """Of each hub."""
        return {one["name"]: one for one in self("status", "--json").json["clusters"][0]["hubs"]}


@pytest.fixture(scope="module")
def pair(upstream: Path, sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The hub on `lite`, on nodes that have what play the other's images; the last test, or else this, destroys it."""
    made = Pair(sandbox, tmp_path_factory.mktemp(NAME))
    mirror = made.folder / "charts" / "hub.jupyter.org" / "helm-chart"
    packed = sandbox("helm", "package", upstream, "--destination", mirror)
    assert packed.code == 0, packed.said
    (made.folder / "fleet.yaml").write_text(FLEET)
    (made.folder / "cluster.yaml").write_text(CLUSTER)
    try:
        made("apply", "--yes")
        stand_ins.put(sandbox.state, yaml.safe_load((upstream / "values.yaml").read_text()))
        yield made
    finally:
        sandbox.hubfleet("destroy", made.folder, "--cluster", NAME, "--with-homes", "--yes", NAME, env=ENV)


class Ada:
    """Somebody who uses a hub with a browser; and what hub and server say of her to the tests' own service."""

    def __init__(self, address: str, password: str) -> None:
        self.browser = person(address)
        self.api = httpx.Client(base_url=address, headers={"Authorization": f"token {TOKEN}"}, timeout=60)
        posts(self.browser, "/hub/login", username="ada", password=password)

    def close(self) -> None:
        self.browser.close()
        self.api.close()

    def servers(self) -> dict[str, Any]:
        """Her servers that run, start or stop."""
        servers: dict[str, Any] = self.api.get("/hub/api/users/ada").json()["servers"]
        return servers

    def waits(self, ready: bool | None) -> None:
        """Until her first server runs (True), or is gone (None)."""
        end = time.monotonic() + 180
        while self.servers().get("", {}).get("ready") is not ready:
            assert time.monotonic() < end, self.servers()
            time.sleep(0.5)

    def runs(self, code: str) -> Any:
        """What a kernel on her server prints, which is JSON."""
        made = self.api.post("/user/ada/api/kernels", json={}).json()["id"]
        address, path = str(self.api.base_url), f"/user/ada/api/kernels/{made}/channels"
        host = str(urlsplit(address).hostname)
        with closing(kernel.connect(host, address, path, TOKEN, lambda: None, timeout=60)) as connected:
            return json.loads(connected.run(code).text)


@dataclass(frozen=True)
class Seen:
    """What people find at a hub, and whoever runs it."""

    credentials: list[tuple[str, bool, int]]
    """Who, whether an admin, and how long the password is."""
    status: dict[str, Any]
    lets_in: dict[str, tuple[int, int]]
    """How it answers them on /hub/home and on /hub/admin."""
    sizes: list[str]
    lands: str
    inside: dict[str, Any]
    resources: dict[str, Any]
    home: dict[str, Any]
    pool: str
    note: str
    named: dict[str, int]


def observe(pair: Pair, name: str) -> Seen:
    """Use a hub in every way in which its chart might matter. Servers are left running."""
    told = pair("credentials", "--hub", name, "--json").json
    passwords = {"": "x" * 16} | {one["user"]: one["password"] for one in told["logins"]}
    with closing(Ada(told["address"], passwords["ann"])) as ada:
        page = ada.browser.get("/hub/spawn/ada").text
        posts(ada.browser, "/hub/spawn/ada", profile="large")
        ada.waits(True)
        lands = ada.browser.get("/hub/spawn/ada").url.path
        inside = ada.runs(INSIDE)
        pod = Hub(pair.sandbox, pair.folder, name).pod("ada")["spec"]
        claim = json.loads(pair.kubectl("-n", name, "get", "pvc", "claim-ada", "-o", "json").out)
        node = json.loads(pair.kubectl("get", "node", pod["nodeName"], "-o", "json").out)
        ada.api.delete("/hub/api/users/ada/server")
        ada.waits(None)
        ada.api.post("/hub/api/users/ada/server", json={"profile": "large"})
        ada.waits(True)
        return Seen(
            credentials=[(one["user"], one["admin"], len(one["password"])) for one in told["logins"]],
            status={key: value for key, value in pair.status()[name].items() if key not in ("name", "url", "address")},
            lets_in={who: lets_in(told["address"], user, passwords[whose]) for who, (user, whose) in TRIED.items()},
            sizes=re.findall(r'name="profile"[^>]*value="(\w+)"', page),
            lands=lands,
            inside=inside,
            resources=pod["containers"][0]["resources"],
            home=claim["spec"] | {"volumeName": ""},
            pool=node["metadata"]["labels"][NODE_GROUP],
            note=ada.runs(INSIDE)["note"],
            named=asks_for_named_servers(ada),
        )


def lets_in(address: str, user: str, password: str) -> tuple[int, int]:
    with person(address) as browser:
        posts(browser, "/hub/login", username=user, password=password)
        home, admin = (browser.get(f"/hub/{page}", follow_redirects=False) for page in ("home", "admin"))
        return home.status_code, admin.status_code


def asks_for_named_servers(ada: Ada) -> dict[str, int]:
    """How the hub answers, when one is allowed. JupyterHub (5.5, handlers/pages.py `_post`) does not count a form that
    is sent past its page, whatever the chart."""
    answers = {"first": ada.api.post("/hub/api/users/ada/servers/one", json={"profile": "small"}).status_code}
    answers["API"] = ada.api.post("/hub/api/users/ada/servers/two", json={"profile": "small"}).status_code
    answers["page"] = ada.browser.get("/hub/spawn/ada/two").status_code
    posts(ada.browser, "/hub/spawn/ada/two", profile="small")
    answers["form"] = len(ada.servers().keys() & {"two"})
    for name in ("one", "two"):  # they start, and nobody wants them any more
        ada.api.delete(f"/hub/api/users/ada/servers/{name}")
    return answers


def test_a_hub_on_zero_to_jupyterhubs_chart_comes_up_beside_one_on_lite(pair: Pair) -> None:
    file = pair.folder / "cluster.yaml"
    file.write_text(file.read_text() + UPSTREAM)
    applied = pair("apply", "--yes")
    assert "check/upstream: a user's server starts" in applied.err, applied.said
    charts = {
        one["name"]: one["chart"]
        for one in pair.sandbox.hubfleet("helm", "--path", pair.folder, "list", "-A", "-o", "json", env=ENV).json
    }
    assert charts == {"lite": "lite-0.1.0", "upstream": "jupyterhub-4.4.0"}


def test_users_and_whoever_runs_them_find_the_same_at_both(pair: Pair) -> None:
    with ThreadPoolExecutor() as side_by_side:
        lite, upstream = side_by_side.map(observe, (pair, pair), HUBS)
    assert lite == upstream
    assert lite.status["answers"] is True
    assert lite.lets_in == {"anybody": (200, 403), "nobody": (302, 302), "root": (200, 200), "thief": (302, 302)}
    assert (lite.sizes, lite.lands, lite.pool) == (["small", "large"], "/user/ada/lab", "user")
    assert lite.inside["environment"]["COURSE"] == "botany"
    assert lite.resources["limits"]["memory"] == lite.inside["environment"]["MEM_LIMIT"]
    assert (lite.inside["mounted"], lite.note) == (True, "was here\n" * 2)
    assert (lite.named["API"], lite.named["page"]) == (400, 400)


def test_a_second_apply_changes_nothing(pair: Pair) -> None:
    assert "0 of 1 clusters to change" in pair("apply", "--yes").err
    pair("plan", "--exit-code")


def test_both_work_when_they_are_checked(pair: Pair) -> None:
    checks = pair("check", "--json").json["clusters"][0]["checks"]
    assert [(one["subject"], one["well"]) for one in checks] == [(f"hub {name}", True) for name in HUBS]
    steps = [[step["name"] for step in one["steps"]] for one in checks]
    assert steps[0] == steps[1]


def test_a_server_that_nobody_uses_is_stopped_at_both(pair: Pair) -> None:
    end = time.monotonic() + 150
    for name in HUBS:
        while "Culling server ada (inactive for" not in pair.kubectl("-n", name, "logs", "deploy/hub").out:
            assert time.monotonic() < end, name
            time.sleep(2)


def test_a_bad_image_is_told_in_the_same_words_and_rolled_back(pair: Pair) -> None:
    file = pair.folder / "fleet.yaml"
    file.write_text(FLEET.replace("localhost/hubfleet-hub:1", "localhost/hubfleet/no-such-image:1"))
    events = [json.loads(line) for line in pair("apply", "--yes", "--json", code=1).out.splitlines()]
    lite, upstream = ([*said_at_the_end(events, name)] for name in HUBS)
    assert lite == upstream
    assert "it was rolled back to what ran before" in lite
    assert "cannot get the image localhost/hubfleet/no-such-image:1" in " ".join(lite)
    file.write_text(FLEET)
    steps = pair("plan", "--json").json["clusters"][0]["steps"]
    assert {one["action"] for one in steps} <= {"keep", "finish"}  # the second to fail was not waited for
    pair("apply", "--yes")
    assert {one["answers"] for one in pair.status().values()} == {True}


def said_at_the_end(events: list[dict[str, Any]], name: str) -> Iterator[str]:
    """Of a hub that failed: why, and what became of it, but for the number of the revision and who waited for it."""
    for one in (event for event in events if event.get("subject") in (f"check/{name}", f"release/{name}")):
        if one["kind"] == "failed" or one["text"].startswith("it was rolled back"):
            yield one["text"].replace(name, "NAME").partition(" (revision")[0]


def test_nothing_is_left_of_either(pair: Pair) -> None:
    pair("destroy", "--cluster", NAME, "--with-homes", "--yes", NAME)
    for what in (("coe", "cluster"), ("volume",), ("floating", "ip"), ("server",)):
        assert pair.sandbox.openstack(*what, "list") == []
