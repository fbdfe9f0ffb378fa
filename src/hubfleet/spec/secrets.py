"""Secrets: literals, or references that are looked up only to plan and apply: `${env:NAME}`, `${file:PATH}`, and
`${sops:PATH#KEY}` for a file that sops has encrypted.

A `Secret` never shows what it hides, wherever it is printed, dumped or logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn, cast

from pydantic_core import PydanticKnownError, SchemaSerializer, core_schema

from hubfleet.errors import HubfleetError, Layer, UsageError
from hubfleet.spec.merging import like
from hubfleet.spec.problems import KeyPath, parsed, written

MASK = "********"
_DOLLAR_BRACE = re.compile(r"\$?\$\{(?:(?P<kind>env|file|sops):(?P<name>[^{}]*)\})?")
_MASKED = core_schema.to_string_ser_schema(when_used="json")
_SEALED_TYPE = re.compile(r",type:(\w+)\]$")
_STAND_INS: Mapping[str, Scalar] = {"int": 1, "float": 1.5, "bool": True}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class MissingSecret(HubfleetError):
    """A reference that leads nowhere: the variable is not set, the file is not there."""

    exit_code = 2


Scalar = str | int | float | bool
"""What a secret can be: sops keeps numbers and booleans, all else is text."""
InFile = Callable[[Path, KeyPath], Scalar]
"""Gives what is at a key of a file that sops has encrypted. MissingSecret if it is not there or cannot be decrypted."""


def _nobody(file: Path, path: KeyPath) -> Scalar:
    raise RuntimeError(f"nobody was given who decrypts {file}, for {written(path)}")


@dataclass(frozen=True)
class Reference:
    """`${kind:name}`; `kind` is "env", "file" or "sops"; of sops, the name is PATH#KEY."""

    kind: str
    name: str
    path: KeyPath = field(default=(), compare=False)
    """Of sops: KEY, taken apart."""
    file: Path | None = field(default=None, compare=False)
    """Of sops, once it was read: the file, wherever PATH would count from."""
    sealed: str = ""
    """The value as it stands in the file, encrypted, where it was read: another one is another secret."""

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"

    def encrypted(self, folder: Path) -> Path:
        """Of sops: the file. PATH counts from `folder`."""
        return self.file or folder / self.name.partition("#")[0]

    def look_up(self, environ: Mapping[str, str], folder: Path, in_file: InFile = _nobody) -> Scalar:
        """The secret; a file's without the line's end. Paths count from `folder`. MissingSecret if it is not there."""
        match self.kind:
            case "sops":
                return in_file(self.encrypted(folder), self.path)
            case "file":
                return self._from_file(folder / self.name)
            case _:
                return self._from_environment(environ)

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
    """What nobody may see, made of literal parts and references. Secrets are equal if their parts are. It is text,
    unless it is all of one reference to a number or a boolean that sops encrypted.

    str, repr, format and JSON show the references but never the text. A secret is not pickled.
    """

    __slots__ = ("_parts",)
    __pydantic_serializer__: ClassVar = SchemaSerializer(core_schema.any_schema(serialization=_MASKED))
    """For secrets in free values, whose type pydantic cannot know."""
    _parts: tuple[Scalar | Reference, ...]

    def __init__(self, *parts: Scalar | Reference) -> None:
        object.__setattr__(self, "_parts", parts)

    @classmethod
    def parse(cls, text: str) -> Secret:
        """A secret of the file. ValueError for a `${` that is no reference: it is nearly always a mistake."""
        for match in _DOLLAR_BRACE.finditer(text):
            if not match["kind"] and not match[0].startswith("$$"):
                ways = "${env:NAME}, ${file:PATH} or ${sops:PATH#KEY}, or $${ for ${ itself"
                raise ValueError(f"${{ begins a reference: write {ways}")
        return cls(*_parts(text))

    @property
    def references(self) -> tuple[Reference, ...]:
        """What has to be looked up; () for a literal and after `resolve`."""
        return tuple(part for part in self._parts if isinstance(part, Reference))

    @property
    def stand_in(self) -> Scalar:
        """Something of its type, as far as that is known before it is looked up, that shows nothing of it."""
        sealed = self._parts[0].sealed if len(self._parts) == 1 and isinstance(self._parts[0], Reference) else ""
        kind = _SEALED_TYPE.search(sealed)
        return _STAND_INS.get(kind[1], str(self)) if kind else str(self)

    @property
    def as_written(self) -> Secret:
        """What stands in the files instead of it, references and ciphertext: still a secret, of which nothing has to be
        looked up."""
        parts = (f"{one}{one.sealed}" if isinstance(one, Reference) else _text(one) for one in self._parts)
        return Secret("".join(parts))

    def map_references(self, change: Callable[[Reference], Reference]) -> Secret:
        """The same with each reference changed so."""
        return Secret(*(change(part) if isinstance(part, Reference) else part for part in self._parts))

    def resolve(self, environ: Mapping[str, str], folder: Path, in_file: InFile = _nobody) -> Secret:
        """The same with every reference looked up. MissingSecret for the first that is not there."""
        found = [p.look_up(environ, folder, in_file) if isinstance(p, Reference) else p for p in self._parts]
        return Secret(*found) if len(found) == 1 else Secret("".join(map(_text, found)))

    def reveal(self) -> str:
        """The text in clear. Only for a secret that was resolved: RuntimeError (a mistake of ours) otherwise."""
        return _text(self.value)

    @property
    def value(self) -> Scalar:
        """As `reveal`; a number or a boolean as such."""
        if self.references:
            raise RuntimeError(f"{self} was not resolved")
        parts = cast("tuple[Scalar, ...]", self._parts)
        return parts[0] if len(parts) == 1 else "".join(map(_text, parts))

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
        return leaf.value

    clear = map_leaves(values, revealed)
    return clear, frozenset(secret)


def map_leaves(tree: Any, change: Callable[[Any, KeyPath], Any], path: KeyPath = ()) -> Any:
    """A copy of maps and lists in which each leaf is what `change` makes of it and of its path."""
    if isinstance(tree, dict | Mapping):  # a dict nearly always, which is found ten times as quickly
        below = cast("Mapping[str, Any]", tree)
        made = {key: map_leaves(value, change, (*path, key)) for key, value in below.items()}
        return made if type(below) is dict else like(below, made)
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


def _text(value: Scalar) -> str:
    """As YAML and JSON write it."""
    return value if isinstance(value, str) else json.dumps(value)


def _reference(kind: str, name: str) -> Reference:
    if kind == "sops":
        return _in_encrypted(name)
    if kind == "env" and not _VARIABLE.fullmatch(name):
        raise ValueError(f"${{env:{name}}} names no environment variable: letters, digits and _ only")
    if not name.strip() or "\0" in name:
        raise ValueError(f"${{{kind}:...}} needs the path of a file")
    return Reference(kind, name)


def _in_encrypted(name: str) -> Reference:
    file, _, key = name.partition("#")
    if not (file.strip() and key.strip()) or "\0" in name:
        raise ValueError("${sops:...} needs a file and a key in it: ${sops:PATH#hub.config.token}")
    try:
        return Reference("sops", name, parsed(key))
    except UsageError as error:
        raise ValueError(f"{error.what}; {error.remedy}") from None
