"""Programs beside a hub that people reach through it, or that ask its API: JupyterHub's services and their roles. Pure.

Scopes and roles as in JupyterHub 5.5 (docs/source/rbac; jupyterhub/roles.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.hubs.release import Generated
from hubfleet.spec import Causes, Hub, KeyPath

Values = dict[str, Any]


def values(hub: Hub) -> Values:
    """For both charts; {} where the file names none."""
    if not hub.services:
        return {}
    services: Values = {}
    roles: Values = {}
    for name, one in hub.services.items():
        services[name] = {
            "display": one.display,
            **({"url": one.url} if one.url else {}),
            **({"apiToken": one.token} if one.token else {}),
        }
        if one.scopes:
            roles[name] = {"services": [name], "scopes": [*one.scopes]}
        if one.url and one.groups:
            roles[f"{name}-users"] = {"groups": [*one.groups], "scopes": [_reach(name)]}
    return {"hub": {"services": services, "loadRoles": roles | of_users(hub)}}


def of_users(hub: Hub, *others: str) -> Values:
    """What every user may do: all of their own, and reach those services that are for everybody, and these `others`.
    JupyterHub's own role lets them reach none; {} where there are none."""
    names = [*others, *(name for name, one in hub.services.items() if one.url and not one.groups)]
    return {"user": {"scopes": ["self", *map(_reach, names)]}} if names else {}


def generated(hub: Hub) -> Iterator[Generated]:
    """The tokens that the file leaves out."""
    for name, one in hub.services.items():
        if one.token is None:
            yield Generated(f"service-{name}", ("hub", "services", name, "apiToken"), length=48)


def causes(hub: KeyPath, services: Hub) -> Causes:
    """From which keys of the file they come."""
    at = (*hub, "services")
    found: dict[KeyPath, list[KeyPath]] = {("hub", "loadRoles", "user"): [at]}
    for name in services.services:
        found[("hub", "services", name)] = [(*at, name)]
        found[("hub", "services", name, "url")] = [(*at, name, "url")]
        found[("hub", "services", name, "apiToken")] = [(*at, name, "token")]
        found[("hub", "services", name, "display")] = [(*at, name, "display"), (*at, name)]
        found[("hub", "loadRoles", name)] = [(*at, name, "scopes")]
        found[("hub", "loadRoles", f"{name}-users")] = [(*at, name, "groups")]
    return found


def _reach(service: str) -> str:
    return f"access:services!service={service}"
