"""Where hubs are reached that are found by their host names, as controllers of Ingresses and Gateways tell it."""

from __future__ import annotations

from hubfleet.tools import kube_objects
from hubfleet.tools.kube import Kube


def ingress(kube: Kube, namespace: str, kind: str) -> str:
    """The address of the Ingresses of this class ("": of any) in a namespace, "" while none has one, or there is
    none."""
    found = kube.listed("networking.k8s.io/v1", "ingresses", namespace)
    theirs = (kube_objects.balanced(one) for one in found if kind in ("", one["spec"].get("ingressClassName")))
    return next((address for address in theirs if address), "")


def gateway(kube: Kube, namespace: str, name: str) -> str:
    """The address of a Gateway, "" while it has none, or is not there."""
    found = kube.listed("gateway.networking.k8s.io/v1", "gateways", namespace)
    mine = (one for one in found if one["metadata"]["name"] == name)
    addresses = (address["value"] for one in mine for address in one.get("status", {}).get("addresses") or ())
    return next(addresses, "")
