"""What people keep outlives their cluster and is found again; of everything else nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Shell, cluster_file
from .hub_api import ENV, SERVICE, Hub

pytestmark = pytest.mark.timeout(900)
NAME = "outlived"
NOTE = "/home/jovyan/note.txt"
CLAIM, NAMESPACE = "csi.storage.k8s.io/pvc/name", "csi.storage.k8s.io/pvc/namespace"
OTHERS = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: cache, namespace: default}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  containers:
    - {name: pause, image: "localhost/pause:1", volumeMounts: [{name: cache, mountPath: /cache}]}
  volumes: [{name: cache, persistentVolumeClaim: {claimName: cache}}]
"""
"""What somebody else put on the cluster."""


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The first example; nothing of it is left at the end."""
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME, **{"    values:\n": f"    values:\n{SERVICE}"})
    try:
        yield path
    finally:
        gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME, env=ENV)
        assert gone.code == 0, gone.said


def apply(sandbox: Shell, file: Path) -> Hub:
    made = sandbox.hubfleet("apply", file, "--yes", env=ENV)
    assert made.code == 0, made.said
    return Hub(sandbox, file)


def kubectl(sandbox: Shell, file: Path, *words: str | Path) -> str:
    ran = sandbox.hubfleet("kubectl", "--path", file, *words, env=ENV)
    assert ran.code == 0, ran.said
    return ran.out


def kept(sandbox: Shell) -> dict[str, tuple[str, str]]:
    """The project's volumes by their claim: id, and what keeps the janitor away."""
    volumes = [sandbox.openstack("volume", "show", one["ID"]) for one in sandbox.openstack("volume", "list")]
    found = {volume["properties"].get(CLAIM, volume["name"]): volume for volume in volumes}
    key = "janitor.capi.azimuth-cloud.com/keep"
    return {claim: (volume["id"], volume["properties"].get(key, "")) for claim, volume in found.items()}


def test_homes_and_database_outlive_the_cluster_and_are_found_again(sandbox: Shell, file: Path, tmp_path: Path) -> None:
    hub = apply(sandbox, file)
    hub.starts("ada")
    pod = hub.pod("ada")["metadata"]["name"]
    kubectl(sandbox, file, "-n", "main", "exec", pod, "--", "sh", "-c", f"echo 42 > {NOTE}")
    (tmp_path / "others.yaml").write_text(OTHERS)
    kubectl(sandbox, file, "apply", "-f", tmp_path / "others.yaml")
    kubectl(sandbox, file, "wait", "--for=condition=Ready", "pod/web", "--timeout=120s")

    gone = sandbox.hubfleet("destroy", file, "--yes", NAME, env=ENV)
    assert gone.code == 0, gone.said
    assert "- destroy hub main (release main): kept: 1 home and the database" in gone.err, gone.said
    assert "loses volumes of claims that are no hub's: default/cache (1Gi)" in gone.err
    before = kept(sandbox)
    assert {claim: keep for claim, (_, keep) in before.items()} == {"claim-ada": "true", "hub-db-dir": "true"}
    assert sandbox.openstack("floating", "ip", "list") == []
    assert sandbox.openstack("server", "list") == []

    planned = sandbox.hubfleet("plan", file, env=ENV)
    assert "+ create what people keep in hub main: found again: 1 home and the database (2 GiB)" in planned.out
    hub = apply(sandbox, file)
    assert hub.knows("ada"), "its database is another"
    hub.starts("ada")
    assert kubectl(sandbox, file, "-n", "main", "exec", pod, "--", "cat", NOTE).strip() == "42"
    assert {claim: volume for claim, (volume, _) in kept(sandbox).items()} == {
        claim: volume for claim, (volume, _) in before.items()
    }
    settled = sandbox.hubfleet("plan", file, "--exit-code", env=ENV)
    assert settled.code == 0, settled.said


def test_they_go_only_where_the_person_says_so(sandbox: Shell, file: Path) -> None:
    gone = sandbox.hubfleet("destroy", file, "--with-homes", "--yes", NAME, env=ENV)
    assert gone.code == 0, gone.said
    assert "loses home directories and database: claim-ada, hub-db-dir" in gone.err, gone.said
    assert kept(sandbox) == {}
    assert sandbox.hubfleet("plan", file, env=ENV).out.count("found again") == 0
