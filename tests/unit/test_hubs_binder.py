"""Binder hubs: what the chart `binderhub` is told, and what `lite` makes of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release
from hubfleet.spec.trees import at
from tests.unit.hub_files import LABEL, TWO_POOLS, WAYS, other, release

QUAY = {"quay": {"organization": "lab", "username": "lab+robot", "password": "${env:TOKEN}"}}


MAIL = {"ingress": {"email": "ops@example.org"}}


def binder(folder: Path, **hub: Any) -> Release:
    """The release of a binder hub at hub.example.org, with nothing but a registry besides."""
    return release(folder, **{"top": MAIL, "kind": "binder", "auth": None, "registry": QUAY, **hub})


def config(found: Release) -> dict[str, Any]:
    return dict(at(found.values, ("config", "BinderHub")))


def test_a_registry_is_enough(tmp_path: Path) -> None:
    found = binder(tmp_path)
    assert found.chart.name == "binderhub"
    assert config(found)["image_prefix"] == "quay.io/lab/binder-"
    assert found.values["imageBuilderType"] == "dind"
    assert found.values["imageCleaner"]["enabled"]
    assert found.jupyterhub["hub"]["config"]["JupyterHub"] == {"authenticator_class": "null"}
    assert found.jupyterhub["singleuser"]["storage"] == {"type": "none"}


def test_its_pages_go_on_after_a_restart_and_with_a_registry_of_its_own_too(tmp_path: Path) -> None:
    for registry in (QUAY, {"in_cluster": {}}):
        (token,) = (one for one in binder(tmp_path, registry=registry).generated if one.key == "build-token")
        assert token.path == ("config", "BinderHub", "build_token_secret")
        assert (token.length, token.hexadecimal) == (64, True)
    assert "build-token" not in {one.key for one in release(tmp_path).generated}


def test_it_has_two_addresses_and_knows_both(tmp_path: Path) -> None:
    found = binder(tmp_path, auth={"github": WAYS["github"]})
    assert (found.url, found.hub_url) == ("https://hub.example.org", "https://hub.hub.example.org")
    assert config(found)["hub_url"] == "https://hub.hub.example.org/"
    github = found.jupyterhub["hub"]["config"]["GitHubOAuthenticator"]
    assert github["oauth_callback_url"] == "https://hub.hub.example.org/hub/oauth_callback"
    service = found.jupyterhub["hub"]["services"]["binder"]
    assert service["oauth_redirect_uri"] == "https://hub.example.org/oauth_callback"
    other = binder(tmp_path, hub_domain="launch.example.org")
    assert config(other)["hub_url"] == "https://launch.example.org/"


def test_where_people_log_in_binderhub_asks_the_hub_who_they_are(tmp_path: Path) -> None:
    found = binder(tmp_path, auth={"github": WAYS["github"]})
    assert config(found)["auth_enabled"] is True
    assert found.jupyterhub["hub"]["config"]["BinderSpawner"] == {"auth_enabled": True}
    assert found.jupyterhub["singleuser"]["cmd"] == "jupyterhub-singleuser"
    assert "access:services!service=binder" in found.jupyterhub["hub"]["loadRoles"]["user"]["scopes"]
    assert found.jupyterhub["cull"]["users"] is False
    assert "auth_enabled" not in config(binder(tmp_path))
    assert binder(tmp_path).jupyterhub["cull"]["users"] is True


@pytest.mark.parametrize(
    ("registry", "prefix", "url"),
    [
        ({"dockerhub": {"namespace": "lab"}}, "lab/binder-", None),
        ({"quay": {"organization": "lab"}}, "quay.io/lab/binder-", "https://quay.io"),
        ({"ghcr": {"owner": "lab"}}, "ghcr.io/lab/binder-", "https://ghcr.io"),
        (
            {"gar": {"location": "us-central1", "project": "p-1", "repository": "images"}},
            "us-central1-docker.pkg.dev/p-1/images/binder-",
            "https://us-central1-docker.pkg.dev",
        ),
        ({"acr": {"name": "lab"}}, "lab.azurecr.io/binder-", "https://lab.azurecr.io"),
        (
            {"harbor": {"at": "harbor.uni.edu", "project": "hubs/binder"}},
            "harbor.uni.edu/hubs/binder/binder-",
            "https://harbor.uni.edu",
        ),
        ({"other": {"at": "r.uni.edu:8443"}}, "r.uni.edu:8443/binder-", "https://r.uni.edu:8443"),
    ],
)
def test_every_registry_has_its_names_and_its_address(
    tmp_path: Path, registry: dict[str, Any], prefix: str, url: str | None
) -> None:
    ((kind, about),) = registry.items()
    account = {"password": "${env:TOKEN}"} | ({} if kind == "gar" else {"username": "robot"})
    found = binder(tmp_path, registry={kind: about | account})
    assert config(found)["image_prefix"] == prefix
    assert at(found.values, ("config", "DockerRegistry", "url")) == url
    login = "https://index.docker.io/v1/" if kind == "dockerhub" else url
    username = "_json_key" if kind == "gar" else "robot"
    assert found.values["registry"] == {"url": login, "username": username, "password": "t0k3n"}
    pull = found.jupyterhub["imagePullSecret"]
    assert (pull["registry"], pull["username"], pull["password"]) == (login, username, "t0k3n")


def test_amazons_registry_is_asked_by_a_class_of_ours_and_nodes_pull_as_what_they_are(tmp_path: Path) -> None:
    key = {"access_key_id": "AKIA", "secret_access_key": "${env:TOKEN}"}
    found = binder(tmp_path, registry={"ecr": {"account": "123456789012", "region": "eu-west-1", **key}})
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert config(found)["image_prefix"] == f"{host}/binder-"
    assert at(found.values, ("config", "DockerRegistry", "url")) == f"https://{host}"
    traits = at(found.values, ("config", "ElasticContainerRegistry"))
    about = {"account": "123456789012", "region": "eu-west-1", "api": "https://api.ecr.eu-west-1.amazonaws.com"}
    assert traits == {**about, "access_key_id": "AKIA", "secret_access_key": "t0k3n"}
    assert found.secret_paths == {("config", "ElasticContainerRegistry", "secret_access_key")}
    assert "c.BinderHub.registry_class" in found.values["extraConfig"]["hubfleet-ecr"]
    assert "registry" not in found.values
    assert "imagePullSecret" not in found.jupyterhub


def test_without_a_key_a_role_pushes_in_china_too(tmp_path: Path) -> None:
    found = binder(tmp_path, registry={"ecr": {"account": "123456789012", "region": "cn-north-1"}})
    traits = at(found.values, ("config", "ElasticContainerRegistry"))
    about = {"account": "123456789012", "region": "cn-north-1"}
    assert traits == {**about, "api": "https://api.ecr.cn-north-1.amazonaws.com.cn"}
    assert config(found)["image_prefix"].startswith("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/")
    assert not found.secret_paths


def test_the_registrys_password_is_known_to_be_secret(tmp_path: Path) -> None:
    found = binder(tmp_path, repositories={"github_token": "${env:GITHUB}"})
    assert found.secret_paths == {
        ("registry", "password"),
        ("jupyterhub", "imagePullSecret", "password"),
        ("config", "GitHubRepoProvider", "access_token"),
    }


def test_repositories_have_quotas_and_some_are_banned(tmp_path: Path) -> None:
    repositories = {
        "quota": 7,
        "high_quota": 70,
        "high_quota_for": ["^course/"],
        "banned": ["^spam/"],
        "allowed": [".*"],
    }
    found = binder(tmp_path, repositories=repositories)
    assert (config(found)["per_repo_quota"], config(found)["per_repo_quota_higher"]) == (7, 70)
    provider = {"high_quota_specs": ["^course/"], "banned_specs": ["^spam/"], "allowed_specs": [".*"]}
    assert found.values["config"]["RepoProvider"] == provider


def test_nothing_lasts_long(tmp_path: Path) -> None:
    cull = binder(tmp_path).jupyterhub["cull"]
    assert (cull["timeout"], cull["every"], cull["maxAge"]) == (600, 100, 21600)
    assert binder(tmp_path, culling={"idle": 1800}).jupyterhub["cull"]["timeout"] == 1800


def test_builds_are_where_users_are_or_on_a_pool_of_their_own(tmp_path: Path) -> None:
    core = {"machine": "m", "runs": ["core"], "taints": ["core=x:NoSchedule"]}
    pools = {"core": core, "user": {"machine": "m", "taints": ["users=x:NoSchedule"]}}
    found = binder(tmp_path, pools=pools | {"free": {"machine": "m", "runs": ["core"]}})
    assert config(found)["build_node_selector"] == {LABEL: "user"}
    assert found.values["nodeSelector"] == {LABEL: "core"}
    assert {one["key"] for one in found.values["tolerations"]} == {"core", "users"}
    own = {"builder": {"machine": "m", "runs": ["builds"], "taints": ["hub.jupyter.org/dedicated=user:NoSchedule"]}}
    found = binder(tmp_path, pools=TWO_POOLS | own)
    assert config(found)["build_node_selector"] == {LABEL: "builder"}
    assert found.jupyterhub["singleuser"]["nodeSelector"] == {LABEL: "user"}


def test_two_binder_hubs_of_a_cluster_build_in_places_of_their_own(tmp_path: Path) -> None:
    dind = binder(tmp_path).values["dind"]
    assert (dind["hostSocketDir"], dind["hostLibDir"]) == ("/var/run/dind-main", "/var/lib/dind-main")
    pink = binder(tmp_path, builds={"by": "podman", "memory": "8Gi"}).values["pink"]
    assert pink["hostStorageDir"] == "/var/lib/pink-main"
    assert pink["resources"] == {"limits": {"memory": "8Gi"}}


def test_people_are_not_asked_which_size_they_want(tmp_path: Path) -> None:
    found = binder(tmp_path, pools=TWO_POOLS | {"gpu": {"machine": "g", "gpus": 1}})
    assert "profileList" not in found.jupyterhub["singleuser"]
    assert found.jupyterhub["singleuser"]["nodeSelector"] == {LABEL: "user"}


def test_own_values_win_on_both_levels(tmp_path: Path) -> None:
    values = {"config": {"BinderHub": {"per_repo_quota": 3}}, "jupyterhub": {"cull": {"timeout": 60}}}
    found = binder(tmp_path, values=values)
    assert (config(found)["per_repo_quota"], found.jupyterhub["cull"]["timeout"]) == (3, 60)


def test_it_is_reached_as_own_values_of_its_jupyterhub_have_it(tmp_path: Path) -> None:
    https = {"proxy": {"https": {"enabled": True, "type": "offload"}}}
    found = binder(tmp_path, top={}, values={"jupyterhub": https})
    assert (found.url, found.hub_url) == ("https://hub.example.org", "https://hub.hub.example.org")
    assert config(found)["hub_url"] == "https://hub.hub.example.org/"
    assert binder(tmp_path, top={}, values=https).url == "http://hub.example.org"


def test_lite_makes_it_a_hub_where_nothing_stays(tmp_path: Path) -> None:
    found = release(tmp_path, kind="binder", auth=None, chart="lite", image="quay.io/a/b:1")
    assert (found.chart.name, found.url, found.hub_url) == ("lite", "http://hub.example.org", "")
    config = {"JupyterHub": {"authenticator_class": "tmp"}, "Authenticator": {"allow_all": True}}
    assert found.values["hub"]["config"] == config
    assert found.values["singleuser"]["storage"] == {"type": "none"}
    assert found.values["singleuser"]["image"] == {"name": "quay.io/a/b", "tag": "1"}
    assert (found.values["cull"]["users"], found.values["cull"]["timeout"]) == (True, 600)
    assert "annotations" not in found.values["hub"]["db"]["pvc"]


GATEWAY = {"ingress": {"api": "gateway", "issuer": "le"}}


def test_a_gateway_is_told_of_its_jupyterhub_beside_the_chart_which_makes_no_route_to_it(tmp_path: Path) -> None:
    found = binder(tmp_path, top=GATEWAY)
    ours = {"name": "hubfleet-entry", "namespace": "hubfleet-entry"}
    assert found.values["httpRoute"]["parentRefs"] == [{**ours, "sectionName": "hub.example.org"}]
    assert "httpRoute" not in found.jupyterhub
    (route,) = found.beside
    assert route["spec"]["hostnames"] == ["hub.hub.example.org"]
    assert route["spec"]["parentRefs"] == [{**ours, "sectionName": "hub.hub.example.org"}]
    theirs = binder(tmp_path, top={"ingress": {"api": "gateway", "class": "infra/main"}})
    assert theirs.beside[0]["spec"]["parentRefs"] == [{"name": "main", "namespace": "infra"}]
    assert binder(tmp_path).beside == ()
    assert other(found, beside=()).digest != found.digest


def test_a_binder_hub_of_lite_has_a_route_of_its_chart(tmp_path: Path) -> None:
    top = {"ingress": {"api": "gateway", "shared": True}}
    lite = release(tmp_path, kind="binder", auth=None, chart="lite", top=top)
    assert lite.values["httpRoute"]["hostnames"] == ["hub.example.org"]
    assert lite.beside == ()


def test_it_goes_through_the_clusters_own_entry_though_others_do_not(tmp_path: Path) -> None:
    found = binder(tmp_path, top={"ingress": {"class": "nginx", "shared": False}})
    assert found.values["ingress"]["ingressClassName"] == "nginx"
