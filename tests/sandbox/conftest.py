"""One sandbox for all tests of this folder, and the programs that a person would use on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "first-hub"
HUBFLEET = Path(sys.executable).with_name("hubfleet")
PIPES: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
_LAST = 60  # lines of a log of the sandbox, told with a test that fails


@dataclass(frozen=True)
class Ran:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both streams, for assertions that fail with something to read."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs programs with the environment that `hubfleet sandbox env` gives."""

    env: Mapping[str, str]
    state: Path

    def __call__(
        self, *argv: str | Path, timeout: float = 120, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Ran:
        """Run to the end; `argv[0]` is looked for on the sandbox's PATH. What takes longer than `timeout` seconds fails
        the test with all that it said until then."""
        words, environment = [str(word) for word in argv], {**self.env, **(env or {})}
        try:
            ran = subprocess.run(words, timeout=timeout, env=environment, cwd=cwd, check=False, **PIPES)
        except subprocess.TimeoutExpired as late:  # what it has is bytes, in text mode too
            said = b"".join(stream or b"" for stream in (late.stdout, late.stderr)).decode(errors="replace")
            pytest.fail(f"{' '.join(words)} did not end within {timeout:g} s; it said\n{said}")
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def hubfleet(self, *argv: str | Path, timeout: float = 600, env: Mapping[str, str] | None = None) -> Ran:
        """Run hubfleet as a person would."""
        return self(HUBFLEET, *argv, timeout=timeout, env=env)

    def openstack(self, *argv: str, cloud: str = "sandbox") -> Any:
        """The answer of the OpenStack client, which nobody here wrote, as data. Asked again where Magnum refuses to
        tell of a cluster whose master group goes, or to list it (tools/magnum.py, `_get`)."""
        ran = self("openstack", "--os-cloud", cloud, *argv, "-f", "json")
        for pause in (1, 2, 4):
            if "Invalid input for field/attribute master_count" not in ran.err:
                break
            time.sleep(pause)
            ran = self("openstack", "--os-cloud", cloud, *argv, "-f", "json")
        assert ran.code == 0, ran.said
        return ran.json


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a test that fails: what runs in the sandbox, and what its machine room did last. The sandbox goes with the
    run, and nobody could look afterwards."""
    report = yield
    shell = getattr(item, "funcargs", {}).get("sandbox")
    if report.failed and isinstance(shell, Shell):
        status = subprocess.run(
            [HUBFLEET, "sandbox", "status", "--state", shell.state], timeout=60, check=False, **PIPES
        )
        report.sections.append(("sandbox status", status.stdout + status.stderr))
        for name in ("machine-room", "magnum"):
            log = (shell.state / "logs" / f"{name}.log").read_text(errors="replace").splitlines()
            report.sections.append((f"the end of {name}.log", "\n".join(log[-_LAST:])))
    return report


def shell_environment(state: Path) -> dict[str, str]:
    """This environment plus the exports of `hubfleet sandbox env`, read as a shell reads them."""
    script = f'eval "$({HUBFLEET} sandbox env --state {state})" && env -0'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)


@pytest.fixture(scope="session")
def upstream() -> Path:
    """The folder of Zero to JupyterHub's chart; the test is skipped where there is none."""
    folder = Path(os.environ.get("HUBFLEET_CHARTS", "/nonexistent")) / "jupyterhub"
    if not (folder / "values.schema.json").is_file():
        pytest.skip("HUBFLEET_CHARTS names no folder with Zero to JupyterHub's chart (jupyterhub/values.schema.json)")
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Shell]:
    """A sandbox that is started for this run of the tests, and stopped after it.

    HUBFLEET_TEST_SANDBOX names the state folder of one that runs already, to be quick while writing tests.
    """
    running = os.environ.get("HUBFLEET_TEST_SANDBOX")
    if running:
        yield Shell(shell_environment(Path(running)), Path(running))
        return
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        state = Path(folder) / "s"
        started = subprocess.run(
            [HUBFLEET, "sandbox", "start", "--install", "--state", state], timeout=3000, check=False
        )
        try:
            assert started.returncode == 0, "the sandbox did not start: see above"
            yield Shell(shell_environment(state), state)
        finally:
            subprocess.run([HUBFLEET, "sandbox", "stop", "--state", state], timeout=300, check=False)


def cluster_file(folder: Path, name: str, *, text: str | None = None, **replace: str) -> Path:
    """A copy of the example's file as a cluster of another name, with pieces of text replaced."""
    text = (EXAMPLE / "cluster.yaml").read_text() if text is None else text
    assert "name: first-hub" in text
    text = text.replace("name: first-hub", f"name: {name}")
    for old, new in replace.items():
        assert old in text, f"the example has no {old!r} to replace"
        text = text.replace(old, new)
    file = folder / "cluster.yaml"
    file.write_text(text)
    return file
