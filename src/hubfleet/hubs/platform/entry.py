"""The entry: one load balancer, with one address, through which people reach all hubs that share it. Pure.

Ours is Traefik (its chart 41.3); or the cluster has one already. Hubs are found by host name, through the objects that
their own charts make: an Ingress, or an HTTPRoute of the Gateway API. A controller of ours reads no other kind, so none
of its chart's own resource definitions is installed, which Helm would neither upgrade nor take away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, cast

from hubfleet.hubs import charts, placement
from hubfleet.hubs.release import Entry, Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Layer, Problem, merge, merged, with_own
from hubfleet.spec.models import InCluster
from hubfleet.spec.trees import at

Values = dict[str, Any]
NAME = "hubfleet-entry"
"""Of the release, its namespace, its Service and its Gateway."""
CLASS = "hubfleet"
"""Our IngressClass and our GatewayClass; never the cluster's default."""
ISSUER = "hubfleet-issuer"
"""Our ClusterIssuer, which asks Let's Encrypt; and its release (`certificates`)."""
API = "gateway.networking.k8s.io/v1"
"""Of the Gateway and its HTTPRoutes."""
POD = {"hubfleet.org/entry": "true"}
"""The label by which the Service finds its pods, whatever controller runs in them."""
HTTP = "web"
"""The listener of the Gateway, and the entry point of Traefik, for http."""
_LONGEST_UPLOAD = "1h"
"""Traefik cuts a request whose body takes longer (`readTimeout`, 60 s by default); WebSockets are not affected."""
_PATHS: Values = {
    "sanitizePath": False,
    "encodedCharacters": {
        f"allowEncoded{one}": True for one in ("Slash", "BackSlash", "Semicolon", "Percent", "QuestionMark", "Hash")
    },
}
"""Paths are handed on as they come: names of files have every character, and BinderHub's hold encoded addresses. Hubs
are told apart by their hosts, so no path means anything here."""


_UNTIL_ISSUED: Values = {
    "cert-manager.io/cluster-issuer": ISSUER,
    "acme.cert-manager.io/http01-edit-in-place": "true",
}
"""Of our Gateway, for our issuer. The second has cert-manager sign a certificate itself until the authority's is there:
a listener without one takes no routes. No other annotation of a Gateway does so (1.21, certificate-shim/sync.go,
setIssuerSpecificConfig); what it says of an Ingress means nothing to our issuer, and might to another."""
_ADDRESS = tuple(f"--providers.kubernetesgateway.statusaddress.service.{key}={NAME}" for key in ("name", "namespace"))
"""Which Service has the Gateway's address: the chart tells Traefik only of one of its own."""


class Shape(StrEnum):
    """Whose keys: those of Zero to JupyterHub's chart (and of `lite`), or BinderHub's own, which differ a little."""

    JUPYTERHUB = "jupyterhub"
    BINDERHUB = "binderhub"


def through(hub: str, cluster: Cluster) -> bool:
    """Whether people reach this hub through the entry. A BinderHub has two names, and one address for both."""
    ingress = cluster.ingress
    shared = ingress.class_name is not None if ingress.shared is None else ingress.shared
    return shared or cluster.hubs[hub].builds_images


def hosts(hub: str, cluster: Cluster) -> tuple[str, ...]:
    """The names under which people reach it."""
    wanted = cluster.hubs[hub]
    return tuple(dict.fromkeys((wanted.domain, wanted.hub_host)))


def encrypts(cluster: Cluster) -> bool:
    """The entry speaks https, with a certificate for each host."""
    return issuer(cluster) is not None


def issuer(cluster: Cluster) -> str | None:
    """The ClusterIssuer of the hosts' certificates: the cluster's own, or ours where the file says whom Let's Encrypt
    may write to. None where there is none, or a Gateway of somebody else's has them."""
    if _foreign_gateway(cluster):
        return None
    return cluster.ingress.issuer or (ISSUER if cluster.ingress.email else None)


def secret(host: str) -> str:
    """The name of the Secret with a host's certificate, and of the Certificate."""
    return f"{host}-tls"


def values(cluster: Cluster, names: Sequence[str], shape: Shape = Shape.JUPYTERHUB) -> Values:
    """What a chart of this shape needs so that the entry finds it under these names: `ingress` or `httpRoute`. Its
    Service has to be of type ClusterIP besides."""
    if cluster.ingress.api == "gateway":
        return {"httpRoute": {"enabled": True, "hostnames": [*names], **_parents(cluster, names, shape)}}
    own = issuer(cluster)
    ingress: Values = {"enabled": True, "ingressClassName": cluster.ingress.class_name or CLASS, "hosts": [*names]}
    if own is not None:
        ingress["annotations"] = {"cert-manager.io/cluster-issuer": own}
        ingress["tls"] = [{"hosts": [name], "secretName": secret(name)} for name in names]
    return {"ingress": ingress}


def _parents(cluster: Cluster, names: Sequence[str], shape: Shape) -> Values:
    """The listener of the Gateway: of ours, each host has one of its own with its certificate."""
    namespace, _, name = (cluster.ingress.class_name or f"{NAME}/{NAME}").partition("/")
    gateway: Values = {"name": name, "namespace": namespace}
    listeners = [] if _foreign_gateway(cluster) else [*names] if encrypts(cluster) else [HTTP]
    parents = [{**gateway, "sectionName": one} for one in listeners] or [gateway]
    # Zero to JupyterHub's chart takes one parent; a hub of it has one name.
    return {"gateway": parents[0]} if shape is Shape.JUPYTERHUB else {"parentRefs": parents}


def route(cluster: Cluster, name: str, host: str, service: str) -> Values:
    """The HTTPRoute by which the Gateway leads this host to a Service's port 80, where a chart makes none itself."""
    rules = [{"backendRefs": [{"name": service, "port": 80}]}]
    spec = {**_parents(cluster, [host], Shape.BINDERHUB), "hostnames": [host], "rules": rules}
    return {"apiVersion": API, "kind": "HTTPRoute", "metadata": {"name": name}, "spec": spec}


def causes() -> Causes:
    """From which keys of the file `values` come."""
    keys = [("ingress", key) for key in ("shared", "class", "api")]
    certificates = [("ingress", "issuer"), ("ingress", "email")]
    return {
        ("proxy", "service", "type"): keys,
        ("ingress",): keys,
        ("ingress", "ingressClassName"): [("ingress", "class"), *keys],
        ("ingress", "annotations"): certificates,
        ("ingress", "tls"): certificates,
        ("httpRoute",): [("ingress", "api")],
    }


def of(hub: str, cluster: Cluster) -> Entry | None:
    """Whose address the hub has; None where it has one of its own."""
    return reached(hub, cluster) if through(hub, cluster) else None


def reached(namespace: str, cluster: Cluster) -> Entry:
    """What has the address of something in this namespace that people reach through the entry."""
    theirs = cluster.ingress.class_name
    if theirs is None:
        return Entry("Service", NAME, NAME)
    if cluster.ingress.api == "ingress":
        return Entry("Ingress", namespace, theirs)
    where, _, name = theirs.partition("/")
    return Entry("Gateway", where, name)


def release(cluster: Cluster, description: Description) -> Release | None:
    """None where nothing shares an entry, or the cluster has one already."""
    if not _ours(cluster):
        return None
    made = merge(_traefik(cluster, description), _way_in(cluster, description), _finding(cluster, all_hosts(cluster)))
    provider = [("provider", cluster.provider.name)]
    where: Causes = {
        (): [("ingress",)],
        ("extraObjects",): [*provider, ("ingress", "issuer")],
        ("nodeSelector",): [("pools",)],
        ("tolerations",): [("pools",)],
        ("deployment", "replicas"): [("pools",)],
        ("gateway", "listeners"): [("hubs",), ("monitoring", "grafana", "domain")],
    }
    layers = with_own(Layer(made, causes=where), cluster.ingress.values, ("ingress", "values"))
    return Release(
        name=NAME,
        namespace=NAME,
        chart=charts.of_others("traefik", cluster),
        values=merged(layers),
        layers=layers,
        source=("ingress",),
        resource_definitions=False,
        apis=frozenset({API} if cluster.ingress.api == "gateway" else ())
        | frozenset({"cert-manager.io/v1"} if _orders(cluster) else ()),
    )


def problems(cluster: Cluster) -> Iterator[Problem]:
    """Own values whose lists replace ours, and without what the entry cannot do without."""
    if not _ours(cluster):
        return
    own = cluster.ingress.values
    objects, arguments = (_list(own.get(key)) for key in ("extraObjects", "additionalArguments"))
    lacks: dict[str, str] = {}
    if not any(at(one, ("kind",)) == "Service" and at(one, ("metadata", "name")) == NAME for one in objects):
        lacks["extraObjects"] = f"the Service {NAME}, its load balancer"
    elif lost := [one for one in _orders(cluster) if one not in objects]:
        lacks["extraObjects"] = f"the Certificate {lost[0]['metadata']['name']}"
    if cluster.ingress.api == "gateway" and not {*_ADDRESS} <= {*map(str, arguments)}:
        lacks["additionalArguments"] = "what tells its address to the Gateway"
    for key in own.keys() & lacks.keys():
        remedy = "have it in your list as well, as docs/how-to/share-an-address.md shows; or take the key away"
        what = f"the entry would be without {lacks[key]}: a list takes the place of hubfleet's"
        yield cluster.place("ingress", "values", key).problem(what, remedy)


def _list(value: Any) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def all_hosts(cluster: Cluster) -> Iterator[str]:
    """Every name under which something is reached through it: hubs, their registries, and Grafana."""
    for hub, wanted in cluster.hubs.items():
        if through(hub, cluster):
            yield from hosts(hub, cluster)
        if isinstance(wanted.built_images, InCluster):
            yield wanted.built_images.host
    if cluster.monitoring and cluster.monitoring.domain:
        yield cluster.monitoring.domain


def _ours(cluster: Cluster) -> bool:
    """Something shares an entry, and the cluster has none already."""
    return cluster.ingress.class_name is None and any(all_hosts(cluster))


def _traefik(cluster: Cluster, description: Description) -> Values:
    """The controller itself: two of them where the core pool has a node for each, or one may be drained for ever."""
    nodes = next(pool.nodes.min for pool in cluster.pools.values() if "core" in pool.runs)
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    return {
        "deployment": {"replicas": 2 if nodes > 1 else 1, "podLabels": POD},
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "topologySpreadConstraints": [{**spread, "labelSelector": {"matchLabels": POD}}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        **placement.core(cluster, description),
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "api": {"dashboard": False},
        "ports": {HTTP: _port(_to_https(cluster)), "websecure": _port({})},
    }


def _port(http: Values) -> Values:
    accepts = {"requestAcceptGraceTimeout": "10s"}  # a balancer sends people to a pod for a while after it is to end
    timeouts = {"readTimeout": _LONGEST_UPLOAD}
    return {"http": {**_PATHS, **http}, "transport": {"respondingTimeouts": timeouts, "lifeCycle": accepts}}


def _to_https(cluster: Cluster) -> Values:
    """Whoever asks by http is sent to https, where there are certificates. With a Gateway after every route: those that
    answer Let's Encrypt are on http alone, where hubs have none."""
    if not encrypts(cluster):
        return {}
    last = {"priority": 1} if cluster.ingress.api == "gateway" else {}
    return {"redirections": {"entryPoint": {"to": "websecure", "scheme": "https", "permanent": False, **last}}}


def _way_in(cluster: Cluster, description: Description) -> Values:
    """The load balancer. It is our own and not the chart's, and Helm leaves it when a chart goes: its address stays
    with another chart or controller, which Helm lets take it on as it has the same release's name."""
    annotations = {"helm.sh/resource-policy": "keep", **description.traits.load_balancer_annotations}
    ports = [
        {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
        for name, port in ((HTTP, 80), ("websecure", 443))
    ]
    service: Values = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAME, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": POD, "ports": ports},
    }
    return {"service": {"enabled": False}, "extraObjects": [service, *_orders(cluster)]}


def _orders(cluster: Cluster) -> list[Values]:
    """At our Gateway, what has somebody else's cert-manager make a host's certificate. Told by the Gateway itself, one
    that reads Gateways would do so too, which most do not; and nothing would have it sign one until the authority's is
    there (`_UNTIL_ISSUED`), so that no hub would answer, and `apply` give up, before DNS leads to an address that
    nobody knows yet. The annotations of acme: which Gateway answers the authority, where the issuer asks by HTTP-01."""
    own = issuer(cluster)
    if cluster.ingress.api != "gateway" or own in (None, ISSUER):
        return []
    acme = {"acme.cert-manager.io/http01-parentrefkind": "Gateway", "acme.cert-manager.io/http01-parentrefname": NAME}
    annotations = {"cert-manager.io/issue-temporary-certificate": "true", **acme}
    return [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": secret(host), "namespace": NAME, "annotations": annotations},
            "spec": {
                "secretName": secret(host),
                "dnsNames": [host],
                "issuerRef": {"kind": "ClusterIssuer", "name": own},
            },
        }
        for host in all_hosts(cluster)
    ]


def _finding(cluster: Cluster, names: Iterable[str]) -> Values:
    """By which objects hubs are found, and at which the entry's address is told."""
    found: Values = {
        "providers": {
            "kubernetesCRD": {"enabled": False},
            "kubernetesIngress": {"ingressClass": CLASS, "publishedService": {"pathOverride": f"{NAME}/{NAME}"}},
        },
        "ingressClass": {"enabled": True, "isDefaultClass": False, "name": CLASS},
    }
    return merge(found, _gateway(cluster, names)) if cluster.ingress.api == "gateway" else found


def _gateway(cluster: Cluster, names: Iterable[str]) -> Values:
    everywhere = {"namespacePolicy": {"from": "All"}}
    listeners: Values = {HTTP: {"port": 8000, "protocol": "HTTP", **everywhere}}
    own = issuer(cluster)
    for name in names if own else ():
        certificate = {"certificateRefs": [{"name": secret(name)}], "mode": "Terminate"}
        listeners[name] = {"port": 8443, "protocol": "HTTPS", "hostname": name, **certificate, **everywhere}
    annotations = {"annotations": _UNTIL_ISSUED} if own == ISSUER else {}
    return {
        "providers": {"kubernetesGateway": {"enabled": True}},
        "gatewayClass": {"name": CLASS},
        "gateway": {"name": NAME, "listeners": listeners, **annotations},
        "additionalArguments": [*_ADDRESS],
    }


def _foreign_gateway(cluster: Cluster) -> bool:
    return cluster.ingress.api == "gateway" and cluster.ingress.class_name is not None
