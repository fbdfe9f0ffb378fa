"""How people log in to a hub."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, model_validator

from hubfleet.spec.models.fields import Model, Text
from hubfleet.spec.secrets import Secret


class SharedPassword(Model):
    """One password for all users and another for the admins; hubfleet makes and keeps those that are left out."""

    user_password: Secret | None = None
    """What everybody types who is not an admin; 8 characters or more."""
    admin_password: Secret | None = None
    """What the hub's `admins` type; 32 characters or more, and not the users' password."""


class GitHub(Model):
    """Login with GitHub, for an OAuth app whose callback is https://DOMAIN/hub/oauth_callback."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [key], "properties": {key: {"minItems": 1}}} for key in ("organizations", "allowed_users")
            ]
        }
    )

    client_id: Text
    """The OAuth app's client ID."""
    client_secret: Secret
    """The OAuth app's client secret."""
    organizations: tuple[Text, ...] = ()
    """Who may log in: members of these organizations (`org`) or teams (`org:team`)."""
    allowed_users: tuple[Text, ...] = ()
    """Who else may log in, by GitHub name."""

    @model_validator(mode="after")
    def _somebody(self) -> GitHub:
        if not (self.organizations or self.allowed_users):
            raise ValueError("give organizations or allowed_users: otherwise nobody could log in")
        return self


def _one_of_its_keys(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [key], "properties": {key: {"type": "object"}}} for key in schema["properties"]]


class Auth(Model):
    """How people log in: exactly one of these."""

    model_config = ConfigDict(json_schema_extra=_one_of_its_keys)

    shared_password: SharedPassword | None = None
    """One password for everybody; `{}` lets hubfleet make it. For courses, trials and closed networks."""
    github: GitHub | None = None
    """Login with GitHub."""

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
