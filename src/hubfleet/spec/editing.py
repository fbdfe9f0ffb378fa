"""Changes one value in the text of a cluster file and leaves every other byte as it is: comments, order, line ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hubfleet.errors import Layer, UsageError
from hubfleet.spec.models import NodeCount
from hubfleet.spec.reading import parse_text

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Edit = tuple[yaml.Node, str]


def with_nodes(file: Path, text: str, pool: str, nodes: NodeCount) -> str:
    """The `text` of this cluster file with that number of nodes for the pool. Pure.

    A range that is written out keeps its form (and the comments in it); a number becomes `{min: 1, max: 3}`. UsageError
    where the value stands in another place (an anchor, a merge) and would change something else as well.
    """
    root: yaml.Node = _Loader(text).get_single_node()
    entry = _value(_value(root, "pools"), pool)
    value = _value(entry, "nodes")
    edits = _edits(value, nodes) if value is not None else None
    if value is None or edits is None or not _own(root, value):
        raise _by_hand(file, pool, nodes)
    changed = _edited(text, edits)
    if _tree(file, changed) != _wanted(_tree(file, text), pool, nodes):
        raise _by_hand(file, pool, nodes)
    return changed


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _edits(value: yaml.Node, nodes: NodeCount) -> list[_Edit] | None:
    """Which scalars become what; None where the value is written in a way that cannot be kept."""
    if isinstance(value, yaml.ScalarNode):
        return [(value, str(nodes.min) if nodes.fixed else f"{{min: {nodes.min}, max: {nodes.max}}}")]
    least, most = _value(value, "min"), _value(value, "max")
    return None if least is None or most is None else [(least, str(nodes.min)), (most, str(nodes.max))]


def _own(root: yaml.Node, value: yaml.Node) -> bool:
    """No other key means the same node, by an anchor."""
    parts = {id(node) for node in _nodes(value)}
    seen = [id(node) for node in _nodes(root)]
    return all(seen.count(part) == 1 for part in parts)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key)
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item)


def _edited(text: str, edits: list[_Edit]) -> str:
    for node, new in sorted(edits, key=lambda edit: -edit[0].start_mark.index):
        begin, end = node.start_mark.index, node.end_mark.index
        if text[begin:end].isdecimal():
            text = text[:begin] + new + text[end:]
    return text


def _tree(file: Path, text: str) -> Any:
    return parse_text(file, text).tree


def _wanted(tree: Any, pool: str, nodes: NodeCount) -> Any:
    old: Any = tree["pools"][pool]["nodes"]
    ranged = isinstance(old, dict)
    new: Any = {"min": nodes.min, "max": nodes.max} if ranged else _plain(nodes)
    return {**tree, "pools": {**tree["pools"], pool: {**tree["pools"][pool], "nodes": new}}}


def _plain(nodes: NodeCount) -> int | dict[str, int]:
    return nodes.min if nodes.fixed else {"min": nodes.min, "max": nodes.max}


def _by_hand(file: Path, pool: str, nodes: NodeCount) -> UsageError:
    return UsageError(
        f"{file} has no number of nodes of the pool {pool} that could be changed by itself",
        why="it is left out, or stands in a place that other pools share (an anchor, a merge)",
        remedy=f"write `nodes: {_plain(nodes)}` there yourself".replace("'", ""),
        layer=Layer.FILE,
    )
