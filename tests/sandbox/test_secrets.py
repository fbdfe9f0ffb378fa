"""A secret is seen by the hub that it is for, and by nobody else: canaries of every kind are planted, and searched for
in all that hubfleet prints, writes and starts, and in the cluster outside its Secrets."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.sops.encrypting import Vault

from .conftest import EXAMPLE, Ran, Shell
from .watching import Seen, contents, shown, watched

pytestmark = pytest.mark.timeout(1200)
NAME = "canaries"
NUMBER = "84431237"


def canary(kind: str) -> str:
    """Something that stands nowhere else."""
    return f"{kind}-{secrets.token_hex(12)}"


@dataclass
class Story:
    """A cluster with two hubs whose files hold canaries, and everything that hubfleet said of it."""

    sandbox: Shell
    folder: Path
    vault: Vault
    canaries: dict[str, str]
    env: dict[str, str]
    seen: Seen = field(default_factory=Seen)
    said: list[Ran] = field(default_factory=list[Ran])

    @property
    def file(self) -> Path:
        """The cluster's."""
        return self.folder / "cluster.yaml"

    def hubfleet(self, *argv: str | Path, without: tuple[str, ...] = (), **env: str) -> Ran:
        """Run it, watched, without some variables of the environment; what it printed must show no canary."""
        environment = {name: value for name, value in {**self.env, **env}.items() if name not in without}
        ran = watched(self.seen, self.folder, *argv, env=environment)
        self.said.append(ran)
        assert shown(self.canaries, ran.out, ran.err) == [], f"{argv} shows it"
        assert "Traceback" not in ran.err
        return ran

    def objects(self, kinds: str) -> str:
        """The objects of these kinds, as JSON."""
        ran = self.sandbox.hubfleet("kubectl", "--path", self.file, "get", kinds, "-A", "-o", "json", env=self.env)
        assert ran.code == 0, ran.said
        return ran.out

    def secret(self, name: str, namespace: str = "main") -> dict[str, Any]:
        """The data of a Secret, in base64."""
        words = ("--path", self.file, "get", "secret", name, "-n", namespace, "-o", "json")
        ran = self.sandbox.hubfleet("kubectl", *words, env=self.env)
        assert ran.code == 0, ran.said
        data: dict[str, Any] = ran.json["data"]
        return data

    def write(self, more: str = "") -> None:
        """The cluster file, with more values of the hub main."""
        head = (EXAMPLE / "cluster.yaml").read_text().split("\nhubs:")[0].replace("name: first-hub", f"name: {NAME}")
        self.file.write_text(f"{head}\n{HUBS.replace('LITERAL', self.canaries['literal'])}{more}")


HUBS = """\
hubs:
  course:
    domain: course.example.org
    chart: lite
    auth: {shared_password: {admin_password: "${env:HF_ADMIN}"}}
    admins: [ada]
  main:
    domain: hub.example.org
    chart: lite
    auth: {shared_password: {user_password: LITERAL}}
    admins: [ada]
    values_files: [main.secret.yaml]
    values:
      singleuser: {memory: {guarantee: 256M, limit: 1G}}
      hub:
        config:
          Canary:
            env: "${env:HF_TOKEN}"
            file: ${file:token}
            reference: "x-${sops:shared.secret.yaml#deep.token}"
"""
SLOW = '#!/bin/sh\nsleep 0.1\nexec {program} "$@"\n'
"""sops is over in 20 ms; a little more, and whoever watches is sure to see it."""


@pytest.fixture(scope="module")
def story(sandbox: Shell, sops_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("canaries")
    vault = Vault(sops_folder, folder)
    kinds = ("literal", "env", "admin", "file", "values", "lines", "listed", "reference")
    canaries = {kind: canary(kind) for kind in kinds} | {"number": NUMBER}
    canaries["admin"] = canary("admin") + canary("long-enough")
    canaries["lines"] = f"{canary('one')}\n{canary('two')}\n"
    canaries["key"] = next(line for line in vault.key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY"))
    (folder / "token").write_text(canaries["file"] + "\n")
    lines = json.dumps(canaries["lines"])
    config = f"{{token: {canaries['values']}, port: {NUMBER}, lines: {lines}, listed: [{{a: {canaries['listed']}}}]}}"
    vault.encrypt(folder / "main.secret.yaml", f"hub: {{config: {{Sealed: {config}}}}}\n")
    vault.encrypt(folder / "shared.secret.yaml", f"deep: {{token: {canaries['reference']}, other: 1}}\n")
    slow = folder / "sops"
    slow.write_text(SLOW.format(program=sops_folder / "sops"))
    slow.chmod(0o755)
    env = {**sandbox.env, "HF_TOKEN": canaries["env"], "HF_ADMIN": canaries["admin"], "HUBFLEET_SOPS": str(slow)}
    env |= {"SOPS_AGE_KEY": canaries["key"], "XDG_STATE_HOME": str(folder / "state")}
    env |= {"XDG_CACHE_HOME": str(folder / "cache")}
    one = Story(sandbox, folder, vault, canaries, env)
    one.write()
    yield one
    one.write()
    sandbox.hubfleet("destroy", one.file, "--with-homes", "--yes", NAME, env=env)


def test_without_secrets_files_are_checked_and_shown(story: Story) -> None:
    none = ("HF_TOKEN", "HF_ADMIN", "SOPS_AGE_KEY")
    (story.folder / "token").rename(story.folder / "away")
    try:
        checked = story.hubfleet("validate", story.file, without=none, HUBFLEET_SOPS="/nowhere")
        assert checked.code == 0, checked.said
        for words in ((), ("--json",)):
            ran = story.hubfleet("show", story.file, "--hub", "main", *words, without=none, HUBFLEET_SOPS="/nowhere")
            assert "${sops:main.secret.yaml#hub.config.Sealed.port}" in ran.out, ran.said
        missing = story.hubfleet("plan", story.file, without=none)
        assert missing.code == 2
    finally:
        (story.folder / "away").rename(story.folder / "token")
    for words in ("HF_TOKEN is not set", "HF_ADMIN is not set", "token cannot be read", "main.secret.yaml:4:"):
        assert words in missing.err
    assert missing.err.count(f"it is encrypted for age {story.vault.recipient}") == 2
    assert "5 problems found" in missing.err


def test_a_plan_and_an_apply_show_no_secret(story: Story) -> None:
    for words in ((), ("--json",)):
        planned = story.hubfleet("plan", story.file, *words)
        assert planned.code == 0, planned.said
    applied = story.hubfleet("apply", story.file, "--yes", "--json")
    assert applied.code == 0, applied.said


def test_the_hub_gets_them_with_their_types(story: Story) -> None:
    given = json.loads(base64.b64decode(story.secret("hub")["values.json"]))["hub"]["config"]
    know = story.canaries
    assert given["Sealed"] == {
        "token": know["values"],
        "port": int(NUMBER),
        "lines": know["lines"],
        "listed": [{"a": know["listed"]}],
    }
    assert given["Canary"] == {"env": know["env"], "file": know["file"], "reference": f"x-{know['reference']}"}
    made = {
        f"made {name} of {hub}": base64.b64decode(text).decode()
        for hub in ("main", "course")
        for name, text in story.secret("hubfleet", hub).items()
    }
    assert {"made check-token of main", "made check-token of course"} < set(made)
    assert any("password" in name for name in made)
    story.canaries |= made  # from here on they are canaries, too; what was said before is searched again at the end


def test_applied_again_nothing_changes(story: Story) -> None:
    again = story.hubfleet("apply", story.file, "--yes")
    assert again.code == 0, again.said
    assert "nothing to change" in again.err


def test_a_changed_secret_is_a_change_that_is_told_and_not_shown_and_others_are_kept(story: Story) -> None:
    before = story.secret("hub")
    story.canaries["new"] = canary("new")
    story.vault.sops("set", str(story.folder / "main.secret.yaml"), '["hub"]["config"]["Sealed"]["port"]', "84431238")
    words = ('["hub"]["config"]["Sealed"]["token"]', json.dumps(story.canaries["new"]))
    story.vault.sops("set", str(story.folder / "main.secret.yaml"), *words)
    planned = story.hubfleet("plan", story.file)
    assert "~ change hub main" in planned.out, planned.said
    assert "hub.config.Sealed.token" in planned.out
    assert "course" not in "".join(line for line in planned.out.splitlines() if line.strip().startswith("~"))
    assert "main.secret.yaml:4" in planned.out
    applied = story.hubfleet("apply", story.file, "--yes")
    assert applied.code == 0, applied.said
    after = story.secret("hub")
    assert after["values.json"] != before["values.json"]
    kept = ("cookie-secret", "crypt-key", "proxy-token")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}


@pytest.mark.parametrize("verb", ["status", "check"])
def test_verbs_that_look_show_no_secret(story: Story, verb: str) -> None:
    for words in ((), ("--json",)):
        ran = story.hubfleet(verb, story.file, *words, without=("HF_TOKEN", "HF_ADMIN"))
        assert ran.code == 0, ran.said


def test_a_value_that_the_chart_refuses_is_not_told(story: Story) -> None:
    story.write('      proxy: {service: {type: "${env:HF_TOKEN}"}}\n')
    assert story.hubfleet("validate", story.file).code == 0
    ran = story.hubfleet("apply", story.file, "--yes")
    assert ran.code == 2, ran.said
    assert "hubs.main.values.proxy.service.type: the chart lite" in ran.err
    story.write()
    text = story.file.read_text().replace("limit: 1G}", 'limit: "${sops:shared.secret.yaml#deep.token}"}')
    story.file.write_text(text)
    ran = story.hubfleet("plan", story.file, "--json")
    assert ran.code == 2, ran.said
    assert "hubs.main.values.singleuser.memory.limit: the chart lite" in ran.err
    assert "does not match pattern" in ran.err


def test_a_value_that_kubernetes_refuses_is_not_told(story: Story) -> None:
    story.write()
    bad = story.file.read_text().replace("      hub:\n", '      hub:\n        nodeSelector: {x: "!${env:HF_TOKEN}"}\n')
    story.file.write_text(bad)
    for words in ((), ("--json",)):
        ran = story.hubfleet("apply", story.file, "--yes", *words)
        assert ran.code == 1, ran.said
        assert "a valid label" in ran.err, ran.said
        assert "••••" in ran.err, ran.said


def test_what_a_hub_says_that_does_not_start_is_told_without_secrets(story: Story) -> None:
    story.write()
    bad = '          JupyterHub: {concurrent_spawn_limit: "${env:HF_TOKEN}"}\n'
    story.file.write_text(story.file.read_text() + bad)
    ran = story.hubfleet("apply", story.file, "--yes", "--timeout", "1.5")
    assert ran.code == 1, ran.said
    assert "concurrent_spawn_limit" in ran.err, ran.said
    assert "••••" in ran.err, ran.said


UPSTREAM = """\
  upstream:
    domain: upstream.example.org
    chart: CHART/
    auth: {shared_password: {}}
    values:
      hub: {config: {Canary: {n: NUMBER}}}
      prePuller: {hook: {enabled: false}, continuous: {enabled: false}}
      scheduling: {userScheduler: {enabled: false}}
"""


def test_what_zero_to_jupyterhub_makes_for_itself_is_made_once(story: Story, upstream: Path) -> None:
    """Its pods cannot run here, which have no images; what matters is what Helm installed."""
    made: list[dict[str, str]] = []
    for number in ("1", "2"):
        story.write(UPSTREAM.replace("CHART", str(upstream)).replace("NUMBER", number))
        assert story.hubfleet("apply", story.file, "--yes", "--timeout", "0.3").code == 1
        planned = story.hubfleet("plan", story.file)
        assert "finish hub upstream" in planned.out, planned.said  # so its digest is what it was
        made.append({key: text for key, text in story.secret("hub", "upstream").items() if key != "values.yaml"})
    names = ("JupyterHub.cookie_secret", "CryptKeeper.keys", "ConfigurableHTTPProxy.auth_token")
    assert set(made[0]) == {f"hub.config.{name}" for name in names}
    assert made[0] == made[1]
    story.canaries |= {f"upstream {key}": base64.b64decode(text).decode() for key, text in made[0].items()}


def test_in_the_cluster_they_are_in_secrets_only(story: Story) -> None:
    story.write()
    applied = story.hubfleet("apply", story.file, "--yes")
    assert applied.code == 0, applied.said
    words = ("--path", story.file, "api-resources", "--verbs=list", "-o", "name")
    listed = story.sandbox.hubfleet("kubectl", *words, env=story.env)
    assert listed.code == 0, listed.said
    kinds = sorted({kind for kind in listed.out.split() if kind != "secrets"})
    assert {"configmaps", "events", "pods", "deployments.apps"} <= set(kinds)
    every = story.objects(",".join(kinds))
    assert "jupyterhub_config.py" in every
    assert shown(story.canaries, every) == []
    kept = json.loads(story.objects("secrets"))["items"]
    metadata = json.dumps([one["metadata"] for one in kept])
    assert shown(story.canaries, metadata) == []
    assert shown(story.canaries, json.dumps(kept)) != []  # so that the search is known to find what is there


def test_destroy_shows_no_secret(story: Story) -> None:
    ran = story.hubfleet("destroy", story.file, "--with-homes", "--yes", NAME, "--json", without=("HF_TOKEN",))
    assert ran.code == 0, ran.said


def test_no_program_that_hubfleet_started_could_see_one(story: Story) -> None:
    """Runs after those above, as do the next ones."""
    assert {"helm", "sops"} <= story.seen.names
    helms = [both for both in story.seen.programs.values() if Path(os.fsdecode(both[0].split(b"\0")[0])).name == "helm"]
    assert any(b"upgrade" in argv for argv, _ in helms)
    for argv, environment in story.seen.programs.values():
        assert shown(story.canaries, argv) == [], argv
        theirs = dict.fromkeys(shown(story.canaries, environment))
        key = ["key"] if b"SOPS_AGE_KEY=" in environment else []
        assert list(theirs) == key, argv
        assert not key or b"sops" in argv or b"sleep" in argv, "only sops gets its own key"


def test_nothing_that_hubfleet_wrote_holds_one(story: Story) -> None:
    written = [story.folder / name for name in ("state", "cache", "tmp")]
    assert (story.folder / "state").is_dir()
    assert shown(story.canaries, *contents(written)) == []
    assert any("canaries" in str(path) for path in (story.folder / "state").rglob("*.jsonl"))
    assert any("kubeconfig" in name for name in story.seen.modes)
    assert {name: oct(mode) for name, mode in story.seen.modes.items() if mode & 0o077} == {}
    assert shown(story.canaries, *story.seen.files.values()) == []


def test_nothing_that_was_said_shows_one_that_was_made_later(story: Story) -> None:
    assert len(story.said) > 15
    assert shown(story.canaries, *(ran.out + ran.err for ran in story.said)) == []
