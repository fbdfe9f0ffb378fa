"""What hubs of `kind: binder` have besides: a registry, repositories, builds.

The keys mean what BinderHub makes of them (binderhub/registry.py, repoproviders.py, app.py, as of 2026-04).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from hubfleet.spec.models.fields import (
    AWS_ACCOUNT,
    IMAGE_PREFIX,
    PROJECT,
    Domain,
    Host,
    Model,
    PathPart,
    Quantity,
    Text,
)
from hubfleet.spec.secrets import Secret


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


Pattern = Annotated[Text, AfterValidator(_pattern)]
"""A regular expression as Python has them, from the first character on: `^jupyterhub/.*`."""


class Images(Model):
    """A place in a registry where a hub's images are."""

    @property
    def host(self) -> str:
        """The registry's, with its port if need be."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """Below which images are there; "" at its top."""
        return ""

    @property
    def address(self) -> str:
        """The registry's."""
        return f"https://{self.host}"

    @property
    def folder(self) -> str:
        """How the names of images begin there."""
        return f"{self.host}/{self.path}" if self.path else self.host


class Account(Images):
    """An account that may push to a registry. Its nodes pull with it, too: images need not be public."""

    username: Text
    """Its name; a robot's, best one that may do nothing else."""
    password: Secret
    """Its password or token."""

    @property
    def login(self) -> str:
        """What the account is kept under in a Docker configuration."""
        return self.address


class DockerHub(Account):
    """Docker Hub."""

    namespace: PathPart
    """The user or organization whose the images are."""

    @property
    def host(self) -> str:
        """Of its images."""
        return "registry-1.docker.io"

    @property
    def login(self) -> str:
        """The name of its first version, under which Docker looks for it still (binderhub/registry.py)."""
        return "https://index.docker.io/v1/"

    @property
    def folder(self) -> str:
        """An image without a host is there."""
        return self.namespace


class Quay(Account):
    """quay.io."""

    organization: PathPart
    """The user or organization whose the images are; its new repositories may be private."""

    @property
    def host(self) -> str:
        """The one there is."""
        return "quay.io"

    @property
    def path(self) -> str:
        """The organization's."""
        return self.organization


class GHCR(Account):
    """GitHub's container registry. `password` is a classic token with `write:packages`."""

    owner: PathPart
    """The user or organization whose the images are, in lower case."""

    @property
    def host(self) -> str:
        """The one there is."""
        return "ghcr.io"

    @property
    def path(self) -> str:
        """The owner's."""
        return self.owner


class ArtifactRegistry(Account):
    """Google's Artifact Registry. `password` is the JSON key of a service account that may write to it."""

    username: Text = "_json_key"
    """Left out, what Google asks for with a JSON key."""
    location: PathPart
    """`us-central1`."""
    project: PathPart
    """The project's ID."""
    repository: PathPart
    """Its repository of the format Docker."""

    @property
    def host(self) -> str:
        """Each location has one."""
        return f"{self.location}-docker.pkg.dev"

    @property
    def path(self) -> str:
        """PROJECT/REPOSITORY."""
        return f"{self.project}/{self.repository}"


class AzureRegistry(Account):
    """Azure's container registry. `username` is a service principal's ID, or a token's name."""

    name: PathPart
    """The registry's name, before .azurecr.io."""

    @property
    def host(self) -> str:
        """Each registry has one."""
        return f"{self.name}.azurecr.io"


class ElasticRegistry(Images):
    """Amazon's ECR, for a cluster of Amazon's: its nodes pull as what they are. What pushes is an access key, or left
    out, the role that EKS Pod Identity gives to BinderHub."""

    account: Annotated[str, Field(pattern=AWS_ACCOUNT)]
    """The number of the AWS account, in quotes: "123456789012"."""
    region: PathPart
    """`us-east-1`."""
    access_key_id: Text | None = None
    """Of an access key of that account."""
    secret_access_key: Secret | None = None
    """The key itself."""

    @model_validator(mode="after")
    def _both_or_none(self) -> ElasticRegistry:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together; without both, a role pushes")
        return self

    @property
    def host(self) -> str:
        """Each account has one in each region."""
        return f"{self.account}.dkr.ecr.{self.region}.{self._domain}"

    @property
    def api(self) -> str:
        """Where repositories are made and passwords given."""
        return f"https://api.ecr.{self.region}.{self._domain}"

    @property
    def _domain(self) -> str:
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"


class InCluster(Images):
    """A registry in the cluster itself, on a volume. Nodes fetch images from it by its name, as from any other: so it
    is behind the entry that hubs share, with a certificate."""

    size: Quantity = "100Gi"
    """Of its volume. An image takes one to several GiB; what several have in common is kept once."""
    domain: Domain | None = None
    """Its DNS name; left out, registry.DOMAIN of the hub."""

    def of(self, domain: str) -> InCluster:
        """The same, with the name that it has at a hub of this domain."""
        return self if self.domain else self.model_copy(update={"domain": f"registry.{domain}"})

    @property
    def host(self) -> str:
        """Its DNS name; only of the one that `of` gives."""
        return self.domain or ""


class OtherRegistry(Account):
    """Harbor, GitLab, or another registry of the Docker protocol, with https."""

    at: Host
    """Its host, with a port if need be: `harbor.example.org`."""
    project: Annotated[str, Field(pattern=PROJECT)] | None = None
    """Its project, or a path in it: `binder`; left out, images are at the top."""

    @property
    def host(self) -> str:
        """As the file has it."""
        return self.at

    @property
    def path(self) -> str:
        """The project's."""
        return self.project or ""


def _one_of_its_keys(schema: dict[str, Any]) -> None:
    kinds = _kinds(schema["properties"])
    schema["oneOf"] = [{"required": [kind], "properties": {kind: {"type": "object"}}} for kind in kinds]


def _kinds(keys: Iterable[str]) -> list[str]:
    """Those of a registry's keys of which one is chosen."""
    return [key for key in keys if key != "prefix"]


class Registry(Model):
    """Where images that were built are kept: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=_one_of_its_keys)

    dockerhub: DockerHub | None = None
    """Docker Hub."""
    quay: Quay | None = None
    """quay.io."""
    ghcr: GHCR | None = None
    """GitHub's container registry."""
    gar: ArtifactRegistry | None = None
    """Google's Artifact Registry."""
    acr: AzureRegistry | None = None
    """Azure's container registry."""
    ecr: ElasticRegistry | None = None
    """Amazon's."""
    in_cluster: InCluster | None = None
    """One in the cluster itself."""
    harbor: OtherRegistry | None = None
    """Harbor."""
    other: OtherRegistry | None = None
    """Another one with the Docker protocol."""
    prefix: Annotated[str, Field(pattern=IMAGE_PREFIX, max_length=60)] = "binder-"
    """How the name of every image begins. With another one, everything is built anew."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Registry:
        kinds = _kinds(type(self).model_fields)
        chosen = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(chosen) != 1:
            raise ValueError(f"choose exactly one of {', '.join(kinds)}; here: {', '.join(chosen) or 'none'}")
        return self

    @property
    def kind(self) -> str:
        """The key of the one that is chosen."""
        return next(kind for kind in _kinds(type(self).model_fields) if getattr(self, kind) is not None)

    @property
    def images(self) -> Images:
        """The one that is chosen."""
        return cast("Images", getattr(self, self.kind))


class Repositories(Model):
    """Which repositories are built, and how many servers each may have. Patterns match what stands in an address after
    the provider: `jupyterhub/binderhub-example/main`."""

    quota: Annotated[int, Field(ge=1)] = 100
    """Servers of one repository at a time."""
    high_quota: Annotated[int, Field(ge=1)] | None = None
    """The same for repositories that fit `high_quota_for`."""
    high_quota_for: tuple[Pattern, ...] = ()
    """Patterns of repositories that many people use at once: a course's."""
    allowed: tuple[Pattern, ...] = ()
    """Patterns: with them, no other repository is built."""
    banned: tuple[Pattern, ...] = ()
    """Patterns of repositories that are never built, also of allowed ones."""
    github_token: Secret | None = None
    """A GitHub token that may read public repositories: GitHub answers 60 questions an hour without, 5000 with it."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Repositories:
        if (self.high_quota is None) != (not self.high_quota_for):
            raise ValueError("high_quota and high_quota_for go together: how many, and for which repositories")
        return self


class Builds(Model):
    """How images are built: in a Docker of their own on each node of a pool that runs `builds`; where none does, of the
    pool where users' servers are. The nodes' own containerd cannot build."""

    by: Literal["dind", "podman"] = "dind"
    """What builds: Docker in a pod, as on mybinder.org, or Podman in one."""
    memory: Quantity | None = None
    """The most that all builds on one node use together."""
    at_once: Annotated[int, Field(ge=1, le=100)] = 10
    """Builds at a time."""
