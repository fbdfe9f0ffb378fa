import json
import re
from pathlib import Path

import pytest

from hubfleet_sandbox.images import hub, prepared

SOURCES = {name: data.decode() for name, data in hub.sources().items()}


@pytest.mark.parametrize(
    "name", ["jupyterhub", "jupyterhub-kubespawner", "jupyterlab", "jupyterhub-idle-culler", "oauthenticator", "pycurl"]
)
def test_what_a_hub_needs_is_locked_with_hashes(name: str) -> None:
    assert re.search(rf"^{name}==\S+ \\\n +--hash=sha256:", SOURCES["requirements.txt"], re.MULTILINE)


def test_the_proxy_is_locked_with_a_digest() -> None:
    packages = json.loads(SOURCES["proxy/package-lock.json"])["packages"]
    assert packages["node_modules/configurable-http-proxy"]["integrity"].startswith("sha512-")


@pytest.mark.parametrize("name", ["requirements.txt", "proxy/package-lock.json"])
def test_no_download_address_stands_in_a_lock(name: str) -> None:
    assert not re.search(r"^--|\"resolved\"|https?://(?!github|feross|www\.patreon)", SOURCES[name], re.MULTILINE)


def test_scripts_start_with_the_images_python_whatever_installed_them(tmp_path: Path) -> None:
    script, shell = tmp_path / "jupyterhub", tmp_path / "wrapper"
    script.write_text("#!/home/me/venv/bin/python3\nimport sys\n")
    shell.write_text("#!/bin/sh\nexit 0\n")
    for path in (script, shell):
        hub._begin(path)
    assert script.read_text() == "#!/usr/bin/python3\nimport sys\n"
    assert shell.read_text() == "#!/bin/sh\nexit 0\n"
    assert script.stat().st_mode & 0o777 == 0o755


def test_the_images_are_made_anew_when_a_list_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared.processes, "run", lambda *_, **__: "containerd 1.6.20")
    before = prepared.made_from()
    assert {"packages.txt", "requirements.txt", "pause.c", "hub.py", "containerd"} <= set(before)
    monkeypatch.setattr(hub, "sources", lambda: {"packages.txt": b"vim"})
    assert prepared.made_from() != before
