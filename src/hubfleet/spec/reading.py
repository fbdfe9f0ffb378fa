"""Reads YAML, keeping the place of every key, and says plainly what is wrong with a file that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from hubfleet.spec.problems import InvalidFiles, KeyPath, Position, Problem, written

MOST_BYTES = 4 * 2**20
"""A larger file is no cluster file."""
MOST_DEPTH = 60
"""Maps and lists in one another. libyaml's binding overflows the stack and kills the process at some 50,000, pydantic's
JSON reader ends at 200, people long before."""
MOST_VALUES = 200_000
"""Values once anchors are written out: a few lines of anchors can stand for gigabytes."""

UNFILLED = "is still CHANGEME"
"""What is said of a key or a value that was copied and not filled in."""
_TAG = "tag:yaml.org,2002:"
_AS_WRITTEN = {"str", "timestamp", "value"}
_Entry = tuple[yaml.ScalarNode, yaml.Node]
_Quick: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RULES: Any = Resolver()
_LONG = 40


class _Loader(_Quick):  # type: ignore[misc]
    """Knows short texts again: what a key, `true` or 10Gi is has to be found out by regular expressions."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """As PyYAML does it."""
        if kind is yaml.ScalarNode and implicit[0] and len(value) < _LONG:
            return _tag(value)
        return _Quick.resolve(self, kind, value, implicit)


@lru_cache(maxsize=10_000)
def _tag(text: str) -> Any:
    """Of a text without quotes and without a tag of its own."""
    return _RULES.resolve(yaml.ScalarNode, text, (True, False))


@dataclass(frozen=True)
class Document:
    """A YAML file: its `tree` of maps, lists, texts, numbers, booleans and nulls, and where each key stands.

    `problems` are those that leave the tree usable (a key given twice, CHANGEME): `read` raises them, who goes on all
    the same reports them.
    """

    file: Path
    tree: dict[str, Any]
    text: str = field(repr=False)
    problems: tuple[Problem, ...] = ()

    @cached_property
    def positions(self) -> Mapping[KeyPath, Position]:
        """The path of every key (where it begins), of every list item, and () for the file. Read from the text again,
        when somebody asks: of a thousand files that are right nobody does."""
        reader = _Reader(self.file, positions={(): Position(self.file)})
        reader.value(_Loader(self.text).get_single_node(), ())
        return reader.positions or {}


def read(file: Path) -> Document:
    """The document in this file, without a problem. InvalidFiles otherwise."""
    document = parse(file)
    if document.problems:
        raise InvalidFiles(document.problems)
    return document


def parse(file: Path) -> Document:
    """The document in this file, with the problems that leave it usable. InvalidFiles with the one that does not."""
    return parse_text(file, _text(file))


def parse_text(file: Path, text: str) -> Document:
    """As `parse`, of a text that stands in `file`."""
    try:
        _refuse_depth(file, text)
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        _refuse_yaml(file, error)
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore")  # libyaml counts bytes here
        line, column = _line_and_column(before)
        raise InvalidFiles([Problem(Position(file, line, column), "a control character", "", "delete it")]) from error
    if root is None:
        _refuse(file, "the file is empty", "begin with `name:`, `provider:` and `pools:`")
    reader = _Reader(file, unfilled="changeme" in text.lower())
    tree: Any = reader.value(root, ())
    if not isinstance(root, yaml.MappingNode):
        what = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        _refuse(file, f"the file holds {what} where keys are expected", "write lines of `key: value`", root.start_mark)
    return Document(file, tree, text, tuple(reader.problems))


@dataclass
class _Reader:
    """Turns nodes into values, and keeps `positions` if there is a place for them; `unfilled`: something is CHANGEME.

    What PyYAML makes of dates (objects) and of 1:30 (90) stays as it was written, as JSON, Helm and Kubernetes have it.
    """

    file: Path
    unfilled: bool = False
    positions: dict[KeyPath, Position] | None = None
    problems: list[Problem] = field(default_factory=list[Problem])
    values: int = 0
    scalars: SafeConstructor = field(default_factory=SafeConstructor)

    def value(self, node: yaml.Node, path: KeyPath, key: yaml.Node | None = None) -> Any:
        """What the node stands for; `key` is the one that it is the value of."""
        self.values += 1
        if len(path) > MOST_DEPTH:
            _refuse(self.file, f"more than {MOST_DEPTH} levels of maps and lists", "make it flatter", node.start_mark)
        if self.values > MOST_VALUES:
            _refuse(self.file, f"more than {MOST_VALUES} values", "use fewer anchors in anchors", node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path, key or node)

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:
        if self.positions is not None:
            self.positions[path] = self._at(node)
        return self.value(node, path)

    def _map(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        entries = self._entries(node, path)
        for key, value in entries:
            place = (*path, key.value)
            if key.value in tree:
                first = next(one for one, _ in entries if one.value == key.value)
                self._complain(key, place, f"is given twice; first in line {self._at(first).line}", "keep one")
                continue
            if self.positions is not None:
                self.positions[place] = self._at(key)
            if self.unfilled:
                self._refuse_unfilled(key, place, key)
            tree[key.value] = self.value(value, place, key)
        return tree

    def _entries(self, node: yaml.MappingNode, path: KeyPath, within: int = 0) -> list[_Entry]:
        """The map's keys and values; those of `<<` after its own, and only the ones that it has not."""
        own: list[_Entry] = []
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, path, "a key must be text", 'put it in quotes: "{{ x }}" is a map in YAML')
            elif key.tag == f"{_TAG}merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                own.append((key, value))
        if merged and within > MOST_DEPTH:
            _refuse(self.file, "`<<` merges a map into itself", "take it out", node.start_mark)
        return own + self._merged(merged, {key.value for key, _ in own}, path, within + 1)

    def _merged(self, nodes: list[yaml.Node], taken: set[str], path: KeyPath, within: int) -> list[_Entry]:
        found: list[_Entry] = []
        for node in nodes:
            if not isinstance(node, yaml.MappingNode):
                self._complain(node, path, "`<<` takes a map", "give it the anchor of a map: `<<: *name`")
                continue
            new = [entry for entry in self._entries(node, path, within) if entry[0].value not in taken]
            taken |= {key.value for key, _ in new}
            found += new
        return found

    def _scalar(self, node: yaml.Node, path: KeyPath, place: yaml.Node) -> Any:
        if self.unfilled:
            self._refuse_unfilled(node, path, place)
        kind = node.tag.removeprefix(_TAG)
        if kind in _AS_WRITTEN or (kind in {"int", "float"} and ":" in node.value):
            return node.value
        try:
            return self._plain(kind, node)
        except (ValueError, KeyError):
            self._complain(
                node, path, f"cannot be read as {kind.lstrip('!') or 'text'}", "put it in quotes, without a tag"
            )
            return None

    def _plain(self, kind: str, node: Any) -> bool | int | float | None:
        construct = {
            "null": self.scalars.construct_yaml_null,
            "bool": self.scalars.construct_yaml_bool,
            "int": self.scalars.construct_yaml_int,
            "float": self.scalars.construct_yaml_float,
        }[kind]
        value: bool | int | float | None = construct(node)
        if isinstance(value, float) and value - value != 0:
            raise ValueError("neither JSON nor Helm has infinity and not-a-number")
        return value

    def _refuse_unfilled(self, node: yaml.Node, path: KeyPath, place: yaml.Node) -> None:
        if "changeme" in node.value.lower():
            self._complain(place, path, UNFILLED, "put the real value there")

    def _complain(self, node: yaml.Node, path: KeyPath, what: str, remedy: str) -> None:
        self.problems.append(Problem(self._at(node), what, written(path), remedy))

    def _at(self, node: yaml.Node) -> Position:
        return Position(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def is_file(path: Path) -> bool:
    """Whether it is there and ours to see; False also for a path that can be none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        _refuse(file, "there is no such file", "check the path")
    except IsADirectoryError:
        _refuse(file, "is a folder", "give the cluster file in it")
    except (OSError, ValueError) as error:
        _refuse(file, f"cannot be read: {getattr(error, 'strerror', None) or error}", "check the path and its rights")
    if len(content) > MOST_BYTES:
        _refuse(file, f"is larger than {MOST_BYTES >> 20} MiB", "this can be no cluster file; check the path")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(content[: error.start].decode())
        problem = Problem(Position(file, line, column), "is not text in UTF-8", "", "save it as UTF-8")
        raise InvalidFiles([problem]) from error


def _refuse_depth(file: Path, text: str) -> None:
    """Before the nodes are composed: that is done by recursion in C, which nothing stops."""
    if sum(map(text.count, "[{-?")) < 10_000:
        return
    depth = 0
    events = _Loader(text)
    while events.check_event():
        event = events.get_event()
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            _refuse(file, f"more than {MOST_DEPTH} levels of maps and lists", "make it flatter", event.start_mark)


_PLAINLY = {
    "mapping values are not allowed": ("a `:` where none can be", "check the indentation, or put the text in quotes"),
    "did not find expected '-'": ("neither an item of the list above nor indented less", "check the indentation"),
    "did not find expected key": ("no key where one is expected", "check the indentation and the quotes"),
    "could not find expected ':'": ("a line without `key:`", "write `key: value`"),
    "did not find expected ',' or ']'": ("a list `[` that is not closed", "close it with `]`"),
    "did not find expected ',' or '}'": ("a map `{` that is not closed", "close it with `}`"),
    "did not find expected node content": (
        "no value where one is expected",
        "close brackets, quote special characters",
    ),
    "found unexpected end of stream": ("a quotation mark that is not closed", "close it"),
    "found undefined alias": ("a `*name` without its `&name` before", "quote it if it is text"),
    "but found another document": ("a second document (`---`)", "one file describes one cluster: split it"),
    "found character that cannot start any token": (
        "a tab, or one of @ ` % where a value begins",
        "indent with spaces; put the text in quotes",
    ),
}


def _refuse_yaml(file: Path, error: yaml.MarkedYAMLError) -> NoReturn:
    """What libyaml says, in plain words and at the place where it is to be mended."""
    said = error.problem or ""
    if said == "second occurrence":
        said = "the anchor was given before"
    what, remedy = next(
        (words for begin, words in _PLAINLY.items() if said.startswith(begin)), (said, "mend the YAML there")
    )
    opened = any(word in said for word in ("',' or", "end of stream"))
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    _refuse(file, f"is not YAML: {what}", remedy, mark)


def _refuse(file: Path, what: str, remedy: str, mark: Any = None) -> NoReturn:
    position = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    raise InvalidFiles([Problem(position, what, "", remedy)])


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
