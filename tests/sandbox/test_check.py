"""check: hubs that are used as a user would, and what hinders that; a pool that proves to grow and shrink, and one
whose chart does not let it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import HUBFLEET, Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
GOOD, BROKEN = "proves", "proves-not"


def made(sandbox: Shell, folder: Path, name: str, template: str) -> Path:
    """A cluster without a hub, whose pool for users scales."""
    path = cluster_file(folder, name)
    text = path.read_text().replace("template: kubernetes-1-34-jammy", f"template: {template}")
    head, user, rest = text[: text.index("\nhubs:")].partition("  user:\n")
    assert "    nodes: 1\n" in rest
    path.write_text(head + user + rest.replace("    nodes: 1\n", "    nodes: {min: 1, max: 2}\n") + "\n")
    applied = sandbox.hubfleet("apply", path, "--yes", timeout=600)
    assert applied.code == 0, applied.said
    return path


def gone(sandbox: Shell, path: Path, name: str) -> None:
    ran = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", name)
    assert ran.code == 0, ran.said


@pytest.fixture(scope="module")
def good(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = made(sandbox, tmp_path_factory.mktemp(GOOD), GOOD, "kubernetes-1-34-jammy")
    yield path
    gone(sandbox, path, GOOD)


@pytest.fixture(scope="module")
def broken(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = made(sandbox, tmp_path_factory.mktemp(BROKEN), BROKEN, "kubernetes-1-34-jammy-0.14.0")
    yield path
    gone(sandbox, path, BROKEN)


def namespaces(sandbox: Shell, path: Path) -> list[str]:
    found: Any = sandbox.hubfleet("kubectl", "--path", path, "get", "namespaces", "-o", "json").json
    return [one["metadata"]["name"] for one in found["items"]]


def test_a_pool_that_scales_proves_it_and_the_probe_leaves_nothing(sandbox: Shell, good: Path) -> None:
    ran = sandbox.hubfleet("check", good, "--autoscale", "--timeout", "4", "--json", timeout=800)
    assert ran.code == 0, ran.said
    (found,) = ran.json["checks"]
    assert found["subject"] == "pool user"
    assert found["seen"].startswith("1 node, grew to 2 in "), ran.said
    assert "shrank again in" in found["seen"]
    assert "hubfleet-probe" not in namespaces(sandbox, good)


def test_a_chart_that_breaks_scaling_is_found_to_be_the_reason(sandbox: Shell, broken: Path) -> None:
    ran = sandbox.hubfleet("check", broken, "--autoscale", "--pool", "user", "--timeout", "0.5", "--json")
    assert ran.code == 1, ran.said
    (found,) = ran.json["checks"]
    trouble = found["trouble"]
    assert trouble["layer"] == "chart", ran.said
    assert "0.14.0" in trouble["why"], ran.said
    assert trouble["remedy"]
    assert "hubfleet-probe" not in namespaces(sandbox, broken)


TRIED = "tried"
NOWHERE = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nobody-makes-it}
provisioner: example.org/nobody
"""
BAD_SPEC = json.dumps({"argv": ["false", "{connection_file}"], "display_name": "x", "language": "python"})
SPOILED = f"d=$HOME/.local/share/jupyter/kernels/python3; mkdir -p $d; echo '{BAD_SPEC}' > $d/kernel.json; "
HUBS: dict[str, dict[str, Any]] = {
    "main": {},
    "no-image": {"image": {"name": "localhost/nothing", "tag": "1"}},
    "no-kernel": {"cmd": ["sh", "-c", f"{SPOILED} exec jupyterhub-singleuser"]},
    "no-volume": {"storage": {"dynamic": {"storageClass": "nobody-makes-it"}}},
}


@pytest.fixture(scope="module")
def tried(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with a hub that works, and one for each thing that hinders a server."""
    folder = tmp_path_factory.mktemp(TRIED)
    path = cluster_file(folder, TRIED)
    text = path.read_text()
    path.write_text(text[: text.index("\nhubs:")] + "\nhubs: {}\n")
    assert sandbox.hubfleet("apply", path, "--yes").code == 0
    nowhere = folder / "class.yaml"
    nowhere.write_text(NOWHERE)
    made = sandbox.hubfleet("kubectl", "--path", path, "apply", "-f", nowhere)
    assert made.code == 0, made.said
    hubs = {
        name: {"domain": f"{name}.example.org", "chart": "lite", "auth": {"shared_password": {}}, "values": values}
        for name, values in ((name, {"singleuser": singleuser}) for name, singleuser in HUBS.items())
    }
    path.write_text(text[: text.index("\nhubs:")] + f"\nhubs: {json.dumps(hubs)}\n")
    applied = sandbox.hubfleet("apply", path, "--yes")
    assert applied.code == 0, applied.said
    yield path
    gone(sandbox, path, TRIED)


def left(sandbox: Shell, path: Path, hub: str) -> list[str]:
    """What the cluster has of users' servers and homes in a hub's namespace; nobody but the test user was there."""
    found = sandbox.hubfleet("kubectl", "--path", path, "-n", hub, "get", "pods,pvc", "-o", "json").json["items"]
    annotation = "hub.jupyter.org/username"
    return [one["metadata"]["name"] for one in found if annotation in one["metadata"].get("annotations", {})]


def users(sandbox: Shell, path: Path, hub: str) -> str:
    """The hub's own list of users, out of its database."""
    rows = "sqlite3.connect('/srv/jupyterhub/jupyterhub.sqlite').execute('select name from users').fetchall()"
    ask = f"import sqlite3; print({rows})"
    return sandbox.hubfleet("kubectl", "--path", path, "-n", hub, "exec", "deploy/hub", "--", "python3", "-c", ask).out


def clean(sandbox: Shell, path: Path, hub: str) -> None:
    assert left(sandbox, path, hub) == []
    assert users(sandbox, path, hub).strip() == "[]"


def test_a_hub_is_used_as_a_user_would_and_nothing_is_left(sandbox: Shell, tried: Path) -> None:
    ran = sandbox.hubfleet("check", tried, "--hub", "main", "--json")
    assert ran.code == 0, ran.said
    (found,) = ran.json["checks"]
    steps = {one["name"]: one["seconds"] for one in found["steps"]}
    assert list(steps) == ["answers", "user", "server", "kernel", "notebook", "file", "stop", "clean-up"]
    assert steps["server"] > 0.5
    assert "hub/main: Server requested" in ran.err
    clean(sandbox, tried, "main")


def test_ones_own_notebook_must_run_to_its_end(sandbox: Shell, tried: Path, tmp_path: Path) -> None:
    book = tmp_path / "mine.ipynb"
    cells = [{"cell_type": "markdown", "source": "# mine"}, {"cell_type": "code", "source": ["import no_such_module"]}]
    book.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    ran = sandbox.hubfleet("check", tried, "--hub", "main", "--notebook", book, "--json")
    assert ran.code == 1, ran.said
    trouble = ran.json["checks"][0]["trouble"]
    assert trouble["layer"] == "kernel"
    assert "no_such_module" in trouble["why"]
    clean(sandbox, tried, "main")


@pytest.mark.parametrize(
    ("hub", "layer", "told"),
    [
        ("no-image", "node", "cannot get the image localhost/nothing:1"),
        ("no-kernel", "kernel", "kernel"),
        ("no-volume", "storage", "there is no volume yet"),
    ],
)
def test_what_hinders_a_server_is_named_and_nothing_is_left(
    sandbox: Shell, tried: Path, hub: str, layer: str, told: str
) -> None:
    ran = sandbox.hubfleet("check", tried, "--hub", hub, "--timeout", "1", "--json")
    assert ran.code == 1, ran.said
    trouble = ran.json["checks"][0]["trouble"]
    assert trouble["layer"] == layer, ran.said
    assert told in trouble["what"], ran.said
    clean(sandbox, tried, hub)


def under_way(sandbox: Shell, path: Path) -> subprocess.Popen[bytes]:
    """A check of main, when its server starts."""
    command = [str(HUBFLEET), "check", str(path), "--hub", "main"]
    quiet = subprocess.DEVNULL
    # Whoever runs these tests in the background of a shell ignores Ctrl-C, and so would the child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen(command, env=dict(sandbox.env), stdout=quiet, stderr=quiet)
    signal.signal(signal.SIGINT, before)
    end = time.monotonic() + 60
    while len(left(sandbox, path, "main")) < 2:  # pod and claim
        assert time.monotonic() < end
        assert running.poll() is None
        time.sleep(0.2)
    return running


def test_an_interrupted_check_leaves_nothing(sandbox: Shell, tried: Path) -> None:
    running = under_way(sandbox, tried)
    running.send_signal(signal.SIGINT)
    assert running.wait(120) == 130
    clean(sandbox, tried, "main")


def test_what_a_killed_check_left_goes_with_the_next(sandbox: Shell, tried: Path) -> None:
    running = under_way(sandbox, tried)
    running.kill()
    running.wait(30)
    assert left(sandbox, tried, "main")
    ran = sandbox.hubfleet("check", tried, "--hub", "main", "--json")
    assert ran.code == 0, ran.said
    assert "leftovers" in [one["name"] for one in ran.json["checks"][0]["steps"]]
    clean(sandbox, tried, "main")
