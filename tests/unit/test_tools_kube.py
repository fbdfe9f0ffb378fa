"""The door to the Kubernetes API: answers as data, failures in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.tools.kube import Kube, Pod
from tests.unit.kube_api import KUBECONFIG, Api, kubeconfig_file


def test_a_kubeconfig_may_be_a_file_or_its_text(tmp_path: Path) -> None:
    assert Kube(KUBECONFIG).server == Kube(kubeconfig_file(tmp_path)).server == "https://cluster.test"


def test_a_context_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(HubfleetError) as error:
        Kube(KUBECONFIG, "three")
    assert "'three'" in error.value.what
    assert "one, two" in error.value.why


@pytest.mark.parametrize("text", ["", "a: b", "clusters: 3", "{"])
def test_a_text_that_is_no_kubeconfig_is_said_to_be_none(text: str) -> None:
    with pytest.raises(HubfleetError, match="kubeconfig cannot be used"):
        Kube(text)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HubfleetError, match="nowhere"):
        Kube(tmp_path / "nowhere")


def test_a_node_says_why_it_is_not_ready() -> None:
    api = Api()
    ready = {"type": "Ready", "status": "True", "message": "kubelet is fine"}
    api.add(
        "nodes",
        "",
        "a",
        status={"conditions": [ready], "nodeInfo": {"kubeletVersion": "v1.34.4"}, "capacity": {"cpu": "4"}},
    )
    api.add("nodes", "", "b", status={"conditions": [{"type": "Ready", "status": "False", "message": "no network"}]})
    api.add("nodes", "", "c", spec={"unschedulable": True})
    a, b, c = api.kube().nodes()
    assert (a.ready, a.why, a.kubelet, a.capacity) == (True, "", "v1.34.4", {"cpu": "4"})
    assert (b.ready, b.why) == (False, "no network")
    assert (c.ready, c.schedulable, c.why) == (False, False, "its kubelet has not reported yet")


def test_a_pod_tells_what_its_containers_wait_for() -> None:
    api = Api()
    waiting = {"name": "hub", "image": "x:1", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ended = {"lastState": {"terminated": {"exitCode": 1, "message": "boom"}}}
    api.add(
        "pods",
        "main",
        "hub-1",
        status={"phase": "Running", "containerStatuses": [waiting | ended]},
        spec={"nodeName": "n1"},
    )
    (pod,) = api.kube().pods("main")
    (container,) = pod.containers
    assert (pod.node, pod.ready, container.waiting, container.restarts, container.exit_code) == (
        "n1",
        False,
        "CrashLoopBackOff",
        3,
        1,
    )


def test_a_deployment_is_rolled_out_only_when_the_newest_template_runs_alone() -> None:
    api = Api()
    full = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
    for name, status in {
        "done": full,
        "not-seen": full | {"observedGeneration": 1},
        "old-pod-left": full | {"replicas": 2},
        "not-available": full | {"availableReplicas": 0},
        "nothing-yet": {},
    }.items():
        api.add("deployments", "main", name, metadata={"generation": 2}, spec={"replicas": 1}, status=status)
    assert [one.name for one in api.kube().deployments("main") if one.rolled_out] == ["done"]


def test_releases_are_listed_without_their_content() -> None:
    api = Api()
    api.record("main", "main", 2, "deployed", **{"hubfleet.org/digest": "abc"})
    accepted: list[str] = []
    api.fail = lambda request: accepted.append(request.headers["accept"])
    (record,) = api.kube().records()
    assert (record.release, record.revision, record.status, record.labels) == (
        "main",
        2,
        "deployed",
        {"hubfleet.org/digest": "abc"},
    )
    assert accepted == ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]


def test_the_last_warning_of_an_object_is_the_newest() -> None:
    api = Api()
    for name, kind, time, type_ in (
        ("a", "Pod", "10", "Warning"),
        ("b", "Pod", "12", "Warning"),
        ("c", "Pod", "13", "Normal"),
        ("d", "Node", "14", "Warning"),
    ):
        about = {"kind": kind, "name": "hub"}
        api.add(
            "events",
            "main",
            name,
            involvedObject=about,
            type=type_,
            reason=name,
            message=name,
            lastTimestamp=f"2026-01-01T00:00:{time}Z",
        )
    warning = api.kube().last_warning("main", "Pod", "hub")
    assert warning is not None
    assert warning.reason == "b"


def test_a_secret_keeps_the_keys_that_it_has() -> None:
    api = Api()
    kube = api.kube()
    assert kube.add_to_secret("main", "hubfleet", {"a": "1"}, {}) == {"a": "1"}
    assert kube.add_to_secret("main", "hubfleet", {"a": "2", "b": "3"}, {}) == {"a": "1", "b": "3"}
    assert api.secret("main", "hubfleet") == {"a": "1", "b": "3"}


def test_a_secret_that_somebody_else_makes_at_the_same_time_keeps_theirs() -> None:
    api = Api()
    others = iter([True])

    def somebody_is_quicker(request: httpx2.Request) -> None:
        if request.method == "POST" and next(others, False):
            api.add("secrets", "main", "hubfleet", data={"a": "dGhlaXJz"})

    api.fail = somebody_is_quicker
    assert api.kube().add_to_secret("main", "hubfleet", {"a": "ours"}, {}) == {"a": "theirs"}


def test_a_config_map_is_made_when_it_is_first_written_and_keys_come_and_go() -> None:
    kube = Api().kube()
    assert kube.config_map("kube-system", "hubfleet") is None
    kube.merge_config_map("kube-system", "hubfleet", {"a": "1", "b": None})
    kube.merge_config_map("kube-system", "hubfleet", {"a": None, "c": "3"})
    assert kube.config_map("kube-system", "hubfleet") == {"c": "3"}


def test_deleting_what_is_not_there_is_fine() -> None:
    Api().kube().delete("PersistentVolumeClaim", "main", "claim-ann")


def test_making_a_namespace_that_is_there_leaves_it_as_it_is() -> None:
    api = Api()
    api.add("namespaces", "", "main", metadata={"labels": {"whose": "theirs"}})
    kube = api.kube()
    kube.ensure_namespace("main", {"whose": "ours"})
    namespace = kube.namespace("main")
    assert namespace is not None
    assert namespace.labels == {"whose": "theirs"}


def test_a_log_that_cannot_be_had_is_empty() -> None:
    api = Api()
    api.fail = lambda request: httpx2.Response(400, json={"message": "container is waiting to start"})
    pod = Pod("hub-1", "main", "Pending", False, "", "", False, {}, ())
    assert api.kube().log(pod, "hub") == ""


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not accept the kubeconfig"), (403, "does not allow"), (500, "HTTP 500")]
)
def test_a_refusal_says_whose_it_is(status: int, words: str) -> None:
    api = Api()
    api.fail = lambda request: httpx2.Response(status, json={"message": "because"})
    with pytest.raises(CloudError, match=words) as error:
        api.kube().nodes()
    assert (error.value.status, error.value.why, error.value.layer, error.value.exit_code) == (
        status,
        "because",
        Layer.KUBERNETES,
        5,
    )
    assert error.value.remedy


def test_an_api_server_that_does_not_answer_is_not_ready_and_says_so_when_asked_for_more() -> None:
    api = Api()

    def nobody(request: httpx2.Request) -> None:
        raise httpx2.ConnectError("connection refused")

    api.fail = nobody
    kube = api.kube()
    assert not kube.ready()
    with pytest.raises(CloudError, match=r"https://cluster\.test does not answer"):
        kube.version()


def test_a_wrong_credential_is_not_mistaken_for_a_cluster_that_is_not_ready() -> None:
    api = Api()
    api.fail = lambda request: httpx2.Response(401, json={"message": "Unauthorized"})
    with pytest.raises(CloudError):
        api.kube().ready()


def test_what_answers_and_is_no_kubernetes_api_is_told() -> None:
    api = Api()
    for answer in (httpx2.Response(200, text="<html>please log in"), httpx2.Response(200, json=["x"])):
        api.fail = lambda request, answer=answer: answer
        for ask in (api.kube().version, api.kube().nodes):
            with pytest.raises(CloudError, match="is no Kubernetes API"):
                ask()


@pytest.mark.parametrize("program", ["/nowhere/login", "echo"])
def test_a_program_that_should_log_in_and_does_not_is_told(program: str) -> None:
    user = f"user: {{exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: {program}}}}}"
    kube = Kube(KUBECONFIG.replace("user: {token: t0ken}", user), transport=httpx2.MockTransport(Api().answer))
    with pytest.raises(CloudError) as error:
        kube.version()
    assert error.value.exit_code == 5


def test_a_kubeconfig_that_is_no_yaml_is_told_without_what_stands_in_it() -> None:
    with pytest.raises(CloudError) as error:
        Kube('users: [{user: {token: s3cret, "x}}]')
    assert (error.value.layer, error.value.exit_code) == (Layer.CREDENTIAL, 5)
    assert "s3cret" not in str(error.value)


def test_threads_that_are_the_first_to_read_a_kubeconfig_do_not_crash(tmp_path: Path) -> None:
    program = """
import sys, threading
from pathlib import Path
import lightkube.config.kubeconfig, yaml, httpx2
from hubfleet.tools.kube_connection import connect
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def read():
    together.wait()
    connect(Path(sys.argv[1]), None, 1.0)
threads = [threading.Thread(target=read) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
"""
    for _ in range(5):
        ran = subprocess.run([sys.executable, "-c", program, str(kubeconfig_file(tmp_path))], timeout=60, check=False)
        assert ran.returncode == 0
