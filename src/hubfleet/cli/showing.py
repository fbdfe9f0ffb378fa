"""`show`: values with their origins, for people as YAML with comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click
import yaml

from hubfleet import fleet
from hubfleet.cli.documents import json_document
from hubfleet.cli.options import cluster_option, json_option, path_argument
from hubfleet.spec import KeyPath

_COLUMN = 56
"""Where comments begin, as far as values leave room."""
_BLOCK = re.compile(r"[^\s\x00-\x1f][^\x00-\x09\x0b-\x1f]*\n(?:[^\x00-\x09\x0b-\x1f]*[^\s\x00-\x1f]\n?)?")
"""A text of several lines that YAML's block style gives as it is."""


@click.command()
@path_argument
@click.argument("key", default="")
@cluster_option
@click.option("--hub", metavar="NAME", help="Which hub; may be left out where there is one only.")
@json_option("Print the bare merged values as one JSON document.")
def show(path: Path, key: str, cluster: str | None, hub: str | None, as_json: bool) -> None:
    """What a hub's chart gets, with the file and line that set each value.

    Later layers win: hubfleet's own defaults, those of the fleet, those of the cluster, the hub itself; of each what is
    computed from its keys, then its values_files in order, then its values. Maps merge, lists replace, null deletes.
    KEY shows a part: hub.config, or singleuser.image.tag.

    Needs no cluster and no secret: a secret is shown by where it comes from: ${env:NAME},
    ${sops:PATH#KEY}.
    """
    shown = fleet.show(fleet.load(path, cluster, hub), hub, key)
    click.echo(json_document(shown.value) if as_json else "\n".join(lines(shown)))


def lines(shown: fleet.Shown) -> Iterator[str]:
    """YAML, with each leaf's origin as a comment."""
    last = shown.path[-1] if shown.path else "values"
    if _is_map(shown.value):
        yield from _map(shown.value, shown.path, shown, "")
    else:
        yield from _leaf("-" if isinstance(last, int) else f"{_plain(last)}:", shown.value, shown.path, shown, "")


def _map(value: Mapping[str, Any], path: KeyPath, shown: fleet.Shown, indent: str) -> Iterator[str]:
    for key, below in value.items():
        if _is_map(below):
            yield f"{indent}{_plain(key)}:"
            yield from _map(below, (*path, key), shown, f"{indent}  ")
        else:
            yield from _leaf(f"{_plain(key)}:", below, (*path, key), shown, indent)


def _is_map(value: Any) -> bool:
    """One with something in it."""
    return isinstance(value, Mapping) and bool(cast("Mapping[str, Any]", value))


def _leaf(key: str, value: Any, path: KeyPath, shown: fleet.Shown, indent: str) -> Iterator[str]:
    text, more = _plain(value), list[str]()
    if isinstance(value, str) and _BLOCK.fullmatch(value):
        text = "|" if value.endswith("\n") else "|-"
        more = [f"{indent}  {line}".rstrip() for line in value.splitlines()]
    elif isinstance(value, list) and len(indent) + len(key) + len(text) > 2 * _COLUMN:
        dumped = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
        text, more = "", [f"{indent}  {line}" for line in dumped.splitlines()]
    head = f"{indent}{key} {text}".rstrip()
    yield f"{head:<{_COLUMN}}  " + click.style(f"# {shown.origins[path]}", dim=True)
    yield from more


def _plain(value: Any) -> str:
    """In one line, as YAML has it."""
    dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")
