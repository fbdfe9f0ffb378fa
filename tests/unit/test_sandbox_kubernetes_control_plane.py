import stat
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml

from hubfleet_sandbox import processes
from hubfleet_sandbox.kubernetes import certificates, control_plane
from hubfleet_sandbox.layout import Layout

FAKE = f"""#!{sys.executable}
import socket, sys, time
if sys.argv[1] == "etcd":
    url = next(a for a in sys.argv if a.startswith("--listen-client-urls="))
    server = socket.create_server(("127.0.0.1", int(url.rpartition(":")[2])))
time.sleep(60)
"""


def layout(folder: Path) -> Layout:
    return Layout(folder / "state", folder / "cache", 31, 31500)


def ports(plane: control_plane.Plane) -> set[int]:
    return {port for port in (plane.api, plane.etcd, plane.etcd_peer, plane.dns) if port is not None}


def test_clusters_and_the_management_cluster_share_no_port(tmp_path: Path) -> None:
    here = layout(tmp_path)
    found = [
        ports(plane)
        for plane in (
            control_plane.management(here),
            control_plane.workload(here, "a", 0),
            control_plane.workload(here, "b", 1),
        )
    ]
    assert len(set.union(*found)) == sum(len(one) for one in found)


def test_only_a_cluster_with_nodes_schedules_and_resolves_names(tmp_path: Path) -> None:
    assert control_plane.management(layout(tmp_path)).components == ("etcd", "apiserver", "controllers")
    assert {"scheduler", "dns"} < set(control_plane.workload(layout(tmp_path), "a", 0).components)


@pytest.mark.parametrize("number", [0, 44])
def test_nodes_reach_the_api_by_the_gateway(tmp_path: Path, number: int) -> None:
    here = layout(tmp_path)
    assert control_plane.workload(here, "a", number).server == f"https://{here.gateway}:{here.cluster_port(number, 0)}"


def test_a_control_plane_starts_mends_and_goes_without_a_trace(tmp_path: Path) -> None:
    here, programs = layout(tmp_path), tmp_path / "programs"
    programs.mkdir()
    (programs / "kube").write_text(FAKE)
    (programs / "kube").chmod(0o755)
    plane, authority = control_plane.workload(here, "a", 44), certificates.authority("a")
    key = certificates.service_account_key()
    try:
        control_plane.start(here, programs, plane, authority, key)
        assert control_plane.dead(here, plane) == []
        first = processes.find(here, "clusters/a/etcd")
        scheduler = processes.find(here, "clusters/a/scheduler")
        assert scheduler
        processes.stop([scheduler])
        assert control_plane.dead(here, plane) == ["scheduler"]
        control_plane.start(here, programs, plane, authority, key)
        assert control_plane.dead(here, plane) == []
        assert processes.find(here, "clusters/a/etcd") == first

        secrets = [path for path in plane.folder.iterdir() if path.suffix in (".key", ".kubeconfig")]
        assert secrets
        assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
        admin = yaml.safe_load(plane.kubeconfig.read_text())
        assert admin["clusters"][0]["cluster"]["server"] == plane.server
    finally:
        control_plane.remove(here, plane)
    assert control_plane.dead(here, plane) == list(plane.components)
    assert not plane.folder.exists()
    assert processes.marked(here) == []


def words(process: processes.Process, some: str) -> bool:
    return some in processes.command(process)


def test_a_new_version_replaces_kubernetes_and_leaves_etcd_and_dns(tmp_path: Path) -> None:
    here, programs = layout(tmp_path), tmp_path / "programs"
    programs.mkdir()
    (programs / "kube").write_text(FAKE)
    (programs / "kube").chmod(0o755)
    authority, key = certificates.authority("a"), certificates.service_account_key()
    old = control_plane.workload(here, "a", 44, "v1.32.8")
    new = control_plane.workload(here, "a", 44, "v1.33.2")

    def running() -> dict[str, processes.Process | None]:
        return {name: processes.find(here, f"{old.name}/{name}") for name in old.components}

    try:
        control_plane.start(here, programs, old, authority, key)
        before = running()
        control_plane.start(here, programs, old, authority, key)
        assert running() == before
        control_plane.start(here, programs, new, authority, key)
        after = running()
        assert {name for name in after if after[name] == before[name]} == {"etcd", "dns"}
        for name in ("apiserver", "controllers", "scheduler"):
            process = after[name]
            assert process
            # A program that is just about to take its shell's place has no words for a moment.
            processes.wait(name, partial(words, process, "--emulated-version=1.33"), timeout=10)
            assert b"=v1.33.2\0" in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        control_plane.remove(here, old)
    assert processes.marked(here) == []


def test_a_file_with_a_secret_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "admin.kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    control_plane.write_secret(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
