"""Users' servers are counted by the nodes that they run on."""

from __future__ import annotations

from hubfleet.engine.servers import Running, running
from tests.unit.kube_api import Api

POOL = "capi.stackhpc.com/node-group"


def test_servers_are_counted_on_the_nodes_of_each_pool() -> None:
    api = Api()
    for node, group in (("a", "user"), ("b", "user"), ("c", "gpu")):
        api.add("nodes", "", node, metadata={"labels": {POOL: group}})
    for name, node, component in (
        ("ada", "a", "singleuser-server"),
        ("bob", "b", "singleuser-server"),
        ("hub", "a", "hub"),
    ):
        labels = {"app.kubernetes.io/component": component}
        api.add("pods", "main", name, metadata={"labels": labels}, spec={"nodeName": node})

    found = running(api.kube(), {group: {POOL: group} for group in ("user", "gpu", "none")})

    assert found == {"user": Running(2, 2), "gpu": Running(0, 1), "none": Running(0, 0)}
