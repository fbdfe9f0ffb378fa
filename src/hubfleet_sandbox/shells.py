"""What a shell needs to speak to the sandbox's cloud."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.layout import Layout


def variables(layout: Layout, present: Mapping[str, str]) -> dict[str, str]:
    """The variables to set, given those `present`. Kubeconfigs of clusters are the matter of `hubfleet credentials`."""
    programs = str(layout.home / "bin")
    path = [folder for folder in present.get("PATH", os.defpath).split(":") if folder != programs]
    outside = [host for host in present.get("NO_PROXY", present.get("no_proxy", "")).split(",") if host]
    inside = [host for host in ("127.0.0.1", "localhost", layout.gateway) if host not in outside]
    direct = ",".join([*outside, *inside])
    return {
        "OS_CLIENT_CONFIG_FILE": str(layout.clouds_yaml),
        "OS_CLOUD": "sandbox",
        "PATH": ":".join([programs, *path]),
        "NO_PROXY": direct,
        "no_proxy": direct,
        # `openstack coe cluster config` ends with KeyError where no SHELL is set, as in many a CI (magnumclient 5.0,
        # magnumclient/common/utils.py, config_cluster).
        "SHELL": present.get("SHELL", "/bin/sh"),
    }


def exports(layout: Layout, shell: str) -> str:
    """Lines for `sh` (and bash, zsh, ...) or `fish` to evaluate."""
    form = "set -gx {} {};\n" if shell == "fish" else "export {}={}\n"
    found = variables(layout, os.environ)
    if shell == "fish":  # its PATH is a list
        found["PATH"] = "\0".join(found["PATH"].split(":"))
    return "".join(
        form.format(name, " ".join(shlex.quote(part) for part in value.split("\0"))) for name, value in found.items()
    )
