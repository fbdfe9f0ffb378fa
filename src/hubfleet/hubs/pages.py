"""What people see of a hub itself: its pages' templates and their variables, files for browsers, its logo.

Files are read anew each time, as a chart's are: what is in them is part of what a hub is made from.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hubfleet.spec import Causes, Cluster, KeyPath
from hubfleet.spec.pages import files

Values = dict[str, Any]
_OURS = PurePosixPath("/etc/jupyterhub/pages")
_STATIC = PurePosixPath("/usr/local/share/jupyterhub/static")
"""Where JupyterHub has what it serves below /hub/static, in the images of both charts; its `data_files_path`."""


class _File(NamedTuple):
    """A file of a key of `pages`, and where the hub's pod has it."""

    key: str
    at: PurePosixPath
    source: Path

    @property
    def name(self) -> str:
        """What stands for it in a Secret, whose keys have no slash."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.key}{self.at}")


def values(name: str, cluster: Cluster) -> Values:
    """For both charts; {} where the file says nothing."""
    pages = cluster.hubs[name].pages
    found = {one.name: one for one in _files(name, cluster)}
    logo = next((str(one.at) for one in found.values() if one.key == "logo"), None)
    hub: Values = {
        "extraFiles": {key: _mounted(one) for key, one in found.items()},
        "templatePaths": [str(_OURS / "templates")] if pages.templates else [],
        "templateVars": dict(pages.variables),
        "config": {"JupyterHub": {"logo_file": logo}} if logo else {},
    }
    said = {key: value for key, value in hub.items() if value}
    return {"hub": said} if said else {}


def causes(name: str, cluster: Cluster) -> Causes:
    """From which keys of the file they come."""
    at = ("hubs", name, "pages")
    found: dict[KeyPath, list[KeyPath]] = {
        ("hub", "templatePaths"): [(*at, "templates")],
        ("hub", "templateVars"): [(*at, "variables")],
        ("hub", "config", "JupyterHub", "logo_file"): [(*at, "logo")],
    }
    return found | {("hub", "extraFiles", one.name): [(*at, one.key)] for one in _files(name, cluster)}


def _files(name: str, cluster: Cluster) -> Iterator[_File]:
    pages = cluster.hubs[name].pages
    folders = (("templates", pages.templates, _OURS / "templates"), ("static", pages.static, _STATIC))
    for key, path, target in folders:
        if path is not None:
            folder = cluster.folder("hubs", name, "pages", key) / path
            yield from (_File(key, target / one.relative_to(folder).as_posix(), one) for one in files(folder))
    if pages.logo is not None:
        source = cluster.folder("hubs", name, "pages", "logo") / pages.logo
        yield _File("logo", _OURS / f"logo{source.suffix}", source)


def _mounted(file: _File) -> Values:
    content, place = file.source.read_bytes(), {"mountPath": str(file.at)}
    try:
        return {**place, "stringData": content.decode() or "\n"}  # the charts take none that is empty
    except UnicodeDecodeError:
        return {**place, "binaryData": base64.b64encode(content).decode()}
