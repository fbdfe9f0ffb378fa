"""What tests of several folders are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sops_programs


@pytest.fixture(scope="session")
def sops_folder() -> Path:
    """A folder with the real sops, age and age-keygen."""
    return sops_programs.get()
