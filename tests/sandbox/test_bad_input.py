"""Bad input: one clear message (what, why, what now), the right exit code, no traceback, nothing created."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import EXAMPLE, Shell, cluster_file

pytestmark = pytest.mark.timeout(300)
NAME = "bad-input"
BLOCK = "  jetstream2:"
CORE = "    machine: m3.quad\n    nodes: 1\n    runs: [core]"


@dataclass(frozen=True)
class Bad:
    """A way to be wrong: `edit` of the example's text, what must be said, with which exit code."""

    says: tuple[str, ...]
    code: int
    edit: Callable[[str], str] = str
    env: dict[str, str] = field(default_factory=dict)


def swap(old: str, new: str) -> Callable[[str], str]:
    """Replace a piece of the example that must be there."""

    def edit(text: str) -> str:
        assert old in text, f"the example has no {old!r}"
        return text.replace(old, new)

    return edit


BAD_FILES = {
    "an empty file": Bad(("empty",), 2, lambda _: ""),
    "not YAML": Bad(("YAML", ":2:"), 2, lambda _: "name: x\npools: [unclosed\n"),
    "an unknown key": Bad(("did you mean", "machine"), 2, swap(CORE, CORE.replace("machine", "machin"))),
    "a wrong type": Bad(("pools.core.nodes",), 2, swap(CORE, CORE.replace("nodes: 1", "nodes: several"))),
    "two providers": Bad(("openstack", "jetstream2", "exactly one"), 2, swap(BLOCK, "  openstack: {}\n" + BLOCK)),
    "an unknown provider": Bad(("jetstream3", "jetstream2"), 2, swap(BLOCK, "  jetstream3:")),
    "a pool name that the chart would refuse": Bad(("pools",), 2, swap("  user:", "  u:")),
    "no pool that runs users": Bad(("users",), 2, swap("runs: [users]", "runs: [core]")),
    "a placeholder": Bad(("CHANGEME",), 2, swap("keypair: deploy", "keypair: CHANGEME")),
    "a secret that is not there": Bad(
        ("NOT_THERE", "environment"),
        2,
        swap("auth: {shared_password: {}}", "auth: {shared_password: {user_password: '${env:NOT_THERE}'}}"),
    ),
    "a hub without a domain": Bad(
        ("domain",), 2, lambda text: "\n".join(line for line in text.splitlines() if "domain:" not in line) + "\n"
    ),
    "a hub without authentication": Bad(
        ("auth",), 2, lambda text: "\n".join(line for line in text.splitlines() if " auth:" not in line) + "\n"
    ),
}

BAD_CLOUDS = {
    "an unknown cloud": Bad(("sandboxx", "sandbox"), 5, swap("cloud: sandbox", "cloud: sandboxx")),
    "a restricted application credential": Bad(
        ("restricted", "--unrestricted"), 5, swap("cloud: sandbox", "cloud: sandbox-restricted")
    ),
    "an unknown template": Bad(
        ("kubernetes-1-11", "kubernetes-1-3"), 5, swap("template: kubernetes-1-3", "template: kubernetes-1-11-")
    ),
    "an unknown flavor": Bad(("m3.quadd", "m3.quad"), 5, swap(CORE, CORE.replace("m3.quad", "m3.quadd"))),
    "a flavor that is too small": Bad(("m3.tiny", "2"), 5, swap(CORE, CORE.replace("m3.quad", "m3.tiny"))),
    "an unknown key pair": Bad(("deployy", "deploy"), 5, swap("keypair: deploy", "keypair: deployy")),
    "an unknown network": Bad(
        ("no-such-net",), 5, swap("keypair: deploy", "keypair: deploy\n    network: no-such-net")
    ),
}


def assert_clear(ran_code: int, said: str, bad: Bad) -> None:
    """The exit code, the words, and no traceback."""
    assert ran_code == bad.code, said
    assert "Traceback" not in said
    for words in bad.says:
        assert words in said


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told(sandbox: Shell, tmp_path: Path, name: str) -> None:
    bad = BAD_FILES[name]
    file = tmp_path / "cluster.yaml"
    file.write_text(bad.edit((EXAMPLE / "cluster.yaml").read_text()))
    ran = sandbox.hubfleet("apply", file, "--yes")
    assert_clear(ran.code, ran.err, bad)
    assert str(file) in ran.err


def test_a_missing_file_is_told(sandbox: Shell, tmp_path: Path) -> None:
    ran = sandbox.hubfleet("apply", tmp_path / "nowhere.yaml", "--yes")
    assert_clear(ran.code, ran.err, Bad(("nowhere.yaml", "no such file"), 2))


@pytest.mark.parametrize("name", BAD_CLOUDS)
def test_what_the_cloud_would_refuse_is_told_before_anything_is_created(
    sandbox: Shell, tmp_path: Path, name: str
) -> None:
    bad = BAD_CLOUDS[name]
    file = cluster_file(tmp_path, NAME)
    file.write_text(bad.edit(file.read_text()))
    ran = sandbox.hubfleet("apply", file, "--yes")
    assert_clear(ran.code, ran.err, bad)


def test_a_wrong_password_is_told(sandbox: Shell, tmp_path: Path) -> None:
    clouds = Path(sandbox.env["OS_CLIENT_CONFIG_FILE"]).read_text()
    secret = next(line.split(":", 1)[1].strip() for line in clouds.splitlines() if "secret:" in line)
    wrong = tmp_path / "clouds.yaml"
    wrong.write_text(clouds.replace(secret, "wrong"))
    env = {"OS_CLIENT_CONFIG_FILE": str(wrong)}
    name = "sandbox" if "sandbox:\n" in clouds else "sandbox-restricted"
    file = cluster_file(tmp_path, NAME, **{"cloud: sandbox": f"cloud: {name}"})
    ran = sandbox.hubfleet("apply", file, "--yes", env=env)
    assert_clear(ran.code, ran.err, Bad(("credential",), 5))
    assert "wrong" not in ran.err


def test_everything_that_stands_in_the_way_is_told_at_once(sandbox: Shell, tmp_path: Path) -> None:
    file = cluster_file(
        tmp_path, NAME, **{"keypair: deploy": "keypair: deployy", CORE: CORE.replace("m3.quad", "m3.tiny")}
    )
    ran = sandbox.hubfleet("plan", file)
    assert "deployy" in ran.out
    assert "m3.tiny" in ran.out


def test_nothing_was_created(sandbox: Shell) -> None:
    """Runs after those above: no cluster of the name that they all use."""
    assert NAME not in [c["name"] for c in sandbox.openstack("coe", "cluster", "list")]
