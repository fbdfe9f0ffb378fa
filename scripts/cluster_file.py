"""Writes the tables of docs/reference/cluster-file.md anew from the models that read the file. The prose is by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hubfleet import registry
from hubfleet.spec import json_schema
from hubfleet.spec.models import PATTERNS
from hubfleet.spec.schema import DEFAULT

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cluster-file.md"
MARKS = re.compile(r"(<!-- keys, written by scripts/cluster_file.py -->\n).*?(<!-- end of keys -->)", re.DOTALL)
SCHEMA = json_schema({name: registry.provider(name).settings for name in registry.names()})
Model = dict[str, Any]


def page(present: str) -> str:
    """The page with its tables as the models have them now."""
    return MARKS.sub(lambda marks: marks[1] + "\n" + "\n".join(tables()) + marks[2], present)


def tables() -> Iterator[str]:
    """A heading and a table for each map of the file, outermost first; a model that comes again is linked."""
    seen: dict[str, str] = {}
    todo: list[tuple[str, Model]] = [("", {**SCHEMA, "description": "The keys of the top level."})]
    while todo:
        path, model = todo.pop(0)
        yield from (f"### {f'`{path}`' if path else 'The file'}", "", one_line(model), "")
        if model["properties"]:
            yield from ("| key | takes | left out | |", "|---|---|---|---|")
        inner: list[tuple[str, Model]] = []
        for key, about in model["properties"].items():
            place = f"{path}.{key}".strip(".")
            for below, name in models_in(place, about):
                if name not in seen:
                    seen[name] = below
                    inner.append((below, fields(SCHEMA["$defs"][name])))
            yield row(key, about, key in model.get("required", ()), takes(about, place, seen))
        yield ""
        todo = inner + todo


def models_in(path: str, about: Model) -> Iterator[tuple[str, str]]:
    """Each model that this key's value is made of, with the path of its keys."""
    if "$ref" in about:
        name = definition(about)
        if "properties" in fields(SCHEMA["$defs"][name]):
            yield path, name
    for option in about.get("anyOf", ()):
        yield from models_in(path, option)
    if "items" in about:
        yield from models_in(f"{path}[]", about["items"])
    for value in about.get("patternProperties", {}).values():
        yield from models_in(f"{path}.NAME", value)
    for key, value in about.get("properties", {}).items():
        yield from models_in(f"{path}.{key}", value)


def definition(about: Model) -> str:
    """The name of the model that is meant; what is a default of one has the same keys."""
    return str(about.get("$ref")).rpartition("/")[2].removesuffix(DEFAULT)


def fields(model: Model) -> Model:
    """The model as a map: it may also be written shorter."""
    if "properties" in model:
        return model
    return next((option for option in model.get("anyOf", ()) if "properties" in option), model)


def takes(about: Model, path: str, seen: dict[str, str]) -> str:
    """What can stand there, in words."""
    if "$ref" in about:
        name = definition(about)
        link = [f"[keys](#{anchor(seen[name])})"] if name in seen else []
        shorter = SCHEMA["$defs"][name].get("anyOf", ()) if link else [SCHEMA["$defs"][name]]
        return " or ".join(
            [takes(option, path, seen) for option in shorter if "type" in option and "properties" not in option] + link
        )
    if about.get("writeOnly"):
        return "[secret](#secrets)"
    if "properties" in about:
        places = {key: seen.get(definition(one), f"{path}.{key}") for key, one in about["properties"].items()}
        return " or ".join(f"[`{key}`](#{anchor(place)})" for key, place in places.items())
    if "anyOf" in about:
        options = [takes(option, path, seen) for option in about["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(options))
    if "const" in about or "enum" in about:
        return " or ".join(f"`{value}`" for value in about.get("enum", [about.get("const")]))
    if about["type"] == "array":
        return f"list of {takes(about['items'], path, seen)}"
    if "patternProperties" in about:
        return f"[names and their keys](#{anchor(f'{path}.NAME')})"
    words = {
        "string": "text",
        "integer": "whole number",
        "boolean": "`true` or `false`",
        "object": "keys",
        "number": "number",
    }
    return words[about["type"]] + limits(about)


def limits(about: Model) -> str:
    """What else holds for it, in brackets."""
    said = [PATTERNS[about["pattern"]]] if about.get("pattern") in PATTERNS else []
    if "minimum" in about:
        said.append(
            f"{about['minimum']} to {about['maximum']}" if "maximum" in about else f"{about['minimum']} or more"
        )
    return f" ({'; '.join(said)})" if said else ""


def row(key: str, about: Model, required: bool, words: str) -> str:
    """One line of a table."""
    missing = "**must be there**" if required else default(about.get("default"))
    reference = SCHEMA["$defs"].get(str(about.get("$ref")).rpartition("/")[2], {})
    cells = (f"`{key}`", words, missing, one_line(about) or one_line(reference))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def default(value: Any) -> str:
    """As one writes it in the file; nothing for nothing."""
    value = said(value)
    if value in (None, [], {}):
        return ""
    return f"`{yaml.safe_dump(value, default_flow_style=True, sort_keys=False).splitlines()[0]}`"


def said(value: Any) -> Any:
    """Without keys that say nothing, at any depth."""
    if not isinstance(value, dict):
        return value
    inner = {key: said(below) for key, below in value.items()}
    return {key: below for key, below in inner.items() if below not in (None, [], {})}


def one_line(about: Model) -> str:
    return " ".join(about.get("description", "").split())


def anchor(path: str) -> str:
    """What GitHub makes of the heading."""
    return re.sub(r"[^a-z0-9_-]", "", path.lower())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
