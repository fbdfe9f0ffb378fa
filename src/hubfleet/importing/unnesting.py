"""The text of values files: as it is, or the part that is Zero to JupyterHub's taken out of an umbrella chart's. Pure.

Comments are for people and stay, where the text can be cut out and moved to the left; what was written is read again,
and where it would not say the same, it is written anew from the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from hubfleet.spec import InvalidFiles, KeyPath, Secret
from hubfleet.spec.problems import written
from hubfleet.spec.reading import Document, parse_text
from hubfleet.spec.secrets import map_leaves
from hubfleet.spec.sops import values_of

_REFERENCE = re.compile(r"\$\$\{|\$\{(?=(?:env|file|sops):[^{}]*\})")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def part(tree: Any, path: Sequence[str]) -> Any:
    """What is at this path of a tree, or stands above it and is no map; {} where nothing is."""
    for key in path:
        if not isinstance(tree, Mapping):
            return tree
        if key not in tree:
            return {}
        tree = cast("Mapping[str, Any]", tree)[key]
    return tree  # pyright: ignore[reportUnknownVariableType]


def kept(document: Document) -> str:
    """The file's text, of which hubfleet reads the same: what it would take for a reference to a secret is quoted."""
    return _faithful(document.file, _escaped(document.text), document.tree)


def unnested(document: Document, path: Sequence[str], header: str) -> str:
    """The part at this path as a file of its own, below a header of comments."""
    wanted: Mapping[str, Any] = part(document.tree, path)
    return _faithful(document.file, header + _escaped(_cut(document.text, path)), wanted, header)


def referring(tree: Mapping[str, Any], path: Sequence[str], file: str, header: str) -> str:
    """The part at this path of a file that sops has encrypted, as references into that file, which stays as it is:
    sops binds each value to its place."""

    def leaf(value: Any, below: KeyPath) -> Any:
        if isinstance(value, Secret):
            return f"${{sops:{file}#{written((*path, *below))}}}"
        return _escaped(value) if isinstance(value, str) else value

    return header + _dumped(map_leaves(part(tree, path), leaf))


def _faithful(file: Path, text: str, tree: Mapping[str, Any], header: str = "") -> str:
    if _reads_as(file, text, tree):
        return text

    def leaf(value: Any, _: KeyPath) -> Any:
        return _escaped(value) if isinstance(value, str) else value

    return header + _dumped(map_leaves(tree, leaf))


def _reads_as(file: Path, text: str, tree: Mapping[str, Any]) -> bool:
    try:
        return values_of(parse_text(file, text)) == tree
    except InvalidFiles:
        return False


def _escaped(text: str) -> str:
    return _REFERENCE.sub(lambda found: f"${found[0]}", text)


def _dumped(tree: Mapping[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=10_000)


def _cut(text: str, path: Sequence[str]) -> str:
    """The lines of the map at this path, moved to the left; "" where it is none in block style."""
    node: Any = _Loader(f"{text}\n").get_single_node()
    begin = 0
    for wanted in path:
        entries: list[tuple[Any, Any]] = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((entry for entry in entries if entry[0].value == wanted), None)
        if found is None:
            return ""
        begin, node = int(found[0].start_mark.line) + 1, found[1]
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return ""
    indent = node.start_mark.column
    lines = text.split("\n")[begin : node.end_mark.line]  # where the next key begins
    while lines and (not lines[-1].strip() or (_is_comment(lines[-1]) and _indented(lines[-1]) < indent)):
        lines.pop()
    return "\n".join(line[min(indent, _indented(line)) :] for line in lines) + "\n"


def _indented(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
