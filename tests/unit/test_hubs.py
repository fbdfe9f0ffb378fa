"""What becomes of a hub of the file: values that the charts take, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import Release, charts, tester
from hubfleet.hubs.jupyterhub import image
from hubfleet.provider import Traits
from hubfleet.spec import InvalidFiles
from tests.unit.hub_files import LABEL, TWO_POOLS, other, release


def at(found: Release, path: str) -> Any:
    value: Any = found.values
    for key in path.split("."):
        value = value[key]
    return value


def selectors(found: Release) -> dict[str, Any]:
    """Where pods must run, by the place of the key in the values."""
    result: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                if key in ("nodeSelector", "extraNodeAffinity"):
                    result[path] = below
                walk(below, f"{path}.{key}".strip("."))

    walk(dict(found.values), "")
    return result


def test_the_hub_runs_on_the_core_pool_and_users_on_theirs(tmp_path: Path) -> None:
    core, user = {LABEL: "core"}, {LABEL: "user"}
    assert selectors(release(tmp_path, chart="lite")) == {"hub": core, "proxy.chp": core, "singleuser": user}


def test_upstreams_further_pods_have_their_place_too(tmp_path: Path) -> None:
    found = release(tmp_path)
    core = {LABEL: "core"}
    assert selectors(found) == {
        "hub": core,
        "proxy.chp": core,
        "proxy.traefik": core,
        "scheduling.userScheduler": core,
        "prePuller.hook": core,
        "singleuser": {LABEL: "user"},
    }
    assert at(found, "scheduling.userPods.nodeAffinity.matchNodePurpose") == "ignore"


def test_with_several_pools_of_users_their_servers_go_to_any_of_them(tmp_path: Path) -> None:
    pools = TWO_POOLS | {"gpu": {"machine": "g"}}
    terms = at(release(tmp_path, pools=pools), "singleuser.extraNodeAffinity.required")
    named = [[(e["key"], e["operator"], e["values"]) for e in term["matchExpressions"]] for term in terms]
    assert named == [[(LABEL, "In", ["user"])], [(LABEL, "In", ["gpu"])]]


def test_one_pool_may_run_it_all(tmp_path: Path) -> None:
    found = release(tmp_path, pools={"all": {"machine": "m", "runs": ["core", "users"]}}, chart="lite")
    assert set(map(str, selectors(found).values())) == {str({LABEL: "all"})}


def test_where_nodes_are_not_told_apart_nothing_is_selected(tmp_path: Path) -> None:
    assert selectors(release(tmp_path, description={"placement": {}})) == {}


def test_a_shared_password_that_is_left_out_is_made(tmp_path: Path) -> None:
    found = release(tmp_path, admins=["ada"])
    assert [(one.key, one.path[-1]) for one in found.generated] == [
        ("user-password", "user_password"),
        ("admin-password", "admin_password"),
        ("check-token", "apiToken"),
    ]
    assert [one.length >= 32 for one in found.generated[:2]] == [False, True]  # JupyterHub wants that of an admin's
    assert at(found, "hub.config.Authenticator") == {"allow_all": True, "admin_users": ["ada"]}
    assert at(found, "hub.config.JupyterHub.authenticator_class") == "shared-password"


def test_without_admins_no_password_for_them_is_made(tmp_path: Path) -> None:
    assert [one.key for one in release(tmp_path).generated] == ["user-password", "check-token"]


def test_a_password_that_is_given_is_used_and_known_as_secret(tmp_path: Path) -> None:
    found = release(tmp_path, auth={"shared_password": {"user_password": "correct horse"}})
    path = ("hub", "config", "SharedPasswordAuthenticator", "user_password")
    assert at(found, ".".join(path)) == "correct horse"
    assert found.secret_paths == {path}
    assert [one.key for one in found.generated] == ["check-token"]


@pytest.mark.parametrize("chart", ["lite", "jupyterhub"])
def test_hubfleets_own_service_may_touch_the_test_user_only(tmp_path: Path, chart: str) -> None:
    found = release(tmp_path, **({"chart": "lite"} if chart == "lite" else {}))
    role = at(found, "hub.loadRoles.hubfleet-check")
    assert role["services"] == list(at(found, "hub.services"))
    assert all(scope.endswith("!user=HUBFLEET-CHECK") for scope in role["scopes"])


def test_nobody_who_logs_in_can_be_the_test_user() -> None:
    assert tester.USER.lower() != tester.USER  # JupyterHub makes the names of all who log in lower case


def test_secrets_do_not_show_in_the_release_as_text(tmp_path: Path) -> None:
    assert "correct horse" not in repr(release(tmp_path, auth={"shared_password": {"user_password": "correct horse"}}))


def test_github_sends_people_back_to_the_hubs_domain(tmp_path: Path) -> None:
    auth = {"github": {"client_id": "abc", "client_secret": "${env:GITHUB}", "organizations": ["lab", "uni:physics"]}}
    found = release(tmp_path, auth=auth, top={"ingress": {"email": "ops@example.org"}})
    assert at(found, "hub.config.GitHubOAuthenticator") == {
        "client_id": "abc",
        "client_secret": "gh-s3cret",
        "oauth_callback_url": "https://hub.example.org/hub/oauth_callback",
        "allowed_organizations": ["lab", "uni:physics"],
        "scope": ["read:org"],
    }
    assert found.secret_paths == {("hub", "config", "GitHubOAuthenticator", "client_secret")}


def test_an_email_address_brings_certificates_to_upstreams_chart_only(tmp_path: Path) -> None:
    mail = {"ingress": {"email": "ops@example.org"}}
    upstream, lite = release(tmp_path, top=mail), release(tmp_path, top=mail, chart="lite")
    assert at(upstream, "proxy.https") == {
        "enabled": True,
        "type": "letsencrypt",
        "hosts": ["hub.example.org"],
        "letsencrypt": {"contactEmail": "ops@example.org"},
    }
    assert "https" not in lite.values["proxy"]
    assert (upstream.url, lite.url) == ("https://hub.example.org", "http://hub.example.org")


def test_certificates_from_elsewhere_make_the_address_https(tmp_path: Path) -> None:
    values = {"proxy": {"https": {"enabled": True, "type": "offload"}}}
    for chart in ("jupyterhub", "lite"):
        found = release(tmp_path, values=values, chart=chart)
        assert (found.url, found.door) == ("https://hub.example.org", "http://hub.example.org")


def test_a_load_balancer_that_speaks_https_itself_is_asked_so(tmp_path: Path) -> None:
    own = release(tmp_path, values={"proxy": {"https": {"enabled": True, "type": "secret"}}})
    assert own.door == own.url == "https://hub.example.org"
    assert release(tmp_path, top={"ingress": {"email": "ops@example.org"}}).door == "https://hub.example.org"
    assert release(tmp_path).door == "http://hub.example.org"


def test_homes_are_of_the_hubs_size_and_of_the_clusters_where_it_has_none(tmp_path: Path) -> None:
    top = {"storage": {"homes": {"size": "20Gi"}}}
    assert at(release(tmp_path, top=top), "singleuser.storage.capacity") == "20Gi"
    assert at(release(tmp_path, top=top, homes={"size": "5Gi"}), "singleuser.storage.capacity") == "5Gi"


def test_the_storage_class_is_the_files_or_the_clouds(tmp_path: Path) -> None:
    cloud = {"traits": Traits(min_pool_nodes=1, pool_label=LABEL, storage_class="cinder")}
    for top, wanted in (({}, "cinder"), ({"storage": {"storage_class": "fast"}}, "fast")):
        found = release(tmp_path, description=dict(cloud), top=top)
        assert at(found, "singleuser.storage.dynamic.storageClass") == wanted
        assert at(found, "hub.db.pvc.storageClassName") == wanted


def test_uninstalling_leaves_the_hubs_database(tmp_path: Path) -> None:
    for chart in ("lite", "jupyterhub"):
        assert at(release(tmp_path, chart=chart), "hub.db.pvc.annotations") == {"helm.sh/resource-policy": "keep"}


def test_the_clouds_annotations_are_on_the_load_balancer(tmp_path: Path) -> None:
    traits = Traits(min_pool_nodes=1, pool_label=LABEL, load_balancer_annotations={"a/b": "c"})
    assert at(release(tmp_path, description={"traits": traits}), "proxy.service.annotations") == {"a/b": "c"}


@pytest.mark.parametrize(
    ("name", "place", "tag"),
    [
        ("quay.io/x/y:2026.01", "quay.io/x/y", "2026.01"),
        ("localhost:5000/x", "localhost:5000/x", "latest"),
        ("localhost:5000/x:1", "localhost:5000/x", "1"),
        ("x", "x", "latest"),
        (f"x@sha256:{'a' * 64}", "x@sha256", "a" * 64),
        (f"x:1@sha256:{'a' * 64}", "x:1@sha256", "a" * 64),
    ],
)
def test_an_image_is_split_so_that_name_and_tag_give_it_back(name: str, place: str, tag: str) -> None:
    assert image(name) == {"name": place, "tag": tag}
    assert f"{place}:{tag}" == (name if ":" in name.rpartition("/")[2] else f"{name}:latest")


def test_the_files_own_values_win_over_computed_ones_and_values_over_values_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"cull": {"every": 30}, "hub": {"nodeSelector": {LABEL: "a"}}}))
    found = release(
        tmp_path, culling={"idle": 600}, values_files=["a.yaml"], values={"hub": {"nodeSelector": {LABEL: "b"}}}
    )
    assert at(found, "cull") == {"enabled": True, "timeout": 600, "every": 30}
    assert at(found, "hub.nodeSelector") == {LABEL: "b"}


def test_a_secret_among_free_values_is_known_as_one(tmp_path: Path) -> None:
    found = release(tmp_path, values={"hub": {"extraEnv": {"TOKEN": "x-${env:TOKEN}"}}})
    assert at(found, "hub.extraEnv.TOKEN") == "x-t0k3n"
    assert ("hub", "extraEnv", "TOKEN") in found.secret_paths


def test_the_digest_changes_with_every_part_of_a_release_and_with_nothing_else(tmp_path: Path) -> None:
    found = release(tmp_path)
    assert release(tmp_path).digest == found.digest
    assert len(found.digest) == 32
    digests = {
        found.digest,
        release(tmp_path, culling={"idle": 601}).digest,
        release(tmp_path, auth={"shared_password": {"user_password": "correct horse"}}).digest,
        release(tmp_path, chart="lite").digest,
        other(found, chart=charts.Chart("jupyterhub", "4.4.1", repository=found.chart.repository)).digest,
        other(found, name="other").digest,
    }
    assert len(digests) == 6


def test_upstreams_chart_is_pinned(tmp_path: Path) -> None:
    chart = release(tmp_path).chart
    assert (chart.name, chart.version, chart.path) == ("jupyterhub", "4.4.0", None)
    assert chart.repository is not None
    assert chart.repository.startswith("https://")


@pytest.mark.parametrize("text", ["", "a: b", "- 1", "{", "name: mine"])
def test_a_folder_whose_chart_is_not_described_is_a_problem_of_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Chart.yaml").write_text(text)
    with pytest.raises(InvalidFiles, match=r"mine/Chart\.yaml:1:1: is no description of a chart"):
        release(tmp_path, chart="./mine")


def test_a_chart_may_be_a_folder_of_ones_own_and_its_files_count(tmp_path: Path) -> None:
    chart = tmp_path / "charts" / "mine"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: mine\nversion: 1.0.0\n")
    found = release(tmp_path, chart="./charts/mine")
    assert (found.chart.path, found.chart.name) == (chart, "mine")
    (chart / "values.yaml").write_text("a: 1\n")
    assert release(tmp_path, chart="./charts/mine").digest != found.digest
