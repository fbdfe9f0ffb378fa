"""The door to Magnum: its answers as data, and what is odd in them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hubfleet.errors import CloudError, Layer
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup, Template
from hubfleet.tools.openstack import Cloud
from hubfleet.tools.openstack_quota import Room
from tests.unit.openstack_server import Server, serving

CLUSTER: dict[str, Any] = {
    "uuid": "246d9d3c",
    "name": "four",
    "cluster_template_id": "da2701d4",
    "keypair": "deploy",
    "node_count": 4,
    "master_count": 1,
    "labels": {"auto_scaling_enabled": "true", "hubfleet": "1", "min_node_count": 1},
    "master_flavor_id": "m3.quad",
    "flavor_id": "m3.small",
    "cluster_id": "four-dkzx2a2lftqk",
    "status": "UPDATE_COMPLETE",
    "status_reason": None,
    "health_status": None,
    "api_address": "https://172.30.3.1:17550",
    "coe_version": "v1.34.4",
}
GROUP: dict[str, Any] = {
    "uuid": "a7b9a0f4",
    "name": "user",
    "flavor_id": "m3.small",
    "node_count": 1,
    "role": "worker",
    "min_node_count": 1,
    "max_node_count": 3,
    "is_default": False,
    "stack_id": None,
    "status": "CREATE_COMPLETE",
    "status_reason": None,
    "labels": {"hubfleet": "1"},
}
HELM = """Unexpected error while running command.
Command: helm upgrade four-dkzx2a2lftqk openstack-cluster --history-max 10 --install
Exit code: 1
Stdout: ''
Stderr: 'Error: UPGRADE FAILED: release: already exists\\n'"""


def error(status: int, detail: str) -> dict[str, Any]:
    return {"errors": [{"request_id": "", "code": "client", "status": status, "title": detail[:10], "detail": detail}]}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def magnum(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Magnum:
    auth = {
        "auth_url": f"{server.url}/identity/v3",
        "application_credential_id": "c-1",
        "application_credential_secret": "x",
    }
    entry = {"auth_type": "v3applicationcredential", "auth": auth}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"js2": entry}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    return Magnum(Cloud.connect("js2"), sleep=lambda _: None)


def test_a_cluster_becomes_data(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/four", CLUSTER)

    assert magnum.cluster("four") == Cluster(
        uuid="246d9d3c",
        name="four",
        status="UPDATE_COMPLETE",
        template="da2701d4",
        labels={"auto_scaling_enabled": "true", "hubfleet": "1", "min_node_count": "1"},
        api_address="https://172.30.3.1:17550",
        keypair="deploy",
        machine="m3.small",
        control_plane_machine="m3.quad",
        control_plane_nodes=1,
        release="four-dkzx2a2lftqk",
        version="v1.34.4",
    )


def test_a_cluster_that_is_not_there_is_none(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/nope", error(404, "Cluster nope could not be found."), 404)

    assert magnum.cluster("nope") is None


@pytest.mark.parametrize(
    ("created", "date", "age"),
    [
        ("2026-11-22T15:00:00+00:00", "Sun, 22 Nov 2026 15:20:00 GMT", 1200.0),
        ("2026-11-22T15:00:00", "Sun, 22 Nov 2026 15:00:01 GMT", 1.0),
        (None, "Sun, 22 Nov 2026 15:20:00 GMT", None),
        ("2026-11-22T15:00:00+00:00", "at noon", None),
    ],
)
def test_a_clusters_age_is_by_magnums_own_clock(
    magnum: Magnum, server: Server, created: str | None, date: str, age: float | None
) -> None:
    server.answer("GET", "/magnum/v1/clusters/four", CLUSTER | {"created_at": created}, Date=date)

    found = magnum.cluster("four")

    assert found is not None
    assert found.age == age


def several(server: Server, *clusters: dict[str, Any]) -> None:
    """Magnum has these, and one of another name."""
    server.answer("GET", "/magnum/v1/clusters/two", error(409, "Multiple clusters exist with same name."), 409)
    every = [CLUSTER | {"name": "two", "labels": {}} | one for one in clusters]
    server.answer("GET", "/magnum/v1/clusters/detail", {"clusters": [CLUSTER, *every]})


def test_several_clusters_of_one_name_that_hubfleet_did_not_make_are_told(magnum: Magnum, server: Server) -> None:
    several(server, {"uuid": "u-1"}, {"uuid": "u-2"}, {"uuid": "u-3", "status": "DELETE_IN_PROGRESS"})

    with pytest.raises(CloudError, match="several clusters named two") as caught:
        magnum.cluster("two")
    assert "u-1" in caught.value.why
    assert "u-3" not in caught.value.why


def test_of_several_clusters_of_one_name_the_oldest_that_hubfleet_made_is_meant(magnum: Magnum, server: Server) -> None:
    ours, later = {"labels": {"hubfleet": "1"}, "created_at": "2026-11-22T15:00:00+00:00"}, "2026-11-22T15:00:01+00:00"
    several(server, {"uuid": "a", "created_at": ""}, ours | {"uuid": "b", "created_at": later}, ours | {"uuid": "d"})

    found = magnum.cluster("two")

    assert found is not None
    assert found.uuid == "d"
    assert [one.uuid for one in magnum.named("two")] == ["a", "d", "b"]


def test_every_cluster_is_found_when_magnum_gives_them_page_by_page(magnum: Magnum, server: Server) -> None:
    pages = [{"clusters": [CLUSTER | {"uuid": "a"}], "next": f"{server.url}/magnum/v1/clusters?limit=1&marker=a"}]
    pages.append({"clusters": [CLUSTER | {"uuid": "b"}]})
    for page in pages:
        server.answer("GET", "/magnum/v1/clusters/detail", page)

    assert [one.uuid for one in magnum.every_cluster()] == ["a", "b"]
    assert server.requests[-1].path == "/magnum/v1/clusters/detail?marker=a"


def test_a_name_is_not_shared_with_a_cluster_that_is_being_deleted(magnum: Magnum, server: Server) -> None:
    several(server, {"uuid": "a", "status": "DELETE_IN_PROGRESS"}, {"uuid": "b"})

    found = magnum.cluster("two")

    assert found is not None
    assert found.uuid == "b"


def test_older_magnums_stack_id_and_a_cluster_without_keys_are_understood(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/u", {"uuid": "u", "stack_id": "four-abc", "faults": {"user": None}})

    found = magnum.cluster("u")

    assert found is not None
    assert (found.release, found.status, found.faults) == ("four-abc", "CREATE_IN_PROGRESS", {"user": ""})


def test_a_cluster_that_is_half_written_is_asked_for_again(magnum: Magnum, server: Server) -> None:
    odd = error(
        400, "Invalid input for field/attribute master_count. Value: '0'. Value should be greater or equal to 1"
    )
    server.answer("GET", "/magnum/v1/clusters/four", odd, 400)
    server.answer("GET", "/magnum/v1/clusters/four", odd, 400)
    server.answer("GET", "/magnum/v1/clusters/four", CLUSTER)

    assert magnum.cluster("four") is not None


def test_other_refusals_come_with_magnums_words(magnum: Magnum, server: Server) -> None:
    server.answer("POST", "/magnum/v1/clusters", error(400, "Unable to find keypair x."), 400)

    with pytest.raises(CloudError) as caught:
        magnum.create_cluster({"name": "x"})
    assert (caught.value.layer, caught.value.status, caught.value.why) == (
        Layer.MAGNUM,
        400,
        "Unable to find keypair x.",
    )


def test_the_microversion_is_the_servers_but_never_newer_than_known(magnum: Magnum, server: Server) -> None:
    newer = {"OpenStack-API-Maximum-Version": "container-infrastructure-management 1.99"}
    server.replace("GET", "/magnum/v1/", {}, **newer)
    server.answer("GET", "/magnum/v1/clusters/four", CLUSTER)

    magnum.cluster("four")

    sent = server.asked("GET", "/magnum/v1/clusters/four")[0].headers
    assert sent["OpenStack-API-Version"] == "container-infra 1.14"


def test_a_magnum_without_node_groups_is_too_old(magnum: Magnum, server: Server) -> None:
    server.replace("GET", "/magnum/v1/", {}, **{"OpenStack-API-Maximum-Version": "container-infra 1.8"})

    with pytest.raises(CloudError, match="too old") as caught:
        magnum.templates()
    assert "1.8" in caught.value.why


def test_the_quota_of_clusters_is_magnums_own(magnum: Magnum, server: Server) -> None:
    path = "/magnum/v1/quotas/p-1/Cluster"
    server.answer("GET", path, {"hard_limit": 20, "project_id": "p-1", "resource": "Cluster"})
    server.answer("GET", "/magnum/v1/stats", {"clusters": 3, "nodes": 9})

    assert magnum.quota() == Room(20, 3)
    server.replace("GET", path, error(403, "no"), 403)
    assert magnum.quota() is None


def test_a_template_that_lists_do_not_show_is_got_by_its_uuid(magnum: Magnum, server: Server) -> None:
    body = {"uuid": "t", "name": "old", "hidden": True, "driver": "k8s_capi_helm_v1", "master_lb_enabled": False}
    server.answer("GET", "/magnum/v1/clustertemplates/t", body)
    server.answer("GET", "/magnum/v1/clustertemplates/u", error(404, "ClusterTemplate u could not be found."), 404)

    found = magnum.template("t")

    assert found is not None
    assert (found.hidden, found.driver, found.load_balancer) == (True, "k8s_capi_helm_v1", False)
    assert magnum.template("u") is None


def test_the_microversion_is_the_newest_that_both_know(magnum: Magnum, server: Server) -> None:
    newest = {"OpenStack-API-Maximum-Version": "container-infrastructure-management 1.11"}
    server.replace("GET", "/magnum/v1/", {}, **newest)

    assert magnum.microversion == (1, 11)


def test_a_credential_is_rotated_by_one_request(magnum: Magnum, server: Server) -> None:
    server.answer("PATCH", "/magnum/v1/credentials/246d9d3c", {"uuid": "246d9d3c"}, 202)

    magnum.rotate_credential("246d9d3c")

    (request,) = server.asked("PATCH", "/magnum/v1/credentials/246d9d3c")
    assert request.headers["OpenStack-API-Version"] == "container-infra 1.14"


def test_templates_become_data_by_name(magnum: Magnum, server: Server) -> None:
    found = [
        {"uuid": "b", "name": "k-34", "coe": "kubernetes", "image_id": "i", "labels": {"x": True}},
        {"uuid": "a", "name": "k-33", "coe": "kubernetes", "image_id": "i", "labels": None},
    ]
    server.answer("GET", "/magnum/v1/clustertemplates/detail", {"clustertemplates": found})

    assert magnum.templates() == (
        Template("a", "k-33", "i", "kubernetes", {}),
        Template("b", "k-34", "i", "kubernetes", {"x": "True"}),
    )


def test_groups_are_read_whole(magnum: Magnum, server: Server) -> None:
    brief = {key: GROUP[key] for key in ("uuid", "name", "flavor_id", "node_count", "role", "is_default", "status")}
    server.answer("GET", "/magnum/v1/clusters/u/nodegroups", {"nodegroups": [brief]})
    server.answer("GET", "/magnum/v1/clusters/u/nodegroups/a7b9a0f4", GROUP)

    (group,) = magnum.groups("u")

    assert group == NodeGroup(
        "a7b9a0f4", "user", "m3.small", "CREATE_COMPLETE", 1, False, "worker", {"hubfleet": "1"}, 1, 3
    )


def test_the_groups_of_a_cluster_that_is_gone_are_none(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/u/nodegroups", error(404, "Cluster u could not be found."), 404)

    assert magnum.groups("u") == ()


def test_helms_own_words_are_the_reason(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/u/nodegroups/user", {**GROUP, "status_reason": HELM})

    group = magnum.group("u", "user")

    assert group is not None
    assert group.reason == "helm: Error: UPGRADE FAILED: release: already exists"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (r"Error: caf\xe9\nnot there", "helm: Error: café\nnot there"),
        ("Error: Größe …\\x", "helm: Error: Größe …\ufffd"),
    ],
)
def test_helms_words_are_read_also_where_they_are_cut_off(
    magnum: Magnum, server: Server, said: str, reason: str
) -> None:
    text = f"Command: helm upgrade Exit code: 1 Stderr: '{said}'"
    server.answer("GET", "/magnum/v1/clusters/u/nodegroups/user", {**GROUP, "status_reason": text})

    group = magnum.group("u", "user")

    assert group is not None
    assert group.reason == reason


def test_a_group_is_not_taken_before_the_api_has_an_address(magnum: Magnum, server: Server) -> None:
    early = error(409, "Cluster API address is not available yet")
    server.answer("POST", "/magnum/v1/clusters/u/nodegroups", early, 409)
    server.answer("POST", "/magnum/v1/clusters/u/nodegroups", GROUP, 202)

    assert [magnum.create_group("u", {"name": "user"}) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("newest", "told"), [("1.14", True), ("1.15", True), ("1.13", False), ("1.10", False)])
def test_a_magnum_that_knows_no_labels_of_nodes_is_not_told_of_them(
    magnum: Magnum, server: Server, newest: str, told: bool
) -> None:
    server.replace("GET", "/magnum/v1/", {}, **{"OpenStack-API-Maximum-Version": f"container-infra {newest}"})
    server.answer("POST", "/magnum/v1/clusters/u/nodegroups", GROUP, 202)

    magnum.create_group("u", {"name": "user", "node_labels": {"a": "b"}, "node_taints": []})
    (request,) = server.asked("POST", "/magnum/v1/clusters/u/nodegroups")
    assert request.body == {"name": "user"} | ({"node_labels": {"a": "b"}, "node_taints": []} if told else {})


def test_a_group_that_somebody_has_just_asked_for_is_asked_for(magnum: Magnum, server: Server) -> None:
    server.answer("POST", "/magnum/v1/clusters/u/nodegroups", error(409, "A node group with name user exists"), 409)

    assert magnum.create_group("u", {"name": "user"}) is True


def test_another_conflict_is_an_error(magnum: Magnum, server: Server) -> None:
    server.answer("POST", "/magnum/v1/clusters/u/nodegroups", error(409, "Cluster u is in use"), 409)

    with pytest.raises(CloudError, match="409"):
        magnum.create_group("u", {"name": "user"})


def test_requests_that_change_are_as_magnum_wants_them(magnum: Magnum, server: Server) -> None:
    server.answer("POST", "/magnum/v1/clusters/u/actions/resize", {"uuid": "u"}, 202)
    server.answer("PATCH", "/magnum/v1/clusters/u/nodegroups/g", GROUP, 202)
    server.answer("DELETE", "/magnum/v1/clusters/u/nodegroups/g", None, 204)
    server.answer("DELETE", "/magnum/v1/clusters/u", error(404, "gone"), 404)

    magnum.resize("u", "default-worker", 1)
    magnum.change_group("u", "g", {"min_node_count": 1, "max_node_count": 4})
    magnum.delete_group("u", "g")
    magnum.delete_cluster("u")

    sent = [(r.method, r.body) for r in server.requests if r.method != "GET" and "/magnum/" in r.path]
    assert sent == [
        ("POST", {"node_count": 1, "nodegroup": "default-worker"}),
        (
            "PATCH",
            [
                {"op": "replace", "path": "/min_node_count", "value": 1},
                {"op": "replace", "path": "/max_node_count", "value": 4},
            ],
        ),
        ("DELETE", None),
        ("DELETE", None),
    ]


def test_a_kubeconfig_has_a_key_of_its_own_and_magnums_certificates(magnum: Magnum, server: Server) -> None:
    server.answer("GET", "/magnum/v1/clusters/four", CLUSTER)
    server.answer("GET", "/magnum/v1/certificates/246d9d3c", {"pem": "CA"})
    server.answer("POST", "/magnum/v1/certificates", {"pem": "SIGNED"}, 201)
    cluster = magnum.cluster("four")
    assert cluster is not None

    config = yaml.safe_load(kubeconfig(magnum, cluster))

    (sent,) = server.asked("POST", "/magnum/v1/certificates")
    request = x509.load_pem_x509_csr(sent.body["csr"].encode())
    assert sent.body["cluster_uuid"] == "246d9d3c"
    assert request.subject.rfc4514_string() == "CN=hubfleet,O=system:masters"
    user = config["users"][0]["user"]
    key = serialization.load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    assert key.public_key() == request.public_key()
    assert base64.b64decode(user["client-certificate-data"]) == b"SIGNED"
    assert config["clusters"][0]["cluster"] == {
        "server": "https://172.30.3.1:17550",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
    }
    assert config["current-context"] == "four"
