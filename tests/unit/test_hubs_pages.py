"""Pages of a hub: templates, files for browsers and a logo become files of its pod; what is wrong with them is told."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import layers
from hubfleet.spec import origin
from hubfleet.spec.pages import MOST
from tests.unit.cluster_files import hub, problems
from tests.unit.hub_files import describe, load, release

PNG = b"\x89PNG\r\n\x1a\n\xff"
SAYS = {"announcement": "down on Sunday"}
PAGES = {"templates": "pages", "static": "./public", "logo": "logo.png", "variables": SAYS}
STATIC = "/usr/local/share/jupyterhub/static"


def folder(at: Path) -> Path:
    """The files that PAGES names, and some that editors leave."""
    for name, content in {
        "pages/login.html": b'{% extends "templates/login.html" %}',
        "pages/parts/foot.html": b"",
        "pages/.login.html.swp": b"x",
        "pages/login.html~": b"x",
        "public/sea.png": PNG,
        "logo.png": PNG,
    }.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(content)
    return at


def of(values: Any) -> dict[str, Any]:
    """What is where in the hub's pod."""
    return {one.pop("mountPath"): one for one in map(dict, values["hub"]["extraFiles"].values())}


@pytest.mark.parametrize("chart", ["lite", "jupyterhub"])
def test_each_file_is_where_jupyterhub_looks_for_it(tmp_path: Path, chart: str) -> None:
    found = release(folder(tmp_path), chart=chart, pages=PAGES).values
    ours = "/etc/jupyterhub/pages"
    assert of(found) == {
        f"{ours}/templates/login.html": {"stringData": '{% extends "templates/login.html" %}'},
        f"{ours}/templates/parts/foot.html": {"stringData": "\n"},
        f"{STATIC}/sea.png": {"binaryData": base64.b64encode(PNG).decode()},
        f"{ours}/logo.png": {"binaryData": base64.b64encode(PNG).decode()},
    }
    assert found["hub"]["templatePaths"] == [f"{ours}/templates"]
    assert found["hub"]["config"]["JupyterHub"]["logo_file"] == f"{ours}/logo.png"
    assert found["hub"]["templateVars"] == SAYS


def test_a_page_that_changes_is_a_changed_release(tmp_path: Path) -> None:
    before = release(folder(tmp_path), pages=PAGES)
    assert release(tmp_path, pages=PAGES).digest == before.digest
    (tmp_path / "pages/login.html").write_text("other")
    assert release(tmp_path, pages=PAGES).digest != before.digest


def test_without_pages_nothing_is_said_of_them(tmp_path: Path) -> None:
    found = release(tmp_path).values["hub"]
    assert found.keys().isdisjoint({"extraFiles", "templatePaths", "templateVars"})


def test_pages_and_a_key_for_googles_groups_are_files_beside_each_other(tmp_path: Path) -> None:
    group = {"administrator": "boss", "service_account_key": "${env:TOKEN}", "allowed": ["staff"]}
    google = {"client_id": "a", "client_secret": "${env:GITHUB}", "hosted_domains": ["uni.edu"]}
    auth = {"google": google | {"groups": {"uni.edu": group}}}
    found = release(folder(tmp_path), chart="jupyterhub", pages=PAGES, auth=auth)
    assert {"/etc/jupyterhub/google/uni.edu.json", "/etc/jupyterhub/pages/logo.png"} < of(found.values).keys()


def test_show_says_which_key_a_file_comes_from(tmp_path: Path) -> None:
    cluster = load(folder(tmp_path), pages=PAGES)
    every = layers(cluster, describe(cluster), "main")
    files = every[0].values["hub"]["extraFiles"]
    found = {key: origin(cluster, every, ("hub", "extraFiles", key)).key for key in files}
    assert {key.split("-")[0]: origin for key, origin in found.items()} == {
        key: f"hubs.main.pages.{key}" for key in ("templates", "static", "logo")
    }


def test_paths_count_from_the_file_that_names_them_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    found = problems(tmp_path, hub(pages=PAGES))
    assert [one.partition("hubs.main.")[2].partition(" — ")[0] for one in found] == [
        f"pages.templates: there is no file in the folder {tmp_path / 'pages'}",
        f"pages.static: there is no file in the folder {tmp_path / 'public'}",
        f"pages.logo: there is no file {tmp_path / 'logo.png'}",
    ]


def test_files_that_helm_could_not_keep_are_told(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "public/sea.png").write_bytes(b"\xff" * MOST)
    size = MOST + len(PNG) + len('{% extends "templates/login.html" %}')
    (problem,) = problems(tmp_path, hub(pages=PAGES))
    assert f"hubs.main.pages: the files of the pages have {size} bytes, and Helm keeps no more than {MOST}" in problem
