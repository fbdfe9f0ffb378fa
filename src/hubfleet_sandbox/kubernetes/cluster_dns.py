"""Tells a workload cluster where its DNS is: CoreDNS runs on the host, and pods reach it by the usual Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.control_plane import SERVICE_DNS

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Client, Object
    from hubfleet_sandbox.kubernetes.control_plane import Plane

_NAMESPACE, _NAME = "kube-system", "kube-dns"
_PORT = 53
_PROTOCOLS = {"dns": "UDP", "dns-tcp": "TCP"}


def publish(client: Client, plane: Plane) -> None:
    """Make the Service `kube-dns` and its endpoints."""
    client.apply(
        kinds.NAMESPACE.path(name=_NAMESPACE),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
    )
    client.apply(kinds.SERVICE.path(_NAMESPACE, _NAME), _service())
    client.apply(kinds.ENDPOINT_SLICE.path(_NAMESPACE, _NAME), _endpoints(plane))


def _service() -> Object:
    ports = [{"name": name, "port": _PORT, "protocol": protocol} for name, protocol in _PROTOCOLS.items()]
    return {
        "apiVersion": kinds.SERVICE.api_version,
        "kind": kinds.SERVICE.name,
        "metadata": {"name": _NAME, "namespace": _NAMESPACE, "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": SERVICE_DNS, "ports": ports},
    }


def _endpoints(plane: Plane) -> Object:
    ports = [{"name": name, "port": plane.dns, "protocol": protocol} for name, protocol in _PROTOCOLS.items()]
    return {
        "apiVersion": kinds.ENDPOINT_SLICE.api_version,
        "kind": kinds.ENDPOINT_SLICE.name,
        "metadata": {"name": _NAME, "namespace": _NAMESPACE, "labels": {"kubernetes.io/service-name": _NAME}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [plane.address], "conditions": {"ready": True}}],
        "ports": ports,
    }
