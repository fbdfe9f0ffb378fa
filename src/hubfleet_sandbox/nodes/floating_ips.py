"""What Neutron knows of a cluster's load balancers: a floating IP for each Service that has an address.

The description, by which audits know it, is the cloud provider's (cloud-provider-openstack,
pkg/openstack/loadbalancer.go). It is deleted with the Service and only with it: a cluster that is deleted with its
Services leaves them over, as in reality.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubfleet_sandbox.cloud import Cloud, CloudError

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object

_NOT_FOUND = 404

_log = logging.getLogger(__name__)


class FloatingIPs:
    """One cluster's. Without Neutron nothing is done, which is said once. All methods may raise CloudError."""

    def __init__(self, cloud: Cloud | None, cluster: str) -> None:
        self._cloud, self._cluster, self._told = cloud, cluster, False

    def claim(self, service: Object) -> str | None:
        """The address of the Service's floating IP, made if there is none; None without Neutron."""
        if not self._there():
            return None
        found = self._find(service)
        if not found:
            text = description(service, self._cluster)
            body = {"floatingip": {"floating_network_id": self._outside(), "description": text}}
            found = [self._ask("POST", "/floatingips", body)["floatingip"]]
        return str(found[0]["floating_ip_address"])

    def release(self, service: Object) -> None:
        """Have no floating IP for the Service."""
        for found in self._find(service) if self._there() else []:
            try:
                self._ask("DELETE", f"/floatingips/{found['id']}")
            except CloudError as error:
                if error.status != _NOT_FOUND:  # else somebody deleted it just now
                    raise

    def _find(self, service: Object) -> list[Object]:
        query = f"description={quote(description(service, self._cluster))}"
        found: list[Object] = self._ask("GET", f"/floatingips?{query}")["floatingips"]
        return found

    def _outside(self) -> str:
        found = self._ask("GET", "/networks?router:external=true&fields=id")["networks"]
        if not found:
            raise CloudError("the cloud has no external network to take a floating IP from", 0)
        return str(found[0]["id"])

    def _ask(self, method: str, path: str, body: Object | None = None) -> Any:
        return self._cloud.request("network", method, f"/v2.0{path}", body) if self._cloud else {}

    def _there(self) -> bool:
        there = self._cloud is not None and self._cloud.offers("network")
        if not there and not self._told:
            self._told = True
            _log.warning("cluster %s: no Neutron: its load balancers have no floating IPs there", self._cluster)
        return there


def description(service: Object, cluster: str) -> str:
    """How a Service's floating IP is described."""
    own = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
    return f"Floating IP for Kubernetes external service {own} from cluster {cluster}"
