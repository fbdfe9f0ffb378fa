"""Writes the golden files anew (python -m tests.golden): look at the difference before you keep it."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.unit.test_providers import GOLDEN, _plain, described, from_file

for file in sorted(GOLDEN.glob("*.yaml")):
    made = json.dumps(asdict(described(from_file(file))), default=_plain, indent=1, sort_keys=True)
    file.with_suffix(".json").write_text(made + "\n")
