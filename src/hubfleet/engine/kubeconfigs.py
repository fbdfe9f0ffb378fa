"""Kubeconfigs: somebody's file with one context chosen, and a private file of ours that lasts as long as needed."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml

from hubfleet.errors import CloudError, Layer

_PATHS = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}
"""Keys of a kubeconfig that name files, from its own folder (client-go, clientcmd/loader.go)."""


def read(file: Path | None, context: str | None) -> str:
    """The text of a kubeconfig with `context` (None: its own) as the current one; paths in it are absolute.

    `file` None: the first of KUBECONFIG, else ~/.kube/config. CloudError if it is not there or has no such context.
    """
    place = file or Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config").expanduser()
    config = _parsed(place)
    contexts = [str(entry.get("name")) for entry in _entries(config, "contexts")]
    chosen = context or config.get("current-context")
    if chosen not in contexts:
        raise CloudError(
            f"{place} has no context {chosen!r}" if chosen else f"{place} has no current context",
            remedy=f"give one of: {', '.join(contexts)}" if contexts else "it has none at all: take another file",
            layer=Layer.CREDENTIAL,
        )
    for entry, key in _named_files(config):
        entry[key] = str(place.parent.absolute() / str(entry[key]))
    return yaml.safe_dump(config | {"current-context": chosen})


def client_certificate(text: str) -> str | None:
    """The certificate (PEM) with which a kubeconfig's current user logs in; None if it does so otherwise."""
    config: dict[str, Any] = yaml.safe_load(text)
    contexts = {entry.get("name"): _map(entry.get("context")) for entry in _entries(config, "contexts")}
    name = contexts.get(config.get("current-context"), {}).get("user")
    users = {entry.get("name"): _map(entry.get("user")) for entry in _entries(config, "users")}
    user = users.get(name, {})
    if data := user.get("client-certificate-data"):
        return base64.b64decode(data).decode()
    file = Path(str(user.get("client-certificate", "")))
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _parsed(place: Path) -> dict[str, Any]:
    try:
        config: Any = yaml.safe_load(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise _none(place, error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:  # its own text quotes the file, which holds credentials
        raise _none(place, f"it is not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError):
        raise _none(place, "it is not YAML") from None
    if not isinstance(config, dict) or "contexts" not in config:
        raise _none(place, "it has no contexts")
    return cast("dict[str, Any]", config)


def _none(place: Path, why: str) -> CloudError:
    remedy = "name one under provider: existing: kubeconfig:, or set KUBECONFIG"
    return CloudError(f"{place} is no kubeconfig", why=why, remedy=remedy, layer=Layer.CREDENTIAL)


def _entries(config: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    found: Any = config.get(key)
    if isinstance(found, list):
        yield from filter(None, map(_map, cast("list[object]", found)))


def _map(value: object) -> dict[str, Any]:
    """The value, if it is a map; an empty one otherwise."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _named_files(config: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each place in it that names a file: the map, and its key."""
    for kind, (inside, keys) in _PATHS.items():
        for entry in _entries(config, kind):
            settings = _map(entry.get(inside))
            yield from ((settings, key) for key in keys if settings.get(key))


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
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
