"""Checks across values: what each value alone cannot tell. Needs the files around the cluster file, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hubfleet.spec.models import Cluster, Hub, InCluster, Ingress, Monitoring, Pool
from hubfleet.spec.models.charts import OCI
from hubfleet.spec.places import Level, Place
from hubfleet.spec.problems import KeyPath, Problem
from hubfleet.spec.reading import is_file
from hubfleet.spec.secrets import Secret
from hubfleet.spec.wording import did_you_mean, one_of

MOST_LISTENERS = 64
"""Of a Gateway (gateway.networking.k8s.io/v1, spec.listeners: maxItems)."""
Where = Callable[..., Place]
"""Takes a key's path as arguments and gives its place."""

_SERVICES = ("binder", "idle-culler", "jupyterhub-idle-culler")
"""What the charts know services of their own by."""
LEAST_USER_PASSWORD = 8
"""Characters; JupyterHub refuses to start with fewer (6.1.1, jupyterhub/authenticators/shared.py:29-30)."""
LEAST_ADMIN_PASSWORD = 32
"""Characters; the same place."""
LEAST_TOKEN = 8
"""Characters of a service's token; JupyterHub does not start with fewer (5.5, jupyterhub/orm.py:661)."""


def pool_problems(pools: Mapping[str, Pool], hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """Whether the pools together can carry the cluster and its hubs."""
    core = {name: pool for name, pool in pools.items() if "core" in pool.runs}
    if not core:
        yield _problem(where, ("pools",), "no pool runs core: hubs need nodes that stay", "write `runs: [core]` in one")
    elif not any(pool.nodes.min for pool in core.values()):
        path = ("pools", next(iter(core)), "nodes")
        yield _problem(where, path, "the pool that runs core may shrink to no node", "give it a min of 1 or more")
    if hubs and not any("users" in pool.runs for pool in pools.values()):
        yield _problem(where, ("pools",), "no pool runs users: servers need nodes", "write `runs: [users]` in one")
    lasting = [pool for pool in pools.values() if pool.nodes.min]
    if lasting and all(any(taint.effect != "PreferNoSchedule" for taint in pool.taints) for pool in lasting):
        what = "every pool that always has nodes has taints: Kubernetes' own pods (DNS, storage) would have no place"
        yield _problem(where, ("pools",), what, "leave one without taints, best the pool that runs core")


def hub_problems(hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """What is wrong with hubs beyond their single values."""
    for name, hub in hubs.items():
        if name == "default" or name.startswith(("kube-", "hubfleet-")):
            owner = "hubfleet's" if name.startswith("hubfleet-") else "Kubernetes'"
            what = f"a hub's name is its namespace, and {name} is {owner} own"
            yield _problem(where, ("hubs", name), what, "give the hub another name")
        for service in hub.services:
            if service in _SERVICES or service.startswith("hubfleet-"):
                what = f"{service} is a service that hubs have anyway"
                yield _problem(where, ("hubs", name, "services", service), what, "give it another name")
        yield from _chart_problems(name, hub, where)
        yield from _admin_problems(name, hub, where)


def ingress_problems(
    ingress: Ingress, hubs: Mapping[str, Hub], monitoring: Monitoring | None, where: Where
) -> Iterator[Problem]:
    """What is wrong with how the world comes in, beyond single values."""
    name, gateway = ingress.class_name, ingress.api == "gateway"
    grafana = monitoring.domain if monitoring else None
    for hub in (name for name, one in hubs.items() if isinstance(one.built_images, InCluster)):
        if not (ingress.email or ingress.issuer):
            what = "nodes fetch images by https alone, and the entry, through which they do, has no certificates"
            remedy = "write `ingress: {email: ...}`, or `issuer:` where the cluster has one of its own"
            yield _problem(where, ("hubs", hub, "registry", "in_cluster"), what, remedy)
    path = ("ingress", "class")
    # What a fleet says of its entries is for those of its clusters that have one.
    if ingress.values and where("ingress", "values").level is not Level.FLEET and (reason := _no_entry(ingress, hubs)):
        what = f"there is no Traefik of hubfleet's to take them: {reason}"
        yield _problem(where, ("ingress", "values"), what, "take them away")
    if name is None:
        if gateway and (ingress.email or ingress.issuer):
            yield from _listener_problems(hubs, grafana, where)
        return
    if gateway and "/" not in name:
        yield _problem(where, path, f"{name} names no Gateway: its namespace is missing", f"write NAMESPACE/{name}")
    if not gateway and "/" in name:
        what = f"{name} is no IngressClass, whose names have no /"
        yield _problem(where, path, what, "write the class alone; or, for a Gateway, `api: gateway` beside it")
    if ingress.shared is False and grafana is None and not any(hub.builds_images for hub in hubs.values()):
        what = "no hub uses it: each is to have a load balancer of its own"
        yield _problem(where, path, what, "take `shared: false` away, or this")
    if gateway and ingress.issuer is not None:
        what = f"the certificates of {name} are for whoever keeps this Gateway to order, at its listeners"
        yield _problem(where, ("ingress", "issuer"), what, "take the issuer away")


def _no_entry(ingress: Ingress, hubs: Mapping[str, Hub]) -> str:
    """Why hubfleet installs no entry; "" where it does as soon as there are hubs."""
    if ingress.class_name is not None:
        return f"the cluster has the entry {ingress.class_name} already"
    if ingress.shared or any(hub.builds_images for hub in hubs.values()):
        return ""
    return "each hub has a load balancer of its own, unless `shared: true` stands beside them"


def _listener_problems(hubs: Mapping[str, Hub], grafana: str | None, where: Where) -> Iterator[Problem]:
    """Each host has a listener of our Gateway, for its certificate, and http has one."""
    named = [host for hub in hubs.values() for host in (hub.domain, hub.hub_host)]
    registries = (hub.built_images.host for hub in hubs.values() if isinstance(hub.built_images, InCluster))
    hosts = {*named, *registries, *filter(None, [grafana])}
    if len(hosts) >= MOST_LISTENERS:
        what = f"{len(hosts)} hosts are to have certificates, and a Gateway has {MOST_LISTENERS - 1} listeners for them"
        remedy = "take `api: gateway` away: by Ingresses there may be any number; or divide the hubs among clusters"
        yield _problem(where, ("ingress", "api"), what, remedy)


def choice_problems(pools: Mapping[str, Pool], hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """What is wrong with what users may choose: sizes on pools that are none of theirs, titles that come twice."""
    theirs = [name for name, pool in pools.items() if "users" in pool.runs]
    for name, hub in hubs.items():
        for index, profile in enumerate(hub.profiles):
            if profile.pool is not None and profile.pool not in theirs:
                path = ("hubs", name, "profiles", index, "pool")
                remedy = did_you_mean(profile.pool, theirs) or one_of(theirs)
                yield _problem(where, path, f"no pool {profile.pool} runs users", remedy)
        for key, titles in (("profiles", hub.profiles), ("images", hub.images)):
            seen: set[str] = set()
            for index, one in enumerate(titles):
                if one.slug in seen:
                    path = ("hubs", name, key, index, "title")
                    yield _problem(where, path, f"{one.title} comes twice", "users have to tell them apart")
                seen.add(one.slug)


def doubts(cluster: Cluster, hubs: Iterable[str] | None = None) -> Iterator[Problem]:
    """What is valid and hardly meant of these hubs (None: all)."""
    for name in cluster.hubs if hubs is None else hubs:
        hub = cluster.hubs[name]
        if hub.image and ":" not in hub.image.rpartition("/")[2] and "@" not in hub.image:
            what = f"the image {hub.image} has no tag: users get whatever it is on the day when a node fetches it"
            yield _problem(cluster.place, ("hubs", name, "image"), what, "write the tag that you tried")
        if hub.auth and hub.auth.native and (claimable := [*hub.admins, *hub.auth.native.allowed_users]):
            what = f"the names {', '.join(claimable)} belong to whoever signs up under them first"
            remedy = "sign up under each before you tell people the hub's address"
            yield _problem(cluster.place, ("hubs", name, "auth", "native"), what, remedy)
        if hub.anonymous:
            what = "anybody on the internet gets a server here: a binder hub without `auth` asks nobody who they are"
            yield _problem(cluster.place, ("hubs", name, "kind"), what, "give it `auth:` if that is not meant")
        for index, file in enumerate(hub.values_files):
            if _sounds_secret(file.path) and file.values and not _holds_secret(file.values):
                what = f"the name of {file.path} says secret, and everything in it stands there in clear"
                path = ("hubs", name, "values_files", index)
                yield _problem(cluster.place, path, what, f"encrypt it: sops encrypt --in-place {file.path}")


def unfit_passwords(hubs: Mapping[str, Hub], where: Where) -> Iterator[Problem]:
    """Passwords and tokens that are known already (literals, or looked up) and that JupyterHub would refuse."""
    for name, hub in hubs.items():
        yield from _short_tokens(name, hub, where)
        shared = hub.auth.shared_password if hub.auth else None
        user, admin = (shared.user_password, shared.admin_password) if shared else (None, None)
        path = ("hubs", name, "auth", "shared_password")
        for key, secret, least in (
            ("user_password", user, LEAST_USER_PASSWORD),
            ("admin_password", admin, LEAST_ADMIN_PASSWORD),
        ):
            if secret and not secret.references and len(secret.reveal()) < least:
                what = f"is shorter than the {least} characters that JupyterHub asks for"
                yield _problem(where, (*path, key), what, "make it longer, or leave it out: hubfleet makes one")
        if user and user == admin:
            what = "is the users' password as well: everybody could be admin"
            yield _problem(where, (*path, "admin_password"), what, "take another, or leave it out: hubfleet makes one")


def _short_tokens(name: str, hub: Hub, where: Where) -> Iterator[Problem]:
    for service, one in hub.services.items():
        if one.token and not one.token.references and len(one.token.reveal()) < LEAST_TOKEN:
            what = f"is shorter than the {LEAST_TOKEN} characters that JupyterHub asks for"
            remedy = "make it longer, or leave it out: hubfleet makes one"
            yield _problem(where, ("hubs", name, "services", service, "token"), what, remedy)


def _sounds_secret(path: Path) -> bool:
    return "secret" in path.name.lower() or path.name.lower().startswith("enc-")


def _holds_secret(values: Any) -> bool:
    """What sops has encrypted, or a reference."""
    if isinstance(values, Mapping):
        return any(map(_holds_secret, cast("Mapping[str, Any]", values).values()))
    if isinstance(values, list):
        return any(map(_holds_secret, cast("list[object]", values)))
    return isinstance(values, Secret)


def _chart_problems(name: str, hub: Hub, where: Where) -> Iterator[Problem]:
    path = ("hubs", name, "chart")
    if hub.chart.startswith("oci:"):
        if not OCI.fullmatch(hub.chart):
            what = f"{hub.chart} names no chart of a registry"
            yield _problem(where, path, what, "write oci://REGISTRY/NAME:VERSION, in lower case")
    elif "/" in hub.chart:
        place = where(*path).position.file.parent / hub.chart
        if not (is_file(place / "Chart.yaml") or is_file(place)):
            what = f"there is no chart at {place} (no folder with a Chart.yaml, no archive)"
            yield _problem(where, path, what, "the path counts from the folder of this file")


def _admin_problems(name: str, hub: Hub, where: Where) -> Iterator[Problem]:
    if hub.auth is None:
        return
    shared = hub.auth.shared_password
    if shared and shared.admin_password and not hub.admins:
        path = ("hubs", name, "auth", "shared_password", "admin_password")
        yield _problem(
            where, path, "nobody can use it: the hub has no admins", "name them in `admins:`, or leave it out"
        )
    native = hub.auth.native
    if native and not (native.open_signup or native.allowed_users or hub.admins):
        at = ("hubs", name, "auth", "native")
        yield _problem(where, at, "nobody could let in who signs up: the hub has no admins", "name them in `admins:`")


def _problem(where: Where, path: KeyPath, what: str, remedy: str) -> Problem:
    return where(*path).problem(what, remedy)
