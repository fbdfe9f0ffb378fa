"""What the models of the files are made of: their base, and the kinds of single values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hubfleet.spec.secrets import mark

_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
_QUANTITY = r"^[1-9][0-9]*(Mi|Gi|Ti)$"
_DOMAIN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
_IMAGE = r"^[^\s:@]+(:[0-9]+/[^\s:@]+)?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
_EMAIL = r"^[^@\s]+@[^@\s]+$"
_ADDRESS = r"^https://[^\s/]+(/\S*)?$"
_SERVICE_ADDRESS = r"^https?://[^\s/]+(/\S*)?$"
_ENTITY = r"^(https?://|urn:)\S+$"
_CHART = r"^(lite|jupyterhub|binderhub|.*/.*)$"
_HOST = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"
IMAGE_PREFIX = r"^[a-z0-9][a-z0-9._-]*$"
AWS_ACCOUNT = r"^[0-9]{12}$"
PROJECT = r"^([a-z0-9._-]+/)*[a-z0-9._-]+$"
_AWS_REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
_AWS_ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+$"
_PATH_PART = r"^[a-z0-9]+([._-]+[a-z0-9]+)*$"
_CLASS = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"
_CHART_VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?(@sha256:[0-9a-f]{64})?$"
LABEL_VALUE = r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"
TAINT = r"^[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$"

PATTERNS = {
    _NAME: "use lower-case letters, digits and -, a letter first and no - at the end",
    _QUANTITY: "write a whole number of Mi, Gi or Ti: 10Gi",
    _DOMAIN: "write a DNS name in lower case, without https:// and path: hub.example.org",
    _IMAGE: "write a container image: quay.io/name/image:tag",
    _EMAIL: "write an e-mail address: ops@example.org",
    _ADDRESS: "write an address that begins with https://",
    _SERVICE_ADDRESS: "write an address: http://NAME.NAMESPACE:PORT",
    _ENTITY: "write an EntityID: https://idp.uni.edu/shibboleth, urn:mace:incommon:uni.edu",
    _HOST: "write a host in lower case, without https://: harbor.example.org, harbor.example.org:8443",
    _AWS_REGION: "write a region of AWS: us-west-2",
    _AWS_ROLE: "write the ARN of a role: arn:aws:iam::111122223333:role/NAME",
    IMAGE_PREFIX: "write lower-case letters, digits, -, . and _, a letter or digit first",
    AWS_ACCOUNT: 'write its twelve digits in quotes: "123456789012"',
    PROJECT: "write it in lower case, as it stands in an image's name: binder, hubs/binder",
    _PATH_PART: "write it in lower case, as it stands in an image's name",
    _CHART: "write jupyterhub, binderhub, lite, the path of a chart with a / in it (./chart), or oci://REGISTRY/NAME:VERSION",
    _CLASS: "write the name of an IngressClass, or a Gateway as NAMESPACE/NAME",
    _CHART_VERSION: "write a version, 4.4.0, or with its archive's checksum, 4.4.0@sha256:...",
    LABEL_VALUE: "at most 63 letters, digits, -, _ and ., a letter or digit first and last",
    TAINT: "as kubectl writes it: key=value:NoSchedule",
}
"""What each pattern wants, in words."""

_MIB = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}
MOST_NAME = 40
Name = Annotated[str, Field(pattern=_NAME, max_length=MOST_NAME)]
"""A cluster's, pool's or hub's name: part of DNS names and Kubernetes names."""
Quantity = Annotated[str, Field(pattern=_QUANTITY)]
"""An amount of bytes as Kubernetes writes it, in whole Mi, Gi or Ti."""
Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""
Values = Annotated[Mapping[str, Any], AfterValidator(mark)]
"""Free values for a chart; texts in them that hold references are `Secret`s."""
Domain = Annotated[str, Field(pattern=_DOMAIN, max_length=253)]
Image = Annotated[str, Field(pattern=_IMAGE)]
Email = Annotated[str, Field(pattern=_EMAIL)]
Address = Annotated[str, Field(pattern=_ADDRESS)]
ServiceAddress = Annotated[str, Field(pattern=_SERVICE_ADDRESS)]
"""Of something in the cluster, mostly."""
AWSRegion = Annotated[str, Field(pattern=_AWS_REGION)]
AWSRole = Annotated[str, Field(pattern=_AWS_ROLE)]
Host = Annotated[str, Field(pattern=_HOST, max_length=253)]
"""A host, with a port or without."""
PathPart = Annotated[str, Field(pattern=_PATH_PART, max_length=128)]
"""A part of an image's name between two slashes."""
Entity = Annotated[str, Field(pattern=_ENTITY)]
"""The name of an identity provider in SAML."""
ChartName = Annotated[str, Field(pattern=_CHART)]
ClassName = Annotated[str, Field(pattern=_CLASS, max_length=253)]
"""An IngressClass, or a Gateway as NAMESPACE/NAME."""
ChartVersion = Annotated[str, Field(pattern=_CHART_VERSION)]


class Model(BaseModel):
    """Frozen, no unknown keys; every model of the file is one, a provider's settings too. What it says of a field
    stands below it as text (`spec.descriptions`)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        defer_build=True,  # most are part of another and never built alone: a tenth of `validate`
    )


NO_OTHER_NAMES = Field(json_schema_extra={"additionalProperties": False})
"""For maps whose keys have a pattern: pydantic says what holds for those that match, and nothing of others."""


def mebibytes(quantity: str) -> int:
    """A `Quantity` in MiB."""
    return int(quantity[:-2]) * _MIB[quantity[-2:]]


def is_name(text: str) -> bool:
    """Whether it can be a `Name`."""
    return len(text) <= MOST_NAME and re.fullmatch(_NAME, text) is not None
