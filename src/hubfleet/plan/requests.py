"""The bodies of the requests that make clusters and node groups of Magnum. Pure.

What Magnum 23 and magnum-capi-helm 1.4 make of them (driver.py:781-850, api/controllers/v1/nodegroup.py:450):

- With the label auto_scaling_enabled every group needs a minimum of 1 or more, and Magnum's own default is 0: it is
  always sent. A group with equal bounds has a fixed number of nodes.
- default-worker takes its minimum from the label min_node_count alone, which can never change. Its maximum is the
  group's own, or its count. The label max_node_count would freeze that too: it is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.tools import magnum

MARK = magnum.MARK
MARK_VALUE = "1"
GROUP_MARK = "hubfleet_group"
"""The label of node groups that hubfleet made; its value is the group's name. A group that anybody makes without labels
has all those of its cluster (Magnum 23 api/controllers/v1/nodegroup.py:481), and so MARK tells nothing of a group."""
MAKER = "hubfleet_maker"
"""The label that tells which hubfleet made a cluster: the id of its state folder (fleet.locking)."""
AUTOSCALING = "auto_scaling_enabled"
MINIMUM = "min_node_count"


def autoscaling(labels: Mapping[str, str]) -> bool:
    """Whether a cluster with these labels is one whose groups may be scaled (oslo's notion of true)."""
    return labels.get(AUTOSCALING, "").strip().lower() in {"1", "t", "true", "on", "y", "yes"}


def cluster(desired: MagnumCluster, template: str, network: str | None, subnet: str | None) -> dict[str, Any]:
    """For POST /clusters: the cluster with its control plane and default-worker. `template`, `network` and `subnet`
    are UUIDs (None: the template's)."""
    core = desired.default_pool
    labels = {**desired.labels, MARK: MARK_VALUE}
    if autoscaling(labels):
        labels[MINIMUM] = str(core.nodes.min)
    body: dict[str, Any] = {
        "name": desired.name,
        "cluster_template_id": template,
        "keypair": desired.keypair,
        "master_flavor_id": desired.control_plane_machine,
        "master_count": desired.control_plane_nodes,
        "flavor_id": core.machine,
        "node_count": core.nodes.min,
        "labels": labels,
        "merge_labels": True,
    }
    given = {"fixed_network": network, "fixed_subnet": subnet}
    return body | {key: value for key, value in given.items() if value is not None}


def group(pool: MagnumPool) -> dict[str, Any]:
    """For POST /clusters/UUID/nodegroups. `node_labels` and `node_taints` are what microversion 1.14 has for labels of
    nodes; the driver of today reads them as little as `labels` and `role` (magnum-capi-helm 1.4 driver.py:986)."""
    own: dict[str, Any] = {
        "node_labels": dict(pool.labels),
        "node_taints": [taint.model_dump() for taint in pool.taints],
    }
    return {
        "name": pool.node_group,
        "flavor_id": pool.machine,
        "role": pool.role,
        "node_count": max(1, pool.nodes.min),
        **bounds(pool),
        "labels": {GROUP_MARK: pool.node_group},
        "merge_labels": True,
        **{key: value for key, value in own.items() if value},
    }


def bounds(pool: MagnumPool) -> dict[str, int]:
    """What a group's minimum and maximum should be."""
    return {"min_node_count": max(1, pool.nodes.min), "max_node_count": pool.nodes.max}
