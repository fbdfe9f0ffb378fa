"""How people log in to a hub, as values for JupyterHub 5. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubfleet.hubs.release import Generated
from hubfleet.spec import GitHub, Hub, Secret, SharedPassword

SHARED = "SharedPasswordAuthenticator"
USER_PASSWORD = Generated("user-password", ("hub", "config", SHARED, "user_password"), length=16)
ADMIN_PASSWORD = Generated("admin-password", ("hub", "config", SHARED, "admin_password"), length=32)
"""JupyterHub refuses an admin password of less than 32 characters (5.5, jupyterhub/authenticators/shared.py)."""


@dataclass(frozen=True)
class Login:
    """Values, and the secrets that must be made because the file leaves them out."""

    values: dict[str, Any]
    generated: tuple[Generated, ...] = ()


def of(hub: Hub, url: str) -> Login:
    """How people log in to this hub, which they find at `url`."""
    if hub.auth.github is not None:
        return _github(hub.auth.github, url)
    return _shared_password(hub.auth.shared_password or SharedPassword(), bool(hub.admins))


def _shared_password(auth: SharedPassword, admins: bool) -> Login:
    given: dict[str, Secret] = {}
    generated: list[Generated] = []
    for secret, one, wanted in (
        (auth.user_password, USER_PASSWORD, True),
        (auth.admin_password, ADMIN_PASSWORD, admins),
    ):
        if secret is not None:
            given[one.path[-1]] = secret
        elif wanted:
            generated.append(one)
    # Since JupyterHub 5.0 nobody may log in unless told so; whoever knows the password is meant to.
    config = {
        "JupyterHub": {"authenticator_class": "shared-password"},
        "Authenticator": {"allow_all": True},
        SHARED: given,
    }
    return Login({"hub": {"config": config}}, tuple(generated))


def _github(auth: GitHub, url: str) -> Login:
    github: dict[str, Any] = {
        "client_id": auth.client_id,
        "client_secret": auth.client_secret,
        "oauth_callback_url": f"{url}/hub/oauth_callback",
    }
    if auth.organizations:
        # Without read:org GitHub only tells of public memberships (oauthenticator 17, github.py allowed_organizations).
        github |= {"allowed_organizations": list(auth.organizations), "scope": ["read:org"]}
    if auth.allowed_users:
        github["allowed_users"] = list(auth.allowed_users)
    return Login({"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": github}}})
