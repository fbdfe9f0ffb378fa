"""Says what pydantic found in plain words, in the file's own keys, with what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hubfleet.spec.descriptions import descriptions
from hubfleet.spec.models import PATTERNS
from hubfleet.spec.places import Places
from hubfleet.spec.problems import KeyPath, Problem
from hubfleet.spec.secrets import BadReferences

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "keys",
    "dict_type": "keys",
    "mapping_type": "keys",
    "tuple_type": "a list",
    "list_type": "a list",
    "path_type": "the path of a file",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "the least is"),
    "less_than_equal": ("le", "the most is"),
    "greater_than": ("gt", "it must be more than"),
    "less_than": ("lt", "it must be less than"),
}
NO_REFERENCE = "write $${ for ${ itself"
_Said = tuple[KeyPath, str, str]
"""Where, as far as the error's own place does not tell; what; what to do."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`did you mean "x"?`; "" if nothing known is like it."""
    lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.7)
    return f'did you mean "{lower[close[0]]}"?' if close else ""


def one_of(known: Sequence[str]) -> str:
    """Names what there is."""
    return f"there is {', '.join(known) or 'none'}"


def problems(
    errors: Sequence[ErrorDetails], model: type[BaseModel], prefix: KeyPath, places: Places
) -> Iterator[Problem]:
    """Each of pydantic's errors over `model`, which stands at `prefix`. A key that is missing is missing in the file
    itself, whatever its defaults say."""
    for error in errors:
        loc: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
        for below, what, remedy in _said(error, model, loc, prefix):
            path = (*prefix, *loc, *below)
            place = places.own(path) if error["type"] == "missing" else places.at(path)
            yield place.problem(what, remedy)


def _instead(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known) or one_of(known)


def _said(error: ErrorDetails, model: type[BaseModel], loc: KeyPath, prefix: KeyPath) -> Iterator[_Said]:
    kind, context = error["type"], error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, BadReferences):
        yield from ((path, what, NO_REFERENCE) for path, what in cause.found)
    elif kind == "missing":
        about = _description(model, loc)
        yield (), f"{_noun((*prefix, *loc[:-1]))} has no {loc[-1]}", f"add `{loc[-1]}:`{about and f' ({about})'}"
    elif kind == "extra_forbidden":
        yield (), f'unknown key "{loc[-1]}"', _instead(str(loc[-1]), _keys(model, loc[:-1]))
    elif kind == "default_factory_not_called":
        return  # something else is wrong, and told
    elif kind in _WANTED:
        yield (), *_wrong_kind(error["input"], _WANTED[kind])
    elif kind != "too_short" or len(error["input"]) < context["min_length"]:  # pydantic counts only the good items
        yield (), *_wrong_value(kind, context, error)


def _wrong_kind(given: Any, wanted: str) -> tuple[str, str]:
    if given is None:
        return f"is empty; it needs {wanted}", "fill it in, or leave the key out"
    remedy = 'put it in quotes: "..."' if wanted == "text" and isinstance(given, int | float) else ""
    remedy = "write [a, b], or a line `- a` for each" if wanted == "a list" else remedy
    return f"needs {wanted}, not {_kind(given)}", remedy


def _wrong_value(kind: str, context: Mapping[str, Any], error: ErrorDetails) -> tuple[str, str]:
    given = _short(error["input"])
    match kind:
        case "literal_error" | "enum":
            choices = re.findall(r"'([^']*)'|(\d+)", context["expected"])
            return f"is {given}", _instead(given.strip('"'), [text or number for text, number in choices])
        case "string_pattern_mismatch":
            words = PATTERNS.get(context["pattern"], f"it must match {context['pattern']}")
            return f"{given} cannot be used here", words
        case "string_too_short" | "too_short":
            return "is empty" if not error["input"] else f"is too short: at least {context['min_length']}", "fill it in"
        case "string_too_long" | "too_long":
            return f"is too long: at most {context['max_length']}", "shorten it"
        case "value_error":
            return str(context["error"]), ""
        case _ if kind in _BOUNDS:
            key, words = _BOUNDS[kind]
            return f"is {given}; {words} {context[key]}", ""
        case _:
            return error["msg"].replace("Input should", "it should"), ""


def _kind(given: Any) -> str:
    match given:
        case bool():
            return "true" if given else "false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "keys"


def _short(given: Any) -> str:
    text = f'"{given}"' if isinstance(given, str) else str(given)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _noun(path: KeyPath) -> str:
    """("hubs", "main") -> "hub main"."""
    if not path:
        return "the file"
    if len(path) == 2 and path[0] in {"pools", "hubs"}:
        return f"{str(path[0])[:-1]} {path[1]}"
    return f"provider {path[1]}" if len(path) == 2 and path[0] == "provider" else str(path[-1])


def _keys(model: type[BaseModel], loc: KeyPath) -> list[str]:
    inside = _inside(model, loc)
    return sorted(field.alias or name for name, field in inside.model_fields.items()) if inside else []


def _description(model: type[BaseModel], loc: KeyPath) -> str:
    """The first words of what the model says of this key."""
    inside = _inside(model, loc[:-1])
    text = " ".join((descriptions(inside).get(str(loc[-1]), "") if inside else "").split())
    return re.split(r"\.(?:\s|$)|[;:]\s", text[:1].lower() + text[1:])[0]


def _inside(model: type[BaseModel], loc: KeyPath) -> type[BaseModel] | None:
    """The model of the map at `loc`."""
    kind: Any = model
    for part in loc:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        else:
            arguments = get_args(kind)
            kind = (arguments[0] if isinstance(part, int) else arguments[-1]) if arguments else None
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _bare(kind: Any) -> Any:
    """Without Annotated and without `| None`."""
    while get_origin(kind) in {Annotated, Union, UnionType}:
        kind = next(argument for argument in get_args(kind) if argument is not type(None))
    return kind
