"""Users' servers on the nodes of pools: a node that goes takes those on it along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubfleet.checks.pods import COMPONENT
from hubfleet.tools.kube import Kube


@dataclass(frozen=True)
class Running:
    """How many users' servers run on a pool's nodes, and how many nodes it has."""

    servers: int
    nodes: int


def running(kube: Kube, placement: Mapping[str, Mapping[str, str]]) -> dict[str, Running]:
    """By pool, of those whose nodes can be told apart. `placement`: the labels that a pool's nodes carry. CloudError if
    the API does not answer."""
    nodes = {node.name: node.labels for node in kube.nodes()}
    hosts = [pod.node for pod in kube.pods(None, f"{COMPONENT}=singleuser-server") if not pod.deleting]
    return {pool: _on(hosts, nodes, labels) for pool, labels in placement.items() if labels}


def _on(hosts: list[str], nodes: Mapping[str, Mapping[str, str]], labels: Mapping[str, str]) -> Running:
    own = {name for name, carried in nodes.items() if labels.items() <= carried.items()}
    return Running(sum(host in own for host in hosts), len(own))
