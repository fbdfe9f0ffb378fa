"""How people log in to a hub.

The keys mean what the authenticators of Zero to JupyterHub 4.4's hub image make of them: oauthenticator 17.4,
jupyterhub-ltiauthenticator 1.6, jupyterhub-nativeauthenticator 1.3, JupyterHub 5.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

from pydantic import ConfigDict, Field, model_validator

from hubfleet.spec.models.fields import NO_OTHER_NAMES, Address, Domain, Entity, Model, Text
from hubfleet.spec.secrets import Secret


class SharedPassword(Model):
    """One password for all users and another for the admins; hubfleet makes and keeps those that are left out."""

    user_password: Secret | None = None
    """What everybody types who is not an admin; 8 characters or more."""
    admin_password: Secret | None = None
    """What the hub's `admins` type; 32 characters or more, and not the users' password."""


class Native(Model):
    """Accounts of the hub's own: people sign up with a name and a password, and an admin lets them in (/hub/authorize).
    An admin, too, first signs up."""

    open_signup: bool = False
    """Whether who has signed up may log in at once. Then the hub also needs `open: true`."""
    allowed_users: tuple[Text, ...] = ()
    """Names that need no admin's leave: whoever signs up first under one of them has it, as with `admins`."""
    minimum_password_length: Annotated[int, Field(ge=8, le=64)] = 10
    """Characters that a password must have. Well-known ones are refused too."""


def _somebody_may(schema: dict[str, Any], model: type[Model]) -> None:
    given = {"array": {"minItems": 1}, "boolean": {"const": True}, "object": {"minProperties": 1}}
    rules = {key: given[schema["properties"][key]["type"]] for key in cast("type[Way]", model).lets_in}
    schema["anyOf"] = [{"required": [key], "properties": {key: rule}} for key, rule in rules.items()]


class InValues(Model):
    """hubfleet computes nothing: the hub's own `values` and `values_files` choose JupyterHub's `authenticator_class`
    and say who may. For hubs that come with such values."""


class Way(Model):
    """A way to log in of which the file says who may: without that, nobody."""

    model_config = ConfigDict(json_schema_extra=_somebody_may)
    lets_in: ClassVar[tuple[str, ...]]
    """The keys that let people in: one of them must say something."""

    allowed_users: tuple[Text, ...] = ()
    """Who may log in, by their names on the hub."""

    @model_validator(mode="after")
    def _somebody(self) -> Way:
        if not self._lets_somebody_in():
            *others, last = self.lets_in
            raise ValueError(f"give {', '.join(others)} or {last}: otherwise nobody could log in")
        return self

    def _lets_somebody_in(self) -> bool:
        return any(getattr(self, key) for key in self.lets_in)


class OAuth(Way):
    """A provider at which the hub is registered."""

    client_id: Text
    """The client ID that the provider gave the hub."""
    client_secret: Secret
    """The client secret that goes with it."""


class Everybody(Model):
    """A provider all of whose users may be let in."""

    allow_all: bool = False
    """Let in everybody whom the provider knows. Where anybody can have an account, the hub also needs `open: true`."""


class Claimed(OAuth):
    """A provider that may tell a user's groups in a claim."""

    groups_claim: Text | None = None
    """The claim that lists a user's groups (Keycloak: `groups`, CILogon: `isMemberOf`). With it, they are the user's
    groups on the hub, and cannot be changed there."""
    allowed_groups: tuple[Text, ...] = ()
    """Who may log in: members of these groups. Needs `groups_claim`."""
    admin_groups: tuple[Text, ...] = ()
    """Groups whose members are admins, and may log in; who leaves them and is not in `admins` is none any more. Needs
    `groups_claim`."""

    @model_validator(mode="after")
    def _told_by_a_claim(self) -> Claimed:
        for key in ("allowed_groups", "admin_groups"):
            if getattr(self, key) and not self.groups_claim:
                raise ValueError(f"{key} needs groups_claim: the name of the claim that lists a user's groups")
        return self


class GitHub(Everybody, OAuth):
    """Login with GitHub, for an OAuth app whose callback is https://DOMAIN/hub/oauth_callback."""

    lets_in = ("organizations", "allowed_users", "allow_all")

    organizations: tuple[Text, ...] = ()
    """Who may log in: members of these organizations (`org`) or teams (`org:team`)."""


class IdentityProvider(Model):
    """An identity provider that CILogon knows: a university, or ORCID, Google, GitHub."""

    username_claim: Text
    """The claim that is a user's name on the hub: `email`, `eppn`, `preferred_username`, ..."""
    strip_domain: Domain | None = None
    """The domain that is taken off the end of names: `uni.edu` makes `ada` of ada@uni.edu."""
    prefix: Text | None = None
    """What is put before names: `google` makes google:ada@uni.edu. It keeps apart whom two providers call the same."""
    allow_all: bool = False
    """Let in everybody of this provider. Where anybody can have an account, the hub also needs `open: true`."""
    allowed_domains: tuple[Text, ...] = ()
    """Let in whose e-mail address, as the provider tells it, is of these domains; `*.uni.edu` works."""
    default: bool = False
    """Whether it is chosen already when people come to choose theirs."""

    @model_validator(mode="after")
    def _one_change_of_names(self) -> IdentityProvider:
        if self.strip_domain and self.prefix:
            raise ValueError("has strip_domain and prefix: a name is changed in one way or not at all")
        return self


class CILogon(Claimed):
    """Login with CILogon, and so with one's university, for a client whose callback is
    https://DOMAIN/hub/oauth_callback."""

    model_config = ConfigDict(json_schema_extra={})
    lets_in = ("allow_all or allowed_domains of one of the idps", "allowed_users", "allowed_groups", "admin_groups")

    idps: Annotated[Mapping[Entity, IdentityProvider], NO_OTHER_NAMES, Field(min_length=1)]
    """The identity providers that people may come from, by EntityID (https://cilogon.org/idplist)."""

    def _lets_somebody_in(self) -> bool:
        some = any(one.allow_all or one.allowed_domains for one in self.idps.values())
        return some or bool(self.allowed_users or self.allowed_groups or self.admin_groups)


class GoogleGroups(Model):
    """Groups of a Google Workspace, and what the hub needs to ask who is in them."""

    administrator: Text
    """An administrator of the Workspace, by the name before the @, on whose behalf the hub asks."""
    service_account_key: Secret
    """The JSON key of a service account with domain-wide delegation of `admin.directory.group.readonly`."""
    allowed: tuple[Text, ...] = ()
    """Who may log in: members of these groups, by the name before the @."""
    admins: tuple[Text, ...] = ()
    """Groups whose members are admins, and may log in; who leaves them and is not in `admins` is none any more."""

    @model_validator(mode="after")
    def _for_something(self) -> GoogleGroups:
        if not (self.allowed or self.admins):
            raise ValueError("give allowed or admins: otherwise nothing is asked of the groups")
        return self


class Google(Everybody, OAuth):
    """Login with Google, for an OAuth client whose redirect URI is https://DOMAIN/hub/oauth_callback."""

    lets_in = ("allowed_users", "groups", "allow_all")

    hosted_domains: tuple[Domain, ...] = ()
    """Only accounts of these Google Workspaces may come at all: with `allow_all`, each of them may log in. Names on the
    hub are e-mail addresses; with one domain here, what is before its @."""
    groups: Annotated[Mapping[Domain, GoogleGroups], NO_OTHER_NAMES] = Field(default_factory=dict[str, GoogleGroups])
    """Groups of Workspaces, by domain."""


class Globus(Everybody, OAuth):
    """Login with Globus, for an app whose redirect is https://DOMAIN/hub/oauth_callback."""

    lets_in = ("allowed_users", "allowed_groups", "admin_groups", "allow_all")

    identity_provider: Domain | None = None
    """Only identities of this domain (`uni.edu`) may come at all: with `allow_all`, each of them may log in."""
    allowed_groups: tuple[Text, ...] = ()
    """Who may log in: members of these Globus groups, by UUID."""
    admin_groups: tuple[Text, ...] = ()
    """Globus groups, by UUID, whose members are admins, and may log in; who leaves them and is not in `admins` is none
    any more."""


class GenericOAuth(Everybody, Claimed):
    """Login with any other provider of OAuth 2 or OpenID Connect (Keycloak, Okta, Entra ID, ...), for a client whose
    callback is https://DOMAIN/hub/oauth_callback."""

    lets_in = ("allowed_users", "allowed_groups", "admin_groups", "allow_all")

    authorize_url: Address
    """Where people are sent to log in: `authorization_endpoint` of the provider's .well-known/openid-configuration."""
    token_url: Address
    """Its `token_endpoint`."""
    userdata_url: Address
    """Its `userinfo_endpoint`."""
    username_claim: Text = "preferred_username"
    """The claim that is a user's name on the hub. Take one that users cannot change by themselves."""
    scope: Annotated[tuple[Text, ...], Field(min_length=1)] = ("openid", "profile", "email")
    """What the provider is asked for."""
    login_service: Text | None = None
    """What people read on the button: Sign in with ..."""


class LTI(Everybody, Way):
    """Launch from a learning management system (Canvas, Moodle, ...) by LTI 1.3, for a tool whose login URL is
    https://DOMAIN/hub/lti13/oauth_login and whose redirect is https://DOMAIN/hub/lti13/oauth_callback."""

    lets_in = ("allowed_users", "allow_all")

    client_ids: Annotated[tuple[Text, ...], Field(min_length=1)]
    """The client IDs that the system gave the tool."""
    issuer: Address
    """What the system calls itself (`iss`): https://canvas.instructure.com."""
    authorize_url: Address
    """The system's authentication request URL."""
    jwks_endpoint: Address
    """Where the system shows its public keys."""
    username_key: Text = "email"
    """What of the launch is a user's name on the hub; `custom_NAME` for a custom field NAME. Take one that users cannot
    change by themselves. Where a launch does not have it, the system's own ID of the user (`sub`)."""


def _one_of_its_keys(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [key], "properties": {key: {"type": "object"}}} for key in schema["properties"]]


class Auth(Model):
    """How people log in: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=_one_of_its_keys)

    shared_password: SharedPassword | None = None
    """One password for everybody; `{}` lets hubfleet make it. For courses, trials and closed networks."""
    github: GitHub | None = None
    """Login with GitHub."""
    cilogon: CILogon | None = None
    """Login with CILogon: with one's university."""
    google: Google | None = None
    """Login with Google."""
    globus: Globus | None = None
    """Login with Globus."""
    generic_oauth: GenericOAuth | None = None
    """Login with another provider of OAuth 2 or OpenID Connect."""
    lti: LTI | None = None
    """Launch from a learning management system."""
    native: Native | None = None
    """Accounts of the hub's own."""
    in_values: InValues | None = None
    """As the hub's own values say: `in_values: {}`."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Auth:
        chosen = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if self.model_fields_set and not chosen:
            raise ValueError(
                "is empty: `shared_password: {}` lets hubfleet make the passwords, `github:` needs its keys"
            )
        if len(chosen) != 1:
            ways = ", ".join(type(self).model_fields)
            raise ValueError(f"choose exactly one of {ways}; here: {', '.join(chosen) or 'none'}")
        return self

    @property
    def way(self) -> str:
        """The key of the one that is chosen."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)
