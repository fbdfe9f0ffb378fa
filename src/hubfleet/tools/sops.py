"""The door to sops, the program: what a file says in clear comes on its standard output, and goes nowhere else.

sops finds its keys itself: age (SOPS_AGE_KEY_FILE, ~/.config/sops/age/keys.txt), PGP (gpg), AWS KMS, GCP KMS, Azure
Key Vault, HashiCorp Vault (their own credentials). What it says of an error is not passed on but where it is about
keys: about values, it tells them in clear (sops 3.13, aes/cipher.go parse).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hubfleet.errors import HubfleetError, Layer
from hubfleet.spec.secrets import MissingSecret
from hubfleet.spec.sops import read_encrypted, recipients
from hubfleet.tools import process

_TIMEOUT = 60.0
"""Seconds for one file; a cloud's KMS takes one or two."""
_GET_IT = "install sops 3.7 or newer (https://getsops.io), or set HUBFLEET_SOPS to its path"
_REASONS = 300
"""Characters of what sops says of keys."""


def find(environment: Mapping[str, str] = os.environ) -> Path:
    """The sops program: HUBFLEET_SOPS, or the one on PATH. MissingSecret if there is none."""
    named = environment.get("HUBFLEET_SOPS")
    found = shutil.which(named or "sops", path=environment.get("PATH"))
    if found is None:
        what = f"HUBFLEET_SOPS is {named}, which is no program" if named else "the program sops is not there"
        raise MissingSecret(f"{what}: it decrypts secrets", remedy=_GET_IT, layer=Layer.HERE)
    return Path(found)


def decrypt(file: Path, *, program: Path | None = None, run: process.Run = process.run) -> dict[str, Any]:
    """The tree in a YAML or JSON file that sops has encrypted. MissingSecret if it cannot be had."""
    kind = "json" if _text(file).lstrip().startswith("{") else "yaml"
    words = ("--decrypt", "--input-type", kind, "--output-type", "json", str(file.resolve()))
    try:
        said = run([str(program or find()), *words], timeout=_TIMEOUT).stdout
        return cast("dict[str, Any]", json.loads(said))
    except process.ProcessFailed as error:
        failed: HubfleetError = _explained(file, error)
    except ValueError:  # which would hold what it could not read
        failed = _missing(f"sops says nothing of {file} that can be read", f"see what `sops decrypt {file}` says")
    raise failed


@dataclass(frozen=True)
class Files:
    """Files that sops has encrypted, each decrypted once. Threads may share one."""

    run: process.Run = process.run
    _trees: dict[Path, Mapping[str, Any]] = field(default_factory=dict[Path, "Mapping[str, Any]"], repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def decrypted(self, file: Path) -> Mapping[str, Any]:
        """The tree in this file. MissingSecret if it cannot be had."""
        place = file.resolve()
        with self._lock:
            if place not in self._trees:
                self._trees[place] = decrypt(file, run=self.run)
            return self._trees[place]


def _text(file: Path) -> str:
    """Its beginning. MissingSecret if it is none of sops'."""
    read_encrypted(file)
    return file.read_text(encoding="utf-8-sig")[:1000]


def _explained(file: Path, error: process.ProcessFailed) -> MissingSecret:
    match error.code:  # sops 3.13, cmd/sops/codes/codes.go
        case 128:
            wanted = ", ".join(recipients(read_encrypted(file).tree))
            reasons = _reasons(error.stderr)
            what = f"there is no key here that decrypts {file}; it is encrypted for {wanted}"
            remedy = "give sops one of these (SOPS_AGE_KEY_FILE, gpg, the cloud's credentials), or have yours added"
            return _missing(f"{what}{reasons and f' (sops: {reasons})'}", f"{remedy}: sops updatekeys {file}")
        case 25:
            what = f"a value in {file} is not as sops wrote it: it was put there by hand, or is damaged"
            return _missing(what, "take the last good version, and make the change with `sops edit`")
        case 51 | 52:
            what = f"{file} was changed past sops, or is damaged: its MAC does not fit"
            return _missing(what, "take the last good version, and make the change with `sops edit`")
        case None:
            return _missing(error.what, error.remedy or f"see what `sops decrypt {file}` waits for")
        case code:
            return _missing(f"sops cannot decrypt {file} (exit code {code})", f"see what `sops decrypt {file}` says")


def _reasons(said: str) -> str:
    """What sops says of each key that it tried, in one line: it draws a bar before each such line."""
    told = " ".join(re.findall(r"^\s*-?\s*\| (.*)$", said, re.MULTILINE))
    told = re.sub(r"AGE-[A-Z-]*SECRET-KEY-\S+|AGE-PLUGIN-\S+", "••••", told)
    return told if len(told) <= _REASONS else f"{told[:_REASONS]}…"


def _missing(what: str, remedy: str) -> MissingSecret:
    return MissingSecret(what, remedy=remedy, layer=Layer.FILE)
