import configparser
import stat
from pathlib import Path

import pytest
import yaml

from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.openstack import catalogue, clients, configuration, services
from hubfleet_sandbox.openstack.configuration import Secrets
from hubfleet_sandbox.openstack.databases import Seeded

SECRETS = Secrets(admin="for-admin", services="for-services", user="for-user")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state", tmp_path / "cache", slot=4, ports=18000)
    configuration.write(made, Path("/venv"), SECRETS)
    return made


def read(layout: Layout, service: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    assert parser.read(configuration.file(layout, service))
    return parser


def test_every_service_has_a_configuration_that_only_its_owner_reads(layout: Layout) -> None:
    for service in services.SERVICES:
        path = configuration.file(layout, service.name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connection = read(layout, service.name)["database"]["connection"]
        assert connection == f"sqlite:///{layout.openstack}/{service.name}.db"


def test_every_service_checks_tokens_at_this_sandboxs_keystone(layout: Layout) -> None:
    for service in services.SERVICES:
        if service.name != "keystone":
            section = read(layout, service.name)["keystone_authtoken"]
            assert section["auth_url"] == "http://127.0.0.1:18000/v3"
            assert section["username"] == service.name
            assert section["password"] == SECRETS.services


def test_magnum_installs_charts_of_this_sandbox_on_its_management_cluster(layout: Layout) -> None:
    driver = read(layout, "magnum")["capi_helm"]
    assert driver["helm_chart_repo"] == layout.url("charts")
    assert driver["kubeconfig_file"] == str(layout.management_kubeconfig)


def test_magnum_finds_the_sandboxs_helm_first(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    found = services.environment(layout, Path("/venv"), Path("/programs"))["magnum"]
    assert found["PATH"] == "/programs:/usr/bin"


def test_users_get_application_credentials_and_no_password(layout: Layout) -> None:
    made = {"sandbox": {"id": "1", "secret": "x"}, "sandbox-restricted": {"id": "2", "secret": "y"}}
    clients.write(layout, Seeded(SECRETS, made, str(layout.state), layout.ports))
    text = layout.clouds_yaml.read_text()
    clouds = yaml.safe_load(text)["clouds"]
    assert set(clouds) == {"sandbox", "sandbox-restricted"}
    assert clouds["sandbox"]["auth"]["application_credential_id"] == "1"
    assert clouds["sandbox"]["auth"]["auth_url"] == "http://127.0.0.1:18000/v3"
    assert not any(secret in text for secret in (SECRETS.admin, SECRETS.services, SECRETS.user))
    assert stat.S_IMODE(layout.clouds_yaml.stat().st_mode) == 0o600


def test_operators_get_a_file_of_their_own(layout: Layout) -> None:
    clients.write(layout, Seeded(SECRETS, {}, str(layout.state), layout.ports))
    path = layout.home / clients.ADMIN_CLOUDS
    clouds = yaml.safe_load(path.read_text())["clouds"]
    assert clouds["admin"]["auth"]["password"] == SECRETS.admin
    assert clouds[catalogue.USER]["auth"]["project_name"] == catalogue.PROJECT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_templates_can_make_clusters() -> None:
    flavors = {flavor.name: flavor for flavor in catalogue.FLAVORS}
    assert flavors[catalogue.TEMPLATE_FLAVOR].cores >= 2  # or the driver refuses it (driver.py:757)
    for template in catalogue.TEMPLATES:
        assert template.kubernetes in template.image
        assert all(isinstance(value, str) for value in template.labels.values())


def test_nova_gives_ports_to_servers_as_its_own_user(layout: Layout) -> None:
    section = read(layout, "nova")["neutron"]
    assert (section["auth_type"], section["username"], section["password"]) == ("password", "nova", SECRETS.services)
    assert section["region_name"] == configuration.REGION
