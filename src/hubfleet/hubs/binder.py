"""What a BinderHub has around its JupyterHub: builds, a registry, repositories. Pure.

Values for the chart `binderhub` of 2026-04, in which those of Zero to JupyterHub stand under `jupyterhub`. Facts from
its values.yaml, templates/ and files/binderhub_config.py, and from binderhub/{app,build,registry}.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubfleet.hubs import charts, placement, profiles, services
from hubfleet.hubs.platform import entry, image_registry
from hubfleet.hubs.release import Generated
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Hub, KeyPath, merge
from hubfleet.spec.merging import put
from hubfleet.spec.models import Account, ElasticRegistry, InCluster

Values = dict[str, Any]
_SERVICE = "binder"
"""What JupyterHub knows BinderHub by: the chart's own name for it."""
_CLIENT = "service-binder"
"""Its name when it asks JupyterHub who somebody is; JupyterHub wants `service-` first (5.5, services/service.py)."""
_DOCKER_HUB = "dockerhub"
_PULL_PASSWORD = ("jupyterhub", "imagePullSecret", "password")
_PAGES = Generated("build-token", ("config", "BinderHub", "build_token_secret"), length=64, hexadecimal=True)
"""Where it has none BinderHub makes another whenever it starts: then who waits for a build at a page that it served
before is refused, as soon as his browser asks again."""
_PULLS = {"create": True, "automaticReferenceInjection": True}
"""Of the account with which nodes fetch images."""
_BUILDERS = {"dind": "dind", "podman": "pink"}
"""What builds, and the chart's word for it."""


def values(name: str, cluster: Cluster, description: Description, *, url: str, hub_url: str) -> Values:
    """Of the chart's own top level. `url`: where people find BinderHub; `hub_url`: its JupyterHub."""
    hub = cluster.hubs[name]
    where = _builds(cluster, description)
    core = placement.core(cluster, description)
    config: Values = {
        "hub_url": f"{hub_url}/",
        # Not by the world's way round: that address may not be reachable from inside, nor its certificate there yet.
        "hub_url_local": "http://proxy-public/",
        "badge_base_url": f"{url}/",
        "use_registry": True,
        "build_node_selector": where.get("nodeSelector", {}),
        "concurrent_build_limit": hub.builds.at_once,
        **_quotas(hub),
        **({} if hub.anonymous else {"auth_enabled": True}),
    }
    # One list for BinderHub and for what builds: the chart has no second.
    tolerated = [*core.get("tolerations", ()), *where.get("tolerations", ())]
    return merge(
        {"config": {"BinderHub": config}, "imageCleaner": {"enabled": True}},
        {"nodeSelector": core["nodeSelector"]} if "nodeSelector" in core else {},
        {"tolerations": list({str(one): one for one in tolerated}.values())} if tolerated else {},
        {"service": {"type": "ClusterIP"}, **entry.values(cluster, [hub.domain], entry.Shape.BINDERHUB)},
        _repositories(hub),
        _registry(hub),
        _builder(name, hub),
    )


def hub_values(hub: Hub, url: str) -> Values:
    """What its JupyterHub has besides, in the values of Zero to JupyterHub: nodes may pull what was built; and where
    people log in, BinderHub asks this hub who they are."""
    found: Values = {}
    account = hub.built_images
    if isinstance(account, InCluster):
        found["imagePullSecret"] = {**_PULLS, "registry": account.address, "username": image_registry.USER}
    elif isinstance(account, Account):
        found["imagePullSecret"] = {
            **_PULLS,
            "registry": account.login,
            "username": account.username,
            "password": account.password,
        }
    if hub.anonymous:
        return found
    service = {"oauth_client_id": _CLIENT, "oauth_no_confirm": True, "oauth_redirect_uri": f"{url}/oauth_callback"}
    return merge(
        found,
        {
            "hub": {
                "config": {"BinderSpawner": {"auth_enabled": True}},
                "redirectToServer": False,
                "services": {_SERVICE: service},
                "loadRoles": services.of_users(hub, _SERVICE),
            },
            # Its own way to start takes a token that only an anonymous user has.
            "singleuser": {"cmd": "jupyterhub-singleuser"},
        },
    )


def generated(name: str, hub: Hub) -> tuple[Generated, ...]:
    """What signs the tokens of its pages, and the password of a registry in the cluster: which builds push with, and
    nodes pull."""
    if not hub.builds_images:
        return ()
    if not isinstance(hub.built_images, InCluster):
        return (_PAGES,)
    password = image_registry.password(name)
    return (_PAGES, *(replace(password, path=path) for path in (("registry", "password"), _PULL_PASSWORD)))


def stand_ins(name: str, hub: Hub) -> Values:
    """Something of the right length for each of these, for whoever looks at values before there are any."""
    found: Values = {}
    for one in generated(name, hub):
        found = put(found, one.path, "x" * one.length)
    return found


def causes(hub: KeyPath) -> Causes:
    """From which keys of the file its own values come."""
    registry, pools = [(*hub, "registry")], [("pools",)]
    binder: KeyPath = ("config", "BinderHub")
    return {
        **entry.causes(),
        ("service",): [hub],
        ("ingress", "hosts"): [(*hub, "domain")],
        ("httpRoute", "hostnames"): [(*hub, "domain")],
        ("config",): [hub],
        **{(*binder, key): [(*hub, "hub_domain"), (*hub, "domain")] for key in ("hub_url", "hub_url_local")},
        (*binder, "badge_base_url"): [(*hub, "domain")],
        (*binder, "image_prefix"): registry,
        (*binder, "build_node_selector"): pools,
        (*binder, "concurrent_build_limit"): [(*hub, "builds", "at_once")],
        (*binder, "per_repo_quota"): [(*hub, "repositories", "quota")],
        (*binder, "per_repo_quota_higher"): [(*hub, "repositories", "high_quota")],
        (*binder, "auth_enabled"): [(*hub, "auth")],
        ("config", "RepoProvider", "allowed_specs"): [(*hub, "repositories", "allowed")],
        ("config", "RepoProvider", "banned_specs"): [(*hub, "repositories", "banned")],
        ("config", "RepoProvider", "high_quota_specs"): [(*hub, "repositories", "high_quota_for")],
        ("config", "GitHubRepoProvider"): [(*hub, "repositories", "github_token")],
        ("config", "DockerRegistry"): registry,
        ("config", "ElasticContainerRegistry"): registry,
        ("extraConfig",): registry,
        ("registry",): registry,
        ("imageBuilderType",): [(*hub, "builds", "by")],
        **{(builder, "resources"): [(*hub, "builds", "memory")] for builder in _BUILDERS.values()},
        **{(builder,): [hub] for builder in _BUILDERS.values()},
        ("imageCleaner",): [hub],
        ("nodeSelector",): pools,
        ("tolerations",): pools,
    }


def _quotas(hub: Hub) -> Values:
    of = hub.repositories
    high = {} if of.high_quota is None else {"per_repo_quota_higher": of.high_quota}
    return {"per_repo_quota": of.quota, **high}


def _repositories(hub: Hub) -> Values:
    """For every provider of repositories: each is a RepoProvider."""
    of = hub.repositories
    patterns = {"allowed_specs": of.allowed, "banned_specs": of.banned, "high_quota_specs": of.high_quota_for}
    given = {trait: list(found) for trait, found in patterns.items() if found}
    token = {"GitHubRepoProvider": {"access_token": of.github_token}} if of.github_token else {}
    return {"config": {**({"RepoProvider": given} if given else {}), **token}}


def _registry(hub: Hub) -> Values:
    registry, images = hub.registry, hub.built_images
    if registry is None or images is None:
        return {}
    config: Values = {"BinderHub": {"image_prefix": f"{images.folder}/{registry.prefix}"}}
    if registry.kind != _DOCKER_HUB:  # whose addresses, one for images and one for names, BinderHub knows
        config["DockerRegistry"] = {"url": images.address}
    if isinstance(images, InCluster):
        return {"config": config, "registry": {"url": images.address, "username": image_registry.USER}}
    if isinstance(images, Account):
        login = {"url": images.login, "username": images.username, "password": images.password}
        return {"config": config, "registry": login}
    return merge({"config": config}, _of_amazon(images) if isinstance(images, ElasticRegistry) else {})


def _of_amazon(images: ElasticRegistry) -> Values:
    """A class of ours that BinderHub asks: it gets passwords, which last twelve hours, and makes repositories. Nodes of
    Amazon's need nothing to pull."""
    key = {"access_key_id": images.access_key_id, "secret_access_key": images.secret_access_key}
    about = {"account": images.account, "region": images.region, "api": images.api}
    traits = about | {name: value for name, value in key.items() if value is not None}
    program = charts.program(charts.BINDER, "ecr.py")
    return {"config": {"ElasticContainerRegistry": traits}, "extraConfig": {"hubfleet-ecr": program}}


def _builder(name: str, hub: Hub) -> Values:
    """Its sockets and images have a place of their own on a node: two binder hubs of a cluster would share one."""
    word = _BUILDERS[hub.builds.by]
    key = "hostLibDir" if word == "dind" else "hostStorageDir"
    limits = {"resources": {"limits": {"memory": hub.builds.memory}}} if hub.builds.memory else {}
    places = {"hostSocketDir": f"/var/run/{word}-{name}", key: f"/var/lib/{word}-{name}"}
    return {"imageBuilderType": word, word: {**places, **limits}}


def _builds(cluster: Cluster, description: Description) -> Values:
    """Where images are built: on the pool for it, or where a server of the default size is."""
    named = next((name for name, pool in cluster.pools.items() if "builds" in pool.runs), None)
    pool = named or profiles.usual_pool(cluster)
    labels = description.placement.get(pool)
    taints = placement.tolerations(cluster.pools[pool].taints)
    return {**({"nodeSelector": dict(labels)} if labels else {}), **({"tolerations": taints} if taints else {})}
