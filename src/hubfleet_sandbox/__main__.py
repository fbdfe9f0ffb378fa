"""`python -m hubfleet_sandbox`."""

from __future__ import annotations

from hubfleet_sandbox.cli import main

main()
