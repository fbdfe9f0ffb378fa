"""Zero to JupyterHub's chart takes what hubfleet computes: its schema agrees, and every pod has its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.provider import Traits
from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, TWO_POOLS, WAYS, release

MARKED = {
    "core": {"machine": "m", "runs": ["core"], "taints": ["core:NoSchedule"]},
    "user": {"machine": "m"},
    "gpu": {"machine": "g", "taints": ["gpu=true:NoSchedule"], "gpus": 1},
}

MAIL = {"ingress": {"email": "ops@example.org"}}


def rendered(helm: Helm, upstream: Path, folder: Path, **file: Any) -> Manifests:
    return render(helm, release(folder, **file), upstream)


def test_every_pod_has_its_pool(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    pods = rendered(helm, upstream, tmp_path, top=MAIL).pods()
    places = {name: pod.get("nodeSelector", {}).get(LABEL) for name, pod in pods.items()}
    assert places == {
        "hub": "core",
        "proxy": "core",
        "autohttps": "core",
        "hook-image-awaiter": "core",
        "hook-image-puller": "user",
        "continuous-image-puller": "user",
        "user-placeholder": "user",
    }


def test_no_pod_asks_for_upstreams_own_node_label(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    found = rendered(helm, upstream, tmp_path, top=MAIL)
    assert "hub.jupyter.org/node-purpose" not in json.dumps(found.pods())


def test_with_several_pools_of_users_images_are_pulled_to_all_of_them(
    helm: Helm, upstream: Path, tmp_path: Path
) -> None:
    pods = rendered(helm, upstream, tmp_path, pools=TWO_POOLS | {"gpu": {"machine": "g"}}).pods()
    affinity = pods["continuous-image-puller"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [term["matchExpressions"][0]["values"] for term in terms] == [["user"], ["gpu"]]


STORAGE: dict[str, dict[str, Any]] = {
    "default": {},
    "class": {"top": {"storage": {"homes": {"size": "20Gi"}, "storage_class": "fast"}}},
    "own": {"homes": {"size": "5Gi"}, "top": {"ingress": {}}},
    "shared": {"homes": {"size": "500Gi", "quota": "10Gi"}, "top": {"ingress": {}}},
}
POOLS: dict[str, Any] = {
    "two": TWO_POOLS,
    "one": {"all": {"machine": "m", "runs": ["core", "users"]}},
    "marked": MARKED,
    "scaling": TWO_POOLS | {"user": {"machine": "m", "nodes": {"min": 0, "max": 9}}},
}
PAIRS = [
    (way, storage, pools)
    for i, way in enumerate(sorted(WAYS))
    for j, storage in enumerate(STORAGE)
    for pools in [list(POOLS)[(i + j) % len(POOLS)], list(POOLS)[(i + 3 * j + 1) % len(POOLS)]]
]
"""Every pair of a way to log in, a kind of storage and a layout of pools."""


def test_the_cases_below_have_every_pair() -> None:
    for one, other in ((0, 1), (0, 2), (1, 2)):
        every = [sorted(WAYS), list(STORAGE), list(POOLS)]
        assert {(case[one], case[other]) for case in PAIRS} == {(a, b) for a in every[one] for b in every[other]}


@pytest.mark.parametrize(("way", "storage", "pools"), PAIRS)
def test_its_schema_takes_every_way_to_log_in_on_every_storage_and_layout_of_pools(
    helm: Helm, upstream: Path, tmp_path: Path, way: str, storage: str, pools: str
) -> None:
    hub = {"auth": {way: WAYS[way]}, "admins": ["ada"], "pools": POOLS[pools], "top": MAIL, **STORAGE[storage]}
    found = rendered(helm, upstream, tmp_path, **hub)
    config = yaml.safe_load(found.secret("hub", "values.yaml"))["hub"]["config"]
    assert config["Authenticator"]["admin_users"] == ["ada"]
    assert config["JupyterHub"]["authenticator_class"] != "dummy"
    claim = found.one("PersistentVolumeClaim", "hub-db-dir")
    assert claim["spec"].get("storageClassName") == ("fast" if storage == "class" else None)


def test_the_key_for_googles_groups_is_a_file_of_the_hub(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    found = rendered(helm, upstream, tmp_path, auth={"google": WAYS["google"]}, top=MAIL)
    (container,) = found.pods()["hub"]["containers"]
    mounts = {one["subPath"]: one["mountPath"] for one in container["volumeMounts"] if one["name"] == "files"}
    assert mounts == {"google-uni.edu": "/etc/jupyterhub/google/uni.edu.json"}
    assert found.one("Secret", "hub")["stringData"] == {"google-uni.edu": "t0k3n\n"}


def test_metadata_of_the_cloud_is_kept_from_users(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    found = rendered(helm, upstream, tmp_path)
    blocks = [to["ipBlock"] for rule in _egress(found) for to in rule.get("to", ()) if not rule.get("ports")]
    assert blocks
    assert all("169.254.169.254/32" in one["except"] for one in blocks)
    values = yaml.safe_load(found.secret("hub", "values.yaml"))
    assert values["singleuser"]["cloudMetadata"]["blockWithIptables"] is True


def _egress(found: Manifests) -> list[dict[str, Any]]:
    return list(found.one("NetworkPolicy", "singleuser")["spec"]["egress"])


def test_our_own_chart_lets_users_reach_the_same(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    def internet(found: Manifests) -> list[Any]:
        return [rule for rule in _egress(found) if "ports" not in rule]

    ours = render(helm, release(tmp_path, chart="lite"))
    assert internet(rendered(helm, upstream, tmp_path)) == internet(ours)


def test_storage_image_and_load_balancer_arrive(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    traits = Traits(1, LABEL, storage_class="cinder", load_balancer_annotations={"a/b": "c"})
    digest = f"quay.io/x/y:1@sha256:{'a' * 64}"
    found = rendered(helm, upstream, tmp_path, description={"traits": traits}, image=digest, homes={"size": "5Gi"})
    claim = found.one("PersistentVolumeClaim", "hub-db-dir")
    assert claim["spec"]["storageClassName"] == "cinder"
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert found.one("Service", "proxy-public")["metadata"]["annotations"] == {"a/b": "c"}
    pulled = [one["image"] for one in found.pods()["continuous-image-puller"]["initContainers"]]
    assert digest in pulled


def test_what_its_schema_refuses_is_told_by_name(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValues) as error:
        rendered(helm, upstream, tmp_path, values={"hub": {"imag": {}}})
    assert [one.path for one in error.value.complaints] == [("hub", "imag")]


def test_profiles_and_tolerations_arrive(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    found = rendered(helm, upstream, tmp_path, top=MAIL, pools=MARKED)
    tolerated = {name: {one["key"] for one in pod.get("tolerations", [])} for name, pod in found.pods().items()}
    for name in ("hub", "proxy", "autohttps", "hook-image-awaiter"):
        assert "core" in tolerated[name], name
    for name in ("hook-image-puller", "continuous-image-puller"):
        assert "gpu" in tolerated[name], name
    values = yaml.safe_load(found.secret("hub", "values.yaml"))["singleuser"]
    assert [one["slug"] for one in values["profileList"]] == ["user", "gpu"]
    alone = rendered(helm, upstream, tmp_path, pools=TWO_POOLS | {"user": {"machine": "g", "gpus": 2}})
    values = yaml.safe_load(alone.secret("hub", "values.yaml"))["singleuser"]
    assert values["extraResource"]["limits"] == {"nvidia.com/gpu": "2"}


def test_sizes_images_and_room_that_is_kept_free_arrive(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    node = {"machine": "m", "size": {"cores": 16, "memory": "60Gi"}, "nodes": {"min": 1, "max": 9}}
    found = rendered(
        helm,
        upstream,
        tmp_path,
        pools=MARKED | {"user": node},
        profiles=[{"title": "Small", "seats": 16}, {"title": "Big", "seats": 2}],
        images=[{"title": "Python", "image": "quay.io/a/py:1"}, {"title": "R", "image": "quay.io/a/r:2"}],
        placeholders={"seats": 60},
        named_servers=2,
    )
    values = yaml.safe_load(found.secret("hub", "values.yaml"))
    assert [one["display_name"] for one in values["singleuser"]["profileList"]] == ["Small", "Big"]
    assert values["hub"]["namedServerLimitPerUser"] == 2
    pulled = {one["image"] for one in found.pods()["continuous-image-puller"]["initContainers"]}
    assert {"quay.io/a/py:1", "quay.io/a/r:2"} <= pulled
    kept = found.one("StatefulSet", "user-placeholder")["spec"]
    assert kept["replicas"] == 60
    (container,) = kept["template"]["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": 0.968, "memory": "3729Mi"}}
    assert kept["template"]["spec"]["nodeSelector"] == {LABEL: "user"}
    assert kept["template"]["spec"]["priorityClassName"]
    scheduler = found.pods()["user-scheduler"]
    assert (scheduler["nodeSelector"], "core" in {one["key"] for one in scheduler["tolerations"]}) == (
        {LABEL: "core"},
        True,
    )


def test_pages_and_services_of_a_hub_arrive(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/login.html").write_text("hello")
    (tmp_path / "sea.png").write_bytes(b"\x89PNG\xff")
    found = rendered(
        helm,
        upstream,
        tmp_path,
        pages={"templates": "pages", "logo": "sea.png", "variables": {"announcement": "down"}},
        services={"news": {"url": "http://news.main:8000"}, "report": {"scopes": ["list:users"]}},
    )
    mounts = found.pods()["hub"]["containers"][0]["volumeMounts"]
    place = {one["mountPath"]: one["subPath"] for one in mounts if one["name"] == "files"}
    page = found.one("Secret", "hub")["stringData"][place["/etc/jupyterhub/pages/templates/login.html"]]
    assert (page.strip(), "/etc/jupyterhub/pages/logo.png" in place) == ("hello", True)
    values = yaml.safe_load(found.secret("hub", "values.yaml"))["hub"]
    assert values["templateVars"] == {"announcement": "down"}
    assert values["services"]["news"]["url"] == "http://news.main:8000"
    assert values["loadRoles"]["report"] == {"services": ["report"], "scopes": ["list:users"]}
