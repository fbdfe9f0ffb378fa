"""A machine's server in Nova and its port in Neutron, as Cluster API's OpenStack provider 0.10 makes them.

The port first (NAME-0), then the server (NAME) on it; both with the cluster's own credential, so that quota counts them
and its user sees them (pkg/cloud/services: compute/instance.go, networking/port.go).
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room.neutron import Neutron

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object

_SERVICE = "compute"
_EVERY = 0.4  # seconds between two looks at a server that changes
_WITHIN = 120.0  # seconds for a server to come or to go; it is one


REFUSED, FAILED = "InstanceCreateFailed", "InstanceStateError"


class RefusedError(SandboxError):
    """Nova or Neutron does not take the request: it is made again and again."""


class FailedError(SandboxError):
    """Nova took it, and the server is in error: its machine has failed for good."""


def reason(failure: BaseException | None) -> tuple[str, str]:
    """For a condition: the provider's word for what went wrong with a claim, and the cloud's own sentence."""
    match failure:
        case None:
            return "InstanceNotReady", ""
        case RefusedError():
            return REFUSED, failure.what
        case FailedError():
            return FAILED, f"{failure.what}: {failure.why}"
        case _:
            return "OpenStackError", str(failure)


@dataclass(frozen=True)
class Server:
    """What is asked for. `flavor` is a name or an id; `subnets` and `groups` are ids, as are `image` and `network`."""

    name: str
    flavor: str
    image: str
    key: str | None
    network: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    description: str


def wanted(name: str, template: Object | None, infrastructure: Object | None, part: str, description: str) -> Server:
    """From a machine's template and the status of its OpenStackCluster; `part` says which security group there."""
    spec, status = section(template, "spec", "template", "spec"), section(infrastructure, "status")
    network = section(status, "network")
    group = section(status, part).get("id")
    return Server(
        name=name,
        flavor=spec["flavor"],
        image=section(spec, "image")["id"],
        key=spec.get("sshKeyName"),
        network=network["id"],
        subnets=tuple(one["id"] for one in network.get("subnets", [])),
        groups=(group,) if group else (),
        description=description,
    )


def claim(cloud: Cloud, server: Server) -> None:
    """Have the server, active. Raises RefusedError, or FailedError with the words of Nova's fault."""
    if not find(cloud, server.name):
        _create(cloud, server)
    end = time.monotonic() + _WITHIN
    while not find(cloud, server.name, "&status=ACTIVE&status=ERROR"):  # cheaper than to ask for all of a server
        if (
            time.monotonic() > end
        ):  # Nova was killed at it (its bus here forgets what was on it), or somebody deleted it
            release(cloud, server.name)
            raise RefusedError(f"the server {server.name} was not there after {_WITHIN:.0f} s")
        time.sleep(_EVERY)
    if failed := find(cloud, server.name, "&status=ERROR"):
        now = cloud.request(_SERVICE, "GET", f"/servers/{failed[0]['id']}")["server"]
        raise FailedError('instance state "ERROR" is unexpected', why=section(now, "fault").get("message", ""))


def release(cloud: Cloud, name: str) -> None:
    """Have neither the server nor its port."""
    for found in find(cloud, name):
        try:
            cloud.request(_SERVICE, "DELETE", f"/servers/{found['id']}")
        except CloudError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # else somebody was quicker
                raise
    end = time.monotonic() + _WITHIN
    while find(cloud, name):
        if time.monotonic() > end:
            raise SandboxError(f"the server {name} is still there {_WITHIN:.0f} s after it was deleted")
        time.sleep(_EVERY)
    Neutron(cloud).delete("ports", name=_port(name))


def find(cloud: Cloud, name: str, more: str = "") -> list[Object]:
    """The servers of this name; `more` goes on in the query."""
    return matching(cloud, f"^{re.escape(name)}$", more)


def matching(cloud: Cloud, pattern: str, more: str = "") -> list[Object]:
    """The servers whose names match."""
    found: list[Object] = cloud.request(_SERVICE, "GET", f"/servers?name={quote(pattern)}{more}")["servers"]
    return found


def _create(cloud: Cloud, server: Server) -> None:
    try:
        port = Neutron(cloud).ensure("ports", _port_of(server))
        body = {"server": {**_body(cloud, server), "networks": [{"port": port["id"]}]}}
        cloud.request(_SERVICE, "POST", "/servers", body)
    except CloudError as error:
        raise RefusedError(f"error creating Openstack instance: {_words(error)}") from error


def _port_of(server: Server) -> Object:
    port: Object = {"name": _port(server.name), "network_id": server.network, "description": server.description}
    if server.subnets:
        port["fixed_ips"] = [{"subnet_id": subnet} for subnet in server.subnets]
    return {**port, "security_groups": list(server.groups)} if server.groups else port


def _body(cloud: Cloud, server: Server) -> Object:
    flavors: list[Object] = cloud.request(_SERVICE, "GET", "/flavors")["flavors"]
    flavor = next((one["id"] for one in flavors if server.flavor in (one["id"], one["name"])), server.flavor)
    body: Object = {"name": server.name, "flavorRef": flavor, "imageRef": server.image}
    return {**body, "key_name": server.key} if server.key else body


def _port(name: str) -> str:
    return f"{name}-0"


def _words(error: CloudError) -> str:
    """What the service itself says, out of the JSON that it says it in."""
    try:
        return str(next(iter(json.loads(error.why).values()))["message"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return f"{error.what} {error.why}"
