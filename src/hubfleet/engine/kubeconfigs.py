"""Kubeconfigs: somebody's file with one context chosen, and a private file of ours that lasts as long as needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from hubfleet.errors import CloudError, Layer


def read(file: Path | None, context: str | None) -> str:
    """The text of a kubeconfig with `context` (None: its own) as the current one.

    `file` None: the first of KUBECONFIG, else ~/.kube/config. CloudError if it is not there or has no such context.
    """
    place = file or Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config").expanduser()
    try:
        config: Any = yaml.safe_load(place.read_text())
        contexts = [entry["name"] for entry in config["contexts"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise CloudError(
            f"{place} is no kubeconfig",
            why=str(error),
            remedy="name one under provider: existing: kubeconfig:, or set KUBECONFIG",
            layer=Layer.CREDENTIAL,
        ) from error
    chosen = context or config.get("current-context")
    if chosen not in contexts:
        raise CloudError(
            f"{place} has no context {chosen!r}" if chosen else f"{place} has no current context",
            remedy=f"give one of: {', '.join(contexts)}",
            layer=Layer.CREDENTIAL,
        )
    return yaml.safe_dump(config | {"current-context": chosen})


@contextmanager
def private_file(text: str) -> Generator[Path]:
    """A file with this text that only we can read, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hubfleet-") as folder:  # made 0700
        file = Path(folder) / "kubeconfig"
        write_private(file, text)
        yield file


def write_private(file: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all, never readable by others in between."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # made 0600
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
