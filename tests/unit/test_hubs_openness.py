"""A hub that anybody on the internet could log in to is refused unless the file says that it is to be open, wherever
the values that open it stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from hubfleet.cli.app import hubfleet
from hubfleet.hubs import releases, schemas
from hubfleet.spec import InvalidFiles, Problem
from tests.unit.hub_files import WAYS, describe, load, release
from tests.unit.magnum_files import load as load_magnum

BROKEN = {"allowed_domains": 3}
ORCID = "http://orcid.org/oauth/authorize"


def found(folder: Path, auth: dict[str, Any] | None = None, config: dict[str, Any] | None = None) -> Problem | None:
    """What is wrong with a hub that has this `auth` and this `hub.config` among its own values."""
    values = {"hub": {"config": config}} if config else {}
    cluster = load(folder, auth=auth or {"shared_password": {}}, values=values, admins=["ada"])
    problems = schemas.check(cluster, describe(cluster)).problems
    return problems[0] if problems else None


def by_name(name: str, **sections: Any) -> dict[str, Any]:
    return {"JupyterHub": {"authenticator_class": name}, **sections}


def github(**keys: Any) -> dict[str, Any]:
    return {"github": {"client_id": "x", "client_secret": "y", **keys}}


def cilogon(entity: str, **keys: Any) -> dict[str, Any]:
    return {"cilogon": {"client_id": "x", "client_secret": "y", "idps": {entity: {"username_claim": "a", **keys}}}}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_no_way_to_log_in_is_open_by_itself(tmp_path: Path, way: str) -> None:
    assert found(tmp_path, {way: WAYS[way]}) is None


OPEN_BY_KEYS: list[tuple[dict[str, Any], str]] = [
    (github(allow_all=True), "github.allow_all"),
    ({"google": {"client_id": "x", "client_secret": "y", "allow_all": True}}, "google.allow_all"),
    ({"globus": {"client_id": "x", "client_secret": "y", "allow_all": True}}, "globus.allow_all"),
    (cilogon(ORCID, allow_all=True), "cilogon.idps"),
    (cilogon("https://github.com/login/oauth/authorize", allowed_domains=["*"]), "cilogon.idps"),
    ({"generic_oauth": WAYS["generic_oauth"] | {"authorize_url": "https://gitlab.com/oauth", "allow_all": True}},
     "generic_oauth.allow_all"),
    ({"native": {"open_signup": True}}, "native.open_signup"),
]  # fmt: skip


@pytest.mark.parametrize(("auth", "key"), OPEN_BY_KEYS)
def test_what_opens_a_hub_is_told_by_its_key(tmp_path: Path, auth: dict[str, Any], key: str) -> None:
    problem = found(tmp_path, auth)
    assert problem is not None
    assert problem.key == f"hubs.main.auth.{key}"
    assert problem.what.startswith("anybody on the internet could log in: ")
    assert "open: true" in problem.remedy
    assert problem.position.line > 1


@pytest.mark.parametrize(("auth", "_key"), OPEN_BY_KEYS)
def test_a_file_may_say_that_a_hub_is_open(tmp_path: Path, auth: dict[str, Any], _key: str) -> None:
    cluster = load(tmp_path, auth=auth, open=True, admins=["ada"])
    assert schemas.check(cluster, describe(cluster)).problems == ()
    assert release(tmp_path, auth=auth, open=True, admins=["ada"]).hub == "main"


@pytest.mark.parametrize(
    "auth",
    [
        cilogon("https://idp.uni.edu/shibboleth", allow_all=True),
        cilogon(ORCID, allowed_domains=["uni.edu"]),
        {"google": {"client_id": "x", "client_secret": "y", "allow_all": True, "hosted_domains": ["uni.edu"]}},
        {"globus": {"client_id": "x", "client_secret": "y", "allow_all": True, "identity_provider": "uni.edu"}},
        {"generic_oauth": WAYS["generic_oauth"] | {"allow_all": True}},
        {"lti": WAYS["lti"] | {"allow_all": True}},
    ],
)
def test_everybody_of_an_institution_is_not_everybody(tmp_path: Path, auth: dict[str, Any]) -> None:
    assert found(tmp_path, auth) is None


OPEN_BY_VALUES: list[tuple[dict[str, Any], str]] = [
    (by_name("dummy"), "JupyterHub.authenticator_class"),
    (by_name("jupyterhub.auth.DummyAuthenticator"), "JupyterHub.authenticator_class"),
    (by_name("Null"), "JupyterHub.authenticator_class"),
    (by_name("tmp"), "JupyterHub.authenticator_class"),
    (by_name("tmpauthenticator.TmpAuthenticator"), "JupyterHub.authenticator_class"),
    (by_name("firstuseauthenticator.FirstUseAuthenticator"), "JupyterHub.authenticator_class"),
    (by_name("native", NativeAuthenticator={"open_signup": True}), "NativeAuthenticator.open_signup"),
    (by_name("github", OAuthenticator={"allow_all": True}), "OAuthenticator.allow_all"),
    (by_name("local-gitlab", LocalGitLabOAuthenticator={"allow_all": True}), "LocalGitLabOAuthenticator.allow_all"),
    (by_name("azuread", AzureAdOAuthenticator={"tenant_id": "common", "allow_all": True}),
     "AzureAdOAuthenticator.allow_all"),
    (by_name("cilogon", CILogonOAuthenticator={"allow_all": True, "idps": {ORCID: {}}}),
     "CILogonOAuthenticator.allow_all"),
]  # fmt: skip


def test_values_that_are_to_say_how_people_log_in_have_to_say_it(tmp_path: Path) -> None:
    problem = found(tmp_path, {"in_values": {}})
    assert problem is not None
    assert problem.key == "hubs.main.auth.in_values"
    assert problem.what.startswith("no values choose an authenticator_class: the chart's own lets everybody in")
    assert found(tmp_path, {"in_values": {}}, by_name("github")) is None
    opened = found(tmp_path, {"in_values": {}}, by_name("tmp"))
    assert opened is not None
    assert opened.what.startswith("anybody on the internet could log in: ")


def test_everybody_who_knows_a_password_becomes_everybody_where_values_take_another_way(tmp_path: Path) -> None:
    problem = found(tmp_path, {"shared_password": {}}, by_name("github"))
    assert problem is not None
    assert problem.key == "hubs.main.auth.shared_password"


@pytest.mark.parametrize(("config", "key"), OPEN_BY_VALUES)
def test_a_hubs_own_values_may_open_it_as_well(tmp_path: Path, config: dict[str, Any], key: str) -> None:
    problem = found(tmp_path, config=config)
    assert problem is not None
    assert problem.key == f"hubs.main.values.hub.config.{key}"


@pytest.mark.parametrize(
    "config",
    [
        by_name("dummy", DummyAuthenticator={"password": "${env:TOKEN}"}),
        by_name("firstuse", FirstUseAuthenticator={"create_users": False}),
        by_name("github", GitHubOAuthenticator={"github_url": "https://git.uni.edu", "allow_all": True}),
        by_name("github", OAuthenticator={"allow_all": True}, GitHubOAuthenticator={"allow_all": False}),
        by_name("azuread", AzureAdOAuthenticator={"tenant_id": "0b1-f", "allow_all": True}),
        by_name("mine.Authenticator", Authenticator={"allow_all": True}),
        by_name("cilogon", CILogonOAuthenticator={"allow_all": False, "idps": {"http://[": {}, ORCID: BROKEN}}),
        {"JupyterHub": {"authenticator_class": None}},
    ],
)  # fmt: skip
def test_what_values_narrow_is_not_open(tmp_path: Path, config: dict[str, Any]) -> None:
    assert found(tmp_path, config=config) is None


def test_plan_and_apply_refuse_it_too_and_tell_every_open_hub(tmp_path: Path) -> None:
    cluster = load(tmp_path, auth=github(allow_all=True))
    hubs = {"a": cluster.hubs["main"], "b": cluster.hubs["main"]}
    with pytest.raises(InvalidFiles) as error:
        releases(cluster.model_copy(update={"hubs": hubs}), describe(cluster))
    assert [one.key for one in error.value.problems] == ["hubs.a.auth.github.allow_all", "hubs.b.auth.github.allow_all"]


def test_validate_says_so(tmp_path: Path) -> None:
    file = load_magnum(tmp_path).file
    file.write_text(
        f"{file.read_text()}    values: {{hub: {{config: {{JupyterHub: {{authenticator_class: tmp}}}}}}}}\n"
    )
    ran = CliRunner().invoke(hubfleet, ["validate", str(file)])
    assert isinstance(ran.exception, InvalidFiles)
    assert "anybody on the internet could log in" in str(ran.exception)


def test_a_default_of_the_fleet_that_opens_hubs_is_told_where_it_stands(tmp_path: Path) -> None:
    values = {"hub": {"config": {"OAuthenticator": {"allow_all": True}}}}
    fleet = {"clusters": ["a.yaml"], "defaults": {"hub": {"values": values}}}
    hubs: dict[str, Any] = {
        "closed": {"domain": "a.example.org", "auth": {"shared_password": {}}},
        "meant": {"domain": "b.example.org", "open": True, "auth": github(allow_all=True)},
        "opened": {"domain": "c.example.org", "auth": github(organizations=["lab"])},
    }
    pools = {"all": {"runs": ["core", "users"]}}
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(fleet))
    (tmp_path / "a.yaml").write_text(
        yaml.safe_dump({"name": "aaa", "provider": {"existing": {}}, "pools": pools, "hubs": hubs})
    )
    ran = CliRunner().invoke(hubfleet, ["validate", str(tmp_path), "--json"])
    (one,) = json.loads(ran.output)["problems"]
    assert one["key"] == "defaults.hub.values.hub.config.OAuthenticator.allow_all"
    assert one["file"].endswith("fleet.yaml")
