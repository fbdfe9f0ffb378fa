"""Homes that share a volume, by the real charts: the server, its quotas, and what users' pods mount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import Release, releases
from hubfleet.hubs import charts as our_charts
from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from tests.render.conftest import chart_in
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load, other

SHARED = {"size": "500Gi", "quota": "10Gi"}


def made(folder: Path, **hub: Any) -> dict[str, Release]:
    cluster = load(folder, **{"chart": "jupyterhub", "homes": SHARED} | hub)
    return {one.name: one for one in releases(cluster, describe(cluster))}


@pytest.fixture
def server(helm: Helm, charts: Path, tmp_path: Path) -> Manifests:
    found = made(tmp_path)["hubfleet-homes-main"]
    return render(helm, other(found, chart=our_charts.local(chart_in(charts, "jupyterhub-home-nfs"))))


def test_the_server_has_one_volume_with_quotas_for_folders(server: Manifests) -> None:
    claim = server.one("PersistentVolumeClaim", "home-nfs")["spec"]
    assert claim["storageClassName"] == "hubfleet-homes"
    assert claim["resources"]["requests"]["storage"] == "500Gi"
    (pod,) = server.pods().values()
    assert pod["nodeSelector"] == {LABEL: "core"}
    exported = {one["name"]: one["volumeMounts"] for one in pod["containers"]}
    for container in ("nfs-server", "enforce-xfs-quota", "auto-xfs-resizer"):
        assert {"name": "home-directories", "mountPath": "/export"} in exported[container]


def test_what_keeps_the_quotas_reads_them_from_our_values(server: Manifests) -> None:
    config = yaml.safe_load(server.one("Secret", "home-nfs")["stringData"]["chart-config.yaml"])["config"]
    assert config["QuotaManager"] == {
        "paths": ["/export/homes"],
        "hard_quota": 10,
        "projects_file": "/export/.projects",
        "projid_file": "/export/.projid",
        "wait_time": 30,
        "min_projid": 1000,
        "exclude": [],
        "quota_overrides": {},
        "uid": 1000,
        "gid": 1000,
    }


def test_the_service_is_the_one_that_a_hub_asks_for_its_address(server: Manifests, tmp_path: Path) -> None:
    share = made(tmp_path)["main"].share
    assert share is not None
    assert 2049 in {port["port"] for port in server.one("Service", share.service)["spec"]["ports"]}
    # NFS version 4 shows what is below /export at its root, and there the folder of the hub
    exported = server.one("ConfigMap", "home-nfs-ganesha-config")["data"]["ganesha.conf"]
    assert "Path = /export;" in exported
    assert "Pseudo = /;" in exported


def test_users_mount_their_own_folder_of_it(helm: Helm, upstream: Path, tmp_path: Path) -> None:
    found = render(helm, other(made(tmp_path)["main"], chart=our_charts.local(upstream)))
    values = yaml.safe_load(found.secret("hub", "values.yaml"))["singleuser"]
    assert values["storage"]["type"] == "static"
    assert values["storage"]["static"] == {"pvcName": "home-nfs", "subPath": "{escaped_username}"}
    assert values["extraEnv"]["JUPYTER_RUNTIME_DIR"] == "/tmp/jupyter-runtime"


def test_its_schema_looks_at_our_values(helm: Helm, charts: Path, tmp_path: Path) -> None:
    found = made(tmp_path)["hubfleet-homes-main"]
    wrong = {**found.values, "quotaEnforcer": {"enabled": "perhaps"}}
    with pytest.raises(BadValues):
        render(helm, other(found, values=wrong, chart=our_charts.local(chart_in(charts, "jupyterhub-home-nfs"))))
