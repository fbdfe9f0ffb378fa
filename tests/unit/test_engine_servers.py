"""Users' servers are seen and waited for."""

from __future__ import annotations

from typing import Any

from hubfleet.engine import servers
from hubfleet.tools.kube import Pod
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api

POOL = "capi.stackhpc.com/node-group"


def pod(name: str, hub: str = "main", phase: str = "Running", **labels: str) -> Pod:
    return Pod(name, hub, phase, ready=True, node="n1", scheduling="", deleting=False, labels=labels, containers=())


class Hubs:
    """Stands for `tools.kube.Kube`: at each moment the pods of users."""

    def __init__(self, clock: FakeClock, until: float) -> None:
        self.clock, self.until = clock, clock.now() + until

    def pods(self, namespace: str | None, selector: str) -> tuple[Pod, ...]:
        assert (namespace, selector) == (None, "app.kubernetes.io/component=singleuser-server")
        over = (pod("jupyter-over", phase="Succeeded"),)
        return over if self.clock.now() >= self.until else (*over, pod("jupyter-ada"), pod("jupyter-bob", "lab"))


def wait(until: float, patience: float) -> tuple[float, tuple[servers.Server, ...], list[str]]:
    clock, said = FakeClock(), list[str]()
    hubs: Any = Hubs(clock, until)
    began = clock.now()
    still = servers.wait_for_users(lambda: hubs, said.append, clock, patience=patience)
    return clock.now() - began, still, said


def test_it_goes_on_as_soon_as_nobodys_server_runs() -> None:
    took, still, said = wait(until=300, patience=3600)
    assert 300 <= took < 310
    assert still == ()
    assert "2 servers (lab: 1, main: 1)" in said[0]


def test_those_who_stay_longer_than_the_deadline_are_told() -> None:
    took, still, _ = wait(until=1e9, patience=600)
    assert took == 600
    assert {server.user for server in still} == {"jupyter-ada", "jupyter-bob"}


def test_without_patience_it_does_not_wait() -> None:
    took, still, _ = wait(until=300, patience=0)
    assert (took, len(still)) == (0, 2)


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
        api.add("pods", "main", name, metadata={"labels": labels}, spec={"nodeName": node}, status={"phase": "Running"})

    found = servers.by_pool(api.kube(), {group: {POOL: group} for group in ("user", "gpu", "none")})

    assert found == {"user": servers.Running(2, 2), "gpu": servers.Running(0, 1), "none": servers.Running(0, 0)}
