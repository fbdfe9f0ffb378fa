"""The authenticators of Zero to JupyterHub's hub image take what hubfleet computes, trait by trait.

They are no dependency of hubfleet: HUBFLEET_HUB_PYTHON names a Python that has them, in the versions of
images/hub/requirements.txt of Zero to JupyterHub 4.4.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hubfleet.engine.releases import with_stand_ins
from tests.unit.hub_files import WAYS, release

MAIL = {"ingress": {"email": "ops@example.org"}}


def real(folder: Path, way: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What hubfleet computes for this way to log in, by trait, and what the real class has then."""
    python = os.environ.get("HUBFLEET_HUB_PYTHON", "")
    if not python:
        pytest.skip("HUBFLEET_HUB_PYTHON names no Python with JupyterHub's authenticators")
    values = with_stand_ins(release(folder, auth={way: WAYS[way]}, admins=["ada"], top=MAIL))
    argv = [python, str(Path(__file__).with_name("authenticators.py"))]
    done = subprocess.run(argv, input=json.dumps(values), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    sections = dict(values["hub"]["config"])
    sections.pop("JupyterHub")
    return {trait: value for traits in sections.values() for trait, value in traits.items()}, json.loads(done.stdout)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_each_trait_is_one_and_has_the_value_that_was_meant(tmp_path: Path, way: str) -> None:
    computed, found = real(tmp_path, way)
    for trait, value in computed.items():
        if trait == "idps":
            assert set(found["traits"]["idps"]) == set(value)
        else:
            assert found["traits"][trait] == (sorted(value) if isinstance(value, list) and trait != "scope" else value)
