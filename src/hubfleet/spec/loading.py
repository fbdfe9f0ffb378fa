"""A cluster file and the files it names -> a valid `Cluster`, or every problem of all of them in one pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from hubfleet.spec.checking import choice_problems, hub_problems, pool_problems, unfit_passwords
from hubfleet.spec.models import Cluster, ClusterFile, Hub, ProviderBlock
from hubfleet.spec.nodes import node_problems
from hubfleet.spec.problems import InvalidFiles, KeyPath, Position, Problem, written
from hubfleet.spec.reading import UNFILLED, Document, is_file, parse
from hubfleet.spec.secrets import BadReferences, mark
from hubfleet.spec.wording import NO_REFERENCE, did_you_mean, one_of, problems

SettingsOf = Callable[[str], type[BaseModel]]
Read = TypeVar("Read", bound=BaseModel)
_NO_PROVIDER: dict[str, Any] = {"name": "", "settings": None}
_STAND_IN: dict[str, Any] = {"name": "x", "pools": {}, "provider": _NO_PROVIDER}
"""For keys that must be there and are wrong, so that the rest can be checked in the same pass."""


def load_cluster(path: Path, provider_names: Sequence[str], settings_of: SettingsOf) -> Cluster:
    """The cluster of this file, with the values files it names; looks up no secret and asks no network.

    `settings_of` gives the model of a provider's block. InvalidFiles with every problem of every file.
    """
    loading = _Loading(parse(path))
    provider = loading.provider(provider_names, settings_of)
    content = loading.content()
    loading.check(content)
    if loading.problems or not provider:
        raise InvalidFiles(loading.distinct())
    fields = {name: getattr(content, name) for name in ClusterFile.model_fields}
    return Cluster.model_validate(fields | {"provider": provider, "file": path, "positions": loading.positions})


class _Loading:
    """One pass over a cluster file; collects problems and positions."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.positions: dict[KeyPath, Position] = dict(document.positions)
        self.problems: list[Problem] = list(document.problems)
        self.broken: set[KeyPath] = set()
        """Paths of what does not count in checks across values: top-level keys, pools, hubs."""

    def where(self, *path: str | int) -> Position:
        """The place of this key, or of the nearest one above it."""
        while path not in self.positions:
            path = path[:-1]
        return self.positions[path]

    def complain(self, what: str, remedy: str, *path: str | int) -> None:
        self.problems.append(Problem(self.where(*path), what, written(path), remedy))

    def provider(self, names: Sequence[str], settings_of: SettingsOf) -> ProviderBlock | None:
        """The one provider with its settings; None after a complaint."""
        block = self.document.tree.get("provider")
        if not isinstance(block, dict) or not block:
            example = f"write `provider: {{NAME: {{...}}}}`; {one_of(names)}"
            self.complain("no provider", example, *["provider"] * ("provider" in self.document.tree))
            return None
        chosen = cast("dict[str, Any]", block)
        for name in chosen:
            if name not in names:
                remedy = f"{did_you_mean(name, names)} {one_of(names)}".strip()
                self.complain(f'unknown provider "{name}"', remedy, "provider", name)
        if len(chosen) > 1:
            self.complain(
                f"more than one provider: {', '.join(chosen)}", "a cluster is on exactly one: keep one", "provider"
            )
        if len(chosen) > 1 or not set(chosen) <= set(names):
            return None
        ((name, settings),) = chosen.items()
        empty: dict[str, Any] = {}
        read = self.validate(settings_of(name), empty if settings is None else settings, ("provider", name))
        return ProviderBlock(name=name, settings=read) if read else None

    def content(self) -> ClusterFile:
        """What stands in the file, with its values files, as far as it is right; the provider apart."""
        tree = {**self.document.tree, "provider": _NO_PROVIDER}
        values = dict(self.values_files())
        read = self.validate(ClusterFile, tree, ()) or _strictly(ClusterFile, _without(tree, self.broken))
        hubs = {name: _with_values(name, hub, values) for name, hub in read.hubs.items()}
        return read.model_copy(update={"hubs": hubs})

    def validate(self, model: type[Read], tree: Any, prefix: KeyPath) -> Read | None:
        """The tree as this model; None after complaints."""
        try:
            return _strictly(model, tree)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            self.problems += problems(errors, model, prefix, self.positions)
            self.broken |= {(*prefix, *one["loc"])[:2] for one in errors}
            return None

    def values_files(self) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        """What is in each file of each hub's `values_files`, by the path that the file's name has in the cluster file.

        Taken from the raw tree, so that these files are checked although something else in the hub is wrong.
        """
        for name, hub in _entries(self.document.tree.get("hubs")):
            for index, file in _entries(_entry(hub, "values_files")):
                path: KeyPath = ("hubs", name, "values_files", index)
                if isinstance(file, str) and file:
                    yield path, self.values_file(self.document.file.parent / file, path)

    def values_file(self, file: Path, path: KeyPath) -> dict[str, Any]:
        """The file's values; the positions of its keys come under `path`. {} after complaints."""
        if not is_file(file):
            self.complain(f"there is no file {file}", "the path counts from the cluster file's folder", *path)
            return {}
        try:
            document = parse(file)
        except InvalidFiles as error:
            self.problems += error.problems
            return {}
        try:
            self.problems += document.problems
            self.positions |= {(*path, *key): place for key, place in document.positions.items() if key}
            return cast("dict[str, Any]", mark(document.tree))
        except BadReferences as error:
            self.problems += [
                Problem(document.positions[key], what, written(key), NO_REFERENCE) for key, what in error.found
            ]
        return {}

    def check(self, content: ClusterFile) -> None:
        """Checks across values, on what is right in itself."""
        if not any(path[0] == "pools" for path in self.broken):
            self.problems += pool_problems(content.pools, content.hubs, self.where)
            self.problems += choice_problems(content.pools, content.hubs, self.where)
        self.problems += node_problems(content.pools, self.where)
        self.problems += hub_problems(content.hubs, self.document.file.parent, self.where)
        self.problems += unfit_passwords(content.hubs, self.where)

    def distinct(self) -> list[Problem]:
        """Each problem once, and of a value that is CHANGEME nothing else."""
        unfilled = {(one.position, one.key) for one in self.problems if one.what == UNFILLED}
        return [
            one
            for one in dict.fromkeys(self.problems)
            if one.what == UNFILLED or (one.position, one.key) not in unfilled
        ]


def _with_values(name: str, hub: Hub, values: Mapping[KeyPath, Mapping[str, Any]]) -> Hub:
    """The hub with the contents of its values files."""
    files = [
        file.model_copy(update={"values": values["hubs", name, "values_files", index]})
        for index, file in enumerate(hub.values_files)
    ]
    return hub.model_copy(update={"values_files": tuple(files)})


def _strictly(model: type[Read], tree: Any) -> Read:
    """By JSON's rules, as the JSON Schema has them: "3" is no number, yes is no text, 1 is not true."""
    return model.model_validate_json(json.dumps(tree), strict=True)


def _without(tree: Mapping[str, Any], broken: set[KeyPath]) -> dict[str, Any]:
    """The file's tree without what is broken: a pool, a hub, otherwise a whole key of the top level."""
    rest = dict(tree)
    for key, *below in broken:
        entries = rest.get(str(key))
        if key in {"pools", "hubs"} and below and isinstance(entries, dict):
            rest[str(key)] = {
                name: entry for name, entry in cast("dict[str, Any]", entries).items() if name != below[0]
            }
        else:
            rest.pop(str(key), None)
    return _STAND_IN | rest


def _entries(tree: Any) -> list[tuple[Any, Any]]:
    """A map's keys or a list's indices, with the values; [] of a leaf."""
    if isinstance(tree, dict):
        return list(cast("dict[str, Any]", tree).items())
    return list(enumerate(cast("Iterable[Any]", tree))) if isinstance(tree, list) else []


def _entry(tree: Any, key: str) -> Any:
    return cast("dict[str, Any]", tree).get(key) if isinstance(tree, dict) else None
