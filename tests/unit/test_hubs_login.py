"""Each way to log in becomes what JupyterHub's authenticators take, and says who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release, layers, tester
from hubfleet.spec import merge, origin
from tests.unit.cluster_files import hub, problems
from tests.unit.hub_files import WAYS, describe, load, release

MAIL = {"ingress": {"email": "ops@example.org"}}
BOTH = {"strip_domain": "uni.edu"}
CALLBACK = "https://hub.example.org/hub/oauth_callback"
CLIENT = {"client_id": "abc", "client_secret": "gh-s3cret", "oauth_callback_url": CALLBACK}


def logging_in(folder: Path, way: str, **keys: Any) -> Release:
    return release(folder, auth={way: WAYS[way] | keys}, admins=["ada"], top=MAIL)


def config(folder: Path, way: str, **keys: Any) -> dict[str, Any]:
    return dict(logging_in(folder, way, **keys).values["hub"]["config"])


def test_cilogon(tmp_path: Path) -> None:
    found = config(tmp_path, "cilogon")
    assert found["JupyterHub"] == {"authenticator_class": "cilogon"}
    assert found["Authenticator"] == {"admin_users": ["ada"]}
    assert found["CILogonOAuthenticator"] == {
        **CLIENT,
        "idps": {
            "https://idp.uni.edu/shibboleth": {
                "username_derivation": {"username_claim": "eppn", "action": "strip_idp_domain", "domain": "uni.edu"},
                "allow_all": True,
                "default": True,
            },
            "http://orcid.org/oauth/authorize": {
                "username_derivation": {"username_claim": "sub", "action": "prefix", "prefix": "orcid"},
                "allowed_domains": ["*.uni.edu"],
                "allowed_domains_claim": "email",
            },
        },
        "manage_groups": True,
        "auth_state_groups_key": "cilogon_user.isMemberOf",
        "admin_groups": ["ops"],
    }


def test_google_and_the_groups_of_a_workspace_whose_key_is_a_file_of_the_hub(tmp_path: Path) -> None:
    found = logging_in(tmp_path, "google")
    key = "/etc/jupyterhub/google/uni.edu.json"
    assert found.values["hub"]["config"]["Authenticator"] == {"admin_users": ["ada"], "allow_all": True}
    assert found.values["hub"]["config"]["GoogleOAuthenticator"] == {
        **CLIENT,
        "hosted_domain": ["uni.edu"],
        "google_service_account_keys": {"uni.edu": key},
        "gsuite_administrator": {"uni.edu": "boss"},
        "allowed_google_groups": {"uni.edu": ["staff"]},
        "admin_google_groups": {"uni.edu": ["ops"]},
    }
    assert found.values["hub"]["extraFiles"] == {"google-uni.edu": {"mountPath": key, "stringData": "t0k3n"}}
    assert ("hub", "extraFiles", "google-uni.edu", "stringData") in found.secret_paths


def test_globus(tmp_path: Path) -> None:
    assert config(tmp_path, "globus")["GlobusOAuthenticator"] == {
        **CLIENT,
        "identity_provider": "uni.edu",
        "allowed_globus_groups": ["g-1"],
        "admin_globus_groups": ["g-2"],
    }


def test_another_provider(tmp_path: Path) -> None:
    found = config(tmp_path, "generic_oauth")
    assert found["JupyterHub"] == {"authenticator_class": "generic-oauth"}
    assert found["GenericOAuthenticator"] == {
        **CLIENT,
        "authorize_url": "https://id.uni.edu/authorize",
        "token_url": "https://id.uni.edu/token",
        "userdata_url": "https://id.uni.edu/userdata",
        "username_claim": "preferred_username",
        "login_service": "Uni",
        "scope": ["openid", "profile", "email"],
        "manage_groups": True,
        "auth_state_groups_key": "oauth_user.groups",
        "allowed_groups": ["staff"],
        "admin_groups": ["ops"],
    }


def test_a_learning_management_system(tmp_path: Path) -> None:
    found = config(tmp_path, "lti")
    assert found["JupyterHub"] == {"authenticator_class": "ltiauthenticator.lti13.auth.LTI13Authenticator"}
    assert found["LTI13Authenticator"] == {
        "client_id": ["1", "2"],
        "issuer": "https://canvas.uni.edu",
        "authorize_url": "https://canvas.uni.edu/api/lti/authorize_redirect",
        "jwks_endpoint": "https://canvas.uni.edu/api/lti/security/jwks",
        "username_key": "custom_login",
        "uri_scheme": "https",
    }
    assert found["Authenticator"] == {
        "admin_users": ["ada"],
        "allowed_users": ["grace"],
        "allow_existing_users": False,
    }


def test_accounts_of_the_hubs_own_wait_for_an_admin_and_guesses_are_counted(tmp_path: Path) -> None:
    found = config(tmp_path, "native")
    assert found["NativeAuthenticator"] == {
        "open_signup": False,
        "minimum_password_length": 12,
        "check_common_password": True,
        "allowed_failed_logins": 10,
        "seconds_before_next_try": 60,
    }
    assert found["Authenticator"] == {"admin_users": ["ada"], "allow_all": True, "allowed_users": ["grace"]}


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"shared_password", "native", "google"}))
def test_nobody_is_let_in_by_the_way_itself(tmp_path: Path, way: str) -> None:
    assert "allow_all" not in config(tmp_path, way)["Authenticator"]


def test_where_values_say_how_people_log_in_nothing_is_added_to_them(tmp_path: Path) -> None:
    chosen = {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": {"allowed_users": ["ada"]}}
    found = release(tmp_path, auth={"in_values": {}}, values={"hub": {"config": chosen}}, top=MAIL)
    assert found.values["hub"]["config"] == chosen
    assert found.generated == (tester.TOKEN,)


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"lti", "native"}))
def test_what_is_secret_is_known_as_secret(tmp_path: Path, way: str) -> None:
    found = logging_in(tmp_path, way)
    named = {path[-1] for path in found.secret_paths} | {one.path[-1] for one in found.generated}
    assert named & {"client_secret", "user_password"}
    assert "gh-s3cret" not in repr(found)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_value_comes_from_a_key_of_the_file(tmp_path: Path, way: str) -> None:
    cluster = load(tmp_path, auth={way: WAYS[way]}, admins=["ada"], top=MAIL)
    every = layers(cluster, describe(cluster), "main")
    config = merge(*(layer.values for layer in every))["hub"]["config"]
    for section, traits in config.items():
        for trait in traits:
            key = origin(cluster, every, ("hub", "config", section, trait)).key
            if trait == "admin_users":
                assert key == "hubs.main.admins"
            elif trait == "oauth_callback_url":
                assert key == "hubs.main.domain"
            elif trait == "authenticator_class":
                assert key == "hubs.main.auth"
            else:
                assert key.startswith(f"hubs.main.auth.{way}")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"cilogon": WAYS["cilogon"] | {"groups_claim": None}}, "cilogon: admin_groups needs groups_claim"),
        ({"generic_oauth": WAYS["generic_oauth"] | {"groups_claim": None}},
         "generic_oauth: allowed_groups needs groups_claim"),
        ({"cilogon": WAYS["cilogon"] | {"admin_groups": [], "idps": {"https://a.b": {"username_claim": "email"}}}},
         "cilogon: give allow_all or allowed_domains of one of the idps, allowed_users, allowed_groups or admin"),
        ({"cilogon": WAYS["cilogon"] | {"idps": {"urn:a": dict.fromkeys(["username_claim", "prefix"], "a") | BOTH}}},
         "cilogon.idps.urn:a: has strip_domain and prefix"),
        ({"cilogon": WAYS["cilogon"] | {"idps": {"uni.edu": {"username_claim": "email", "allow_all": True}}}},
         'cilogon.idps."uni.edu": "uni.edu" cannot be used here — write an EntityID'),
        ({"google": WAYS["google"] | {"groups": {"uni.edu": {"administrator": "a", "service_account_key": "b"}}}},
         'google.groups."uni.edu": give allowed or admins'),
        ({"generic_oauth": WAYS["generic_oauth"] | {"token_url": "http://id.uni.edu/token"}},
         'generic_oauth.token_url: "http://id.uni.edu/token" cannot be used here — write an address that begins with'),
        ({"lti": WAYS["lti"] | {"allowed_users": []}}, "lti: give allowed_users or allow_all: otherwise nobody"),
        ({"native": {}}, "native: nobody could let in who signs up: the hub has no admins"),
    ],
)  # fmt: skip
def test_a_way_by_which_nobody_could_log_in_is_told(tmp_path: Path, auth: dict[str, Any], said: str) -> None:
    (told,) = problems(tmp_path, hub(auth=auth))
    assert told.startswith(f"hubs.main.auth.{said}")
