"""The service by which `hubfleet check` tries a hub: it may make one user and that user's server, no more. Pure."""

from __future__ import annotations

from typing import Any

from hubfleet.hubs.release import Generated

SERVICE = "hubfleet-check"
"""Name of the service and of its role, in JupyterHub."""
USER = "HUBFLEET-CHECK"
"""The test user. Nobody else can have this name: JupyterHub makes the name of whoever logs in lower case, whatever the
authenticator (5.5 jupyterhub/auth.py, normalize_username)."""
TOKEN = Generated("check-token", ("hub", "services", SERVICE, "apiToken"), length=48)
_SCOPES = ("admin:users", "servers", "access:servers")


def values() -> dict[str, Any]:
    """For both charts. The token is generated; every scope ends at the test user."""
    role = {"services": [SERVICE], "scopes": [f"{scope}!user={USER}" for scope in _SCOPES]}
    return {"hub": {"services": {SERVICE: {}}, "loadRoles": {SERVICE: role}}}
