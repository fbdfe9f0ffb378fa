"""A person with an age key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sops.encrypting import Vault


@pytest.fixture
def vault(sops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """Keys are found as `vault.env` says, and nowhere else."""
    folder = tmp_path / "person"
    folder.mkdir()
    found = Vault(sops_folder, folder)
    for name in ("SOPS_AGE_KEY", "SOPS_AGE_KEY_CMD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUBFLEET_SOPS", found.env["HUBFLEET_SOPS"])
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(found.key))
    monkeypatch.setenv("HOME", str(folder))
    return found
