"""What finds hubs by their host names: Ingresses and Gateways, and the addresses that their controllers tell."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.tools import kube_objects
from hubfleet.tools.kube import Kube
from hubfleet.tools.kube_objects import Object


@dataclass(frozen=True)
class Ingress:
    """`kind` is its class; `address` as its controller tells it, "" while none does."""

    name: str
    namespace: str
    kind: str
    hosts: frozenset[str]
    address: str


def ingresses(kube: Kube, namespace: str) -> tuple[Ingress, ...]:
    """Those of a namespace."""
    return tuple(map(_ingress, kube.listed("networking.k8s.io/v1", "ingresses", namespace)))


def gateway(kube: Kube, namespace: str, name: str) -> str:
    """The address of a Gateway, "" while it has none, or is not there."""
    found = kube.listed("gateway.networking.k8s.io/v1", "gateways", namespace)
    mine = (one for one in found if one["metadata"]["name"] == name)
    addresses = (address["value"] for one in mine for address in one.get("status", {}).get("addresses") or ())
    return next(addresses, "")


def _ingress(found: Object) -> Ingress:
    spec = found["spec"]
    return Ingress(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        kind=spec.get("ingressClassName", ""),
        hosts=frozenset(rule.get("host", "") for rule in spec.get("rules", ())),
        address=kube_objects.balanced(found),
    )
