"""The services' configuration files. What is not set here is OpenStack's own default."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubfleet_sandbox.layout import Layout

REGION = "IU"  # Jetstream2's
DRIVER_CHART = "0.16.0"
"""The version of the `openstack-cluster` chart for templates that name none (the driver's own default: 0.10.1)."""

_POLICY = "cinder-policy.yaml"
# There is no cinder-volume to say that a volume is there. Whoever owns it may (nodes.volume_records does).
_CINDER_POLICY = {"volume_extension:volume_admin_actions:reset_status": "role:admin or project_id:%(project_id)s"}

Settings = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Secrets:
    """Passwords of the databases that were seeded with them. `services` is that of every service's user."""

    admin: str
    services: str
    user: str


def write(layout: Layout, venv: Path, secrets: Secrets) -> None:
    """Write `SERVICE.conf` for every service into the sandbox's OpenStack folder, readable by its owner only."""
    settings = {
        "keystone": _keystone(layout),
        "glance": _glance(layout, venv),
        "nova": _nova(layout, venv, secrets),
        "neutron": _neutron(layout, venv),
        "cinder": _cinder(layout, venv),
        "magnum": _magnum(layout, venv, secrets),
    }
    layout.openstack.mkdir(parents=True, exist_ok=True)
    for name, sections in settings.items():
        sections["oslo_concurrency"] = {"lock_path": layout.openstack / "locks"}
        if name != "keystone":
            sections["keystone_authtoken"] = _middleware(layout, name, secrets)
        _write(file(layout, name), sections)
    (layout.openstack / _POLICY).write_text(yaml.safe_dump(_CINDER_POLICY))


def file(layout: Layout, service: str) -> Path:
    """The configuration file of a service, under the name that it looks for."""
    return layout.openstack / f"{'glance-api' if service == 'glance' else service}.conf"


def database(layout: Layout, name: str) -> str:
    """The address of a database."""
    return f"sqlite:///{layout.openstack}/{name}.db"


def identity(layout: Layout) -> str:
    """Keystone's address, as clients need it."""
    return f"{layout.url('keystone')}/v3"


def _write(path: Path, sections: Mapping[str, Mapping[str, object]]) -> None:
    parser = configparser.RawConfigParser(default_section="")
    parser.read_dict({section: {key: str(value) for key, value in keys.items()} for section, keys in sections.items()})
    path.touch(0o600)
    with path.open("w") as stream:
        parser.write(stream)


def _middleware(layout: Layout, user: str, secrets: Secrets) -> dict[str, object]:
    login, more = _login(layout, user, secrets), {"region_name": REGION, "service_token_roles_required": "false"}
    return {"www_authenticate_uri": identity(layout), **login, **more}


def _login(layout: Layout, user: str, secrets: Secrets) -> dict[str, object]:
    return {
        "auth_url": identity(layout),
        "auth_type": "password",
        "username": user,
        "password": secrets.services,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }


def _keystone(layout: Layout) -> Settings:
    keys = layout.openstack
    return {
        "DEFAULT": {"use_stderr": "true"},
        "database": {"connection": database(layout, "keystone")},
        "token": {"provider": "fernet", "expiration": 86400},
        # As few rounds of bcrypt as it takes: they make guessing passwords slow, and the tests with it.
        "identity": {"password_hash_rounds": 4},
        # As sites have it (there in memcached): every service asks about every new token, which takes long to look up.
        "cache": {"enabled": "true", "backend": "dogpile.cache.memory"},
        "fernet_tokens": {"key_repository": keys / "fernet-keys"},
        "fernet_receipts": {"key_repository": keys / "fernet-keys"},
        "credential": {"key_repository": keys / "credential-keys"},
    }


def _glance(layout: Layout, venv: Path) -> Settings:
    stores = layout.openstack
    return {
        "DEFAULT": {"enabled_backends": "fs:file", "worker_self_reference_url": layout.url("glance")},
        "database": {"connection": database(layout, "glance")},
        "glance_store": {"default_backend": "fs"},
        "fs": {"filesystem_store_datadir": stores / "images"},
        "os_glance_staging_store": {"filesystem_store_datadir": stores / "images-staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": stores / "images-tasks"},
        "paste_deploy": {"flavor": "keystone", "config_file": venv / "etc/glance/glance-api-paste.ini"},
    }


def _nova(layout: Layout, venv: Path, secrets: Secrets) -> Settings:
    client = {"region_name": REGION, **_login(layout, "nova", secrets)}
    return {
        "DEFAULT": {
            "transport_url": "fake://",
            "state_path": layout.openstack / "nova",
            "host": "sandbox",
            # The host that is played (inside/nova_hosts.py) is there whenever Nova is, and reports nothing.
            "service_down_time": 10 * 365 * 86400,
        },
        "api_database": {"connection": database(layout, "nova_api")},
        "database": {"connection": database(layout, "nova")},
        "wsgi": {"api_paste_config": venv / "etc/nova/api-paste.ini"},
        # Limits count what exists; there are no Placement and no compute node to ask.
        "quota": {"count_usage_from_placement": "false"},
        "neutron": client,
        "glance": {"region_name": REGION},
        "cinder": {"os_region_name": REGION},
    }


def _neutron(layout: Layout, venv: Path) -> Settings:
    return {
        "DEFAULT": {
            "core_plugin": "ml2",
            "service_plugins": "router",
            "transport_url": "fake://",
            "auth_strategy": "keystone",
            "api_paste_config": venv / "etc/neutron/api-paste.ini",
            "state_path": layout.openstack / "neutron",
            "notify_nova_on_port_status_changes": "false",
            "notify_nova_on_port_data_changes": "false",
        },
        "database": {"connection": database(layout, "neutron")},
        "ml2": {
            "type_drivers": "flat,vxlan",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": "public"},
        "ml2_type_vxlan": {"vni_ranges": "1:1000"},
    }


def _cinder(layout: Layout, venv: Path) -> Settings:
    return {
        "DEFAULT": {
            "transport_url": "fake://",
            "auth_strategy": "keystone",
            "api_paste_config": venv / "etc/cinder/api-paste.ini",
            "state_path": layout.openstack / "cinder",
            "default_volume_type": "__DEFAULT__",
            # Without it Cinder refuses to look a volume up by its name, as `openstack volume delete NAME` does.
            "resource_query_filters_file": venv / "etc/cinder/resource_filters.json",
        },
        "oslo_policy": {"policy_file": layout.openstack / _POLICY},
        "database": {"connection": database(layout, "cinder")},
    }


def _magnum(layout: Layout, venv: Path, secrets: Secrets) -> Settings:
    """Magnum's polling of clusters every 10 s is fixed in its source (magnum/service/periodic.py:159), and stays."""
    clients = ("glance_client", "nova_client", "neutron_client", "cinder_client", "magnum_client")
    settings: Settings = {name: {"region_name": REGION} for name in clients}
    own: Settings = {
        "keystone_auth": _middleware(layout, "magnum", secrets),
        "DEFAULT": {"transport_url": "fake://", "host": "sandbox", "state_path": layout.openstack / "magnum"},
        "api": {
            "host": "127.0.0.1",
            "port": layout.port("magnum"),
            "api_paste_config": venv / "etc/magnum/api-paste.ini",
        },
        "database": {"connection": database(layout, "magnum")},
        "certificates": {"cert_manager_type": "x509keypair"},
        "cluster": {"temp_cache_dir": layout.openstack / "magnum-certificates"},
        "oslo_messaging_notifications": {"driver": "noop"},
        "drivers": {"verify_ca": "true"},
        "capi_helm": {
            "kubeconfig_file": layout.management_kubeconfig,
            "helm_chart_repo": layout.url("charts"),
            "helm_chart_name": "openstack-cluster",
            "default_helm_chart_version": DRIVER_CHART,
            "namespace_prefix": "magnum",
        },
    }
    return settings | own
