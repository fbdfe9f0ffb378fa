"""Fill an empty OpenStack with what the catalogue says, through its own APIs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from hubfleet_sandbox.openstack import catalogue, configuration
from hubfleet_sandbox.openstack.rest import Session

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.openstack.configuration import Secrets

# Type in Keystone's catalogue, and path of the endpoint.
_CATALOGUE = {
    "glance": ("image", "/"),
    "nova": ("compute", "/v2.1"),
    "neutron": ("network", "/"),
    "cinder": ("block-storage", "/v3"),
    "magnum": ("container-infra", "/v1"),
}


def identities(layout: Layout, secrets: Secrets) -> None:
    """Services, endpoints, users, projects and roles: needs Keystone alone, bootstrapped."""
    with Session(layout, "admin", secrets.admin, "admin") as admin:
        roles = {role["name"]: role["id"] for role in admin.get("keystone", "/roles")["roles"]}
        for role in catalogue.ROLES:
            if role not in roles:
                roles[role] = admin.post("keystone", "/roles", {"role": {"name": role}})["role"]["id"]
        services, project = _project(admin, "service"), _project(admin, catalogue.PROJECT)
        for name, (kind, path) in _CATALOGUE.items():
            _register(admin, name, kind, layout.url(name) + path)
            _user(admin, name, secrets.services, services, [roles["admin"], roles["service"]])
        _user(admin, catalogue.USER, secrets.user, project, [roles[role] for role in catalogue.ROLES])


def resources(layout: Layout, secrets: Secrets) -> None:
    """Flavors, quotas, networks, images, the key pair and the cluster templates: needs every service."""
    with (
        Session(layout, "admin", secrets.admin, "admin") as admin,
        Session(layout, catalogue.USER, secrets.user, catalogue.PROJECT) as user,
        ThreadPoolExecutor(3) as pool,
    ):
        parts = [
            pool.submit(_compute, admin, user),
            pool.submit(_network, admin, user),
            pool.submit(_images, admin),
            pool.submit(admin.put, "cinder", f"/os-quota-sets/{user.project}", {"quota_set": catalogue.VOLUME_QUOTA}),
        ]
        for part in parts:
            part.result()
        for template in catalogue.TEMPLATES:
            admin.post("magnum", "/clustertemplates", _template(template))


def application_credential(layout: Layout, secrets: Secrets, name: str, *, unrestricted: bool) -> dict[str, str]:
    """Make one for the user; its `id` and `secret`. Magnum's driver makes credentials itself: only with an
    unrestricted one is it allowed to (magnum_capi_helm 1.4.0, common/app_creds.py:63)."""
    with Session(layout, catalogue.USER, secrets.user, catalogue.PROJECT) as user:
        body = {"application_credential": {"name": name, "unrestricted": unrestricted}}
        made = user.post("keystone", f"/users/{user.user}/application_credentials", body)["application_credential"]
        return {"id": made["id"], "secret": made["secret"]}


def _project(admin: Session, name: str) -> str:
    made = admin.post("keystone", "/projects", {"project": {"name": name, "domain_id": "default"}})
    return str(made["project"]["id"])


def _register(admin: Session, name: str, kind: str, url: str) -> None:
    service = admin.post("keystone", "/services", {"service": {"name": name, "type": kind}})["service"]["id"]
    for interface in ("public", "internal", "admin"):
        endpoint = {"service_id": service, "interface": interface, "url": url, "region_id": configuration.REGION}
        admin.post("keystone", "/endpoints", {"endpoint": endpoint})


def _user(admin: Session, name: str, password: str, project: str, roles: list[str]) -> None:
    body = {"name": name, "password": password, "domain_id": "default", "default_project_id": project}
    user = admin.post("keystone", "/users", {"user": body})["user"]["id"]
    for role in roles:
        admin.put("keystone", f"/projects/{project}/users/{user}/roles/{role}")


def _compute(admin: Session, user: Session) -> None:
    for flavor in catalogue.FLAVORS:
        body = {"name": flavor.name, "vcpus": flavor.cores, "ram": flavor.memory, "disk": flavor.disk}
        admin.post("nova", "/flavors", {"flavor": body})
    admin.put("nova", f"/os-quota-sets/{user.project}", {"quota_set": catalogue.COMPUTE_QUOTA})
    user.post("nova", "/os-keypairs", {"keypair": {"name": catalogue.KEYPAIR, "public_key": _public_key()}})


def _public_key() -> str:
    """Of a new pair. The private half is forgotten: there is no machine to log in to."""
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode() + " deploy"


def _network(admin: Session, user: Session) -> None:
    external = {
        "name": catalogue.EXTERNAL_NETWORK,
        "router:external": True,
        "provider:network_type": "flat",
        "provider:physical_network": "public",
    }
    outside = admin.post("neutron", "/networks", {"network": external})["network"]["id"]
    subnet = {"network_id": outside, "cidr": catalogue.EXTERNAL_SUBNET, "ip_version": 4, "enable_dhcp": False}
    admin.post("neutron", "/subnets", {"subnet": {"name": "public-subnet", **subnet}})
    inside = user.post("neutron", "/networks", {"network": {"name": catalogue.USER_NETWORK}})["network"]["id"]
    subnet = {"network_id": inside, "cidr": catalogue.USER_RANGE, "ip_version": 4, "name": catalogue.USER_SUBNET}
    within = user.post("neutron", "/subnets", {"subnet": subnet})["subnet"]["id"]
    router = {"name": catalogue.USER_ROUTER, "external_gateway_info": {"network_id": outside}}
    gateway = user.post("neutron", "/routers", {"router": router})["router"]["id"]
    user.put("neutron", f"/routers/{gateway}/add_router_interface", {"subnet_id": within})
    admin.put("neutron", f"/quotas/{user.project}", {"quota": catalogue.NETWORK_QUOTA})


def _images(admin: Session) -> None:
    for name, version in {template.image: template.kubernetes for template in catalogue.TEMPLATES}.items():
        image = {
            "name": name,
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "public",
            "os_distro": "ubuntu",  # the driver refuses an image without these two (driver.py:588)
            "kube_version": version,
        }
        made = admin.post("glance", "/images", image)
        admin.upload(
            f"/images/{made['id']}/file", b"The sandbox's nodes are no virtual machines: nothing boots this.\n"
        )


def _template(template: catalogue.Template) -> dict[str, object]:
    return {
        "name": template.name,
        "coe": "kubernetes",
        "public": True,
        "image_id": template.image,
        "external_network_id": catalogue.EXTERNAL_NETWORK,
        "flavor_id": catalogue.TEMPLATE_FLAVOR,
        "master_flavor_id": catalogue.TEMPLATE_FLAVOR,
        "network_driver": "calico",
        "master_lb_enabled": True,
        "floating_ip_enabled": False,
        "dns_nameserver": "8.8.8.8",
        "labels": template.labels,
    }
