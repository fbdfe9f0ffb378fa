"""Hubs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, model_validator

from hubfleet.spec.models.auth import Auth
from hubfleet.spec.models.binders import Builds, Images, InCluster, Registry, Repositories
from hubfleet.spec.models.fields import (
    NO_OTHER_NAMES,
    ChartName,
    Domain,
    Image,
    Model,
    Name,
    Quantity,
    ServiceAddress,
    Text,
    Values,
    mebibytes,
)
from hubfleet.spec.secrets import Secret


class Homes(Model):
    """Home directories."""

    size: Quantity = "10Gi"
    """The size of each user's volume; with `quota`, of the one volume that all users of a hub share."""
    quota: Quantity | None = None
    """How much of the hub's volume each user may fill. With it, a hub has one volume for all homes; without, each user
    has a volume. Hubs of the chart `lite` give each user a volume of this size."""
    start_empty: bool = False
    """A hub whose users have homes already, in volumes of their own or on a shared one, begins with empty ones: the
    others stay, and nobody sees them any more. Without it, such a change is refused."""

    @model_validator(mode="after")
    def _a_part(self) -> Homes:
        if self.quota is not None and mebibytes(self.quota) > mebibytes(self.size):
            raise ValueError(f"a user's quota of {self.quota} is more than the whole volume, which has {self.size}")
        return self


class Culling(Model):
    """When idle servers are stopped."""

    enabled: bool = True
    """Whether they are."""
    idle: Annotated[int, Field(ge=60)] | None = None
    """Seconds without activity after which a server is stopped; left out, 3600, and of a binder hub 600."""
    every: Annotated[int, Field(ge=10)] | None = None
    """Seconds between two looks; left out, a sixth of `idle`."""


class Choice(Model):
    """Something that users may choose."""

    title: Text
    """What users read."""

    @property
    def slug(self) -> str:
        """What stands for the title in forms; two titles with the same could not be told apart."""
        return re.sub(r"[\W_]+", "-", self.title.casefold()).strip("-") or "x"


class Profile(Choice):
    """A size of servers that users may choose."""

    about: Text | None = None
    """What else they read; left out, memory and cores."""
    pool: Text | None = None
    """The pool it is on; left out, the first that runs users and always has a node."""
    seats: Annotated[int, Field(ge=1, le=500)]
    """How many such servers fill a node of the pool. Each is sure of its part of the node's memory, which is also its
    limit, and of its part of the cores; it may use all cores that are idle."""


class ImageChoice(Choice):
    """An image that users may choose."""

    image: Image
    """The container image."""


class Placeholders(Model):
    """Room that is kept free, so that who comes next need not wait for a node."""

    seats: Annotated[int, Field(ge=1, le=2000)]
    """For how many servers of the default size. Pods that do nothing hold it, and give way to users."""


class Pages(Model):
    """What people see of the hub itself: where they log in, choose and wait. Of a BinderHub, the pages of its
    JupyterHub."""

    templates: Text | None = None
    """A folder of Jinja templates, from the folder of the file that names it: each takes the place of JupyterHub's page
    of the same name (`login.html`), which it can extend as `templates/login.html`."""
    static: Text | None = None
    """A folder of files for browsers, images and styles, from the folder of the file that names it. Templates name them
    `{{ static_url('FILE') }}`."""
    variables: Values = Field(default_factory=dict[str, Any])
    """What templates may use, by name. JupyterHub's own show an `announcement`, and one for single pages:
    `announcement_login`, `announcement_spawn`, `announcement_home`, `announcement_logout`."""
    logo: Text | None = None
    """An image for the top of every page, from the folder of the file that names it."""


class Service(Model):
    """A program beside the hub that people reach through it, that asks its API, or both. It runs already: hubfleet
    makes it known to the hub, and does not start it."""

    url: ServiceAddress | None = None
    """Where the hub's proxy finds it, `http://NAME.NAMESPACE:PORT`; people find it below the hub's address, at
    /services/NAME/. Left out, it only asks the API."""
    token: Secret | None = None
    """Its token for the hub's API. Left out, one is made and kept in the cluster: in the Secret `hubfleet` of the hub's
    namespace, under `service-NAME`, for the pod of the service to take it from."""
    scopes: tuple[Text, ...] = ()
    """What it may do at the API, as JupyterHub calls it: `list:users`, `read:users:activity`."""
    groups: tuple[Text, ...] = ()
    """Groups of the hub whose members may use it. Left out, every user may."""
    display: bool = True
    """Whether the hub's menu lists it."""


def _a_text(schema: dict[str, Any]) -> None:
    schema.clear()
    schema |= {"description": "The path of a YAML file.", "type": "string", "minLength": 1}


class ValuesFile(Model):
    """A file of values and what is in it. In a cluster file: its path."""

    model_config = ConfigDict(json_schema_extra=_a_text)

    path: Path
    values: Values = Field(default_factory=dict[str, Any])
    plain: bool = False
    """No secret is in it: nobody need search it for some."""

    @model_validator(mode="before")
    @classmethod
    def _a_path(cls, value: Any) -> Any:
        if isinstance(value, ValuesFile | dict):
            return cast("Any", value)
        if isinstance(value, str) and value:
            return {"path": value}
        raise ValueError("needs the path of a YAML file")


def _usual_chart(hub: dict[str, Any]) -> str:
    return USUAL_CHARTS.get(hub.get("kind", ""), "")


def _needs_of_its_kind(schema: dict[str, Any]) -> None:
    schema["if"] = {"required": ["kind"], "properties": {"kind": {"const": "binder"}}}
    other_chart = {"required": ["chart"], "properties": {"chart": {"not": {"const": USUAL_CHARTS["binder"]}}}}
    schema["then"], schema["else"] = {"anyOf": [{"required": ["registry"]}, other_chart]}, {"required": ["auth"]}


USUAL_CHARTS = {"persistent": "jupyterhub", "binder": "binderhub"}
"""The chart of others that each kind of hub has."""


class Hub(Model):
    """One JupyterHub, or BinderHub."""

    model_config = ConfigDict(json_schema_extra=_needs_of_its_kind)

    kind: Literal["persistent", "binder"] = "persistent"
    """`persistent`: users have a home directory that stays. `binder`: whoever comes names a repository, and gets a
    server with what it needs, for a while; nothing stays."""
    domain: Domain
    """The DNS name under which people reach it."""
    hub_domain: Domain | None = None
    """Of a binder hub: the DNS name of the JupyterHub behind it, where the servers are; left out, hub.DOMAIN."""
    registry: Registry | None = None
    """Of a binder hub: where images that were built are kept."""
    repositories: Repositories = Repositories()
    """Of a binder hub: what is built."""
    builds: Builds = Builds()
    """Of a binder hub: how."""
    auth: Auth | None = None
    """How people log in. A binder hub without it asks nobody who they are."""
    open: bool = False
    """Whether anybody at all may log in: without it, a hub that lets everybody in is refused."""
    admins: tuple[Text, ...] = ()
    """User names of those who administer the hub."""
    image: Image | None = None
    """The container image of users' servers; left out, the first of `images`, or the chart's own."""
    images: tuple[ImageChoice, ...] = ()
    """Images that users may choose from; the first is chosen already."""
    profiles: tuple[Profile, ...] = ()
    """Sizes of servers that users may choose from; the first is chosen already. With one, nobody has to choose. Left
    out, each pool that runs users is offered as it is."""
    placeholders: Placeholders | None = None
    """Room that is kept free on the pool of the default size; not for the chart `lite`."""
    named_servers: Annotated[int, Field(ge=0, le=100)] = 0
    """How many servers a user may have besides the first. Where each server has a volume of its own, so have these."""
    pages: Pages = Pages()
    """What people see of the hub itself."""
    services: Annotated[Mapping[Name, Service], NO_OTHER_NAMES] = Field(default_factory=dict[str, Service])
    """Programs that people reach through the hub, or that ask its API, by name."""
    chart: ChartName = Field(default_factory=_usual_chart)
    """`jupyterhub` (Zero to JupyterHub), `binderhub` (what a binder hub has), `lite` (our own small one, for one small
    machine or a closed network), the path of a chart's folder or archive (.tgz), with a `/` in it, from the folder of
    the file that names it (one of your own around Zero to JupyterHub's, too), or one in an OCI registry:
    `oci://registry.example.org/charts/jupyterhub:4.4.0`."""
    ring: Name | None = None
    """The ring of the fleet that it belongs to: `apply` goes from ring to ring."""
    homes: Homes | None = None
    """Home directories of this hub; left out, as `storage` has it."""
    culling: Culling = Culling()
    """When idle servers are stopped."""
    values: Values = Field(default_factory=dict[str, Any])
    """Anything the chart takes. Wins over values_files, and these win over what hubfleet computes: maps merge, lists
    replace, null deletes."""
    values_files: tuple[ValuesFile, ...] = ()
    """YAML files of such values (JSON is YAML, Jsonnet is not), their paths from the folder of the file that names
    them; a later one wins over an earlier one."""

    @property
    def ephemeral(self) -> bool:
        """Nothing that its users do stays."""
        return self.kind == "binder"

    @property
    def anonymous(self) -> bool:
        """It asks nobody who they are, and is meant not to."""
        return self.ephemeral and self.auth is None

    @property
    def builds_images(self) -> bool:
        """It is a BinderHub, and not only as short-lived as one."""
        return self.ephemeral and self.chart != "lite"

    @property
    def built_images(self) -> Images | None:
        """Where a BinderHub's images are; None of other hubs, and where a chart of one's own is told in values."""
        images = self.registry.images if self.registry and self.builds_images else None
        return images.of(self.domain) if isinstance(images, InCluster) else images

    @property
    def hub_host(self) -> str:
        """The DNS name of its JupyterHub: of a BinderHub, another than its own."""
        return (self.hub_domain or f"hub.{self.domain}") if self.builds_images else self.domain
