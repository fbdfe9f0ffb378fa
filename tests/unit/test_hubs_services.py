"""Services of a hub: who may reach them, what they may ask, and whose token they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import layers
from hubfleet.spec import origin
from tests.unit.cluster_files import hub, problems
from tests.unit.hub_files import describe, load, release

SERVICES: dict[str, Any] = {
    "news": {"url": "http://news.main:8000"},
    "grades": {"url": "http://grades.main:8000", "groups": ["teachers"], "display": False},
    "report": {"scopes": ["list:users"], "token": "a-token-of-ours"},
}
REACH = "access:services!service="


@pytest.mark.parametrize("chart", ["lite", "jupyterhub"])
def test_people_reach_a_service_and_it_may_ask_what_it_is_said_to(tmp_path: Path, chart: str) -> None:
    found = release(tmp_path, chart=chart, services=SERVICES).values["hub"]
    del found["services"]["hubfleet-check"], found["loadRoles"]["hubfleet-check"]
    assert found["services"] == {
        "news": {"url": "http://news.main:8000", "display": True},
        "grades": {"url": "http://grades.main:8000", "display": False},
        "report": {"display": True, "apiToken": "a-token-of-ours"},
    }
    assert found["loadRoles"] == {
        "user": {"scopes": ["self", f"{REACH}news"]},
        "grades-users": {"groups": ["teachers"], "scopes": [f"{REACH}grades"]},
        "report": {"services": ["report"], "scopes": ["list:users"]},
    }


def test_a_token_that_the_file_leaves_out_is_made_and_another_is_a_secret(tmp_path: Path) -> None:
    found = release(tmp_path, services=SERVICES)
    made = {one.key: one.path for one in found.generated if one.key.startswith("service-")}
    assert made == {f"service-{name}": ("hub", "services", name, "apiToken") for name in ("news", "grades")}
    assert ("hub", "services", "report", "apiToken") in found.secret_paths


def test_without_services_users_have_jupyterhubs_own_role(tmp_path: Path) -> None:
    assert release(tmp_path).values["hub"]["loadRoles"].keys() == {"hubfleet-check"}
    only_asks = {"report": SERVICES["report"]}
    assert "user" not in release(tmp_path, services=only_asks).values["hub"]["loadRoles"]


def test_where_people_log_in_to_a_binder_hub_they_reach_it_and_its_services(tmp_path: Path) -> None:
    registry = {"quay": {"organization": "lab", "username": "r", "password": "${env:TOKEN}"}}
    binder = {"kind": "binder", "chart": "binderhub", "registry": registry, "auth": {"native": {}}, "admins": ["ada"]}
    found = release(tmp_path, **binder, services=SERVICES)
    roles = found.values["jupyterhub"]["hub"]["loadRoles"]
    assert roles["user"] == {"scopes": ["self", f"{REACH}binder", f"{REACH}news"]}
    assert ("jupyterhub", "hub", "services", "news", "apiToken") in {one.path for one in found.generated}


def test_show_says_which_key_a_role_comes_from(tmp_path: Path) -> None:
    cluster = load(tmp_path, services=SERVICES)
    every = layers(cluster, describe(cluster), "main")
    for path, key in {
        ("loadRoles", "grades-users", "groups"): "hubs.main.services.grades.groups",
        ("loadRoles", "report", "scopes"): "hubs.main.services.report.scopes",
        ("services", "news", "url"): "hubs.main.services.news.url",
    }.items():
        assert origin(cluster, every, ("hub", *path)).key == key


@pytest.mark.parametrize("name", ["binder", "hubfleet-check", "jupyterhub-idle-culler"])
def test_a_service_that_hubs_have_anyway_is_told(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, hub(services={name: {"url": "http://it"}}))
    assert f"hubs.main.services.{name}: {name} is a service that hubs have anyway — give it another name" in problem


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, hub(services={"news": {"url": "news.main:8000"}}))
    assert "http://NAME.NAMESPACE:PORT" in problem


def test_a_token_that_jupyterhub_would_not_start_with_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, hub(services={"report": {"token": "short"}}))
    assert problem.startswith("hubs.main.services.report.token: is shorter than the 8 characters")
    assert problems(tmp_path, hub(services={"report": {"token": "${env:TOKEN}"}})) == []
