"""Whether anybody on the internet may log in to a hub: asked of its merged values, which may say otherwise than the
hub's `auth`. Pure.

What Python code in `hub.extraConfig` does is not seen. Traits as in the authenticators of Zero to JupyterHub 4.4's hub
image, to which jupyterhub-tmpauthenticator 1.0 and jupyterhub-firstuseauthenticator 1.1 belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from hubfleet.hubs import charts
from hubfleet.spec import Cluster, KeyPath, Layer, Problem, merge, origin, trees

Values = Mapping[str, Any]
_CONFIG = ("hub", "config")
_NAMES = {
    "azuread": "AzureAdOAuthenticator",
    "bitbucket": "BitbucketOAuthenticator",
    "cilogon": "CILogonOAuthenticator",
    "dummy": "DummyAuthenticator",
    "firstuse": "FirstUseAuthenticator",
    "firstuseauthenticator": "FirstUseAuthenticator",
    "generic-oauth": "GenericOAuthenticator",
    "github": "GitHubOAuthenticator",
    "gitlab": "GitLabOAuthenticator",
    "globus": "GlobusOAuthenticator",
    "google": "GoogleOAuthenticator",
    "mediawiki": "MWOAuthenticator",
    "native": "NativeAuthenticator",
    "null": "NullAuthenticator",
    "tmp": "TmpAuthenticator",
}
"""What JupyterHub knows authenticators by, besides the paths of their classes, and a class each."""
_NARROWED_BY = {
    "AzureAdOAuthenticator": "tenant_id",
    "BitbucketOAuthenticator": "",
    "GitHubOAuthenticator": "github_url",
    "GitLabOAuthenticator": "gitlab_url",
    "GlobusOAuthenticator": "identity_provider",
    "GoogleOAuthenticator": "hosted_domain",
    "MWOAuthenticator": "mw_index_url",
}
"""Where anybody can have an account, unless this trait says where it has to be."""
_PUBLIC = ("github.com", "gitlab.com", "google.com", "login.microsoftonline.com", "orcid.org", "globus.org")
"""Hosts of identity providers at which anybody can have an account."""
_NOT_NARROW = ("common", "consumers", "globusid.org")
"""Entra ID's tenants of everybody, and the domain of Globus' own accounts."""
_CHOOSE = "set hub.config.JupyterHub.authenticator_class in them, or choose another way to log in here"
_REMEDY = "say who may, or let anybody: `open: true` in the hub"


def problems(hub: str, cluster: Cluster, layers: Sequence[Layer], values: Values) -> Iterator[Problem]:
    """What lets anybody in to a hub of which the file does not say that it is `open`. `values`: the merged layers."""
    wanted, chart = cluster.hubs[hub], charts.chart(hub, cluster)
    inside = chart.inside
    values = merge(charts.given(chart), trees.map_at(values, inside))
    if (
        wanted.auth is not None
        and wanted.auth.in_values is not None
        and "/" not in wanted.chart
        and not _class(_map(_map(values, "hub"), "config"))
    ):
        place = cluster.place("hubs", hub, "auth", "in_values")
        yield place.problem("no values choose an authenticator_class: the chart's own lets everybody in", _CHOOSE)
    found = None if wanted.open or wanted.anonymous else lets_in(values)
    if found:
        path, why = found
        what = f"anybody on the internet could log in: {why}"
        try:
            cause = origin(cluster, layers, (*inside, *path))
        except LookupError:  # nobody's values say so, but those of the chart itself
            yield cluster.place("hubs", hub, "chart").problem(f"{what}, as {chart} has it", _REMEDY)
        else:
            yield Problem(cause.position, what, cause.key, _REMEDY)


def lets_in(values: Values) -> tuple[KeyPath, str] | None:
    """The path in these values of Zero to JupyterHub that lets anybody in, and how; None where nothing does."""
    config = _map(_map(values, "hub"), "config")
    chosen = _class(config)
    short = _NAMES.get(chosen.lower().removeprefix("local-"))
    name = short or chosen.rpartition(".")[2].removeprefix("Local")
    traits = _Traits(config, name)
    by_class = (*_CONFIG, "JupyterHub", "authenticator_class")
    match name:
        case "DummyAuthenticator" if not traits.get("password"):
            return by_class, "this authenticator believes whatever name it is given"
        case "TmpAuthenticator" | "NullAuthenticator":
            return by_class, "this authenticator asks nobody who they are"
        case "FirstUseAuthenticator" if traits.get("create_users") is not False:
            return by_class, "a name belongs to whoever types a password for it first"
        case "NativeAuthenticator" if traits.get("open_signup"):
            return traits.path("open_signup"), "who signs up needs nobody's leave"
        case "CILogonOAuthenticator":
            return _through_cilogon(traits)
        case _ if traits.get("allow_all") and _anybodys(name, traits):
            return traits.path("allow_all"), "anybody can have an account with this provider"
        case _:
            return None


def _class(config: Values) -> str:
    return str(_map(config, "JupyterHub").get("authenticator_class") or "")


def _anybodys(name: str, traits: _Traits) -> bool:
    """Anybody can have an account with the provider of this authenticator."""
    if name == "GenericOAuthenticator":
        return _public(str(traits.get("authorize_url")))
    if name not in _NARROWED_BY:
        return False
    narrow = traits.get(_NARROWED_BY[name])
    return not narrow or narrow in _NOT_NARROW or _public(str(narrow))


def _through_cilogon(traits: _Traits) -> tuple[KeyPath, str] | None:
    idps = _map(traits.section("idps"), "idps")
    for entity in filter(_public, idps):
        path, why = (*traits.path("idps"), entity), f"anybody can have an account with {entity}"
        if traits.get("allow_all"):
            return traits.path("allow_all"), why
        if _map(idps, entity).get("allow_all"):
            return (*path, "allow_all"), why
        domains = _map(idps, entity).get("allowed_domains")
        if isinstance(domains, list) and any(not str(one).strip("*?") for one in cast("Sequence[object]", domains)):
            return (*path, "allowed_domains"), why
    return None


def _public(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return any(host == one or host.endswith(f".{one}") for one in _PUBLIC)


class _Traits:
    """An authenticator's traits as JupyterHub will have them: what is said of a class counts more than what is said of
    those that it is made from."""

    def __init__(self, config: Values, name: str) -> None:
        self._sections = (f"Local{name}", name, "LocalAuthenticator", "OAuthenticator", "Authenticator")
        self._config = config

    def _where(self, trait: str) -> str:
        return next((one for one in self._sections if _map(self._config, one).get(trait) is not None), "")

    def section(self, trait: str) -> Values:
        """The section of the configuration that sets it; {} where none does."""
        return _map(self._config, self._where(trait))

    def get(self, trait: str) -> Any:
        """Its value; None where nothing sets it."""
        return self.section(trait).get(trait)

    def path(self, trait: str) -> KeyPath:
        """Where in the values it is set."""
        return (*_CONFIG, self._where(trait), trait)


def _map(values: Values, key: str) -> Values:
    """The map at this key; {} where there is none."""
    found = values.get(key)
    return cast("Values", found) if isinstance(found, Mapping) else {}
