"""What the cloud's users are given: clouds.yaml files, and the openstack command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from hubfleet_sandbox.openstack import catalogue, configuration

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.openstack.databases import Seeded

ADMIN_CLOUDS = "admin-clouds.yaml"


def write(layout: Layout, seeded: Seeded) -> None:
    """Write the user's clouds.yaml (a cloud for each application credential) and the operator's (with passwords)."""
    layout.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    common = {"region_name": configuration.REGION, "interface": "public", "identity_api_version": 3}
    url = configuration.identity(layout)
    users: dict[str, object] = {
        name: {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": url,
                "application_credential_id": credential["id"],
                "application_credential_secret": credential["secret"],
            },
            **common,
        }
        for name, credential in seeded.credentials.items()
    }
    people = (("admin", seeded.secrets.admin, "admin"), (catalogue.USER, seeded.secrets.user, catalogue.PROJECT))
    operators: dict[str, object] = {
        name: {
            "auth": {
                "auth_url": url,
                "username": name,
                "password": password,
                "project_name": project,
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
            **common,
        }
        for name, password, project in people
    }
    _write(layout.clouds_yaml, users)
    _write(layout.home / ADMIN_CLOUDS, operators)


def _write(path: Path, clouds: dict[str, object]) -> None:
    path.touch(0o600)
    path.write_text(yaml.safe_dump({"clouds": clouds}, sort_keys=False))
