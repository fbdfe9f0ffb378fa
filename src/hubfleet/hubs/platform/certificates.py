"""Certificates for hubs behind the entry: cert-manager (its chart 1.21), and the issuer that asks Let's Encrypt. Pure.

Two releases, as cert-manager has to answer before it takes an issuer: its chart's own check after the install waits for
that. A cluster with an issuer of its own has neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.platform import entry
from hubfleet.hubs.release import Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Layer

Values = dict[str, Any]
NAME = "hubfleet-certificates"
"""Of the release of cert-manager, and its namespace."""


def releases(cluster: Cluster, description: Description) -> Iterator[Release]:
    """None where nothing needs certificates, or somebody else gives them."""
    if not any(entry.all_hosts(cluster)) or entry.issuer(cluster) != entry.ISSUER:
        return
    manager = _manager(cluster, description)
    pools: Causes = {(): [("ingress", "email")], **{key: [("pools",)] for key in (("nodeSelector",), ("tolerations",))}}
    yield Release(
        name=NAME,
        namespace=NAME,
        chart=charts.of_others("cert-manager", cluster),
        values=manager,
        layers=(Layer(manager, causes=pools),),
        source=("ingress", "email"),
    )
    issuer = {"email": cluster.ingress.email, "solvers": [{"http01": _solver(cluster)}]}
    yield Release(
        name=entry.ISSUER,
        namespace=entry.ISSUER,
        chart=charts.ours("issuer"),
        values=issuer,
        layers=(Layer(issuer, causes={(): [("ingress", "email")], ("solvers",): [("ingress",)]}),),
        source=("ingress", "email"),
        runs=False,
        needs=frozenset({"cluster", f"release/{NAME}"}),
    )


def _manager(cluster: Cluster, description: Description) -> Values:
    """Its definitions stay when it goes: with them every certificate would go."""
    core = placement.core(cluster, description)
    found: Values = {
        "crds": {"enabled": True, "keep": True},
        # Its usual place for the lease is kube-system, which is closed on some clouds.
        "global": {"leaderElection": {"namespace": NAME}},
        **core,
        **dict.fromkeys(("webhook", "cainjector", "startupapicheck"), core),
    }
    if cluster.ingress.api == "gateway":
        kind = {"apiVersion": "controller.config.cert-manager.io/v1alpha1", "kind": "ControllerConfiguration"}
        found["config"] = {**kind, "enableGatewayAPI": True}
    return found


def _solver(cluster: Cluster) -> Values:
    """Let's Encrypt asks for a file at the name, by http, through the entry."""
    if cluster.ingress.api == "gateway":
        gateway = {"name": entry.NAME, "namespace": entry.NAME, "sectionName": entry.HTTP}
        return {"gatewayHTTPRoute": {"parentRefs": [{"kind": "Gateway", **gateway}]}}
    return {"ingress": {"ingressClassName": cluster.ingress.class_name or entry.CLASS}}
