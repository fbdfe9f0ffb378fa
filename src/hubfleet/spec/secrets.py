"""Secrets: literals, or references `${env:NAME}` and `${file:PATH}` that are looked up only to plan and apply.

A `Secret` never shows what it hides, wherever it is printed, dumped or logged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn, cast

from pydantic_core import PydanticKnownError, SchemaSerializer, core_schema

from hubfleet.errors import HubfleetError, Layer
from hubfleet.spec.problems import KeyPath

MASK = "********"
_DOLLAR_BRACE = re.compile(r"\$?\$\{(?:(?P<kind>env|file):(?P<name>[^{}]*)\})?")
_MASKED = core_schema.to_string_ser_schema(when_used="json")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class MissingSecret(HubfleetError):
    """A reference that leads nowhere: the variable is not set, the file is not there."""

    exit_code = 2


@dataclass(frozen=True)
class Reference:
    """`${kind:name}`; `kind` is "env" or "file"."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"

    def look_up(self, environ: Mapping[str, str], folder: Path) -> str:
        """The secret; a file's without the line's end. Paths count from `folder`. MissingSecret if it is not there."""
        return self._from_file(folder / self.name) if self.kind == "file" else self._from_environment(environ)

    def _from_environment(self, environ: Mapping[str, str]) -> str:
        if environ.get(self.name):
            return environ[self.name]
        state = "empty" if self.name in environ else "not set"
        raise MissingSecret(
            f"the environment variable {self.name} is {state}",
            remedy=f"set it (export {self.name}=...) and run hubfleet again",
            layer=Layer.FILE,
        )

    def _from_file(self, path: Path) -> str:
        try:
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = (isinstance(error, OSError) and error.strerror) or "it is not text in UTF-8"
            raise MissingSecret(
                f"the secret's file {path} cannot be read: {why}",
                remedy="write the secret into it; the path counts from the folder of the file that names it",
                layer=Layer.FILE,
            ) from None  # a UnicodeDecodeError carries what it could not decode
        if not text:
            raise MissingSecret(
                f"the secret's file {path} is empty", remedy="write the secret into it", layer=Layer.FILE
            )
        return text


class Secret:
    """Text that nobody may see, made of literal parts and references. Secrets are equal if their parts are.

    str, repr, format and JSON show the references but never the text. A secret is not pickled.
    """

    __slots__ = ("_parts",)
    __pydantic_serializer__: ClassVar = SchemaSerializer(core_schema.any_schema(serialization=_MASKED))
    """For secrets in free values, whose type pydantic cannot know."""
    _parts: tuple[str | Reference, ...]

    def __init__(self, *parts: str | Reference) -> None:
        object.__setattr__(self, "_parts", parts)

    @classmethod
    def parse(cls, text: str) -> Secret:
        """A secret of the file. ValueError for a `${` that is no reference: it is nearly always a mistake."""
        for match in _DOLLAR_BRACE.finditer(text):
            if not match["kind"] and not match[0].startswith("$$"):
                raise ValueError("${ begins a reference: write ${env:NAME} or ${file:PATH}, or $${ for ${ itself")
        return cls(*_parts(text))

    @property
    def references(self) -> tuple[Reference, ...]:
        """What has to be looked up; () for a literal and after `resolve`."""
        return tuple(part for part in self._parts if isinstance(part, Reference))

    def resolve(self, environ: Mapping[str, str], folder: Path) -> Secret:
        """The same with every reference looked up. MissingSecret for the first that is not there."""
        return Secret("".join(p.look_up(environ, folder) if isinstance(p, Reference) else p for p in self._parts))

    def reveal(self) -> str:
        """The text in clear. Only for a secret that was resolved: RuntimeError (a mistake of ours) otherwise."""
        if self.references:
            raise RuntimeError(f"{self} was not resolved")
        return "".join(cast("tuple[str, ...]", self._parts))

    def __str__(self) -> str:
        return "".join(str(part) if isinstance(part, Reference) else MASK for part in self._parts)

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a secret is frozen: {name}")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._of_file, serialization=_MASKED)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "writeOnly": True}

    @classmethod
    def _of_file(cls, value: object) -> Secret:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("string_type")
        if not value:
            raise PydanticKnownError("string_too_short", {"min_length": 1})
        return cls.parse(value)


class BadReferences(ValueError):
    """References in values that cannot be meant: where each is in the tree, and what is wrong with it."""

    def __init__(self, found: Sequence[tuple[KeyPath, str]]) -> None:
        super().__init__("; ".join(what for _, what in found))
        self.found = tuple(found)


def mark(tree: Any) -> Any:
    """A copy of free values in which each text with references has become a Secret. BadReferences with all bad ones."""
    bad: list[tuple[KeyPath, str]] = []

    def marked(leaf: Any, path: KeyPath) -> Any:
        try:
            return _marked(leaf) if isinstance(leaf, str) and "${" in leaf else leaf
        except ValueError as error:
            bad.append((path, str(error)))

    changed = map_leaves(tree, marked)
    if bad:
        raise BadReferences(bad)
    return changed


def reveal(values: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[KeyPath]]:
    """Finished values in clear, and the paths in them that are secret. For Helm and nobody else."""
    secret: set[KeyPath] = set()

    def revealed(leaf: Any, path: KeyPath) -> Any:
        if not isinstance(leaf, Secret):
            return leaf
        secret.add(path)
        return leaf.reveal()

    clear = map_leaves(values, revealed)
    return clear, frozenset(secret)


def map_leaves(tree: Any, change: Callable[[Any, KeyPath], Any], path: KeyPath = ()) -> Any:
    """A copy of maps and lists in which each leaf is what `change` makes of it and of its path."""
    if isinstance(tree, dict | Mapping):  # a dict nearly always, which is found ten times as quickly
        entries = cast("Mapping[str, Any]", tree).items()
        return {key: map_leaves(value, change, (*path, key)) for key, value in entries}
    if isinstance(tree, list | tuple):
        items = enumerate(cast("list[Any]", tree))
        return [map_leaves(value, change, (*path, index)) for index, value in items]
    return change(tree, path)


def _marked(text: str) -> str | Secret:
    parts = tuple(_parts(text))
    literal = [part for part in parts if isinstance(part, str)]
    return "".join(literal) if len(literal) == len(parts) else Secret(*parts)


def _parts(text: str) -> Iterator[str | Reference]:
    """Literal pieces and references in order. `$${` stands for `${`; another `${` without a reference is left alone."""
    literal, end = "", 0
    for match in _DOLLAR_BRACE.finditer(text):
        literal, end = literal + text[end : match.start()], match.end()
        if match[0].startswith("$$"):
            literal, end = literal + "${", match.start() + 3
        elif not match["kind"]:
            literal += match[0]
        else:
            if literal:
                yield literal
            literal = ""
            yield _reference(match["kind"], match["name"])
    if literal + text[end:]:
        yield literal + text[end:]


def _reference(kind: str, name: str) -> Reference:
    if kind == "env" and not _VARIABLE.fullmatch(name):
        raise ValueError(f"${{env:{name}}} names no environment variable: letters, digits and _ only")
    if not name.strip() or "\0" in name:
        raise ValueError("${file:...} needs the path of a file")
    return Reference(kind, name)
