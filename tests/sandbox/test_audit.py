"""What a cluster that is gone left in the project: found, told, taken away; everything else stays."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from .conftest import Shell

NAME = "vanished"
RELEASE = f"{NAME}-k5s6t7u2v3w4"
HOME = {"csi.storage.k8s.io/pvc/name": "claim-ada", "csi.storage.k8s.io/pvc/namespace": "main"}
CACHE = {"csi.storage.k8s.io/pvc/name": "cache", "csi.storage.k8s.io/pvc/namespace": "default"}
KEPT = {**HOME, "janitor.capi.azimuth-cloud.com/keep": "true", "hubfleet.org/cluster": NAME}


@dataclass
class Project:
    """The project's services, asked by plain HTTP as nobody's tool does it; takes away what it made."""

    token: str
    user: str
    project: str
    endpoints: dict[str, str]
    made: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, service: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        wish = urllib.request.Request(f"{self.endpoints[service]}{path}", data, headers, method=method)
        with urllib.request.urlopen(wish, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else {}

    def make(self, service: str, path: str, key: str, **values: Any) -> str:
        """Its id."""
        made: str = self.ask(service, "POST", path, {key: values})[key]["id"]
        self.made.append((service, f"{path}/{made}"))
        return made

    def there(self, service: str, path: str) -> bool:
        try:
            self.ask(service, "GET", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def volume(self, name: str, **marks: str) -> str:
        made = self.make("block-storage", "/volumes", "volume", name=name, size=1, metadata=marks)
        state = {"os-reset_status": {"status": "available", "attach_status": "detached"}}
        self.ask("block-storage", "POST", f"/volumes/{made}/action", state)
        return made

    def clean(self) -> None:
        for service, path in reversed(self.made):
            if self.there(service, path):
                self.ask(service, "DELETE", path)


@pytest.fixture(scope="module")
def project(sandbox: Shell) -> Iterator[Project]:
    """With the credential that Magnum would have too."""
    token = sandbox.openstack("token", "issue")
    catalog = sandbox.openstack("catalog", "list")
    urls = {
        one["Type"]: next(end["url"].rstrip("/") for end in one["Endpoints"] if end["interface"] == "public")
        for one in catalog
    }
    found = Project(token["id"], token["user_id"], token["project_id"], {**urls, "network": f"{urls['network']}/v2.0"})
    try:
        yield found
    finally:
        found.clean()


@pytest.fixture(scope="module")
def left(project: Project) -> dict[str, str]:
    """Ids, by what they are, of what a cluster leaves that is deleted with its load balancers and its volumes."""
    capo = f"Created by cluster-api-provider-openstack cluster magnum-{project.project}-{RELEASE}"
    ccm = f"Floating IP for Kubernetes external service main/proxy-public from cluster {RELEASE}"
    outside, inside = networks(project)
    resource = f"magnum-{project.project}-{RELEASE}"
    workers = f"k8s-cluster-{resource}-secgroup-worker"
    group = project.make("network", "/security-groups", "security_group", name=workers)
    network = f"k8s-clusterapi-cluster-{resource}"
    own = project.make("network", "/networks", "network", name=network, description=capo)
    inner = {"network_id": own, "ip_version": 4, "cidr": "10.6.0.0/24"}
    subnet = project.ask("network", "POST", "/subnets", {"subnet": {"name": network, **inner}})["subnet"]["id"]
    router = project.make("network", "/routers", "router", name=network, external_gateway_info={"network_id": outside})
    project.ask("network", "PUT", f"/routers/{router}/add_router_interface", {"subnet_id": subnet})
    port = {"name": f"{RELEASE}-user-abcde-0", "network_id": inside, "security_groups": [group], "description": capo}
    return {
        "security group": group,
        "network": own,
        "router": router,
        "port": project.make("network", "/ports", "port", **port),
        "floating IP": project.make(
            "network", "/floatingips", "floatingip", floating_network_id=outside, description=ccm
        ),
        "volume": project.volume("pvc-1", **{"cinder.csi.openstack.org/cluster": RELEASE, **CACHE}),
        "server group": project.make(
            "compute", "/os-server-groups", "server_group", name=f"{RELEASE}-workers", policies=["anti-affinity"]
        ),
        "application credential": project.make(
            "identity",
            f"/users/{project.user}/application_credentials",
            "application_credential",
            name=f"magnum-{uuid.uuid4()}-802b027a",
            description=f"Magnum cluster ({NAME})",
        ),
    }


@pytest.fixture(scope="module")
def home(project: Project) -> str:
    """A volume of that cluster's that is to be kept."""
    return project.volume("pvc-2", **{"cinder.csi.openstack.org/cluster": RELEASE, **KEPT})


@pytest.fixture(scope="module")
def others(project: Project) -> dict[str, str]:
    """Where things of nobody's cluster are, whatever they look like."""
    outside, inside = networks(project)
    web = "Floating IP for Kubernetes external service web/front from cluster kubernetes"
    foreign = "Created by cluster-api-provider-openstack cluster elsewhere-k5s6t7u2v3w4"
    floating = {"floating_network_id": outside, "description": web}
    made = {
        "/floatingips": project.make("network", "/floatingips", "floatingip", **floating),
        "/security-groups": project.make("network", "/security-groups", "security_group", name="k8s-cluster-of-mine"),
        "/ports": project.make(
            "network", "/ports", "port", name=f"{NAME}-frontendhost-0", network_id=inside, description=foreign
        ),
    }
    volume = project.volume("mine", **{"janitor.capi.azimuth-cloud.com/keep": "true"})
    return {**{f"network {path}/{id_}": id_ for path, id_ in made.items()}, f"block-storage /volumes/{volume}": volume}


def networks(project: Project) -> tuple[str, str]:
    found = project.ask("network", "GET", "/networks")["networks"]
    inside = next(one["id"] for one in found if one["name"] == "auto_allocated_network")
    return next(one["id"] for one in found if one["router:external"]), inside


def audit(sandbox: Shell, *words: str) -> Any:
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--json", *words)
    assert ran.code == 0, ran.said
    return ran.json


def of_vanished(found: list[dict[str, Any]]) -> dict[str, str]:
    return {one["kind"]: one["id"] for one in found if one["cluster"] == NAME}


def test_an_audit_lists_what_is_left_and_nothing_else(
    sandbox: Shell, left: dict[str, str], home: str, others: dict[str, str]
) -> None:
    found = audit(sandbox, "--all")
    assert of_vanished(found["left"]) == left
    assert of_vanished(found["kept"]) == {"volume": home}
    every = {one["id"] for part in ("left", "kept", "living") for one in found[part]}
    assert not every & set(others.values())
    assert found["unseen"] == []


def test_people_see_size_age_and_cost(sandbox: Shell, left: dict[str, str], home: str) -> None:
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--exit-code")
    assert ran.code == 3, ran.said
    assert f"cluster {NAME} is gone ({RELEASE}); left over:" in ran.out
    assert "1 of 10 floating IPs" in ran.out
    row = next(line for line in ran.out.splitlines() if "pvc-1" in line)
    assert "1 GiB" in row
    assert "min" in row
    assert f"kept: 1 home (1 GiB) of hub main: found again when a cluster {NAME} is made" in ran.out
    assert left["volume"] not in ran.out
    assert home not in ran.out


def test_nothing_is_deleted_unless_somebody_says_so(sandbox: Shell, project: Project, left: dict[str, str]) -> None:
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--delete")
    assert ran.code == 2, ran.said
    assert "give --yes" in ran.err
    assert project.there("network", f"/floatingips/{left['floating IP']}")


@pytest.mark.usefixtures("left")
def test_what_is_left_is_taken_away_and_homes_and_others_stay(
    sandbox: Shell, project: Project, home: str, others: dict[str, str]
) -> None:
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--delete", "--yes")
    assert ran.code == 0, ran.said
    found = audit(sandbox)
    assert found["left"] == []
    assert of_vanished(found["kept"]) == {"volume": home}
    assert all(project.there(*place.split(" ")) for place in others)


def test_homes_go_when_their_clusters_name_is_given(
    sandbox: Shell, project: Project, home: str, others: dict[str, str]
) -> None:
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--delete", "--yes", "--with-homes", NAME)
    assert ran.code == 0, ran.said
    assert not project.there("block-storage", f"/volumes/{home}")
    assert all(project.there(*place.split(" ")) for place in others)
