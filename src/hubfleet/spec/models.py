"""The models of a cluster file (DESIGN section 2). Frozen; unknown keys are forbidden.

Only shapes and checks of single values here; checks across values are in `checking`. The text below a field is what
the JSON Schema and docs/reference/cluster-file.md say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, model_validator

from hubfleet.spec.problems import KeyPath, Position
from hubfleet.spec.secrets import Secret, mark

_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
_QUANTITY = r"^[1-9][0-9]*(Mi|Gi|Ti)$"
_DOMAIN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
_IMAGE = r"^[^\s:@]+(:[0-9]+/[^\s:@]+)?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
_EMAIL = r"^[^@\s]+@[^@\s]+$"
_CHART = r"^(lite|jupyterhub|.*/.*)$"
_LABEL_VALUE = r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"
_TAINT = r"^[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$"

PATTERNS = {
    _NAME: "use lower-case letters, digits and -, a letter first and no - at the end",
    _QUANTITY: "write a whole number of Mi, Gi or Ti: 10Gi",
    _DOMAIN: "write a DNS name in lower case, without https:// and path: hub.example.org",
    _IMAGE: "write a container image: quay.io/name/image:tag",
    _EMAIL: "write an e-mail address: ops@example.org",
    _CHART: "write jupyterhub, lite, or the path of a chart's folder with a / in it: ./chart",
    _LABEL_VALUE: "at most 63 letters, digits, -, _ and ., a letter or digit first and last",
    _TAINT: "as kubectl writes it: key=value:NoSchedule",
}
"""What each pattern wants, in words."""

Name = Annotated[str, Field(pattern=_NAME, max_length=40)]
"""A cluster's, pool's or hub's name: part of DNS names and Kubernetes names."""
Quantity = Annotated[str, Field(pattern=_QUANTITY)]
"""An amount of bytes as Kubernetes writes it, in whole Mi, Gi or Ti."""
Run = Literal["core", "users"]
Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""
Values = Annotated[Mapping[str, Any], AfterValidator(mark)]
"""Free values for a chart; texts in them that hold references are `Secret`s."""
Domain = Annotated[str, Field(pattern=_DOMAIN, max_length=253)]
Image = Annotated[str, Field(pattern=_IMAGE)]
Email = Annotated[str, Field(pattern=_EMAIL)]
ChartName = Annotated[str, Field(pattern=_CHART)]


class Model(BaseModel):
    """Frozen, no unknown keys; every model of the file is one, a provider's settings too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


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


LabelValue = Annotated[str, Field(pattern=_LABEL_VALUE), BeforeValidator(as_text)]
Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


def _written_taint(schema: dict[str, Any]) -> None:
    about = schema["description"]
    schema.clear()
    schema |= {"description": about, "type": "string", "pattern": _TAINT}


class Taint(Model):
    """Keeps pods away that do not tolerate it. In a cluster file as kubectl writes it: key=value:NoSchedule."""

    model_config = ConfigDict(json_schema_extra=_written_taint)

    key: Text
    value: Annotated[str, Field(pattern=_LABEL_VALUE)] = ""
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


class Pool(Model):
    """Nodes of one kind."""

    machine: Text | None = None
    """The kind of node, by the cloud's name for it: an OpenStack flavor, an instance type."""
    nodes: NodeCount = NodeCount(min=1, max=1)
    """How many: a number, or `{min: 1, max: 10}` for a pool that scales by itself."""
    runs: Annotated[tuple[Run, ...], Field(min_length=1)] = ("users",)
    """What is placed on it: `core` (hub, proxy, platform), `users` (their servers), or both."""
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


def _no_truth_value(value: Any) -> Any:
    """For Python, and so for pydantic's Literal, true is 1."""
    if isinstance(value, bool):
        raise ValueError("needs a number: 1, 3 or 5")  # noqa: TRY004 (pydantic's way)
    return value


class ControlPlane(Model):
    """The machines of the Kubernetes control plane, on clouds where they are the user's to choose."""

    machine: Text
    """The kind of machine, by the cloud's name for it; 2 CPUs or more."""
    nodes: Annotated[Literal[1, 3, 5], BeforeValidator(_no_truth_value)] = 1
    """How many; 3 or 5 go on working when one is lost."""


class Homes(Model):
    """Home directories."""

    size: Quantity = "10Gi"
    """The size of each user's volume."""


class Storage(Model):
    """What lasts on this cluster."""

    homes: Homes = Homes()
    """Home directories of every hub that does not say otherwise."""
    storage_class: Text | None = None
    """The StorageClass of all claims; left out, the provider's or the cluster's default."""


class Ingress(Model):
    """How the world comes in."""

    email: Email | None = None
    """An address for Let's Encrypt. With it, hubs of the upstream chart get certificates."""


class SharedPassword(Model):
    """One password for all users and another for the admins; hubfleet makes and keeps those that are left out."""

    user_password: Secret | None = None
    """What everybody types who is not an admin; 8 characters or more."""
    admin_password: Secret | None = None
    """What the hub's `admins` type; 32 characters or more, and not the users' password."""


class GitHub(Model):
    """Login with GitHub, for an OAuth app whose callback is https://DOMAIN/hub/oauth_callback."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [key], "properties": {key: {"minItems": 1}}} for key in ("organizations", "allowed_users")
            ]
        }
    )

    client_id: Text
    """The OAuth app's client ID."""
    client_secret: Secret
    """The OAuth app's client secret."""
    organizations: tuple[Text, ...] = ()
    """Who may log in: members of these organizations (`org`) or teams (`org:team`)."""
    allowed_users: tuple[Text, ...] = ()
    """Who else may log in, by GitHub name."""

    @model_validator(mode="after")
    def _somebody(self) -> GitHub:
        if not (self.organizations or self.allowed_users):
            raise ValueError("give organizations or allowed_users: otherwise nobody could log in")
        return self


def _one_of_its_keys(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [key], "properties": {key: {"type": "object"}}} for key in schema["properties"]]


class Auth(Model):
    """How people log in: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=_one_of_its_keys)

    shared_password: SharedPassword | None = None
    """One password for everybody; `{}` lets hubfleet make it. For courses, trials and closed networks."""
    github: GitHub | None = None
    """Login with GitHub."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Auth:
        chosen = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if self.model_fields_set and not chosen:
            raise ValueError(
                "is empty: `shared_password: {}` lets hubfleet make the passwords, `github:` needs its keys"
            )
        if len(chosen) != 1:
            ways = ", ".join(type(self).model_fields)
            raise ValueError(f"choose exactly one of {ways}; here: {', '.join(chosen) or 'none'}")
        return self


class Culling(Model):
    """When idle servers are stopped."""

    enabled: bool = True
    """Whether they are."""
    idle: Annotated[int, Field(ge=60)] = 3600
    """Seconds without activity after which a server is stopped."""
    every: Annotated[int, Field(ge=10)] = 600
    """Seconds between two looks."""


def _a_text(schema: dict[str, Any]) -> None:
    schema.clear()
    schema |= {"description": "The path of a YAML file.", "type": "string", "minLength": 1}


class ValuesFile(Model):
    """A file of values and what is in it. In a cluster file: its path."""

    model_config = ConfigDict(json_schema_extra=_a_text)

    path: Path
    values: Values = Field(default_factory=dict[str, Any])

    @model_validator(mode="before")
    @classmethod
    def _a_path(cls, value: Any) -> Any:
        if isinstance(value, ValuesFile | dict):
            return cast("Any", value)
        if isinstance(value, str) and value:
            return {"path": value}
        raise ValueError("needs the path of a YAML file")


class Hub(Model):
    """One JupyterHub."""

    kind: Literal["persistent"] = "persistent"
    """`persistent`: users have a home directory that stays."""
    domain: Domain
    """The DNS name under which people reach it."""
    auth: Auth
    """How people log in."""
    admins: tuple[Text, ...] = ()
    """User names of those who administer the hub."""
    image: Image | None = None
    """The container image of users' servers; left out, the chart's own."""
    chart: ChartName = "jupyterhub"
    """`jupyterhub` (Zero to JupyterHub), `lite` (our own small one, for one small machine or a closed network), or the
    path of a chart's folder, with a `/` in it, from the cluster file's folder."""
    homes: Homes | None = None
    """Home directories of this hub; left out, as `storage` has it."""
    culling: Culling = Culling()
    """When idle servers are stopped."""
    values: Values = Field(default_factory=dict[str, Any])
    """Anything the chart takes. Wins over values_files, and these win over what hubfleet computes: maps merge, lists
    replace, null deletes."""
    values_files: tuple[ValuesFile, ...] = ()
    """YAML files of such values, from the cluster file's folder; a later one wins over an earlier one."""

    @property
    def own_values(self) -> tuple[Mapping[str, Any], ...]:
        """The user's values, weakest first: those of the files in order, then `values`. For `merge`."""
        return (*(file.values for file in self.values_files), self.values)


_NO_OTHER_NAMES = Field(json_schema_extra={"additionalProperties": False})
"""pydantic says of keys with a pattern what holds for those that match, and nothing of others."""


class ProviderBlock(Model):
    """Which provider, and its own settings (an instance of its `settings` model). In a file: `{NAME: SETTINGS}`."""

    name: str
    settings: Any


class ClusterFile(Model):
    """What stands in a cluster file."""

    name: Name
    """The cluster's name, unique in the fleet."""
    provider: ProviderBlock
    """The cloud: exactly one provider, with its own settings below it."""
    pools: Annotated[Mapping[Name, Pool], _NO_OTHER_NAMES]
    """The node pools, by name. One runs core; one runs users where there are hubs."""
    storage: Storage = Storage()
    """What lasts on this cluster."""
    ingress: Ingress = Ingress()
    """How the world comes in."""
    hubs: Annotated[Mapping[Name, Hub], _NO_OTHER_NAMES] = Field(default_factory=dict[str, Hub])
    """The hubs, by name; the name is also that of the hub's namespace."""


class Cluster(ClusterFile):
    """A whole cluster file, valid, with its place. `positions`: a key's path ("pools", "user") to its place in the
    file; values of a values file are under ("hubs", HUB, "values_files", INDEX, ...)."""

    file: Path = Field(exclude=True)
    positions: SkipValidation[Mapping[KeyPath, Position]] = Field(exclude=True, repr=False)

    def position(self, *path: str | int) -> Position:
        """Where this key is in the file, or the nearest key above it that is there."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(self.file))
