"""JSON Schema (2020-12) of the cluster file, for editors, made from the models that also read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from hubfleet.spec.models import ClusterFile


def json_schema(providers: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """The schema of a cluster file on any of these providers (name -> model of its block)."""
    models: list[type[BaseModel]] = [ClusterFile, *providers.values()]
    references, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], schema_generator=_WithoutTitles
    )
    defs: dict[str, Any] = definitions["$defs"]
    blocks = {name: _block(model, references[model, "validation"]) for name, model in sorted(providers.items())}
    file = defs.pop("ClusterFile")
    about = file["properties"]["provider"]["description"]
    file["properties"]["provider"] = {
        "type": "object",
        "description": about,
        "properties": blocks,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    defs.pop("ProviderBlock")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hubfleet cluster file",
        **{key: value for key, value in file.items() if key != "title"},
        "$defs": defs,
    }


class _WithoutTitles(GenerateJsonSchema):
    """A key is its own title."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 (pydantic gives it)
        """No."""
        return False


def _block(model: type[BaseModel], reference: dict[str, Any]) -> dict[str, Any]:
    """A provider's block; one that needs nothing may be left empty."""
    needs = any(field.is_required() for field in model.model_fields.values())
    return reference if needs else {"anyOf": [reference, {"type": "null"}]}
