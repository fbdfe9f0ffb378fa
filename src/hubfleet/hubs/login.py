"""How people log in to a hub, as values for JupyterHub 5. Pure.

Traits as in the authenticators of Zero to JupyterHub 4.4's hub image: oauthenticator 17.4, jupyterhub-ltiauthenticator
1.6, jupyterhub-nativeauthenticator 1.3. Since JupyterHub 5 nobody may log in unless told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hubfleet.hubs.release import Generated
from hubfleet.spec import Causes, Hub, KeyPath
from hubfleet.spec.models import auth as ways

SHARED = "SharedPasswordAuthenticator"
USER_PASSWORD = Generated("user-password", ("hub", "config", SHARED, "user_password"), length=16)
ADMIN_PASSWORD = Generated("admin-password", ("hub", "config", SHARED, "admin_password"), length=32)
"""JupyterHub refuses an admin password of less than 32 characters (5.5, jupyterhub/authenticators/shared.py)."""
Values = dict[str, Any]


_OF_ANY = {"allow_all", "allowed_users", "allow_existing_users"}
"""Traits that every authenticator has. They are set of them all, so that a hub's own values win in either place:
JupyterHub heeds those of the very class more than those of `Authenticator`."""


@dataclass(frozen=True)
class Login:
    """Values; from which of the hub's keys they come; the secrets to be made, which the file leaves out."""

    values: Values
    causes: Causes
    generated: tuple[Generated, ...] = ()


class _Trait(NamedTuple):
    """A trait of the authenticator, and the key of the way to log in that it comes from; "" is the whole of it."""

    name: str
    value: Any
    key: str = ""


class _Kind(NamedTuple):
    """An authenticator: its class, what JupyterHub knows it by, and what is set of it for a hub's address."""

    section: str
    authenticator: str
    traits: Callable[[Any, str], Iterator[_Trait]]


def of(hub: Hub, url: str) -> Login:
    """How people log in to this hub, which they find at `url`."""
    if hub.auth is None:
        return _nobody(hub)
    if hub.auth.in_values is not None:
        return Login({}, {})
    way, kind = hub.auth.way, _KINDS[hub.auth.way]
    config: dict[str, Values] = {"JupyterHub": {"authenticator_class": kind.authenticator}}
    causes: dict[KeyPath, list[KeyPath]] = {("hub", "config"): [("auth",)]}
    for one in kind.traits(getattr(hub.auth, way), url):
        if one.value not in (None, [], {}):
            section = "Authenticator" if one.name in _OF_ANY else kind.section
            config.setdefault(section, {})[one.name] = one.value
            causes["hub", "config", section, one.name] = [("auth", way, one.key) if one.key else ("auth", way)]
    causes["hub", "config", kind.section, "oauth_callback_url"] = [("domain",)]
    values: Values = {"hub": {"config": config}}
    if hub.auth.google and hub.auth.google.groups:
        values["hub"]["extraFiles"] = _key_files(hub.auth.google)
        causes["hub", "extraFiles"] = [("auth", "google", "groups")]
    return Login(values, causes, tuple(_generated(hub)))


def _nobody(hub: Hub) -> Login:
    """Whoever comes is somebody new: to JupyterHub itself, or to BinderHub, which makes its users."""
    config: Values = {"JupyterHub": {"authenticator_class": "null"}}
    if not hub.builds_images:
        config = {"JupyterHub": {"authenticator_class": "tmp"}, "Authenticator": {"allow_all": True}}
    return Login({"hub": {"config": config}}, {("hub", "config"): [("kind",)]})


def _shared_password(auth: ways.SharedPassword, _url: str) -> Iterator[_Trait]:
    yield _Trait("allow_all", True)  # whoever knows the password is meant to
    yield _Trait("user_password", auth.user_password, "user_password")
    yield _Trait("admin_password", auth.admin_password, "admin_password")


def _generated(hub: Hub) -> Iterator[Generated]:
    auth = hub.auth.shared_password if hub.auth else None
    if auth and auth.user_password is None:
        yield USER_PASSWORD
    if auth and auth.admin_password is None and hub.admins:
        yield ADMIN_PASSWORD


def _native(auth: ways.Native, _url: str) -> Iterator[_Trait]:
    # It knows by itself whom an admin let in; without allow_all JupyterHub would turn these away all the same.
    yield _Trait("allow_all", True)
    yield _Trait("open_signup", auth.open_signup, "open_signup")
    yield _Trait("allowed_users", list(auth.allowed_users), "allowed_users")
    yield _Trait("minimum_password_length", auth.minimum_password_length, "minimum_password_length")
    yield _Trait("check_common_password", True)
    # Ten guesses, then one a minute. Its own default is to count none (the defaults in its texts are not its traits').
    yield _Trait("allowed_failed_logins", 10)
    yield _Trait("seconds_before_next_try", 60)


def _lti(auth: ways.LTI, url: str) -> Iterator[_Trait]:
    for key in ("issuer", "authorize_url", "jwks_endpoint", "username_key"):
        yield _Trait(key, getattr(auth, key), key)
    yield _Trait("client_id", list(auth.client_ids), "client_ids")
    yield _Trait("uri_scheme", url.partition(":")[0])
    yield from _who(auth)
    # Otherwise whoever was in allowed_users once stays allowed for ever (jupyterhub 5.5, auth.py allow_existing_users).
    yield _Trait("allow_existing_users", False)


def _who(auth: ways.Way) -> Iterator[_Trait]:
    if isinstance(auth, ways.Everybody) and auth.allow_all:
        yield _Trait("allow_all", True, "allow_all")
    yield _Trait("allowed_users", list(auth.allowed_users), "allowed_users")


def _oauth(auth: ways.OAuth, url: str) -> Iterator[_Trait]:
    yield _Trait("client_id", auth.client_id, "client_id")
    yield _Trait("client_secret", auth.client_secret, "client_secret")
    yield _Trait("oauth_callback_url", f"{url}/hub/oauth_callback")
    yield from _who(auth)


def _claimed(auth: ways.Claimed, url: str, place: str) -> Iterator[_Trait]:
    """`place`: where the authenticator keeps what the provider says of a user."""
    yield from _oauth(auth, url)
    if auth.groups_claim:
        yield _Trait("manage_groups", True, "groups_claim")
        yield _Trait("auth_state_groups_key", f"{place}.{auth.groups_claim}", "groups_claim")
    yield _Trait("allowed_groups", list(auth.allowed_groups), "allowed_groups")
    yield _Trait("admin_groups", list(auth.admin_groups), "admin_groups")


def _github(auth: ways.GitHub, url: str) -> Iterator[_Trait]:
    yield from _oauth(auth, url)
    if auth.organizations:
        yield _Trait("allowed_organizations", list(auth.organizations), "organizations")
        # Without it GitHub only tells of public memberships (oauthenticator 17, github.py allowed_organizations).
        yield _Trait("scope", ["read:org"], "organizations")


def _cilogon(auth: ways.CILogon, url: str) -> Iterator[_Trait]:
    yield from _claimed(auth, url, "cilogon_user")
    yield _Trait("idps", {entity: _idp(one) for entity, one in auth.idps.items()}, "idps")


def _idp(one: ways.IdentityProvider) -> Values:
    name: Values = {"username_claim": one.username_claim}
    if one.strip_domain:
        name |= {"action": "strip_idp_domain", "domain": one.strip_domain}
    if one.prefix:
        name |= {"action": "prefix", "prefix": one.prefix}
    # Left out, the domain would be looked for in the user's name, which may be of the user's own choice.
    domains = {"allowed_domains": list(one.allowed_domains), "allowed_domains_claim": "email"}
    return {
        "username_derivation": name,
        **({"allow_all": True} if one.allow_all else {}),
        **(domains if one.allowed_domains else {}),
        **({"default": True} if one.default else {}),
    }


def _google(auth: ways.Google, url: str) -> Iterator[_Trait]:
    yield from _oauth(auth, url)
    yield _Trait("hosted_domain", list(auth.hosted_domains), "hosted_domains")
    groups = auth.groups.items()
    for trait, value in (
        ("google_service_account_keys", {domain: _key_file(domain) for domain, _ in groups}),
        ("gsuite_administrator", {domain: one.administrator for domain, one in groups}),
        ("allowed_google_groups", {domain: list(one.allowed) for domain, one in groups if one.allowed}),
        ("admin_google_groups", {domain: list(one.admins) for domain, one in groups if one.admins}),
    ):
        yield _Trait(trait, value, "groups")


def _key_file(domain: str) -> str:
    """Where the hub finds the key with which it asks for a Workspace's groups."""
    return f"/etc/jupyterhub/google/{domain}.json"


def _key_files(google: ways.Google) -> Values:
    """Files for the hub's pod."""
    return {
        f"google-{domain}": {"mountPath": _key_file(domain), "stringData": one.service_account_key}
        for domain, one in google.groups.items()
    }


def _globus(auth: ways.Globus, url: str) -> Iterator[_Trait]:
    yield from _oauth(auth, url)
    yield _Trait("identity_provider", auth.identity_provider, "identity_provider")
    yield _Trait("allowed_globus_groups", list(auth.allowed_groups), "allowed_groups")
    yield _Trait("admin_globus_groups", list(auth.admin_groups), "admin_groups")


def _generic(auth: ways.GenericOAuth, url: str) -> Iterator[_Trait]:
    yield from _claimed(auth, url, "oauth_user")
    for key in ("authorize_url", "token_url", "userdata_url", "username_claim", "login_service"):
        yield _Trait(key, getattr(auth, key), key)
    yield _Trait("scope", list(auth.scope), "scope")


_KINDS: Mapping[str, _Kind] = {
    "shared_password": _Kind(SHARED, "shared-password", _shared_password),
    "github": _Kind("GitHubOAuthenticator", "github", _github),
    "cilogon": _Kind("CILogonOAuthenticator", "cilogon", _cilogon),
    "google": _Kind("GoogleOAuthenticator", "google", _google),
    "globus": _Kind("GlobusOAuthenticator", "globus", _globus),
    "generic_oauth": _Kind("GenericOAuthenticator", "generic-oauth", _generic),
    # It has no short name: its distribution has no entry point.
    "lti": _Kind("LTI13Authenticator", "ltiauthenticator.lti13.auth.LTI13Authenticator", _lti),
    "native": _Kind("NativeAuthenticator", "native", _native),
}
