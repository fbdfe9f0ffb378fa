"""What people do without hubfleet: make a cluster and its node groups one after another, waiting for each by polling.

    python -m benchmarks.loop make NAME POOLS [--delay SECONDS] [--interval SECONDS]
    python -m benchmarks.loop delete NAME

With openstacksdk, of which this uses the calls that it has (none of node groups: those are plain requests of its
proxy). One after another since groups asked for side by side fail (docs/explanation/jetstream2.md). A delay of 10 s
before the first look and 10 s between two is kinder to the loop than Terraform is: its provider waits 60 s and 20 s
(terraform-provider-openstack, resource_openstack_containerinfra_nodegroup_v1.go, StateChangeConf of Create).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

AGENT = "plain-loop"
"""Its name in the User-Agent."""
DELAY, INTERVAL = 10.0, 10.0
_TIMEOUT = 1800.0
_VERSION = {"OpenStack-API-Version": "container-infra 1.10"}  # node groups with counts of 0; gophercloud's is 1.9
_MACHINE, _TEMPLATE, _KEYPAIR = "m3.quad", "kubernetes-1-33-jammy", "deploy"


class Loop:
    """One cluster, in a project of the cloud that OS_CLOUD names."""

    def __init__(self, name: str, delay: float, interval: float) -> None:
        import openstack  # 0.5 s, and whoever only wants the name of this needs it not

        self._magnum: Any = openstack.connect(app_name=AGENT).container_infrastructure_management
        self._name, self._delay, self._interval = name, delay, interval

    def make(self, pools: int) -> None:
        """A cluster whose default-worker is the first pool, then each other pool; one node in each."""
        template = self._magnum.find_cluster_template(_TEMPLATE, ignore_missing=False)
        cluster = self._magnum.create_cluster(
            name=self._name,
            cluster_template_id=template.id,
            keypair=_KEYPAIR,
            master_flavor_id=_MACHINE,
            master_count=1,
            flavor_id=_MACHINE,
            node_count=1,
            labels={"min_node_count": "1"},
            merge_labels=True,
        )
        self._wait(f"/clusters/{cluster.id}")
        for number in range(2, pools + 1):
            body = {"name": f"pool{number}", "flavor_id": _MACHINE, "node_count": 1, "min_node_count": 1}
            answer = self._magnum.post(
                f"/clusters/{cluster.id}/nodegroups", json={**body, "max_node_count": 1}, headers=_VERSION
            )
            answer.raise_for_status()
            self._wait(f"/clusters/{cluster.id}/nodegroups/{answer.json()['uuid']}")

    def _wait(self, path: str) -> None:
        """Until it is complete, as Terraform's StateChangeConf does it."""
        end = time.monotonic() + _TIMEOUT
        time.sleep(self._delay)
        while (status := self._status(path)) != "CREATE_COMPLETE":
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > end:
                raise SystemExit(f"{path} of {self._name} is {status}")
            time.sleep(self._interval)

    def _status(self, path: str) -> str:
        answer = self._magnum.get(path, headers=_VERSION)
        answer.raise_for_status()
        return str(answer.json()["status"])

    def delete(self) -> None:
        """Until it is gone; nothing to do if it is."""
        cluster = self._magnum.find_cluster(self._name)
        if cluster is None:
            return
        self._magnum.delete_cluster(cluster.id)
        end = time.monotonic() + _TIMEOUT
        while self._magnum.find_cluster(cluster.id) is not None:
            if time.monotonic() > end:
                raise SystemExit(f"{self._name} is still there")
            time.sleep(1)


def main() -> None:
    """Make or delete."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("name")
    make.add_argument("pools", type=int)
    make.add_argument("--delay", type=float, default=DELAY)
    make.add_argument("--interval", type=float, default=INTERVAL)
    commands.add_parser("delete").add_argument("name")
    options = parser.parse_args()
    if options.command == "make":
        Loop(options.name, options.delay, options.interval).make(options.pools)
    else:
        Loop(options.name, DELAY, INTERVAL).delete()


if __name__ == "__main__":
    main()
