"""A hub, as one release of Zero to JupyterHub's chart, of BinderHub's around it, or of `lite`. Pure.

Values for Zero to JupyterHub 4.4 (its values.schema.yaml); `lite` takes a subset of the same keys with the same
meaning, so that one description serves both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubfleet.hubs import binder, charts, login, pages, placement, profiles, services, tester, watched
from hubfleet.hubs.platform import entry, homes, image_registry
from hubfleet.hubs.release import Chart, Entry, Generated, Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Hub, KeyPath, Layer, merge, merged, own_values, reveal, stack, unless_said
from hubfleet.spec.models import InCluster
from hubfleet.spec.trees import at, map_at

Values = dict[str, Any]
_LONGEST_VISIT = 6 * 3600
"""Seconds that a server of a binder hub lasts at most, as on mybinder.org."""
_ROUTE = "hubfleet-hub"
"""The HTTPRoute to the JupyterHub of a BinderHub."""
_KEEP = {"helm.sh/resource-policy": "keep"}
"""`helm uninstall` leaves the hub's database alone; whether it goes is for `destroy` to decide."""


def release(name: str, cluster: Cluster, description: Description, absent: frozenset[str] = frozenset()) -> Release:
    """The one release of the hub `name`, its layers merged. `absent`: pools that users are not offered."""
    chart, hub = charts.chart(name, cluster), cluster.hubs[name]
    scheme = _scheme(name, chart, cluster)
    every = layers(name, cluster, description, absent)
    values, secret = reveal(merged(every))
    its = merge(charts.given(chart), map_at(values, chart.inside))
    hub_url = f"{scheme}://{hub.hub_host}"
    return Release(
        name=name,
        namespace=name,
        hub=name,
        chart=chart,
        values=values,
        layers=every,
        source=("hubs", name),
        secret_paths=secret,
        generated=tuple(one for one in generated(name, cluster) if at(values, one.path) is None),
        url=f"{scheme}://{hub.domain}",
        hub_url=hub_url if hub.builds_images else "",
        offloads=_offloads(its, chart),
        entry=entry.of(name, cluster) or _own_entry(name, its),
        beside=(entry.route(cluster, _ROUTE, hub.hub_host, "proxy-public"),) if _makes_no_route(chart, cluster) else (),
        storage_classes=_storage_classes(its),
        share=homes.share(name, cluster),
        needs=frozenset({"cluster", *(f"release/{one}" for one in _stands_on(name, cluster))}),
    )


def generated(name: str, cluster: Cluster) -> tuple[Generated, ...]:
    """The secrets that are made for it, each only where its values have none."""
    chart, hub = charts.chart(name, cluster), cluster.hubs[name]
    hub_url = f"{_scheme(name, chart, cluster)}://{hub.hub_host}"
    secrets = (*login.of(hub, hub_url).generated, *services.generated(hub), tester.TOKEN, *watched.generated(cluster))
    return (*(one.below(chart.inside) for one in secrets), *binder.generated(name, hub))


def layers(
    name: str, cluster: Cluster, description: Description, absent: frozenset[str] = frozenset()
) -> tuple[Layer, ...]:
    """What the values of the hub `name` are merged of, weakest first; needs no secret looked up."""
    hub, chart = cluster.hubs[name], charts.chart(name, cluster)
    scheme = _scheme(name, chart, cluster)
    hub_url = f"{scheme}://{hub.hub_host}"
    logging_in = login.of(hub, hub_url)
    upstream = (chart.inner.name if chart.inner else chart.name) in (charts.UPSTREAM, charts.BINDER)
    computed = merge(
        _hub(hub, cluster, description),
        tester.values(),
        watched.values(cluster, upstream=upstream),
        logging_in.values,
        services.values(hub),
        pages.values(name, cluster),
        _proxy(name, cluster, description),
        _users(name, cluster, description, absent),
        profiles.placeholders(hub, cluster, description, absent),
        _upstream(hub, cluster, description, absent) if upstream else {},
    )
    causes = {**_causes(("hubs", name), cluster, logging_in), **services.causes(("hubs", name), hub)}
    causes |= pages.causes(name, cluster)
    if chart.inner:
        said = _below(chart.inside, charts.given(chart))
        inside = Layer(_below(chart.inside, computed), causes=_causes_below(chart.inside, causes))
        return stack(cluster, name, unless_said(cluster, inside, said))
    if chart.inside:
        url = f"{scheme}://{hub.domain}"
        inner = merge(computed, binder.hub_values(hub, url))
        own = binder.values(name, cluster, description, url=url, hub_url=hub_url)
        computed = merge(own, watched.of_binder(cluster), _below(chart.inside, inner))
        causes = {**_causes_below(chart.inside, causes), **binder.causes(("hubs", name)), **watched.causes_of_binder()}
    return stack(cluster, name, Layer(computed, causes=causes))


def _stands_on(name: str, cluster: Cluster) -> Iterator[str]:
    """The releases that have to be there before it."""
    if cluster.shares_homes(name):
        yield homes.name(name)
    if isinstance(cluster.hubs[name].built_images, InCluster):
        yield image_registry.name(name)


def _below(path: KeyPath, values: Values) -> Values:
    return _below(path[:-1], {str(path[-1]): values}) if path else values


def _causes_below(path: KeyPath, causes: Causes) -> Causes:
    return {(): causes[()], **{(*path, *key): keys for key, keys in causes.items()}}


def _causes(hub: KeyPath, cluster: Cluster, logging_in: login.Login) -> Causes:
    """From which keys of the file each computed value comes."""
    storage_class, pools = [("storage", "storage_class")], [("pools",)]
    provider = [("provider", cluster.provider.name)]
    return {
        (): [hub],
        **{path: [(*hub, *key) for key in keys] for path, keys in logging_in.causes.items()},
        ("hub", "config", "Authenticator", "admin_users"): [(*hub, "admins")],
        ("hub", "allowNamedServers"): [(*hub, "named_servers")],
        ("hub", "namedServerLimitPerUser"): [(*hub, "named_servers")],
        ("hub", "db", "pvc", "storageClassName"): storage_class,
        ("hub", "nodeSelector"): pools,
        ("hub", "tolerations"): pools,
        ("cull",): [(*hub, "culling")],
        ("cull", "enabled"): [(*hub, "culling", "enabled")],
        ("cull", "timeout"): [(*hub, "culling", "idle")],
        ("cull", "every"): [(*hub, "culling", "every"), (*hub, "culling", "idle")],
        ("cull", "users"): [(*hub, "kind")],
        ("cull", "maxAge"): [(*hub, "kind")],
        ("proxy", "service"): provider,
        ("proxy", "chp"): pools,
        ("proxy", "traefik"): pools,
        ("proxy", "https"): [("ingress", "email")],
        ("proxy", "https", "hosts"): [(*hub, "domain")],
        **entry.causes(),
        **watched.causes(),
        ("ingress", "hosts"): [(*hub, "domain")],
        ("httpRoute", "hostnames"): [(*hub, "domain")],
        ("singleuser",): pools,
        ("singleuser", "image"): [(*hub, "image"), (*hub, "images")],
        ("singleuser", "memory"): [(*hub, "profiles")],
        ("singleuser", "cpu"): [(*hub, "profiles")],
        ("singleuser", "profileList"): [(*hub, "profiles"), (*hub, "images"), ("pools",)],
        ("singleuser", "storage"): [(*hub, "homes", "quota"), ("storage", "homes", "quota"), hub],
        ("singleuser", "storage", "capacity"): [(*hub, "homes", "size"), ("storage", "homes", "size")],
        ("singleuser", "storage", "dynamic"): storage_class,
        ("scheduling",): [(*hub, "placeholders"), ("pools",)],
        ("scheduling", "corePods"): pools,
        ("scheduling", "userPods"): pools,
        ("scheduling", "userScheduler"): pools,
        ("scheduling", "userScheduler", "enabled"): [("hubs",)] if _several_wait(cluster) else pools,
        ("prePuller",): pools,
    }


def _scheme(name: str, chart: Chart, cluster: Cluster) -> str:
    """How people speak with the hub: by https where it has a certificate, or as own values have it."""
    own = merge(charts.given(chart), map_at(own_values(cluster, name), chart.inside))
    if _own_entry(name, own) and at(own, ("ingress", "tls")):
        return "https"
    wanted = at(own, ("proxy", "https", "enabled"))
    return "https" if (_encrypts(name, chart, cluster) if wanted is None else wanted) else "http"


def _own_entry(name: str, values: Values) -> Entry | None:
    """The Ingress that these values of Zero to JupyterHub ask for, of somebody else's controller, where the hub has no
    load balancer besides."""
    balanced = at(values, ("proxy", "service", "type")) in (None, "LoadBalancer")
    if balanced or not at(values, ("ingress", "enabled")):
        return None
    return Entry("Ingress", name, at(values, ("ingress", "ingressClassName")) or "", own=True)


def _hub(hub: Hub, cluster: Cluster, description: Description) -> Values:
    keeps = {} if hub.ephemeral else {"annotations": _KEEP}
    pvc: Values = {**keeps, **_named("storageClassName", placement.storage_class(cluster, description))}
    return {
        "hub": {
            "config": {"Authenticator": {"admin_users": sorted(hub.admins)}} if hub.admins else {},
            "db": {"type": "sqlite-pvc", "pvc": pvc},
            **({"allowNamedServers": True, "namedServerLimitPerUser": hub.named_servers} if hub.named_servers else {}),
            **placement.core(cluster, description),
        },
        "cull": _culling(hub),
    }


def _culling(hub: Hub) -> Values:
    """Of a hub where nothing stays, users go with their servers, which none has for long."""
    idle = hub.culling.idle or (600 if hub.ephemeral else 3600)
    found: Values = {"enabled": hub.culling.enabled, "timeout": idle, "every": hub.culling.every or max(idle // 6, 10)}
    return found | ({"users": hub.anonymous, "maxAge": _LONGEST_VISIT} if hub.ephemeral else {})


def _proxy(name: str, cluster: Cluster, description: Description) -> Values:
    """Its own load balancer, with a certificate if it gets one by itself; or what the entry needs."""
    chart = charts.chart(name, cluster)
    core = {"chp": placement.core(cluster, description)}
    if entry.through(name, cluster):
        found = {} if _makes_no_route(chart, cluster) else entry.values(cluster, [cluster.hubs[name].hub_host])
        return {"proxy": {"service": {"type": "ClusterIP"}, **core}, **found}
    annotations = dict(description.traits.load_balancer_annotations)
    proxy: Values = {
        "service": {"type": "LoadBalancer", **({"annotations": annotations} if annotations else {})},
        **core,
    }
    if _lets_encrypt(chart, cluster):
        contact = {"contactEmail": cluster.ingress.email}
        hosts = [cluster.hubs[name].hub_host]
        proxy["https"] = {"enabled": True, "type": "letsencrypt", "hosts": hosts, "letsencrypt": contact}
    return {"proxy": proxy}


def _makes_no_route(chart: Chart, cluster: Cluster) -> bool:
    """The Gateway is told of it by an object of ours: BinderHub's chart has a JupyterHub (4.2) that does not do it."""
    return chart.name == charts.BINDER and cluster.ingress.api == "gateway"


def _users(name: str, cluster: Cluster, description: Description, absent: frozenset[str]) -> Values:
    hub = cluster.hubs[name]
    usual = hub.image or next((one.image for one in hub.images), None)
    return {
        "singleuser": {
            **({"image": image(usual)} if usual else {}),
            **_homes(name, cluster, description),
            **profiles.values(name, cluster, description, absent),
        }
    }


def _homes(name: str, cluster: Cluster, description: Description) -> Values:
    if cluster.hubs[name].ephemeral:
        return {"storage": {"type": "none"}}
    if cluster.shares_homes(name):
        return homes.storage()
    wanted, dynamic = cluster.homes(name), _named("storageClass", placement.storage_class(cluster, description))
    storage = {"type": "dynamic", "capacity": wanted.quota or wanted.size}
    return {"storage": storage | ({"dynamic": dynamic} if dynamic else {})}


def _upstream(hub: Hub, cluster: Cluster, description: Description, absent: frozenset[str]) -> Values:
    """What only Zero to JupyterHub has: more pods to place. Its own node label is of no use here, nobody sets it."""
    core, ignore = placement.core(cluster, description), {"nodeAffinity": {"matchNodePurpose": "ignore"}}
    placed: Values = {
        "scheduling": {"corePods": ignore, "userPods": ignore, "userScheduler": {"enabled": _packs(cluster), **core}},
        "proxy": {"traefik": core},
        "prePuller": {"hook": core},
    }
    return merge(placed, {"prePuller": profiles.pulling(hub, cluster, absent)})


def _packs(cluster: Cluster) -> bool:
    """Whether each hub has a scheduler of its own, which fills one node before the next, so that others empty and go.

    Where none can go, users do better side by side.
    """
    return not _several_wait(cluster) and any(
        not cluster.pools[name].nodes.fixed for name in placement.user_pools(cluster)
    )


def _several_wait(cluster: Cluster) -> bool:
    """Several hubs, of which one makes a volume for each user.

    While a cloud makes it, which takes many seconds, only the pod's own scheduler knows that its room is taken: that of
    another hub gives it away once more, the kubelet refuses the second pod, and KubeSpawner waits for it until its time
    is over.
    """
    return len(cluster.hubs) > 1 and cluster.gives_volumes


def image(name: str) -> Values:
    """A container image as the charts take it, who write it as NAME:TAG: a digest is the last part of such a name."""
    if "@" in name:
        place, _, digest = name.rpartition(":")
        return {"name": place, "tag": digest}
    place, colon, tag = name.rpartition(":")
    return {"name": place, "tag": tag} if colon and "/" not in tag else {"name": name, "tag": "latest"}


def _storage_classes(values: Mapping[str, Any]) -> frozenset[str]:
    """Those that the finished values' claims name."""
    claims = {
        ("hub", "db", "pvc", "storageClassName"): at(values, ("hub", "db", "type")) == "sqlite-pvc",
        ("singleuser", "storage", "dynamic", "storageClass"): at(values, ("singleuser", "storage", "type"))
        == "dynamic",
    }
    return frozenset(at(values, path) or "" for path, made in claims.items() if made)


def _offloads(values: Mapping[str, Any], chart: Chart) -> bool:
    """Its values say that https is spoken before it; `lite` itself never speaks it."""
    usual = "offload" if chart.name == charts.LITE else "letsencrypt"
    https = ("proxy", "https")
    return bool(at(values, (*https, "enabled"))) and (at(values, (*https, "type")) or usual) == "offload"


def _encrypts(name: str, chart: Chart, cluster: Cluster) -> bool:
    """The entry has a certificate for it, or its chart gets one."""
    return entry.encrypts(cluster) if entry.through(name, cluster) else _lets_encrypt(chart, cluster)


def _lets_encrypt(chart: Chart, cluster: Cluster) -> bool:
    return chart.name == charts.UPSTREAM and cluster.ingress.email is not None


def _named(key: str, value: str | None) -> Values:
    return {} if value is None else {key: value}
