"""The floating IP that a cluster's API has on a real cloud: a record in Neutron, made with the cluster's credential."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubfleet_sandbox.cloud import CloudError

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object

_SERVICE, _PATH = "network", "/v2.0/floatingips"


def claim(cloud: Cloud, network: str, description: str) -> str:
    """The address of the floating IP with this description, made on this external network if there is none."""
    found = _find(cloud, description)
    if not found:
        body = {"floatingip": {"floating_network_id": network, "description": description}}
        found = [cloud.request(_SERVICE, "POST", _PATH, body)["floatingip"]]
    return str(found[0]["floating_ip_address"])


def release(cloud: Cloud, description: str) -> None:
    """Delete every floating IP with this description."""
    for found in _find(cloud, description):
        try:
            cloud.request(_SERVICE, "DELETE", f"{_PATH}/{found['id']}")
        except CloudError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # else somebody was quicker
                raise


def _find(cloud: Cloud, description: str) -> list[Object]:
    found: list[Object] = cloud.request(_SERVICE, "GET", f"{_PATH}?description={quote(description)}")["floatingips"]
    return found
