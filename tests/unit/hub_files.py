"""Cluster files with a hub, and the releases they become, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hubfleet.hubs import Release, releases
from hubfleet.provider import Description, ExistingCluster, Traits
from hubfleet.spec import Cluster, resolve
from tests.unit import cluster_files

LABEL = "example.org/pool"
TWO_POOLS = {"core": {"machine": "m", "runs": ["core"]}, "user": {"machine": "m", "runs": ["users"]}}

_CLIENT = {"client_id": "abc", "client_secret": "${env:GITHUB}"}
_ENDPOINTS = {f"{name}_url": f"https://id.uni.edu/{name}" for name in ("authorize", "token", "userdata")}
_UNIVERSITY = {"username_claim": "eppn", "strip_domain": "uni.edu", "allow_all": True, "default": True}
_ORCID = {"username_claim": "sub", "prefix": "orcid", "allowed_domains": ["*.uni.edu"]}
_GROUPS = {"administrator": "boss", "service_account_key": "${env:TOKEN}", "allowed": ["staff"], "admins": ["ops"]}
WAYS: dict[str, dict[str, Any]] = {
    "shared_password": {},
    "github": {**_CLIENT, "organizations": ["lab", "uni:physics"], "allowed_users": ["grace"]},
    "cilogon": {
        **_CLIENT,
        "idps": {"https://idp.uni.edu/shibboleth": _UNIVERSITY, "http://orcid.org/oauth/authorize": _ORCID},
        "groups_claim": "isMemberOf",
        "admin_groups": ["ops"],
    },
    "google": {**_CLIENT, "hosted_domains": ["uni.edu"], "allow_all": True, "groups": {"uni.edu": _GROUPS}},
    "globus": {**_CLIENT, "identity_provider": "uni.edu", "allowed_groups": ["g-1"], "admin_groups": ["g-2"]},
    "generic_oauth": {
        **_CLIENT,
        **_ENDPOINTS,
        "login_service": "Uni",
        "groups_claim": "groups",
        "allowed_groups": ["staff"],
        "admin_groups": ["ops"],
    },
    "lti": {
        "client_ids": ["1", "2"],
        "issuer": "https://canvas.uni.edu",
        "authorize_url": "https://canvas.uni.edu/api/lti/authorize_redirect",
        "jwks_endpoint": "https://canvas.uni.edu/api/lti/security/jwks",
        "username_key": "custom_login",
        "allowed_users": ["grace"],
    },
    "native": {"allowed_users": ["grace"], "minimum_password_length": 12},
}
"""Every way to log in that hubfleet computes, with every key that it has (`allow_all` and `open_signup` where that is
no open hub)."""


def load(
    folder: Path, *, pools: dict[str, Any] | None = None, top: dict[str, Any] | None = None, **hub: Any
) -> Cluster:
    """A cluster file with one hub, `main`, that has these keys; its secrets looked up."""
    tree = cluster_files.hub(**hub) | {"pools": pools or TWO_POOLS} | {"ingress": {}} | (top or {})
    return resolve(cluster_files.load(folder, tree), {"GITHUB": "gh-s3cret", "TOKEN": "t0k3n"})


def describe(cluster: Cluster, **changes: Any) -> Description:
    """What a provider would say: every pool's nodes carry LABEL."""
    traits = changes.pop("traits", Traits(min_pool_nodes=1, pool_label=LABEL))
    placement = changes.pop("placement", {name: {LABEL: name} for name in cluster.pools})
    return Description(ExistingCluster(cluster.name, None, None), traits, placement)


def release(folder: Path, *, description: dict[str, Any] | None = None, **file: Any) -> Release:
    """The release of the hub `main`."""
    cluster = load(folder, **file)
    (found,) = (one for one in releases(cluster, describe(cluster, **(description or {}))) if one.hub)
    return found


def labeller(folder: Path, *, description: dict[str, Any] | None = None, **file: Any) -> Release | None:
    """The release of the labeller, where there is one."""
    cluster = load(folder, **file)
    found = releases(cluster, describe(cluster, **(description or {})))
    return next((one for one in found if one.name == "hubfleet-labeller"), None)


def other(found: Release, **changes: Any) -> Release:
    """The same with other fields."""
    return replace(found, **changes)
