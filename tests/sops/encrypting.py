"""Keys, and files that the real sops encrypts for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vault:
    """A person with an age key, and the programs. `folder` holds the key, and is where files are."""

    programs: Path
    folder: Path

    @property
    def key(self) -> Path:
        """The private key, made when it is first asked for."""
        file = self.folder / "key.txt"
        if not file.exists():
            subprocess.run([self.programs / "age-keygen", "-o", file], check=True, capture_output=True, timeout=30)
        return file

    @property
    def recipient(self) -> str:
        """The public key."""
        return next(line.split()[-1] for line in self.key.read_text().splitlines() if "public key" in line)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which hubfleet finds sops, and sops this key."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith("SOPS_")}
        return {**bare, "HUBFLEET_SOPS": str(self.programs / "sops"), "SOPS_AGE_KEY_FILE": str(self.key)}

    def encrypt(self, file: Path, text: str, *options: str, env: Mapping[str, str] | None = None) -> Path:
        """This text as a file that sops has encrypted, for this key or as `options` say."""
        file.write_text(text)
        words = options if {"--pgp"} & set(options) else ("--age", self.recipient, *options)
        self.sops("encrypt", *words, "--in-place", str(file), env=env)
        return file

    def sops(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """What sops says."""
        done = subprocess.run(
            [self.programs / "sops", *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**self.env, **(env or {})},
        )
        return done.stdout
