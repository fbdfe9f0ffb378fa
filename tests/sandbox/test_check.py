"""check: hubs that answer; a pool that proves to grow and shrink, and one whose chart does not let it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shell, cluster_file

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
