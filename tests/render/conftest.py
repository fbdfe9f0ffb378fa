"""Helm for tests of charts: the one on PATH, or the sandbox's, which is built if it has to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubfleet.errors import HubfleetError
from hubfleet.tools.helm import Helm, find
from hubfleet_sandbox.kubernetes import programs
from hubfleet_sandbox.layout import default_cache


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Building Helm from nothing takes minutes."""
    for item in items:
        if "render" in item.path.parts:
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    try:
        program = find()
    except HubfleetError:
        program = programs.get(default_cache(), print) / "helm"
    return Helm(None, program=program, cache=tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def charts() -> Path:
    """A folder with charts of others, a folder each, version and schema set as their own tools do."""
    if not (folder := os.environ.get("HUBFLEET_CHARTS")):
        pytest.skip("HUBFLEET_CHARTS names no folder with charts of others (jupyterhub, binderhub)")
    return Path(folder)


@pytest.fixture(scope="session")
def upstream(charts: Path) -> Path:
    """The folder of Zero to JupyterHub's chart 4.4."""
    return chart_in(charts, "jupyterhub")


def chart_in(charts: Path, name: str) -> Path:
    """The folder of a chart with its schema; the test is skipped where there is none."""
    folder = charts / name
    if not (folder / "values.schema.json").is_file():
        pytest.skip(f"HUBFLEET_CHARTS has no {name}/values.schema.json")
    return folder
