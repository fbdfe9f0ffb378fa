"""At which stage a cluster or a pool is, and why it hangs: what can be seen in, a sentence and a remedy out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubfleet.checks.stages import BOOT, CONTROL_PLANE, ClusterSeen, PoolSeen, of_cluster, of_pool, servers_of
from hubfleet.errors import Layer
from hubfleet.tools.kube_objects import Container, Node, Pod
from hubfleet.tools.magnum import Cluster, NodeGroup
from hubfleet.tools.openstack import Balancer, Flavor, Server
from hubfleet.tools.openstack_quota import Room

GROUP = NodeGroup("g", "user", "m3.quad", "CREATE_IN_PROGRESS", 3, False, "worker", {})
CLUSTER = Cluster("u", "lab", "CREATE_IN_PROGRESS", "t", {}, release="lab-abc")
ADDRESS = "https://10.0.0.1:6443"


def node(name: str = "lab-abc-user-1", why: str = "") -> Node:
    return Node(name, not why, why, {}, {}, "v1.33", True, "")


def server(name: str = "lab-abc-user-1", status: str = "ACTIVE", fault: str = "") -> Server:
    return Server(f"id-{name}", name, "f", status, fault)


def pool(waited: float = 100, **what: Any) -> PoolSeen:
    return replace(PoolSeen(3, GROUP, (), waited), **what)


def cni(waiting: str) -> Pod:
    container = Container("calico", "docker.io/calico/node:v3", False, 0, waiting, "", 1)
    return Pod("calico-x", "calico-system", "Pending", False, "n1", "", False, {}, (container,))


NO_HOST = "No valid host was found. There are not enough hosts available."
FULL = {"cores": Room(150, 149)}


@pytest.mark.parametrize(
    ("seen", "layer", "words", "remedy", "stuck"),
    [
        (pool(10), Layer.CLUSTER_API, "0 of 3 nodes registered, 0 ready", "", False),
        (
            pool(nodes=(node(),), servers=(server(), server("lab-abc-user-2", "ERROR", NO_HOST))),
            *(
                Layer.OPENSTACK,
                "waiting for 2 of 3 nodes: Nova says of lab-abc-user-2: No valid host",
                "another machine",
            ),
            True,
        ),
        (
            pool(servers=(server(status="ERROR", fault="Quota exceeded for cores"),)),
            *(Layer.QUOTA, "Quota exceeded for cores", "ask for more quota", True),
        ),
        (
            pool(servers=(server(status="ERROR"),)),
            *(Layer.OPENSTACK, "it gives no reason", "openstack server show id-lab-abc-user-1", True),
        ),
        (
            pool(servers=(server(), server("lab-abc-user-2")), rooms=FULL),
            *(Layer.QUOTA, "quota of cores is used up (149 of 150)", "what waits goes on by itself", True),
        ),
        (
            pool(servers=(), rooms={"cores": Room(150, 140)}, machine=Flavor("f", "m3.large", 16, 61440, 60)),
            Layer.QUOTA,
            "quota of cores is used up (140 of 150: 10 left, and a machine takes 16)",
            "ask for more quota",
            True,
        ),
        (pool(servers=()), Layer.CLUSTER_API, "Nova has no machine of it", "the cluster's UUID", False),
        (pool(BOOT + 1, servers=()), Layer.CLUSTER_API, "Nova has no machine of it", "operators", True),
        (pool(servers=(server(status="BUILD"),) * 3), Layer.OPENSTACK, "Nova builds 3 of its machines", "", False),
        (pool(servers=(server(),) * 3), Layer.NODE, "3 of its machines boot", "", False),
        (
            pool(BOOT + 1, nodes=(node(),), servers=(server(), server("lab-abc-user-2"))),
            *(Layer.NODE, "lab-abc-user-2 runs and does not become a node", "openstack console log show", True),
        ),
        (
            pool(servers=(server(status="SHUTOFF"),)),
            *(Layer.OPENSTACK, "lab-abc-user-1 is SHUTOFF", "openstack server start", True),
        ),
        (
            pool(group=replace(GROUP, status="CREATE_FAILED", reason="helm: no such chart")),
            *(Layer.MAGNUM, "Magnum says CREATE_FAILED: helm: no such chart", "apply again", True),
        ),
        (
            pool(nodes=(node(why="container runtime network not ready: cni plugin not initialized"),) * 3),
            *(Layer.NODE, "has no pod network yet: container runtime", "get pods -A", False),
        ),
        (
            pool(nodes=(node(why="cni plugin not initialized"),) * 3, addons=(cni("ImagePullBackOff"),)),
            *(Layer.NODE, "calico-system/calico-x on n1 cannot get the image docker.io", "registry", True),
        ),
        (
            pool(nodes=(node(why="kubelet stopped posting node status"),) * 3, addons=(cni("CrashLoopBackOff"),)),
            *(Layer.KUBERNETES, "ends again and again (exit code 1)", "hubfleet kubectl logs", True),
        ),
        (pool(nodes=(node(why="disk pressure"),) * 3), Layer.NODE, "lab-abc-user-1: disk pressure", "", False),
    ],
)
def test_a_pool_that_lacks_nodes_is_at_a_stage(
    seen: PoolSeen, layer: Layer, words: str, remedy: str, stuck: bool
) -> None:
    stage = of_pool(seen)
    assert words in stage.text
    assert remedy in stage.remedy
    assert (stage.layer, stage.stuck) == (layer, stuck)


LB = "k8s-clusterapi-cluster-magnum-0123-lab-abc-kubeapi"


def balancer(status: str, age: float | None = 95, name: str = LB) -> Balancer:
    return Balancer("lb-1", name, status, age)


def balanced(*balancers: Balancer, waited: float = 100, **rooms: Room) -> ClusterSeen:
    """A cluster without an address, as Octavia has its load balancer."""
    return ClusterSeen(CLUSTER, waited, (), {name.replace("_", " "): room for name, room in rooms.items()}, balancers)


FULL_IPS = {"floating_IPs": Room(10, 10)}
ADDRESSED = replace(CLUSTER, api_address=ADDRESS)
CONTROL = "lab-abc-control-plane-1"


@pytest.mark.parametrize(
    ("seen", "layer", "words", "remedy", "stuck"),
    [
        (ClusterSeen(None, 1), Layer.MAGNUM, "Magnum knows nothing", "", False),
        (ClusterSeen(replace(CLUSTER, release=None), 5), Layer.DRIVER, "installs the cluster's release", "", False),
        (ClusterSeen(CLUSTER, 100), Layer.NETWORK, "waiting for the API's address", "load balancer", False),
        (ClusterSeen(CLUSTER, CONTROL_PLANE + 1), Layer.NETWORK, "waiting for the API's address", "operators", True),
        (
            ClusterSeen(CLUSTER, 100, (), {"floating IPs": Room(10, 10)}),
            *(Layer.QUOTA, "the quota of floating IPs is used up (10 of 10)", "hubfleet audit", True),
        ),
        (balanced(), Layer.NETWORK, "API's address: Octavia has no load balancer of it yet", "network list", False),
        (
            balanced(balancer("ACTIVE", name="other"), balancer("ERROR", name=LB.replace("abc", "abcd")), waited=1e4),
            *(Layer.NETWORK, "Octavia has no load balancer of it yet", "operators the cluster's UUID", True),
        ),
        (
            balanced(load_balancers=Room(5, 5)),
            *(Layer.QUOTA, "the quota of load balancers is used up (5 of 5)", "hubfleet audit", True),
        ),
        (
            balanced(balancer("PENDING_CREATE"), load_balancers=Room(5, 5)),
            *(Layer.NETWORK, f"load balancer {LB} is PENDING_CREATE, 95 s after it was asked for", "lb-1", False),
        ),
        (
            balanced(balancer("PENDING_CREATE", BOOT + 1)),
            *(Layer.NETWORK, "is PENDING_CREATE, 601 s after it was asked for", "operators see", True),
        ),
        (
            balanced(balancer("ERROR", None), **FULL_IPS),
            *(Layer.NETWORK, f"address: the load balancer {LB} is ERROR", "loadbalancer delete --cascade lb-1", True),
        ),
        (balanced(balancer("ACTIVE")), Layer.NETWORK, f"{LB} is ACTIVE, 95 s after", "floating ip list", False),
        (balanced(balancer("ACTIVE"), **FULL_IPS), Layer.QUOTA, "the quota of floating IPs is used up", "audit", True),
        (
            replace(balanced(balancer("ERROR")), cluster=ADDRESSED),
            *(
                Layer.NETWORK,
                f"{ADDRESS} is known and does not answer: the load balancer {LB} is in ERROR",
                "lb-1",
                True,
            ),
        ),
        (replace(balanced(balancer("ACTIVE")), cluster=ADDRESSED), Layer.CLUSTER_API, "has no machine", "", False),
        (
            ClusterSeen(ADDRESSED, 100, (server(CONTROL, "ERROR", NO_HOST),)),
            *(Layer.OPENSTACK, "waiting for the control plane: Nova says of lab-abc-control-plane-1", "another", True),
        ),
        (ClusterSeen(ADDRESSED, 100, (server(CONTROL, "BUILD"),)), Layer.NODE, "Nova builds its first", "", False),
        (ClusterSeen(ADDRESSED, 100, (server(CONTROL),)), Layer.NODE, "does not answer: its first machine", "", False),
        (ClusterSeen(ADDRESSED, 100, ()), Layer.CLUSTER_API, "Nova has no machine of the control plane", "", False),
        (
            ClusterSeen(ADDRESSED, CONTROL_PLANE + 1, (server(CONTROL),)),
            *(Layer.NETWORK, f"{ADDRESS} is known and does not answer", "a firewall, a VPN", True),
        ),
    ],
)
def test_a_cluster_without_an_api_is_at_a_stage(
    seen: ClusterSeen, layer: Layer, words: str, remedy: str, stuck: bool
) -> None:
    stage = of_cluster(seen)
    assert words in stage.text
    assert remedy in stage.remedy
    assert (stage.layer, stage.stuck) == (layer, stuck)


def test_servers_are_told_apart_by_name_also_where_one_group_begins_like_another() -> None:
    every = [server(f"lab-abc-{name}-x1") for name in ("gpu", "gpu-large", "control-plane", "default-worker")]
    every += [server("lab-abcd-gpu-x1"), server("other")]
    groups = ("gpu", "gpu-large", "default-worker")
    assert [one.name for one in servers_of("gpu", "lab-abc", groups, every)] == ["lab-abc-gpu-x1"]
    assert [one.name for one in servers_of("gpu-large", "lab-abc", groups, every)] == ["lab-abc-gpu-large-x1"]
    assert [one.name for one in servers_of("control-plane", "lab-abc", (), every)] == ["lab-abc-control-plane-x1"]


@pytest.mark.parametrize(
    ("seen", "unasked"),
    [
        (pool(servers=()), True),
        (pool(nodes=(node(),), servers=(server(),)), True),
        (pool(servers=(), rooms=FULL), False),
        (pool(servers=(server(status="BUILD"),)), False),
        (pool(servers=(server(),)), False),
        (pool(servers=None), False),
    ],
)
def test_machines_that_nothing_hinders_and_nobody_asks_nova_for_are_told_apart(seen: PoolSeen, unasked: bool) -> None:
    assert of_pool(seen).unasked is unasked
