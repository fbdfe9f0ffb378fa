"""The address at which a hub is reached: its own load balancer's, or that of the entry that it shares."""

from __future__ import annotations

from hubfleet.hubs import Entry, Release
from hubfleet.tools import kube_entries
from hubfleet.tools.kube import Kube


def address(release: Release, kube: Kube) -> str:
    """An IP or a name; "" while there is none."""
    entry = release.entry or Entry("Service", release.namespace, release.name)
    match entry.kind:
        case "Service":
            ours = (one for one in kube.services(entry.namespace) if one.release == entry.name)
            return next((one.address for one in ours if one.address), "")
        case "Gateway":
            return kube_entries.gateway(kube, entry.namespace, entry.name)
        case "Ingress":
            return kube_entries.ingress(kube, entry.namespace, entry.name)
