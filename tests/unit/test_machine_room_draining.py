import time

import pytest

from hubfleet_sandbox.kubernetes.api import Client, Object, RefusedError
from hubfleet_sandbox.machine_room import draining


class FakeNode(Client):
    """A node with pods that leave when they are evicted, but for those that a budget protects."""

    def __init__(self, pods: dict[str, str], protected: tuple[str, ...] = ()) -> None:
        self.pods, self.protected, self.cordoned = pods, protected, False
        self.attached: list[list[Object]] = []
        """The volumes at each look."""

    def get(self, path: str) -> Object | None:
        assert path == "/api/v1/nodes/n1"
        return {"status": {"volumesAttached": self.attached.pop(0) if self.attached else []}}

    def merge(self, path: str, patch: Object) -> Object | None:
        assert path == "/api/v1/nodes/n1"
        self.cordoned = patch == {"spec": {"unschedulable": True}}
        return {}

    def list(self, path: str, **parameters: str) -> tuple[list[Object], str]:
        assert (path, parameters) == ("/api/v1/pods", {"fieldSelector": "spec.nodeName=n1"})
        return [_pod(name, owner) for name, owner in self.pods.items()], "1"

    def create(self, path: str, item: Object) -> Object:
        name = item["metadata"]["name"]
        assert path == f"/api/v1/namespaces/hub/pods/{name}/eviction"
        if name in self.protected:
            raise RefusedError(path, 429, "TooManyRequests", "disruption budget")
        del self.pods[name]
        return {}


def _pod(name: str, owner: str) -> Object:
    metadata = {"name": name, "namespace": "hub", "ownerReferences": [{"kind": owner}]}
    return {"metadata": metadata, "status": {"phase": "Running"}}


def test_pods_leave_and_no_new_ones_come() -> None:
    node = FakeNode({"hub": "ReplicaSet", "jupyter-ada": "Pod"})
    draining.drain(node, "n1", 10)
    assert node.pods == {}
    assert node.cordoned


def test_a_daemons_pod_goes_with_its_node() -> None:
    node = FakeNode({"proxy": "DaemonSet"})
    draining.drain(node, "n1", 10)
    assert node.pods == {"proxy": "DaemonSet"}


def test_a_pod_that_may_not_be_evicted_holds_a_node_only_for_so_long() -> None:
    node, began = FakeNode({"hub": "ReplicaSet", "user": "Pod"}, protected=("hub",)), time.monotonic()
    draining.drain(node, "n1", 0.1)
    assert node.pods == {"hub": "ReplicaSet"}
    assert time.monotonic() - began < 5


def test_draining_ends_when_the_whole_cluster_goes() -> None:
    node = FakeNode({"hub": "ReplicaSet"}, protected=("hub",))
    draining.drain(node, "n1", 600, moot=lambda: True)
    assert node.pods == {"hub": "ReplicaSet"}


@pytest.mark.parametrize(("text", "expected"), [("5m0s", 300), ("90s", 90), ("1h30m", 5400), ("0s", 0)])
def test_durations_are_read_as_kubernetes_writes_them(text: str, expected: float) -> None:
    assert draining.seconds(text) == expected


def test_the_node_keeps_until_its_volumes_are_detached() -> None:
    node = FakeNode({})
    node.attached = [[{"name": "v"}], []]
    draining.drain(node, "n1", 10)
    assert node.attached == []
