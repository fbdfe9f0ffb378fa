"""Looks up every secret of a cluster in one pass: needed to plan and apply, not to validate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from hubfleet.spec import sops
from hubfleet.spec.checking import Where, unfit_passwords
from hubfleet.spec.models import Cluster, ProviderBlock, ValuesFile
from hubfleet.spec.problems import InvalidFiles, KeyPath, Problem
from hubfleet.spec.secrets import MASK, MissingSecret, Reference, Scalar, Secret

Read = TypeVar("Read", bound=BaseModel)
_Change = Callable[[Secret, KeyPath], Secret]
Decrypt = Callable[[Path], Mapping[str, Any]]
"""Gives the tree in a file that sops has encrypted, in clear. MissingSecret if it cannot be had."""
_FREE = {"values", "values_files"}
"""Keys of a hub below which values can be of any type."""
_LEAVES = {str, int, float, bool, NoneType}
_NO_TEXT = "is a number or a boolean in the encrypted file, where text is needed"


def _nobody(file: Path) -> Mapping[str, Any]:
    raise RuntimeError(f"nobody was given who decrypts {file}")


def resolve(
    cluster: Cluster,
    environ: Mapping[str, str],
    hubs: Collection[str] | None = None,
    decrypt: Decrypt = _nobody,
) -> Cluster:
    """The same cluster, its secrets looked up: `Secret.reveal` works on each. Reads `environ` and the files named; each
    file of sops is decrypted once, by `decrypt`. Those of hubs that are not among `hubs` (None: all) are left alone.

    InvalidFiles with every secret that is missing or unfit, each with its place; never with a secret.
    """
    problems: list[Problem] = []
    in_file = _InFiles(decrypt)

    def look_up(secret: Secret, path: KeyPath) -> Secret:
        if hubs is not None and path[0] == "hubs" and path[1] not in hubs:
            return secret
        try:
            found = secret.resolve(environ, cluster.folder(*path), in_file)
            if not isinstance(found.value, str) and _FREE.isdisjoint(path[2:4]):
                raise MissingSecret(_NO_TEXT, remedy='put it in quotes there: "..." (sops edit)')  # noqa: TRY301
        except _ToldAlready:
            return secret
        except MissingSecret as error:
            problems.append(cluster.place(*path).problem(error.what, error.remedy))
            return secret
        return found

    resolved = cast("Cluster", _changed(cluster, (), look_up))
    problems += unfit_passwords(resolved.hubs, resolved.place)
    if problems:
        raise InvalidFiles(problems)
    return resolved


class _ToldAlready(MissingSecret):
    """Of a file that was told of with another secret."""


@dataclass(frozen=True)
class _InFiles:
    """Looks keys up in encrypted files. A file that cannot be decrypted is told of once."""

    decrypt: Decrypt
    trees: dict[Path, Mapping[str, Any] | None] = field(default_factory=dict[Path, "Mapping[str, Any] | None"])

    def __call__(self, file: Path, path: KeyPath) -> Scalar:
        place = file.resolve()
        if place not in self.trees:
            self.trees[place] = None
            self.trees[place] = self.decrypt(file)
        tree = self.trees[place]
        if tree is None:
            raise _ToldAlready(f"{file} cannot be decrypted")
        return sops.at(tree, path, file)


def sealed(content: Read, where: Where) -> tuple[Read, tuple[Problem, ...]]:
    """The same with what stands encrypted in the files of each `${sops:PATH#KEY}`, and what is wrong with these: the
    file, or the key."""
    if not any(map(_unsealed, references(content))):
        return content, ()
    problems: list[Problem] = []

    def seal(secret: Secret, path: KeyPath) -> Secret:
        place = where(*path)
        folder = place.position.file.parent
        try:
            return secret.map_references(lambda one: sops.sealed(one, folder) if _unsealed(one) else one)
        except MissingSecret as error:
            problems.append(place.problem(error.what, error.remedy))
            return secret

    return cast("Read", _changed(content, (), seal)), tuple(problems)


def references(value: Any) -> Iterator[Reference]:
    """Every reference in a model of the files. Quick, since every file is searched, and most have none."""
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        if type(one) in _LEAVES or (isinstance(one, ValuesFile) and one.plain):
            continue
        if isinstance(one, Secret):
            yield from one.references
        elif isinstance(one, dict):
            todo.extend(cast("dict[str, Any]", one).values())
        elif isinstance(one, list | tuple):
            todo.extend(cast("list[Any]", one))
        elif isinstance(one, BaseModel):  # which is slow to tell
            todo.extend(vars(one).values())


def _unsealed(reference: Reference) -> bool:
    return reference.kind == "sops" and not reference.sealed


def as_written(cluster: Cluster) -> Cluster:
    """The same cluster, in which each secret is what stands in the files: to tell whether it changed, and nobody looks
    it up."""
    return cast("Cluster", _changed(cluster, (), lambda secret, _path: secret.as_written))


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
        case ValuesFile(plain=True):
            return value
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
