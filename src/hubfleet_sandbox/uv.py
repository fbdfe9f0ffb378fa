"""uv, which installs the Python packages of virtual environments and images: the machine's, or one of our own."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
from pathlib import Path

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes

_VERSION = "0.13.9"
_PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")  # weakest first, as pip reads them


def program(cache: Path) -> Path:
    """The uv beside this Python or on PATH, or else one that pip installs into the cache."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    return Path(found) if found else entries.get(cache, "uv", {"version": _VERSION}, _install) / "bin" / "uv"


def environment() -> dict[str, str]:
    """What makes uv use the certificates and the package index that this machine is configured for.

    uv has settings of its own for both and does not read pip's; where they are set, they are left alone.
    """
    settings = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "UV_NO_PROGRESS": "1"}
    if not any(name in os.environ for name in ("UV_INDEX_URL", "UV_CONFIG_FILE")) and (index := _pip_index()):
        settings["UV_DEFAULT_INDEX"] = index
    return {name: value for name, value in settings.items() if name not in os.environ}


def _pip_index() -> str:
    if "PIP_INDEX_URL" in os.environ:
        return os.environ["PIP_INDEX_URL"]
    parser = configparser.RawConfigParser()
    named = os.environ.get("PIP_CONFIG_FILE")
    parser.read([named] if named else [Path(name).expanduser() for name in _PIP_FILES])
    return parser.get("global", "index-url", fallback="")


def _install(place: Path) -> None:
    processes.run([sys.executable, "-m", "venv", place], timeout=120)
    processes.run([place / "bin/python", "-m", "pip", "install", "--quiet", f"uv=={_VERSION}"], timeout=600)
