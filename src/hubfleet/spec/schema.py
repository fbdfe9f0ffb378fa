"""JSON Schema (2020-12) of the files, for editors, made from the models that also read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from hubfleet.spec.descriptions import descriptions
from hubfleet.spec.loading import NOT_SHARED
from hubfleet.spec.models import ClusterFile, FleetFile, Hub

Schema = dict[str, Any]
DEFAULT = "Default"
"""At the end of a definition's name: the same, of what something else completes."""
_WAY = frozenset({"required", "properties"})
"""What an option holds that says which keys must be there, and nothing of what they are."""


class Of(StrEnum):
    """Which file."""

    CLUSTER = "cluster"
    """A cluster file alone."""
    MEMBER = "member"
    """A cluster file of a fleet, whose defaults may complete it."""
    FLEET = "fleet"
    """The fleet's file."""


def json_schema(providers: Mapping[str, type[BaseModel]], of: Of = Of.CLUSTER) -> Schema:
    """The schema of a file, for clusters on any of these providers (name -> model of its block)."""
    models: list[type[BaseModel]] = [FleetFile, ClusterFile, Hub, *providers.values()]
    references, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], schema_generator=_Described
    )
    defs: Schema = definitions["$defs"]
    blocks = {name: _block(model, references[model, "validation"]) for name, model in sorted(providers.items())}
    cluster, fleet = defs.pop("ClusterFile"), defs.pop("FleetFile")
    about = cluster["properties"]["provider"]["description"]
    cluster["properties"]["provider"] = _map(blocks, about) | {"minProperties": 1, "maxProperties": 1}
    shared = {key: one for key, one in cluster["properties"].items() if key not in NOT_SHARED}
    shared["provider"] = _map(blocks, "Blocks of providers: of each cluster, that of the provider which it names.")
    hub = {**_completed(references[Hub, "validation"]), "description": "Any key of a hub."}
    cluster["properties"]["defaults"] = _map({"hub": hub}, cluster["properties"]["defaults"]["description"])
    everywhere = _completed(_map(shared, "Any key of a cluster file, but its name and hubs."))
    defaults = {"cluster": everywhere, "hub": hub}
    fleet["properties"]["defaults"] = _map(defaults, fleet["properties"]["defaults"]["description"])
    wanted = {Of.CLUSTER: cluster, Of.MEMBER: _completed(cluster), Of.FLEET: fleet}[of]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"hubfleet {'fleet' if of is Of.FLEET else 'cluster'} file",
        **{key: value for key, value in wanted.items() if key != "title"},
        "$defs": _used(wanted, defs | {f"{name}{DEFAULT}": _completed(one) for name, one in defs.items()}),
    }


def _map(properties: Schema, about: str) -> Schema:
    return {"type": "object", "description": about, "properties": properties, "additionalProperties": False}


def _completed(schema: Any) -> Any:
    """The same of what something else completes: nothing must be there, whatever its model asks for."""
    if isinstance(schema, list):
        return [*map(_completed, cast("list[object]", schema))]
    if not isinstance(schema, dict):
        return schema
    known = cast("dict[str, object]", schema)
    return {
        key: f"{str(value).removesuffix(DEFAULT)}{DEFAULT}" if key == "$ref" else _completed(value)
        for key, value in known.items()
        if key not in {"required", "minProperties"} and not _chooses(value)
    }


def _chooses(options: Any) -> bool:
    """Whether these say which keys must be there together."""
    ways = cast("list[object]", options) if isinstance(options, list) else []
    return bool(ways) and all(isinstance(one, dict) and set(cast("dict[str, object]", one)) <= _WAY for one in ways)


def _used(schema: Any, defs: Schema) -> Schema:
    """Those definitions that are referred to, directly or not."""
    found: Schema = {}
    todo = list(_references(schema))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = defs[name]
            todo += _references(defs[name])
    return dict(sorted(found.items()))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        known = cast("dict[str, object]", schema)
        if "$ref" in known:
            yield str(known["$ref"]).rpartition("/")[2]
        for value in known.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from _references(value)


class _Described(GenerateJsonSchema):
    """A key is its own title, and says what stands below it in its model."""

    def __init__(self, *options: Any, **more: Any) -> None:
        super().__init__(*options, **more)
        self._models: list[type[BaseModel]] = []
        """Those whose schema is being made, each within the one before it."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """As pydantic does, the model remembered for its fields."""
        self._models.append(schema["cls"])
        made: Schema = super().model_schema(schema)
        self._models.pop()
        return made

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> Schema:
        """As pydantic does, each field with its text."""
        made: Schema = super().model_fields_schema(schema)
        texts = descriptions(self._models[-1])
        for name, one in made["properties"].items():
            if name in texts:
                one.setdefault("description", texts[name])
        return made

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 (pydantic gives it)
        """No."""
        return False


def _block(model: type[BaseModel], reference: dict[str, Any]) -> dict[str, Any]:
    """A provider's block; one that needs nothing may be left empty."""
    needs = any(field.is_required() for field in model.model_fields.values())
    return reference if needs else {"anyOf": [reference, {"type": "null"}]}
