"""Addresses of Services of type LoadBalancer, in the part of the OpenStack cloud provider and Octavia.

A Service gets an address of the node network. One of the cluster's nodes answers for it, and kube-proxy there does the
rest; another takes over when that one goes. What is simulated: the load balancer, and that the floating IP leads to it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hubfleet_sandbox.cloud import Cloud, CloudError
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client, Object, entries
from hubfleet_sandbox.nodes import events, network
from hubfleet_sandbox.nodes.address_book import ADDRESSES, AddressBook, Lease
from hubfleet_sandbox.nodes.floating_ips import FloatingIPs
from hubfleet_sandbox.nodes.machine import Machine

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.access import ClusterAccess
    from hubfleet_sandbox.layout import Layout

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""As every cloud provider's: a Service goes when its load balancer is gone."""

_SOURCE = "service-controller"
_PATIENCE = 5.0  # seconds until a Service that got no address is tried again


class Addresses:
    """One workload cluster's. Without a cloud, or one without Neutron, Services get addresses and no floating IPs."""

    def __init__(self, layout: Layout, cluster: ClusterAccess, cloud: Cloud | None = None) -> None:
        self._layout, self._cluster = layout, cluster.name
        self._client, self._floating_ips = Client(cluster.kubeconfig), FloatingIPs(cloud, cluster.name)
        self._book = AddressBook(layout.state / "addresses")
        self._later: dict[str, float] = {}

    def step(self) -> None:
        """Give addresses to the Services that want one, take back those of Services that go, see that nodes answer."""
        services, _ = self._client.list(kinds.SERVICE.path(), resourceVersion="0")
        concerned = [service for service in services if concerns(service)]
        nodes = self._nodes() if concerned else []
        for service in concerned:
            uid = service["metadata"]["uid"]
            if time.monotonic() >= self._later.pop(uid, 0.0):
                self._try(service, nodes)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _try(self, service: Object, nodes: list[int]) -> None:
        """Do what a Service needs; if the cloud does not want to, say so where users look, and try again later."""
        try:
            if wanted(service):
                self._serve(service, nodes)
            else:
                self._release(service)
        except CloudError as error:
            self._later[service["metadata"]["uid"]] = time.monotonic() + _PATIENCE
            why = f"Error syncing load balancer: {error}"
            events.warn(self._client, kinds.SERVICE, service, "SyncLoadBalancerFailed", why, _SOURCE)

    def _serve(self, service: Object, nodes: list[int]) -> None:
        finalizers: list[str] = service["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            self._client.merge(kinds.SERVICE.of(service), {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
        lease = self._lease(service) or self._take(service)
        self._place(lease, nodes)
        address = self._layout.service_address(lease.number)
        if ingress(service) != address:
            status = {"loadBalancer": {"ingress": [{"ip": address}]}}
            self._client.merge(kinds.SERVICE.of(service, "status"), {"status": status})

    def _release(self, service: Object) -> None:
        self._floating_ips.release(service)
        if lease := self._lease(service):
            self._withdraw(lease)
            self._book.give_back(lease)
        rest = [name for name in service["metadata"].get("finalizers", []) if name != FINALIZER]
        self._client.merge(kinds.SERVICE.of(service, "status"), {"status": {"loadBalancer": None}})
        self._client.merge(kinds.SERVICE.of(service), {"metadata": {"finalizers": rest}})

    def _lease(self, service: Object) -> Lease | None:
        return self._book.of(self._cluster, service["metadata"]["uid"])

    def _take(self, service: Object) -> Lease:
        """Take the floating IP's own address if that is one of the node network's, else the first free."""
        floating = self._floating_ips.claim(service)
        own = next((number for number in range(ADDRESSES) if self._layout.service_address(number) == floating), None)
        lease = self._book.take(self._cluster, service["metadata"]["uid"], own)
        if lease is None:
            raise SandboxError(f"all {ADDRESSES} load balancers are taken", remedy="delete a Service of that type")
        return lease

    def _place(self, lease: Lease, nodes: list[int]) -> None:
        """Let a node answer for the address, if the one that should does not any more."""
        if lease.node in nodes and lease.process == self._process(lease.node):
            return
        self._withdraw(lease)
        if nodes:
            machine, address = Machine(self._layout, nodes[0]), self._layout.service_address(lease.number)
            machine.run(["ip", "address", "replace", f"{address}/32", "dev", "eth0"])
            network.forget(self._layout, address)
            self._book.write(replace(lease, node=machine.number, process=self._process(machine.number)))

    def _withdraw(self, lease: Lease) -> None:
        """Let the node answer no more, if its machine is still the one that did."""
        if lease.node is not None and lease.process is not None and lease.process == self._process(lease.node):
            address = self._layout.service_address(lease.number)
            Machine(self._layout, lease.node).run(["ip", "address", "delete", f"{address}/32", "dev", "eth0"])

    def _nodes(self) -> list[int]:
        """Numbers of the cluster's nodes that are ready and whose machines are on."""
        nodes, _ = self._client.list(kinds.NODE.path(), resourceVersion="0")
        ready = {self._number(_internal(node)) for node in nodes if _is_ready(node)}
        return sorted(number for number in ready if number is not None and self._process(number))

    def _number(self, address: str) -> int | None:
        """The number of the node that has this address; None if it is none of this sandbox's."""
        first, _, last = address.rpartition(".")
        if first != self._layout.gateway.rpartition(".")[0]:
            return None
        return int(last) - int(self._layout.node_address(0).rpartition(".")[2])

    def _process(self, number: int) -> int | None:
        running = Machine(self._layout, number).running
        return running.pid if running else None


def concerns(service: Object) -> bool:
    """Whether a Service has, or should have, an address of ours."""
    return wanted(service) or FINALIZER in service["metadata"].get("finalizers", [])


def wanted(service: Object) -> bool:
    """Whether a Service should have an address: one of type LoadBalancer that stays, and that no other class serves."""
    spec, leaving = service["spec"], service["metadata"].get("deletionTimestamp")
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass") and not leaving


def ingress(service: Object) -> str | None:
    """The address that a Service has."""
    found = entries(service, "status", "loadBalancer", "ingress")
    return str(found[0].get("ip")) if found else None


def _is_ready(node: Object) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in entries(node, "status", "conditions"))


def _internal(node: Object) -> str:
    """A node's address on the node network; empty as long as it has none."""
    addresses = entries(node, "status", "addresses")
    return next((str(one["address"]) for one in addresses if one["type"] == "InternalIP"), "")
