"""Ways to log in, on a hub that runs: each authenticator starts and sends people where they have accounts, with the
right address to come back to; accounts of the hub's own wait for an admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from tests.unit.hub_files import WAYS

from .conftest import Shell, cluster_file

pytestmark = pytest.mark.timeout(1200)
CLUSTER = "logs-in"
ENV = {"GITHUB": "s3cret", "TOKEN": "t0k3n-of-a-service"}
PASSWORD = "a long way to Tipperary"
PROVIDERS = {
    "github": "https://github.com/login/oauth/authorize",
    "cilogon": "https://cilogon.org/authorize",
    "globus": "https://auth.globus.org/v2/oauth2/authorize",
    "google": "https://accounts.google.com/o/oauth2/v2/auth",
    "generic_oauth": "https://id.uni.edu/authorize",
}


def with_auth(file: Path, way: str) -> None:
    """Let people log in so, behind something that speaks https for the hub."""
    tree = yaml.safe_load(file.read_text())
    tree["hubs"]["main"] |= {"auth": {way: WAYS[way]}, "admins": ["ada"]}
    tree["hubs"]["main"]["values"] = {"proxy": {"https": {"enabled": True}}}
    file.write_text(yaml.safe_dump(tree))


def applied(sandbox: Shell, file: Path) -> str:
    """The hub's address, once the file is applied."""
    ran = sandbox.hubfleet("apply", file, "--yes", timeout=900, env=ENV)
    assert ran.code == 0, ran.said
    told = sandbox.hubfleet("credentials", file, "--hub", "main", "--json", env=ENV)
    assert told.code == 0, told.said
    assert told.json["logins"] == []
    return str(told.json["address"])


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = cluster_file(tmp_path_factory.mktemp(CLUSTER), CLUSTER)
    yield made
    sandbox.hubfleet("destroy", made, "--with-homes", "--yes", CLUSTER, env=ENV)


def person(address: str) -> httpx.Client:
    """A browser of one's own."""
    return httpx.Client(base_url=address, follow_redirects=True, timeout=60, trust_env=False)


def posts(client: httpx.Client, path: str, **fields: str) -> str:
    """Fill in a form of the hub; what it says then."""
    client.get(path)
    token = client.cookies.get("_xsrf", path="/hub/") or ""
    answer = client.post(path, data={**fields, "_xsrf": token}, params={"_xsrf": token})
    return answer.text


def signs_up(client: httpx.Client, name: str) -> str:
    fields = {"signup_password": PASSWORD, "signup_password_confirmation": PASSWORD}
    return posts(client, "/hub/signup", username=name, **fields)


def logs_in(client: httpx.Client, name: str) -> bool:
    """Whether the hub knows them afterwards."""
    posts(client, "/hub/login", username=name, password=PASSWORD)
    answer = client.get("/hub/home", follow_redirects=False)
    return answer.status_code == 200


def test_accounts_of_the_hubs_own_wait_for_an_admin_who_signs_up_first(sandbox: Shell, file: Path) -> None:
    with_auth(file, "native")
    address = applied(sandbox, file)
    with person(address) as ada, person(address) as mallory:
        assert "sent to the admin" in signs_up(mallory, "mallory")
        assert not logs_in(mallory, "mallory")
        signs_up(ada, "ada")
        assert logs_in(ada, "ada")
        mallory.get("/hub/authorize/mallory")
        assert not logs_in(mallory, "mallory")
        assert ada.get("/hub/authorize/mallory").status_code == 200
        assert logs_in(mallory, "mallory")
        assert not mallory.get("/hub/authorize/mallory").is_success


@pytest.mark.parametrize("way", sorted(PROVIDERS))
def test_people_are_sent_to_their_provider_and_will_come_back_to_the_hub(sandbox: Shell, file: Path, way: str) -> None:
    with_auth(file, way)
    with person(applied(sandbox, file)) as somebody:
        answer = somebody.get("/hub/oauth_login", follow_redirects=False)
    assert answer.status_code == 302, answer.text
    sent = answer.headers["location"]
    asked = parse_qs(urlsplit(sent).query)
    assert sent.startswith(f"{PROVIDERS[way]}?")
    assert asked["client_id"] == ["abc"]
    assert asked["redirect_uri"] == ["https://hub.example.org/hub/oauth_callback"]
    assert "s3cret" not in sent


def test_a_learning_management_system_learns_what_to_call(sandbox: Shell, file: Path) -> None:
    with_auth(file, "lti")
    with person(applied(sandbox, file)) as canvas:
        told: Any = json.loads(canvas.get("/hub/lti13/config", headers={"Host": "hub.example.org"}).text)
    assert told["oidc_initiation_url"] == "https://hub.example.org/hub/lti13/oauth_login"


def test_people_see_what_the_hubs_own_pages_say_and_a_service_asks_what_it_may(sandbox: Shell, file: Path) -> None:
    with_auth(file, "native")
    (file.parent / "pages").mkdir()
    page = '{% extends "templates/404.html" %}{% block error_detail %}Ahoy{% endblock %}'
    (file.parent / "pages/404.html").write_text(page)
    (file.parent / "sea.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    tree = yaml.safe_load(file.read_text())
    tree["hubs"]["main"] |= {
        "pages": {"templates": "pages", "logo": "sea.png", "variables": {"announcement": "down on Sunday"}},
        "services": {"report": {"scopes": ["list:users"], "token": "${env:TOKEN}"}},
    }
    file.write_text(yaml.safe_dump(tree))
    address = applied(sandbox, file)
    with person(address) as somebody:
        missing = somebody.get("/hub/no-such-page").text
        assert ("Ahoy" in missing, "down on Sunday" in missing) == (True, True)
        assert somebody.get("/hub/logo").content == (file.parent / "sea.png").read_bytes()
        service = {"Authorization": f"token {ENV['TOKEN']}"}
        assert somebody.get("/hub/api/users", headers=service).json()[0]["name"] == "ada"
        assert somebody.get("/hub/api/proxy", headers=service).status_code == 403
