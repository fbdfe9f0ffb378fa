"""Node pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from hubfleet.spec.models.fields import LABEL_VALUE, TAINT, Model, Quantity, Text

Run = Literal["core", "users", "builds"]


def _number_or_range(schema: dict[str, Any]) -> None:
    range_, about = dict(schema), schema["description"]
    schema.clear()
    schema |= {"description": about, "anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000}, range_]}


class NodeCount(Model):
    """How many nodes a pool has: one number, or `min` and `max` between which it scales by itself."""

    model_config = ConfigDict(json_schema_extra=_number_or_range)

    min: Annotated[int, Field(ge=0, le=1000)]
    """The fewest nodes; the pool shrinks to this when idle."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """The most nodes; the pool grows to this when pods wait for room."""

    @model_validator(mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= 1000:
                raise ValueError(f"is {value}: give 1 to 1000 nodes, or a range {{min: 0, max: 3}}")
            return {"min": value, "max": value}
        if isinstance(value, NodeCount | dict):
            return cast("Any", value)
        raise ValueError("needs a number of nodes, or a range {min: 1, max: 10}")

    @model_validator(mode="after")
    def _in_order(self) -> NodeCount:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is greater than max ({self.max})")
        return self

    @property
    def fixed(self) -> bool:
        """No autoscaling."""
        return self.min == self.max

    def __str__(self) -> str:
        return str(self.min) if self.fixed else f"{self.min} to {self.max}"


def as_text(value: object) -> object:
    """What YAML takes for true, 3 or 1.5, where text is meant: Kubernetes' labels are texts, and so are Magnum's."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


LabelValue = Annotated[str, Field(pattern=LABEL_VALUE), BeforeValidator(as_text)]
Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


def _written_taint(schema: dict[str, Any]) -> None:
    about = schema["description"]
    schema.clear()
    schema |= {"description": about, "type": "string", "pattern": TAINT}


class Taint(Model):
    """Keeps pods away that do not tolerate it. In a cluster file as kubectl writes it: key=value:NoSchedule."""

    model_config = ConfigDict(json_schema_extra=_written_taint)

    key: Text
    value: Annotated[str, Field(pattern=LABEL_VALUE)] = ""
    effect: Effect

    @model_validator(mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        if isinstance(value, Taint):
            return value
        if not isinstance(value, str) or ":" not in value:
            raise ValueError("needs a taint as kubectl writes it: key=value:NoSchedule")
        mark, _, effect = value.rpartition(":")
        key, _, given = mark.partition("=")
        return {"key": key, "value": given, "effect": effect}

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


class Size(Model):
    """What a machine has."""

    cores: Annotated[int, Field(ge=1, le=1024)]
    """Virtual CPUs."""
    memory: Quantity
    """Memory, of which the machine's own kernel and daemons need a part."""


class Pool(Model):
    """Nodes of one kind."""

    machine: Text | None = None
    """The kind of node, by the cloud's name for it: an OpenStack flavor, an instance type."""
    size: Size | None = None
    """What a node has, for hubs' `profiles`; left out, what the cloud says of the machine."""
    nodes: NodeCount = NodeCount(min=1, max=1)
    """How many: a number, or `{min: 1, max: 10}` for a pool that scales by itself."""
    runs: Annotated[tuple[Run, ...], Field(min_length=1)] = ("users",)
    """What is placed on it: `core` (hub, proxy, platform), `users` (their servers), `builds` (of binder hubs; left out
    everywhere, where users are), or several."""
    labels: Mapping[str, LabelValue] = Field(default_factory=dict[str, str])
    """Labels that its nodes get, those too that come later."""
    taints: tuple[Taint, ...] = ()
    """Taints that its nodes get: `[example.org/gpu=true:NoSchedule]`. hubfleet's own pods and users' servers tolerate
    those of the pool they belong on. `NoExecute` also ends what is there already and does not tolerate it."""
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    """How many GPUs (`nvidia.com/gpu`) a user's server on this pool gets."""
    title: Text | None = None
    """What users read when they choose a machine; left out, the pool's name and its machine."""
    about: Text | None = None
    """What else they read about it."""
