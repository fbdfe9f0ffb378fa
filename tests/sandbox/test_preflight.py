"""What stands in a plan's way, made real by the site's operators; and the cluster's own credential, made anew."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hubfleet.tools.openstack import Cloud

from .conftest import HUBFLEET, Shell, cluster_file

pytestmark = pytest.mark.timeout(600)
NAME = "preflight"


class Site:
    """The site's operators, by plain REST."""

    def __init__(self, sandbox: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        clouds = Path(sandbox.env["OS_CLIENT_CONFIG_FILE"])
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
        self.project = Cloud.connect("sandbox").project_id
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds.with_name("admin-clouds.yaml")))
        self.cloud = Cloud.connect("admin")

    @contextmanager
    def quota(self, service: str, key: str, value: int) -> Iterator[None]:
        """The project's quota is this for a while."""
        path, name = {
            "compute": (f"/os-quota-sets/{self.project}", "quota_set"),
            "network": (f"/quotas/{self.project}", "quota"),
        }[service]
        usual = self.cloud.get(service, path).body[name][key]
        self.cloud.send(service, "PUT", path, {name: {key: value}})
        try:
            yield
        finally:
            self.cloud.send(service, "PUT", path, {name: {key: usual}})

    @contextmanager
    def template(self, **properties: Any) -> Iterator[str]:
        """A public template whose image has these properties, for a while: its UUID."""
        formats = {"disk_format": "raw", "container_format": "bare", "visibility": "public"}
        image = self.cloud.send("image", "POST", "/images", {"name": NAME, **formats, **properties}).body["id"]
        body = {
            "name": NAME,
            "coe": "kubernetes",
            "public": True,
            "image_id": image,
            "external_network_id": "public",
            "flavor_id": "m3.small",
            "master_flavor_id": "m3.small",
            "dns_nameserver": "9.9.9.9",
        }
        try:
            uuid = self.cloud.send("container-infra", "POST", "/clustertemplates", body).body["uuid"]
            yield uuid
            self.cloud.send("container-infra", "DELETE", f"/clustertemplates/{uuid}")
        finally:
            self.cloud.send("image", "DELETE", f"/images/{image}")


@pytest.fixture
def site(sandbox: Shell, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(sandbox, monkeypatch)


def findings(sandbox: Shell, file: Path) -> list[dict[str, Any]]:
    """What the plan says is in the way, but for the volumes of homes, which is so in every sandbox."""
    ran = sandbox.hubfleet("plan", file, "--json")
    assert ran.code == 0, ran.said
    return [one for one in ran.json["findings"] if "homes" not in one["what"]]


@pytest.mark.parametrize(
    ("service", "key", "value", "says"),
    [
        ("compute", "cores", 8, "12 cores"),
        ("network", "floatingip", 1, "2 floating IPs"),
        ("network", "security_group", 1, "2 security groups"),
    ],
)
def test_a_quota_that_is_too_small_stands_in_the_way_before_anything_is_made(
    sandbox: Shell, site: Site, tmp_path: Path, service: str, key: str, value: int, says: str
) -> None:
    file = cluster_file(tmp_path, NAME)
    with site.quota(service, key, value):
        refused = sandbox.hubfleet("apply", file, "--yes", "--json")
    assert refused.code == 5, refused.said
    (found,) = (one for one in json.loads(refused.out.splitlines()[-1])["findings"] if one["layer"] == "quota")
    assert f"the cluster needs {says}" in found["what"]
    assert NAME not in [cluster["name"] for cluster in sandbox.openstack("coe", "cluster", "list")]


def test_an_image_that_the_driver_cannot_use_is_found_through_a_template_by_its_uuid(
    sandbox: Shell, site: Site, tmp_path: Path
) -> None:
    with site.template(os_distro="ubuntu", min_disk=40) as uuid:
        file = cluster_file(tmp_path, NAME, **{"template: kubernetes-1-34-jammy": f"template: {uuid}"})
        found = findings(sandbox, file)
    said = " | ".join(one["what"] for one in found if one["fatal"])
    assert "lacks the properties kube_version" in said
    assert f"the image {NAME} of the template" not in said  # named as the template names it: by its UUID
    assert "cannot be used" in said  # nobody gave it content
    assert "the flavor m3.quad is too small for the template's image" in said
    assert all(":" in one["origin"] for one in found)


def test_a_network_of_ours_without_a_router_is_found(sandbox: Shell, tmp_path: Path) -> None:
    sandbox.openstack("network", "create", NAME)
    try:
        sandbox.openstack("subnet", "create", "--network", NAME, "--subnet-range", "10.9.0.0/24", NAME)
        file = cluster_file(tmp_path, NAME, **{"keypair: deploy": f"keypair: deploy\n    network: {NAME}"})
        (found,) = findings(sandbox, file)
    finally:
        sandbox("openstack", "--os-cloud", "sandbox", "network", "delete", NAME)
    assert found["layer"] == "network"
    assert f"no router leads from the network {NAME} to public" in found["what"]


def test_the_plan_tells_what_the_cluster_costs_while_idle_and_at_its_peak(sandbox: Shell, tmp_path: Path) -> None:
    more = "pools:\n  gpu: {machine: g3.medium, nodes: {min: 0, max: 2}, runs: [users]}\n"
    file = cluster_file(tmp_path, NAME, **{"pools:\n": more})
    ran = sandbox.hubfleet("plan", file, "--json")
    assert ran.json["sizes"]["idle"] == {"nodes": 3, "cores": 12, "units": 12}
    assert ran.json["sizes"]["peak"] == {"nodes": 5, "cores": 28, "units": 44}
    assert "12 SU an hour" in sandbox.hubfleet("plan", file).out


@pytest.fixture(scope="module")
def cluster(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with nothing on it; destroyed at the end."""
    file = cluster_file(tmp_path_factory.mktemp("preflight"), NAME)
    text = file.read_text()
    file.write_text(text[: text.index("\nhubs:")] + "\n")
    applied = sandbox.hubfleet("apply", file, "--yes", timeout=600)
    assert applied.code == 0, applied.said
    yield file
    gone = sandbox.hubfleet("destroy", file, "--with-homes", "--yes", NAME)
    assert gone.code == 0, gone.said


def own(sandbox: Shell) -> list[str]:
    """Names of the application credentials that Magnum made for its clusters."""
    listed = sandbox.openstack("application", "credential", "list")
    return [one["Name"] for one in listed if one["Name"].startswith("magnum-")]


def test_the_status_tells_how_long_credentials_last(sandbox: Shell, cluster: Path) -> None:
    ends = {one["what"]: one["days"] for one in sandbox.hubfleet("status", cluster, "--json").json["credentials"]}
    assert ends["application credential sandbox"] is None
    assert ends["the cluster's own application credential"] is None
    assert 300 < ends["the Kubernetes API's certificate"] <= 365
    assert ends["the kubeconfig's certificate"] > 1800


def test_the_clusters_credential_is_made_anew_and_the_old_one_is_gone(sandbox: Shell, cluster: Path) -> None:
    before = own(sandbox)
    ran = sandbox.hubfleet("rotate", cluster)
    assert ran.code == 0, ran.said
    (new,) = set(own(sandbox)) - set(before)
    assert new in ran.out
    assert len(own(sandbox)) == len(before)
    assert sandbox.hubfleet("plan", cluster, "--exit-code").code == 0


def test_no_kubeconfig_stays_behind_when_hubfleet_is_ended(sandbox: Shell, cluster: Path, tmp_path: Path) -> None:
    env = {**sandbox.env, "TMPDIR": str(tmp_path)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        words = [HUBFLEET, "kubectl", "--path", cluster, "get", "nodes", "--watch"]
        child = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (files := list(tmp_path.glob("hubfleet-*/kubeconfig"))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600"]
        child.send_signal(number)
        assert child.wait(30) == 130
        assert list(tmp_path.iterdir()) == []
