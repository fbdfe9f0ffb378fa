"""sops and age, built from Go modules that tests/sops/go/go.sum pins, once: outside the checkout, beside the sandbox's
programs. It takes a minute and a half on two cores with an empty Go cache.

To have newer ones: `go get -tool` them in tests/sops/go, and `go mod tidy`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hubfleet_sandbox import cache, processes
from hubfleet_sandbox.kubernetes import programs
from hubfleet_sandbox.layout import default_cache

SOURCES = Path(__file__).parent / "sops" / "go"
_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w")
_TIMEOUT = 1800.0


def get() -> Path:
    """The folder with `sops`, `age` and `age-keygen`."""
    sources = {name: (SOURCES / name).read_text() for name in ("go.mod", "go.sum")}
    return cache.get(default_cache(), "sops", {**sources, "flags": " ".join(_FLAGS)}, _build)


def _build(folder: Path) -> None:
    needs = re.search(r"^go (\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    assert needs
    go = programs.go_program(default_cache(), print, needs[1])
    work = folder / "work"
    shutil.copytree(SOURCES, work)
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GO111MODULE": "on"}
    processes.run([go, "build", *_FLAGS, "-o", f"{folder}/", "tool"], timeout=_TIMEOUT, env=env, cwd=work)
    shutil.rmtree(work)
