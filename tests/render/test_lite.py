"""Our own chart, rendered with what hubfleet computes for a hub."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import charts
from hubfleet.spec.trees import at, leaves
from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, TWO_POOLS, release

LITE = charts.local(Path(charts.__file__).parents[1] / "charts" / "lite")


def lite(helm: Helm, folder: Path, **file: Any) -> Manifests:
    return render(helm, release(folder, **{"chart": "lite"} | file))


def test_a_hub_is_what_it_is_said_to_be(helm: Helm, tmp_path: Path) -> None:
    found = lite(helm, tmp_path)
    kinds = sorted((doc["kind"], doc["metadata"]["name"]) for doc in found.documents)
    assert kinds == [
        ("ConfigMap", "hub"),
        ("Deployment", "hub"),
        ("Deployment", "proxy"),
        ("NetworkPolicy", "singleuser"),
        ("PersistentVolumeClaim", "hub-db-dir"),
        ("Role", "hub"),
        ("RoleBinding", "hub"),
        ("Secret", "hub"),
        ("Service", "hub"),
        ("Service", "proxy-api"),
        ("Service", "proxy-public"),
        ("ServiceAccount", "hub"),
    ]


def test_hub_and_proxy_run_on_the_core_pool(helm: Helm, tmp_path: Path) -> None:
    pods = lite(helm, tmp_path).pods()
    assert {name: pod["nodeSelector"] for name, pod in pods.items()} == {
        name: {LABEL: "core"} for name in ("hub", "proxy")
    }


def test_nothing_runs_as_root_and_nothing_may_become_it(helm: Helm, tmp_path: Path) -> None:
    for pod in lite(helm, tmp_path).pods().values():
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_selector_finds_its_pods_and_every_port_has_its_name(helm: Helm, tmp_path: Path) -> None:
    found = lite(helm, tmp_path)
    pods = {doc["metadata"]["name"]: doc["spec"]["template"] for doc in found.documents if doc["kind"] == "Deployment"}
    for service, workload in (("hub", "hub"), ("proxy-api", "proxy"), ("proxy-public", "proxy")):
        spec, pod = found.one("Service", service)["spec"], pods[workload]
        assert spec["selector"].items() <= pod["metadata"]["labels"].items()
        ports = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in spec["ports"]} <= ports


def test_the_database_outlives_the_release_and_there_is_one_hub_at_a_time(helm: Helm, tmp_path: Path) -> None:
    found = lite(helm, tmp_path)
    assert found.one("PersistentVolumeClaim", "hub-db-dir")["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep"
    }
    assert found.one("Deployment", "hub")["spec"]["strategy"] == {"type": "Recreate"}


PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


def test_users_reach_the_internet_and_their_hub_and_neither_the_clouds_metadata_nor_its_inside(
    helm: Helm, tmp_path: Path
) -> None:
    policy = lite(helm, tmp_path).one("NetworkPolicy", "singleuser")["spec"]
    names, hub, proxy, internet = policy["egress"]
    assert {one["port"] for one in names["ports"]} == {53}
    assert hub["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "hub"
    assert (hub["ports"], proxy["ports"]) == ([{"port": 8081}], [{"port": 8000}])
    assert internet == {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*PRIVATE, "169.254.169.254/32"]}}]}


def test_the_inside_is_allowed_when_asked_for(helm: Helm, tmp_path: Path) -> None:
    own = {"to": [{"ipBlock": {"cidr": "100.64.0.0/10"}}]}
    policy = {"egressAllowRules": {"privateIPs": True, "nonPrivateIPs": False}, "egress": [own]}
    found = lite(helm, tmp_path, values={"singleuser": {"networkPolicy": policy}}).one("NetworkPolicy", "singleuser")
    inside = {"to": [{"ipBlock": {"cidr": cidr}} for cidr in PRIVATE]}
    assert found["spec"]["egress"][3:] == [inside, own]


def test_secrets_stand_in_secrets_only(helm: Helm, tmp_path: Path) -> None:
    found = lite(helm, tmp_path, auth={"shared_password": {"user_password": "correct horse"}})
    elsewhere = [doc for doc in found.documents if doc["kind"] != "Secret"]
    assert "correct horse" in found.secret("hub", "values.json")
    assert "correct horse" not in json.dumps(elsewhere)


def test_a_changed_value_restarts_the_hub_and_not_the_proxy(helm: Helm, tmp_path: Path) -> None:
    def marks(**file: Any) -> dict[str, Any]:
        deployments = [doc for doc in lite(helm, tmp_path, **file).documents if doc["kind"] == "Deployment"]
        return {doc["metadata"]["name"]: doc["spec"]["template"]["metadata"]["annotations"] for doc in deployments}

    before, same, after = marks(), marks(), marks(culling={"idle": 61})
    assert before == same
    assert before["hub"] != after["hub"]
    assert before["proxy"] == after["proxy"]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"hub": {"imag": {}}}, "hub.imag"),
        ({"scheduling": {}}, "scheduling"),
        ({"proxy": {"https": {"enabled": True, "hosts": ["x"]}}}, "proxy.https.hosts"),
        ({"proxy": {"https": {"enabled": True, "type": "letsencrypt"}}}, "proxy.https.type"),
        ({"singleuser": {"startTimeout": 0}}, "singleuser.startTimeout"),
        ({"singleuser": {"memory": {"limit": "1GB"}}}, "singleuser.memory.limit"),
        ({"cull": {"enabled": "yes"}}, "cull.enabled"),
        ({"hub": {"config": {"jupyterhub": {}}}}, "hub.config.jupyterhub"),
    ],
)
def test_what_the_chart_does_not_take_is_refused_by_name(
    helm: Helm, tmp_path: Path, values: dict[str, Any], key: str
) -> None:
    with pytest.raises(BadValues) as error:
        lite(helm, tmp_path, values=values)
    assert key in {".".join(one.path) for one in error.value.complaints}


def test_a_null_takes_a_default_away(helm: Helm, tmp_path: Path) -> None:
    found = lite(helm, tmp_path, values={"hub": {"db": {"pvc": {"annotations": None}}}})
    assert "annotations" not in found.one("PersistentVolumeClaim", "hub-db-dir")["metadata"]


def test_every_key_of_the_defaults_is_in_the_schema_and_the_other_way_round() -> None:
    assert LITE.path is not None
    schema = json.loads((LITE.path / "values.schema.json").read_text())
    defaults = yaml.safe_load((LITE.path / "values.yaml").read_text())
    assert _of_schema(schema) - {"global"} == _of_values(defaults, schema)


def test_where_its_defaults_are_not_those_of_zero_to_jupyterhub_there_is_a_reason(upstream: Path) -> None:
    theirs = yaml.safe_load((upstream / "values.yaml").read_text())
    others = {".".join(path) for path, value in leaves(charts.defaults(LITE)) if at(theirs, path) != value}
    assert {name for name in others if ".image." not in name} == {
        "hub.db.pvc.annotations.helm.sh/resource-policy",  # or `helm uninstall` takes the database
        "proxy.https.type",  # it has no https of its own
        "singleuser.memory.guarantee",  # it is for one small machine
    }


def test_every_key_of_the_chart_is_in_its_reference(pytestconfig: pytest.Config) -> None:
    assert LITE.path is not None
    reference = (pytestconfig.rootpath / "docs" / "reference" / "lite-chart.md").read_text()
    schema = json.loads((LITE.path / "values.schema.json").read_text())
    missing = [key for key in sorted(_of_schema(schema) - {"global"}) if f"`{key}`" not in reference]
    assert missing == []


CONFIGURED = """
import json, os, sys
from traitlets.config.loader import PyFileConfigLoader
config = PyFileConfigLoader(sys.argv[1]).load_config()
print(json.dumps(config, default=repr))
"""


@pytest.fixture
def configured(helm: Helm, tmp_path: Path) -> Any:
    """What JupyterHub would read, by traitlets' own loader."""

    def load(**file: Any) -> dict[str, Any]:
        found = lite(helm, tmp_path, **file)
        (tmp_path / "values.json").write_text(found.secret("hub", "values.json"))
        script = tmp_path / "jupyterhub_config.py"
        script.write_text(found.one("ConfigMap", "hub")["data"]["jupyterhub_config.py"])
        own = {key: found.secret("hub", name) for key, name in _ENVIRONMENT.items()}
        env = own | {"LITE_VALUES": str(tmp_path), "POD_NAMESPACE": "main", "HELM_RELEASE_NAME": "main"}
        done = subprocess.run(
            [sys.executable, "-c", CONFIGURED, script], capture_output=True, text=True, env=env, check=True
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return load


_ENVIRONMENT = {
    "CONFIGPROXY_AUTH_TOKEN": "proxy-token",
    "LITE_COOKIE_SECRET": "cookie-secret",
    "LITE_CRYPT_KEY": "crypt-key",
}


def test_jupyterhub_is_told_what_the_file_says(configured: Any) -> None:
    found = configured(
        admins=["ada"],
        image="quay.io/x/y:1",
        homes={"size": "5Gi"},
        culling={"idle": 600, "every": 60},
        values={"hub": {"config": {"Spawner": {"cmd": ["x"]}}, "extraConfig": {"a": "c.JupyterHub.base_url = '/b'"}}},
    )
    spawner, hub = found["KubeSpawner"], found["JupyterHub"]
    assert (spawner["image"], spawner["storage_capacity"], spawner["node_selector"]) == (
        "quay.io/x/y:1",
        "5Gi",
        {LABEL: "user"},
    )
    assert found["Authenticator"] == {"admin_users": ["ada"], "allow_all": True}
    assert (hub["authenticator_class"], hub["base_url"]) == ("shared-password", "/b")
    assert found["Spawner"]["cmd"] == ["x"]
    assert "default_url" not in spawner  # where users land is for their image to say, as with Zero to JupyterHub
    # JupyterHub's own is 300: whoever works is idle until then, and a proxy that began anew has no routes until then.
    assert hub["last_activity_interval"] == 60
    (culler,) = [one for one in hub["services"] if one["name"] == "idle-culler"]
    assert {"--timeout=600", "--cull-every=60"} <= set(culler["command"])


def test_users_of_several_pools_are_told_apart_by_affinity(configured: Any) -> None:
    found = configured(pools=TWO_POOLS | {"gpu": {"machine": "g"}})["KubeSpawner"]
    pools = [term["matchExpressions"][0]["values"] for term in found["node_affinity_required"]]
    assert pools == [["user"], ["gpu"]]


def test_several_machines_are_offered_and_the_only_one_is_given(configured: Any) -> None:
    gpu = {"machine": "g", "taints": ["gpu=true:NoSchedule"], "gpus": 1}
    profiles = configured(pools=TWO_POOLS | {"gpu": gpu})["KubeSpawner"]["profile_list"]
    assert [(one["slug"], one.get("default", False)) for one in profiles] == [("user", True), ("gpu", False)]
    alone = configured(pools=TWO_POOLS | {"user": gpu})["KubeSpawner"]
    assert alone["profile_list"] == []
    assert alone["extra_resource_limits"] == {"nvidia.com/gpu": "1"}
    assert [one["key"] for one in alone["tolerations"]] == ["gpu"]


def test_without_culling_nobody_culls(configured: Any) -> None:
    services = configured(culling={"enabled": False})["JupyterHub"]["services"]
    assert [one["name"] for one in services] == ["hubfleet-check"]


def test_services_and_roles_are_added_to_those_that_the_chart_needs(configured: Any) -> None:
    token, role = "0" * 32, {"services": ["mine"], "scopes": ["list:users"]}
    own = {"services": {"mine": {"apiToken": token, "url": "http://x"}}, "loadRoles": {"mine": role}}
    hub = configured(values={"hub": own})["JupyterHub"]
    assert [one["name"] for one in hub["services"]] == ["idle-culler", "hubfleet-check", "mine"]
    assert hub["services"][-1] == {"name": "mine", "url": "http://x", "api_token": token}
    assert hub["load_roles"][-1] == {"name": "mine"} | role


def _of_schema(schema: dict[str, Any], path: str = "") -> set[str]:
    """The keys that a schema names, down to those that are not closed maps."""
    if "properties" not in schema:
        return {path}
    return {
        key for name, below in schema["properties"].items() for key in _of_schema(below, f"{path}.{name}".strip("."))
    }


def _of_values(values: Any, schema: dict[str, Any], path: str = "") -> set[str]:
    if "properties" not in schema:
        return {path}
    below = [(name, schema["properties"].get(name, {})) for name in values]
    return {key for name, one in below for key in _of_values(values[name], one, f"{path}.{name}".strip("."))}


def test_files_for_the_hub_are_in_a_secret_of_their_own_and_where_they_are_to_be(helm: Helm, tmp_path: Path) -> None:
    files = {
        "page": {"mountPath": "/a/login.html", "stringData": "hello\n"},
        "logo": {"mountPath": "/a/logo.png", "binaryData": "iVBORw==", "mode": 0o400},
    }
    found = lite(helm, tmp_path, values={"hub": {"extraFiles": files}})
    assert found.secret("hub-files", "page") == "hello\n"
    assert found.one("Secret", "hub-files")["data"]["logo"] == "iVBORw=="
    assert "extraFiles" not in found.secret("hub", "values.json")
    pod = found.pods()["hub"]
    mounts = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "files"]
    assert {one["mountPath"]: one["subPath"] for one in mounts} == {"/a/login.html": "page", "/a/logo.png": "logo"}
    (volume,) = (one["secret"] for one in pod["volumes"] if one["name"] == "files")
    assert volume["items"] == [{"key": "logo", "path": "logo", "mode": 0o400}, {"key": "page", "path": "page"}]


def test_pages_and_services_of_a_hub_arrive(helm: Helm, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/login.html").write_text("hello")
    found = lite(
        helm,
        tmp_path,
        pages={"templates": "pages", "variables": {"announcement": "down"}},
        services={"news": {"url": "http://news.main:8000"}},
    )
    hub = json.loads(found.secret("hub", "values.json"))["hub"]
    assert hub["templatePaths"] == ["/etc/jupyterhub/pages/templates"]
    assert hub["templateVars"] == {"announcement": "down"}
    assert hub["services"]["news"] == {"url": "http://news.main:8000", "display": True, "apiToken": "x" * 48}
