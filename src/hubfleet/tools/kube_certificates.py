"""What cert-manager (1.21) says of certificates, and why one is missing.

A Certificate makes a CertificateRequest, that an Order, that a Challenge for each name: the deeper, the nearer to the
cause. Requests and orders bear the name of their Certificate (annotation `cert-manager.io/certificate-name`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hubfleet.tools.kube import Kube
from hubfleet.tools.kube_objects import Object

_ACME = "acme.cert-manager.io/v1"
_CERTIFICATE = "cert-manager.io/certificate-name"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(hours=1), timedelta(hours=32)
"""After a failure, and twice as long after each further one (pkg/apis/certmanager/v1/types_certificate.go:657)."""


@dataclass(frozen=True)
class Certificate:
    """Of these hosts. `why` is cert-manager's word for what keeps it from being `ready`, "" where it has none; `asked`:
    that an authority asked for proof and does not have it; `again`: when the next attempt is after one that failed."""

    namespace: str
    name: str
    hosts: frozenset[str]
    ready: bool
    why: str = ""
    asked: bool = False
    again: datetime | None = None


@dataclass(frozen=True)
class _Making:
    """All that is on its way to become certificates."""

    requests: Sequence[Object]
    orders: Sequence[Object]
    challenges: Sequence[Object]
    issuers: Sequence[Object]


def certificates(kube: Kube) -> tuple[Certificate, ...]:
    """Every one of the cluster; none where there is no cert-manager. A request, and four more where one is missing."""
    found = kube.listed("cert-manager.io/v1", "certificates")
    if all(map(_ready, found)):
        return tuple(map(_certificate, found))
    making = _Making(
        kube.listed("cert-manager.io/v1", "certificaterequests"),
        kube.listed(_ACME, "orders"),
        kube.listed(_ACME, "challenges"),
        kube.listed("cert-manager.io/v1", "clusterissuers"),
    )
    return tuple(_certificate(one) if _ready(one) else _missing(one, making) for one in found)


def without_manager(kube: Kube) -> None:
    """For when cert-manager is gone: challenges wait for it when they end, and a namespace with one would for ever.

    What they made belongs to them, and goes with them.
    """
    for one in kube.listed(_ACME, "challenges"):
        metadata = one["metadata"]
        if metadata.get("finalizers"):
            kube.let_go(_ACME, "challenges", metadata["namespace"], metadata["name"])


def _certificate(found: Object) -> Certificate:
    metadata = found["metadata"]
    return Certificate(
        metadata["namespace"], metadata["name"], frozenset(found["spec"].get("dnsNames", ())), ready=True
    )


def _missing(found: Object, making: _Making) -> Certificate:
    one, status = _certificate(found), found.get("status", {})
    proofs = [*_proofs(one, making)]
    said = (*proofs, *_said(found, one, making))
    failed, attempts = status.get("lastFailureTime"), status.get("failedIssuanceAttempts") or 1
    wait = min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)
    again = datetime.fromisoformat(failed) + wait if failed else None
    return Certificate(one.namespace, one.name, one.hosts, False, next(iter(said), ""), bool(proofs), again)


def _proofs(one: Certificate, making: _Making) -> Iterator[str]:
    """Why names are not proven, the newest first."""
    mine = (it for it in making.challenges if it["metadata"]["namespace"] == one.namespace)
    for challenge in _newest(it for it in mine if it["spec"].get("dnsName") in one.hosts):
        yield from filter(None, [challenge.get("status", {}).get("reason")])


def _said(found: Object, one: Certificate, making: _Making) -> Iterator[str]:
    """The words of an order, of an issuer that is not ready, of a request, of the certificate itself."""
    for order in _newest(_of(one, making.orders))[:1]:
        yield from filter(None, [order.get("status", {}).get("reason")])
    issuer = found["spec"].get("issuerRef", {})
    if issuer.get("kind") == "ClusterIssuer":
        theirs = [it for it in making.issuers if it["metadata"]["name"] == issuer["name"]]
        if not theirs:
            yield f"there is no ClusterIssuer {issuer['name']}"
        for it in theirs:
            if not _ready(it):
                yield f"the ClusterIssuer {issuer['name']} is not ready: {_message(it, 'Ready')}"
    for request in _newest(_of(one, making.requests))[:1]:
        yield from filter(None, [_message(request, "Ready")])
    yield from filter(None, [_message(found, "Issuing"), _message(found, "Ready")])


def _of(one: Certificate, made: Iterable[Object]) -> Iterator[Object]:
    for it in made:
        metadata = it["metadata"]
        if metadata["namespace"] == one.namespace and metadata.get("annotations", {}).get(_CERTIFICATE) == one.name:
            yield it


def _newest(made: Iterable[Object]) -> list[Object]:
    return sorted(made, key=lambda it: str(it["metadata"].get("creationTimestamp", "")), reverse=True)


def _condition(found: Object, kind: str) -> Object:
    nothing: Object = {}
    return next((it for it in found.get("status", {}).get("conditions") or () if it["type"] == kind), nothing)


def _message(found: Object, kind: str) -> str:
    return str(_condition(found, kind).get("message", ""))


def _ready(found: Object) -> bool:
    return _condition(found, "Ready").get("status") == "True"
