"""Looks up every secret of a cluster in one pass: needed to plan and apply, not to validate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from pydantic import BaseModel

from hubfleet.spec.checking import unfit_passwords
from hubfleet.spec.models import Cluster, ProviderBlock, ValuesFile
from hubfleet.spec.problems import InvalidFiles, KeyPath, Problem
from hubfleet.spec.secrets import MASK, MissingSecret, Secret

_Change = Callable[[Secret, KeyPath], Secret]


def resolve(cluster: Cluster, environ: Mapping[str, str], hubs: Collection[str] | None = None) -> Cluster:
    """The same cluster, its secrets looked up: `Secret.reveal` works on each. Reads `environ` and the files named.
    Those of hubs that are not among `hubs` (None: all) are left alone.

    InvalidFiles with every secret that is missing or unfit, each with its place; never with a secret.
    """
    problems: list[Problem] = []

    def look_up(secret: Secret, path: KeyPath) -> Secret:
        if hubs is not None and path[0] == "hubs" and path[1] not in hubs:
            return secret
        try:
            return secret.resolve(environ, cluster.folder(*path))
        except MissingSecret as error:
            problems.append(cluster.place(*path).problem(error.what, error.remedy))
            return secret

    resolved = cast("Cluster", _changed(cluster, (), look_up))
    problems += unfit_passwords(resolved.hubs, resolved.place)
    if problems:
        raise InvalidFiles(problems)
    return resolved


def without_secrets(cluster: Cluster) -> Cluster:
    """The same cluster with a stand-in for each secret: to ask what a hub consists of, where nobody has the secrets."""
    return cast("Cluster", _changed(cluster, (), lambda _secret, _path: Secret(MASK)))


def _changed(value: Any, path: KeyPath, change: _Change) -> Any:
    """`value` with `change` applied to every Secret in it, told the path that the secret has in the file."""
    match value:
        case Secret():
            return change(value, path)
        case ProviderBlock():
            return value.model_copy(update={"settings": _changed(value.settings, (*path, value.name), change)})
        case ValuesFile():
            return value.model_copy(update={"values": _changed(value.values, path, change)})
        case BaseModel():
            inside = {name: _changed(getattr(value, name), (*path, name), change) for name in type(value).model_fields}
            return value.model_copy(update=inside)
        case Mapping():
            entries = cast("Mapping[str, Any]", value).items()
            return {key: _changed(item, (*path, key), change) for key, item in entries}
        case list() | tuple():
            items = [_changed(item, (*path, i), change) for i, item in enumerate(cast("list[Any]", value))]
            return tuple(items) if isinstance(value, tuple) else items
        case _:
            return value
