"""The chart binderhub takes what hubfleet computes, by its schema and its JupyterHub's, and every pod has its place."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from tests.render.conftest import chart_in
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, TWO_POOLS, WAYS
from tests.unit.test_hubs_binder import binder

ACCOUNT = {"username": "robot", "password": "${env:TOKEN}"}
REGISTRIES: dict[str, dict[str, Any]] = {
    "dockerhub": {"namespace": "lab", **ACCOUNT},
    "quay": {"organization": "lab", **ACCOUNT},
    "ghcr": {"owner": "lab", **ACCOUNT},
    "gar": {"location": "us-central1", "project": "p", "repository": "r", "password": "${env:TOKEN}"},
    "acr": {"name": "lab", **ACCOUNT},
    "ecr": {
        "account": "123456789012",
        "region": "eu-west-1",
        "access_key_id": "A",
        "secret_access_key": "${env:TOKEN}",
    },
    "in_cluster": {"size": "50Gi"},
    "harbor": {"at": "harbor.uni.edu", "project": "binder", **ACCOUNT},
}
BUILDER = {"machine": "m", "runs": ["builds"], "taints": ["hub.jupyter.org/dedicated=user:NoSchedule"]}
POOLS: dict[str, Any] = {
    "two": TWO_POOLS,
    "one": {"all": {"machine": "m", "runs": ["core", "users"]}},
    "builds": TWO_POOLS | {"builder": BUILDER},
}
LOGINS = [None, *(way for way in sorted(WAYS) if way != "native")]
CASES = [
    (login, list(REGISTRIES)[i % len(REGISTRIES)], list(POOLS)[(i // 2) % len(POOLS)])
    for i, login in enumerate([*LOGINS, *LOGINS, *LOGINS[:4]])
]


@pytest.fixture(scope="session")
def chart(charts: Path) -> Path:
    """The folder of BinderHub's chart, with its JupyterHub in it and both schemas."""
    return chart_in(charts, "binderhub")


def rendered(helm: Helm, chart: Path, folder: Path, **hub: Any) -> Manifests:
    return render(helm, binder(folder, **hub), chart)


@pytest.mark.parametrize(("login", "registry", "pools"), CASES)
def test_its_schema_takes_every_registry_every_way_to_log_in_and_every_layout_of_pools(
    helm: Helm, chart: Path, tmp_path: Path, login: str | None, registry: str, pools: str
) -> None:
    auth = {login: WAYS[login]} if login else None
    hub = {"auth": auth, "registry": {registry: REGISTRIES[registry]}, "pools": POOLS[pools], "admins": ["ada"]}
    found = rendered(helm, chart, tmp_path, **hub)
    config = yaml.safe_load(found.one("Secret", "binder-secret")["stringData"]["values.yaml"])["config"]["BinderHub"]
    assert config.get("auth_enabled", False) is (login is not None)
    login_of_docker = json.loads(found.secret("binder-build-docker-config", "config.json"))
    (account,) = login_of_docker["auths"].values()
    if registry == "ecr":  # which gives a password to each build, and nodes need none
        assert "image-pull-secret" not in [one["metadata"]["name"] for one in found.documents]
        return
    made = registry == "in_cluster"  # of which a password is made, and known by its length until then
    assert base64.b64decode(account["auth"]).decode().endswith(f":{'x' * 48}" if made else ":t0k3n")
    pull = json.loads(found.secret("image-pull-secret", ".dockerconfigjson"))
    assert list(pull["auths"]) == list(login_of_docker["auths"])


def test_every_pod_has_its_pool(helm: Helm, chart: Path, tmp_path: Path) -> None:
    pods = rendered(helm, chart, tmp_path, pools=POOLS["builds"]).pods()
    places = {name: pod.get("nodeSelector", {}).get(LABEL) for name, pod in pods.items()}
    assert places == {
        "binder": "core",
        "hub": "core",
        "proxy": "core",
        "user-placeholder": "user",
        "main-dind": "builder",
        "main-image-cleaner": "builder",
    }
    for name in ("main-dind", "main-image-cleaner"):
        assert "hub.jupyter.org/dedicated" in {one["key"] for one in pods[name]["tolerations"]}


def test_builds_and_what_cleans_up_after_them_use_one_place_of_a_node(helm: Helm, chart: Path, tmp_path: Path) -> None:
    pods = rendered(helm, chart, tmp_path).pods()
    paths = {
        name: {one["hostPath"]["path"] for one in pods[name]["volumes"]}
        for name in pods
        if "hostPath" in str(pods[name])
    }
    there = {"/var/run/dind-main", "/var/lib/dind-main"}
    assert paths == {"main-dind": there, "main-image-cleaner": there}


def test_servers_take_their_image_and_token_from_binderhub(helm: Helm, chart: Path, tmp_path: Path) -> None:
    values = yaml.safe_load(rendered(helm, chart, tmp_path).secret("hub", "values.yaml"))
    assert any("BinderSpawner" in code for code in values["hub"]["extraConfig"].values())
    assert "jupyter-lab" in " ".join(values["singleuser"]["cmd"])
    own = yaml.safe_load(rendered(helm, chart, tmp_path, auth={"github": WAYS["github"]}).secret("hub", "values.yaml"))
    assert own["singleuser"]["cmd"] == "jupyterhub-singleuser"


@pytest.mark.parametrize("ingress", [{"issuer": "le"}, {"class": "infra/main"}])
def test_a_gateway_leads_both_names_to_it(helm: Helm, chart: Path, tmp_path: Path, ingress: dict[str, str]) -> None:
    found = rendered(helm, chart, tmp_path, top={"ingress": {"api": "gateway", **ingress}})
    routes = [one["spec"] for one in found.documents if one["kind"] == "HTTPRoute"]
    for route in routes:
        (parent,) = route["parentRefs"]
        assert parent.get("sectionName") == (None if "class" in ingress else route["hostnames"][0])
        (to,) = route["rules"][0]["backendRefs"]
        assert to["port"] in {port["port"] for port in found.one("Service", to["name"])["spec"]["ports"]}
    led = {route["hostnames"][0]: route["rules"][0]["backendRefs"][0]["name"] for route in routes}
    assert led == {"hub.example.org": "binder", "hub.hub.example.org": "proxy-public"}
    assert "Ingress" not in {one["kind"] for one in found.documents}


def test_what_the_inner_schema_refuses_is_told_by_name(helm: Helm, chart: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValues) as error:
        rendered(helm, chart, tmp_path, values={"jupyterhub": {"hub": {"imag": {}}}})
    assert [one.under("binderhub") for one in error.value.complaints] == [("jupyterhub", "hub", "imag")]


def test_prometheus_asks_it_once(helm: Helm, chart: Path, tmp_path: Path) -> None:
    found = rendered(helm, chart, tmp_path, top={"monitoring": {}})
    for service in ("binder", "hub"):
        assert found.one("Service", service)["metadata"]["annotations"]["prometheus.io/scrape"] == "false"


def test_prometheus_finds_it_by_its_label_and_port(helm: Helm, chart: Path, tmp_path: Path) -> None:
    template = rendered(helm, chart, tmp_path).one("Deployment", "binder")["spec"]["template"]
    assert template["metadata"]["labels"]["component"] == "binder"
    (container,) = template["spec"]["containers"]
    assert [one["containerPort"] for one in container["ports"]] == [8585]
