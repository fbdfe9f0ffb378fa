"""Uses the project's quota up, as a neighbour in the same project does: its limits become what is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubfleet_sandbox.openstack import catalogue, databases
from hubfleet_sandbox.openstack.rest import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.layout import Layout

KIND = "quota"
RESOURCES: Mapping[str, tuple[str, ...]] = {
    "nova": ("instances", "cores", "ram"),
    "cinder": ("volumes", "gigabytes"),
    "neutron": ("floatingip", "port", "security_group"),
}
"""By service: what is used up."""


def limits(layout: Layout, services: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """These services' limits as they are, for `restore`."""
    with _administrator(layout) as admin:
        project = _project(admin)
        found = {service: _details(admin, service, project) for service in services}
    return {service: {name: found[service][name]["limit"] for name in RESOURCES[service]} for service in services}


def use_up(layout: Layout, services: tuple[str, ...]) -> None:
    """Leave nothing of these services' quotas."""
    with _administrator(layout) as admin:
        project = _project(admin)
        for service in services:
            found = _details(admin, service, project)
            _limit(admin, service, project, {name: _used(found[name]) for name in RESOURCES[service]})


def restore(layout: Layout, kept: Mapping[str, Mapping[str, int]]) -> None:
    """Put limits back."""
    with _administrator(layout) as admin:
        project = _project(admin)
        for service, limits in kept.items():
            _limit(admin, service, project, limits)


def told(kept: Mapping[str, Mapping[str, int]]) -> str:
    """What was used up, for people."""
    return "; ".join(f"{service}: {', '.join(limits)}" for service, limits in kept.items())


def _administrator(layout: Layout) -> Session:
    return Session(layout, "admin", databases.read(layout.openstack).secrets.admin, "admin")


def _project(admin: Session) -> str:
    return str(admin.get("keystone", f"/projects?name={catalogue.PROJECT}")["projects"][0]["id"])


def _details(admin: Session, service: str, project: str) -> dict[str, Any]:
    """Limit and use of each resource."""
    if service == "neutron":
        found: dict[str, Any] = admin.get(service, f"/quotas/{project}/details.json")["quota"]
    elif service == "cinder":
        found = admin.get(service, f"/os-quota-sets/{project}?usage=true")["quota_set"]
    else:
        found = admin.get(service, f"/os-quota-sets/{project}/detail")["quota_set"]
    return found


def _used(found: Mapping[str, int]) -> int:
    return found.get("in_use", found.get("used", 0)) + found.get("reserved", 0)


def _limit(admin: Session, service: str, project: str, limits: Mapping[str, int]) -> None:
    if service == "neutron":
        admin.put(service, f"/quotas/{project}", {"quota": dict(limits)})
    else:
        admin.put(service, f"/os-quota-sets/{project}", {"quota_set": dict(limits)})
