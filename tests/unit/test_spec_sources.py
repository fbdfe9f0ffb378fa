"""Whatever is read for a cluster is among its sources, so that a change of nothing else can change it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from hubfleet.fleet.loading import check_values, load_fleet
from hubfleet.spec import as_written, sources
from tests.unit.fleet_files import tree, write
from tests.unit.test_spec_sops import enc, encrypted

_watchers: list[Callable[[str], None]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watchers and isinstance(arguments[0], str):
        for watcher in _watchers:
            watcher(arguments[0])


sys.addaudithook(_audit)  # for good: Python has no way to take one away


def files(folder: Path) -> None:
    """A fleet whose one cluster reads a file of every kind."""
    texts = {
        "common.values.yaml": "singleuser: {startTimeout: 60}",
        "clusters/a/own.values.yaml": "hub: {extraEnv: {A: b}}",
        "clusters/a/sealed.values.yaml": encrypted(f"hub: {{extraEnv: {{B: '{enc()}'}}}}"),
        "keys/shared.yaml": encrypted(f"password: '{enc()}'"),
        "pages/login.html": "hello",
        "public/style.css": "a {}",
        "logo.svg": "<svg/>",
        "boards/mine.json": '{"title": "mine"}',
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copytree(Path(str(resources.files("hubfleet") / "charts" / "lite")), folder / "charts" / "own")
    fleet = tree()
    fleet["defaults"]["cluster"] |= {"provider": {"existing": {}}}
    fleet["defaults"]["hub"] |= {
        "values_files": ["common.values.yaml"],
        "auth": {"shared_password": {"user_password": "${sops:keys/shared.yaml#password}"}},
    }
    main = {
        "domain": "main.example.org",
        "chart": "jupyterhub",
        "values_files": ["own.values.yaml", "sealed.values.yaml"],
        "pages": {"templates": "../../pages", "static": "../../public", "logo": "../../logo.svg"},
    }
    hubs = {"main": main, "other": {"domain": "other.example.org", "chart": "../../charts/own"}}
    write(folder, fleet, a={"hubs": hubs, "monitoring": {"grafana": {"dashboards": "../../boards"}}})


def test_all_that_is_read_for_a_cluster_is_among_its_sources(tmp_path: Path) -> None:
    files(tmp_path)
    opened: list[str] = []
    _watchers.append(opened.append)
    try:
        (target,) = load_fleet(tmp_path).valid().targets
        check_values([target])
        target.of(as_written(target.cluster)).releases()
    finally:
        _watchers.pop()
    places = {place.resolve() for place in sources(target.cluster)}
    read = {Path(name).resolve() for name in opened if Path(name).is_relative_to(tmp_path)}
    assert [one for one in read if places.isdisjoint((one, *one.parents))] == []
    every = {path.resolve() for path in tmp_path.rglob("*") if path.is_file() and "charts" not in path.parts}
    assert every <= read, "the test reads less than it means to"


def test_a_mirror_of_charts_is_one(tmp_path: Path) -> None:
    fleet = tree()
    fleet["defaults"]["cluster"] |= {"provider": {"existing": {}}, "charts": {"mirror": "mirror"}}
    write(tmp_path, fleet, a={"hubs": {"main": {"domain": "main.example.org"}}})
    (target,) = load_fleet(tmp_path).targets
    assert tmp_path / "mirror" in set(sources(target.cluster))
