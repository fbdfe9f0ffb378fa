"""Homes on one volume for all users of a hub: volume, class and mount are made, kept, found again and grown.

The charts are stand-ins with the names of the real ones: no kernel here has NFS or XFS quotas, so a pod that does
nothing has the volume in the server's place, and the hub is the chart lite under the other's name. What this shows is
what hubfleet does itself, on a real Kubernetes; the real charts are rendered in tests/render/test_homes.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import charts
from tests.render.chart_server import packed

from .conftest import Shell, cluster_file
from .test_nothing_left import kept, kubectl

pytestmark = pytest.mark.timeout(1200)
NAME, SERVER = "shares", "hubfleet-homes-main"
SERVER_CHART = {
    "values.yaml": "",
    "templates/all.yaml": """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: home-nfs}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: {{ .Values.persistentVolume.storageClass }}
  resources: {requests: {storage: {{ .Values.persistentVolume.size }}}}
---
apiVersion: v1
kind: Service
metadata: {name: home-nfs}
spec: {selector: {app: nfs-server}, ports: [{port: 2049}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: home-nfs}
spec:
  selector: {matchLabels: {app: nfs-server}}
  template:
    metadata: {labels: {app: nfs-server}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: it, image: "localhost/pause:1", volumeMounts: [{name: homes, mountPath: /export}]}
      volumes: [{name: homes, persistentVolumeClaim: {claimName: home-nfs}}]
""",
}


def mirror(folder: Path) -> Path:
    """A mirror that has the stand-ins."""
    lite = charts.ours("lite").path
    assert lite is not None
    every = (path for path in lite.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {path.relative_to(lite).as_posix(): path.read_text() for path in every}
    hub = {path: text for path, text in files.items() if path not in ("Chart.yaml", "values.schema.json")}
    for name, content in (("jupyterhub", hub), ("jupyterhub-home-nfs", SERVER_CHART)):
        chart = charts.pinned(name)
        place = charts.in_mirror(chart, folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(packed(chart.name, chart.version, content))
    return folder


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp(NAME)
    path = cluster_file(folder, NAME)
    tree: dict[str, Any] = yaml.safe_load(path.read_text())
    tree["charts"] = {"mirror": str(mirror(folder / "mirror"))}
    tree["storage"] = {"homes": {"size": "2Gi", "quota": "1Gi"}}
    image = {"image": {"name": "localhost/hubfleet-hub", "tag": "1"}}
    tree["hubs"]["main"] |= {"chart": "jupyterhub", "values": {"hub": image}}
    path.write_text(yaml.safe_dump(tree))
    try:
        yield path
    finally:
        gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME)
        assert gone.code == 0, gone.said


def applied(sandbox: Shell, file: Path) -> str:
    ran = sandbox.hubfleet("apply", file, "--yes", timeout=600)
    assert ran.code == 0, ran.said
    return ran.err


def got(sandbox: Shell, file: Path, *what: str) -> Any:
    return json.loads(kubectl(sandbox, file, "get", *what, "-o", "json"))


def server(sandbox: Shell, file: Path) -> tuple[str, str]:
    """The address at which pods mount their homes, and that of the server."""
    volume = got(sandbox, file, "pv", SERVER)
    assert volume["status"]["phase"] == "Bound"
    service = got(sandbox, file, "-n", SERVER, "service", "home-nfs")
    return volume["spec"]["nfs"]["server"], service["spec"]["clusterIP"]


def edited(file: Path, **changes: Any) -> None:
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))


def test_the_volume_is_there_with_its_class_and_pods_can_mount_it(sandbox: Shell, file: Path) -> None:
    applied(sandbox, file)
    mounted, serving = server(sandbox, file)
    assert mounted == serving
    made = got(sandbox, file, "storageclass", "hubfleet-homes")
    own = got(sandbox, file, "storageclass", "csi-cinder")
    assert (made["provisioner"], made["mountOptions"]) == (own["provisioner"], ["pquota"])
    assert made["parameters"]["csi.storage.k8s.io/fstype"] == "xfs"
    claim = got(sandbox, file, "-n", "main", "pvc", "home-nfs")
    assert (claim["status"]["phase"], claim["spec"]["volumeName"]) == ("Bound", SERVER)
    settled = sandbox.hubfleet("plan", file, "--exit-code")
    assert settled.code == 0, settled.said


def test_it_outlives_the_cluster_and_is_found_again(sandbox: Shell, file: Path) -> None:
    gone = sandbox.hubfleet("destroy", file, "--yes", NAME)
    assert gone.code == 0, gone.said
    assert f"kept: release {SERVER}: the shared homes" in gone.out, gone.said
    before = kept(sandbox)
    assert {claim: keep for claim, (_, keep) in before.items()} == {"home-nfs": "true", "hub-db-dir": "true"}
    told = applied(sandbox, file)
    assert f"what people keep in release {SERVER}: found again: the shared homes (2 GiB)" in told
    assert {claim: volume for claim, (volume, _) in kept(sandbox).items()} == {
        claim: volume for claim, (volume, _) in before.items()
    }
    volume = got(sandbox, file, "-n", SERVER, "pvc", "home-nfs")["spec"]["volumeName"]
    spec = got(sandbox, file, "pv", volume)["spec"]
    assert (spec["csi"]["fsType"], spec["mountOptions"]) == ("xfs", ["pquota"])


def test_a_hub_that_left_the_file_and_comes_back_has_its_homes_and_a_larger_volume(sandbox: Shell, file: Path) -> None:
    before = kept(sandbox)
    (first, _), hubs = server(sandbox, file), yaml.safe_load(file.read_text())["hubs"]
    edited(file, hubs={})
    applied(sandbox, file)
    assert kept(sandbox) == before
    edited(file, hubs=hubs, storage={"homes": {"size": "3Gi", "quota": "1Gi"}})
    assert "mounting them anew" in applied(sandbox, file)
    mounted, serving = server(sandbox, file)
    assert mounted == serving != first
    assert kept(sandbox) == before
    claim = got(sandbox, file, "-n", SERVER, "pvc", "home-nfs")
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"


def test_another_kind_of_homes_is_refused(sandbox: Shell, file: Path) -> None:
    edited(file, storage={"homes": {"size": "3Gi"}})
    refused = sandbox.hubfleet("apply", file, "--yes")
    assert refused.code == 4, refused.said
    assert "would be in volumes of their own: all would seem empty" in refused.err
    edited(file, storage={"homes": {"size": "3Gi", "quota": "1Gi"}})


def test_all_of_it_goes_where_a_person_says_so(sandbox: Shell, file: Path) -> None:
    gone = sandbox.hubfleet("destroy", file, "--with-homes", "--yes", NAME)
    assert gone.code == 0, gone.said
    assert "loses home directories and database: home-nfs" in gone.err
    assert kept(sandbox) == {}
