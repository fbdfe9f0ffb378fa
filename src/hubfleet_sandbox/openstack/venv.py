"""The virtual environment of the OpenStack services and clients: installed once, kept in the cache."""

from __future__ import annotations

import importlib.resources
import platform
import sys
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes, uv

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet_sandbox.steps import Say

_NAME = "openstack-venv"


def get(cache: Path, say: Say) -> Path:
    """The virtual environment's folder: `bin/python`, `bin/openstack`, `etc/` with the services' paste files.

    Raises SandboxError with the installer's own words when a package cannot be had.
    """
    return entries.get(cache, _NAME, _made_from(), lambda place: _make(place, cache, say))


def there(cache: Path) -> bool:
    """Whether it is installed already."""
    return entries.there(cache, _NAME, _made_from())


def _made_from() -> dict[str, str]:
    return {"requirements": _requirements(), "python": f"{platform.python_version()} {sys.base_prefix}", "layout": "1"}


def _requirements() -> str:
    return importlib.resources.files(__package__ or "").joinpath("requirements.txt").read_text()


def _make(place: Path, cache: Path, say: Say) -> None:
    say("installing Keystone, Magnum, Glance, Nova, Neutron and Cinder from PyPI")
    program, env = uv.program(cache), uv.environment()
    requirements = place / "requirements.txt"
    requirements.write_text(_requirements())
    python: str | Path = place / "bin/python"
    # Relocatable, because the folder is moved to its place when it is whole.
    make: list[str | Path] = [
        program,
        "venv",
        "--quiet",
        "--relocatable",
        "--allow-existing",
        "--python",
        sys.executable,
        place,
    ]
    processes.run(make, timeout=120, env=env)
    install: list[str | Path] = [
        program,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--require-hashes",
        "-r",
        requirements,
    ]
    processes.run(install, timeout=1800, env=env)
    # Compiled now: without, each service's first start takes three times as long. Their tests are never imported.
    say("compiling")
    processes.run([python, "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/", place / "lib"], timeout=900)
