"""One cluster file and the files it names, with what its fleet gives it -> a valid `Cluster`, and every problem."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from hubfleet.spec.checking import choice_problems, hub_problems, ingress_problems, pool_problems, unfit_passwords
from hubfleet.spec.defaulting import over
from hubfleet.spec.kinds import build_problems, kind_problems
from hubfleet.spec.models import (
    Cluster,
    ClusterFile,
    Defaults,
    FleetDefaults,
    FleetFile,
    Hub,
    HubDefaults,
    ProviderBlock,
    ValuesFile,
)
from hubfleet.spec.monitoring import monitoring_problems
from hubfleet.spec.nodes import node_problems
from hubfleet.spec.pages import page_problems
from hubfleet.spec.places import CLUSTER_DEFAULTS, FLEET, HUB_DEFAULTS, Place, Places
from hubfleet.spec.problems import InvalidFiles, KeyPath, Problem
from hubfleet.spec.reading import UNFILLED, Document, is_file, parse
from hubfleet.spec.resolving import sealed
from hubfleet.spec.secrets import BadReferences, mark
from hubfleet.spec.sops import values_of
from hubfleet.spec.wording import NO_REFERENCE, did_you_mean, one_of, problems

SettingsOf = Callable[[str], type[BaseModel]]
Read = TypeVar("Read", bound=BaseModel)
_NO_PROVIDER: dict[str, Any] = {"name": "", "settings": None}
_STAND_IN: dict[str, Any] = {"name": "x", "pools": {}, "provider": _NO_PROVIDER}
"""For keys that must be there and are wrong, so that the rest can be checked in the same pass."""
_MAY_BE_ELSEWHERE = {"missing", "value_error"}
"""What is wrong with a default only if nothing completes it: then it is told of the hub that has it."""
_PROGRAMS = {".jsonnet", ".libsonnet"}
"""Names of files that end so hold programs, which make values."""

NOT_SHARED = {
    "name": "give each cluster its own, in its file",
    "hubs": "a hub belongs to one cluster: write it in that cluster's file",
    "defaults": "write `defaults: {hub: {...}}` beside `cluster`, not in it",
}
"""Keys of a cluster file that defaults of clusters do not have, and where to write them instead."""


@dataclass(frozen=True)
class ValuesDocument:
    """A values file: its values with references to secrets marked. {} and no document after problems."""

    document: Document | None = None
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    problems: tuple[Problem, ...] = ()

    @property
    def plain(self) -> bool:
        """No secret is in it."""
        return self.document is None or self.values is self.document.tree


@dataclass(frozen=True)
class Library:
    """Values files, each read once, however many hubs name it."""

    read: dict[Path, ValuesDocument] = field(default_factory=dict[Path, ValuesDocument])

    def get(self, file: Path) -> ValuesDocument:
        """What is in it."""
        if file not in self.read:
            self.read[file] = _values_document(file)
        return self.read[file]


def _values_document(file: Path) -> ValuesDocument:
    try:
        document = parse(file)
    except InvalidFiles as error:
        return ValuesDocument(problems=error.problems)
    try:
        return ValuesDocument(document, values_of(document), document.problems)
    except InvalidFiles as error:
        return ValuesDocument(document, problems=(*document.problems, *error.problems))


@dataclass(frozen=True)
class Above:
    """What the fleet's file gives each of its clusters: `cluster` and `hub` are trees, to be merged."""

    document: Document
    file: FleetFile
    files: Mapping[KeyPath, Document]
    cluster: Mapping[str, Any]
    hub: Mapping[str, Any]


@dataclass(frozen=True)
class Loaded:
    """A cluster file: `content` as far as it is right, the whole `cluster` if everything is."""

    content: ClusterFile
    places: Places
    problems: tuple[Problem, ...]
    cluster: Cluster | None = None


def load(
    document: Document, provider_names: Sequence[str], settings_of: SettingsOf, library: Library, above: Above | None
) -> Loaded:
    """What this document describes. `settings_of` gives the model of a provider's block."""
    loading = Loading(document, library, above)
    loading.take_defaults(document.tree.get("defaults"), Defaults, HUB_DEFAULTS)
    tree = loading.tree()
    provider = loading.provider(tree, provider_names, settings_of)
    content = loading.content(tree)
    loading.check(content)
    if loading.problems or not provider:
        return Loaded(content, loading.places, distinct(loading.problems))
    fields: dict[str, Any] = {name: getattr(content, name) for name in ClusterFile.model_fields}
    fields |= {"provider": provider, "file": document.file, "places": loading.places}
    cluster = Cluster.model_construct(None, **fields, fleet=above.file if above else None)
    return Loaded(content, loading.places, (), cluster)


def load_above(
    document: Document, provider_names: Sequence[str], settings_of: SettingsOf, library: Library
) -> tuple[Above | None, tuple[Problem, ...]]:
    """What a fleet's file says, and what is wrong with it. None if not even the list of its clusters is right."""
    loading = Loading(document, library, None)
    defaults = document.tree.get("defaults")
    loading.take_defaults(defaults, FleetDefaults, HUB_DEFAULTS)
    cluster = _map(_entry(defaults, "cluster"))
    loading.check_cluster_defaults(cluster, provider_names, settings_of)
    apart: dict[str, Any] = {"defaults": {}} if isinstance(defaults, dict) else {}
    file = loading.validate(FleetFile, {**document.tree, **apart}, ())
    if file is None:
        return None, tuple(loading.problems)
    defaults = file.defaults.model_copy(update={"hub": loading.defaults})
    file = loading.sealed(file.model_copy(update={"defaults": defaults}))
    files = {(FLEET, *path): found for path, found in loading.files.items()}
    return Above(document, file, files, cluster, loading.hub_defaults), tuple(loading.problems)


class Loading:
    """One pass over a file of a cluster or a fleet; collects problems and values files."""

    def __init__(self, document: Document, library: Library, above: Above | None) -> None:
        self.document, self.library, self.above = document, library, above
        self.files: dict[KeyPath, Document] = dict(above.files) if above else {}
        self.places = Places(document, above.document if above else None, self.files)
        self.problems: list[Problem] = list(document.problems)
        self.broken: set[KeyPath] = set()
        """Paths of what does not count in checks across values: top-level keys, pools, hubs."""
        self.defaults = HubDefaults()
        self.hub_defaults: Mapping[str, Any] = {}

    def where(self, *path: str | int) -> Place:
        """The place of this key, or of the nearest one above it."""
        return self.places.at(path)

    def complain(self, what: str, remedy: str, *path: str | int) -> None:
        self.problems.append(self.where(*path).problem(what, remedy))

    def take_defaults(self, tree: Any, model: type[BaseModel], at: KeyPath) -> None:
        """Checks the defaults of hubs, and keeps them: their values apart from what is merged."""
        if not isinstance(tree, dict):
            return
        defaults = cast("dict[str, Any]", tree)
        hub = _map(defaults.get("hub"))
        self.validate(model, {**defaults, **({"hub": {}} if isinstance(defaults.get("hub"), dict) else {})}, at[:-1])
        self.check_defaults(Hub, hub, at)
        self.defaults = HubDefaults().model_copy(update=self.own_values(hub, at))
        self.hub_defaults = _without_keys(hub, "values", "values_files")

    def check_cluster_defaults(self, tree: dict[str, Any], names: Sequence[str], settings_of: SettingsOf) -> None:
        """What is wrong with the defaults of clusters. Blocks of several providers may stand there."""
        for key in [key for key in NOT_SHARED if key in tree]:
            self.complain("is not for all clusters alike", NOT_SHARED[key], *CLUSTER_DEFAULTS, key)
        shared = _without_keys(tree, "provider", *NOT_SHARED)
        self.check_defaults(ClusterFile, {"provider": _NO_PROVIDER} | shared, CLUSTER_DEFAULTS)
        for name, settings in _map(tree.get("provider")).items():
            at = (*CLUSTER_DEFAULTS, "provider", name)
            if self.known_provider(name, names, at):
                self.check_defaults(settings_of(name), settings or {}, at)

    def check_defaults(self, model: type[BaseModel], tree: Mapping[str, Any], at: KeyPath) -> None:
        """What is wrong with a part of a model, whatever may complete it."""
        try:
            _strictly(model, tree)
        except ValidationError as error:
            found = [one for one in error.errors(include_url=False) if one["type"] not in _MAY_BE_ELSEWHERE]
            self.problems += problems(found, model, at, self.places)

    def tree(self) -> dict[str, Any]:
        """The file with the defaults below it; hubs without their values."""
        own = _without_keys(self.document.tree, "defaults")
        tree = cast("dict[str, Any]", over(self.above.cluster, own)) if self.above else own
        hubs = tree.get("hubs")
        if isinstance(hubs, dict):
            below = over(self.above.hub, self.hub_defaults) if self.above else self.hub_defaults
            entries = cast("dict[str, Any]", hubs).items()
            tree = {**tree, "hubs": {name: over(below, hub) if below else hub for name, hub in entries}}
        return tree

    def provider(self, tree: Mapping[str, Any], names: Sequence[str], settings_of: SettingsOf) -> ProviderBlock | None:
        """The one provider with its settings; None after a complaint."""
        block = tree.get("provider")
        if not isinstance(block, dict) or not block:
            example = f"write `provider: {{NAME: {{...}}}}`; {one_of(names)}"
            self.complain("no provider", example, *["provider"] * ("provider" in tree))
            return None
        chosen = cast("dict[str, Any]", block)
        known = [name for name in chosen if self.known_provider(name, names, ("provider", name))]
        if len(chosen) > 1:
            self.complain(
                f"more than one provider: {', '.join(chosen)}", "a cluster is on exactly one: keep one", "provider"
            )
        if len(chosen) > 1 or len(known) != len(chosen):
            return None
        ((name, settings),) = chosen.items()
        empty: dict[str, Any] = {}
        read = self.validate(settings_of(name), empty if settings is None else settings, ("provider", name))
        return ProviderBlock(name=name, settings=read) if read else None

    def known_provider(self, name: str, names: Sequence[str], path: KeyPath) -> bool:
        """Whether there is such a provider; complains if not."""
        if name not in names:
            self.complain(f'unknown provider "{name}"', f"{did_you_mean(name, names)} {one_of(names)}".strip(), *path)
        return name in names

    def content(self, tree: Mapping[str, Any]) -> ClusterFile:
        """What the tree says, as far as it is right, with its values; the provider apart."""
        hubs = _map(tree.get("hubs"))
        own = {name: self.own_values(hub, ("hubs", name)) for name, hub in hubs.items()}
        bare = {**tree, "provider": _NO_PROVIDER}
        if hubs:
            bare["hubs"] = {name: _bare(hub) for name, hub in hubs.items()}
        read = self.validate(ClusterFile, bare, ()) or _strictly(ClusterFile, _without(bare, self.broken))
        return self.sealed(
            read.model_copy(
                update={
                    "hubs": {name: hub.model_copy(update=own[name]) for name, hub in read.hubs.items()},
                    "defaults": Defaults().model_copy(update={"hub": self.defaults}),
                }
            )
        )

    def sealed(self, read: Read) -> Read:
        """The same with what stands encrypted in the files of sops that it refers to."""
        found, wrong = sealed(read, self.where)
        self.problems += wrong
        return found

    def validate(self, model: type[Read], tree: Any, prefix: KeyPath) -> Read | None:
        """The tree as this model; None after complaints."""
        try:
            return _strictly(model, tree)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            self.problems += problems(errors, model, prefix, self.places)
            self.broken |= {(*prefix, *one["loc"])[:2] for one in errors}
            return None

    def own_values(self, tree: Any, at: KeyPath) -> dict[str, Any]:
        """The `values` and `values_files` that stand at a path, as far as they are right, so that they are checked
        although something else there is wrong."""
        values = _entry(tree, "values")
        marked: Mapping[str, Any] = {}
        if isinstance(values, dict):
            try:
                marked = cast("dict[str, Any]", mark(values))
            except BadReferences as error:
                for key, what in error.found:
                    self.complain(what, NO_REFERENCE, *at, "values", *key)
        return {"values": marked, "values_files": tuple(self.values_files(tree, (*at, "values_files")))}

    def values_files(self, tree: Any, at: KeyPath) -> Iterator[ValuesFile]:
        """Each file of a list of values_files, with what is in it."""
        for index, name in _items(_entry(tree, "values_files")):
            if isinstance(name, str) and name:
                file = _without_detour(self.document.file.parent / name)
                found = self.values_file(file, (*at, index))
                yield ValuesFile.model_construct(path=Path(name), values=found.values, plain=found.plain)

    def values_file(self, file: Path, path: KeyPath) -> ValuesDocument:
        """What is in the file; nothing after complaints."""
        if not is_file(file):
            self.complain(f"there is no file {file}", "the path counts from the folder of this file", *path)
            return ValuesDocument()
        if file.suffix in _PROGRAMS:  # some are YAML as well, and would mean something else
            remedy = f"run it: jsonnet {file} > {file.with_suffix('.json')}, and name that file"
            self.complain(f"{file} is a program in Jsonnet, which hubfleet does not run", remedy, *path)
            return ValuesDocument()
        found = self.library.get(file)
        self.problems += found.problems
        if found.document is not None:
            self.files[path] = found.document
        return found

    def check(self, content: ClusterFile) -> None:
        """Checks across values, on what is right in itself."""
        if not any(path[0] == "pools" for path in self.broken):
            self.problems += pool_problems(content.pools, content.hubs, self.where)
            self.problems += choice_problems(content.pools, content.hubs, self.where)
            self.problems += build_problems(content.pools, content.hubs, self.where)
        self.problems += node_problems(content.pools, self.where)
        self.problems += kind_problems(content.hubs, self.where)
        self.problems += page_problems(content.hubs, self.where)
        self.problems += ingress_problems(content.ingress, content.hubs, content.monitoring, self.where)
        self.problems += monitoring_problems(content.monitoring, content.ingress, content.hubs, self.where)
        self.problems += hub_problems(content.hubs, self.where)
        self.problems += unfit_passwords(content.hubs, self.where)


def _without_detour(path: Path) -> Path:
    """The same file without `..`, so that two folders that name one file mean one."""
    if ".." not in path.parts:
        return path
    direct = Path(os.path.normpath(path))
    return direct if direct.resolve() == path.resolve() else path  # a `..` behind a symbolic link is no detour


def distinct(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, and of a value that is CHANGEME nothing else."""
    every = list(dict.fromkeys(found))
    unfilled = {(one.position, one.key) for one in every if one.what == UNFILLED}
    return tuple(one for one in every if one.what == UNFILLED or (one.position, one.key) not in unfilled)


def _strictly(model: type[Read], tree: Any) -> Read:
    """By JSON's rules, as the JSON Schema has them: "3" is no number, yes is no text, 1 is not true."""
    return model.model_validate_json(json.dumps(tree), strict=True)


def _bare(hub: Any) -> Any:
    """Without values, which are nobody's to check here and may be long. What is no map stays, for complaints."""
    return _without_keys(_map(hub), "values") if isinstance(_entry(hub, "values"), dict) else hub


def _without(tree: Mapping[str, Any], broken: set[KeyPath]) -> dict[str, Any]:
    """The file's tree without what is broken: a pool, a hub, otherwise a whole key of the top level."""
    rest = dict(tree)
    for key, *below in broken:
        entries = rest.get(str(key))
        if key in {"pools", "hubs"} and below and isinstance(entries, dict):
            rest[str(key)] = _without_keys(cast("dict[str, Any]", entries), str(below[0]))
        else:
            rest.pop(str(key), None)
    return _STAND_IN | rest


def _without_keys(tree: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key not in keys}


def _map(tree: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}


def _items(tree: Any) -> list[tuple[int, Any]]:
    return list(enumerate(cast("Iterable[Any]", tree))) if isinstance(tree, list) else []


def _entry(tree: Any, key: str) -> Any:
    return cast("dict[str, Any]", tree).get(key) if isinstance(tree, dict) else None
