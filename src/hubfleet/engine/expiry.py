"""How long credentials and certificates last, and what to do before they end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hubfleet.tools import tls
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack import Cloud

SOON = 30
"""Days before the end from which on it is told."""
_NEW = "make a new one (openstack application credential create --unrestricted NAME) and put it into clouds.yaml"


@dataclass(frozen=True)
class Expiry:
    """Something that ends. `on` in ISO 8601, and `days` until then; None: it does not end. `remedy`: what to do, ""
    while there is time."""

    what: str
    on: str | None
    days: int | None
    remedy: str = ""


def of_cloud(cloud: Cloud) -> tuple[Expiry, ...]:
    """The credential that hubfleet logs in with. CloudError if it does not get in."""
    token = cloud.token()
    if token.credential:
        return (_expiry(f"application credential {token.credential.name}", token.credential.expires, _NEW),)
    if token.kind == "password":
        return (_expiry(f"password of {token.user}", None, ""),)
    return (_expiry(f"{token.kind or 'token'} of {token.user}", token.expires, _NEW),)


def of_cluster(cloud: Cloud, there: Cluster) -> tuple[Expiry, ...]:
    """The application credentials that Magnum made for the cluster: seen by the cluster's owner alone."""
    found = [one for one in cloud.application_credentials() if one.name.startswith(f"magnum-{there.uuid}-")]
    return tuple(_expiry("the cluster's own application credential", one.expires, "hubfleet rotate") for one in found)


def of_api(server: str, certificate: str | None) -> tuple[Expiry, ...]:
    """The control plane's certificate, and the client's (PEM), where there is one. A control plane of kubeadm's lives
    for a year after it was made or upgraded."""
    ends = tls.certificate_ends(server)
    renew = "a new control plane has a new one: hubfleet upgrade, or ask the cloud's operators"
    api = (_expiry("the Kubernetes API's certificate", ends, renew),) if ends else ()
    if certificate is None:
        return api
    return (*api, _expiry("the kubeconfig's certificate", tls.ends(certificate), "get a new kubeconfig"))


def _expiry(what: str, ends: datetime | None, remedy: str) -> Expiry:
    if ends is None:
        return Expiry(what, None, None)
    days = (ends - datetime.now(UTC)).days
    return Expiry(what, ends.isoformat(timespec="seconds"), days, remedy if days < SOON else "")
