"""Why a pool that should grow does not: what is known of it in, the first reason out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubfleet.checks.pods import Trouble
from hubfleet.errors import Layer

TRIGGERED = "TriggeredScaleUp"
DECLINED = "NotTriggerScaleUp"
"""Reasons of the events that the autoscaler leaves at a pending pod."""


@dataclass(frozen=True)
class Scaling:
    """A pool as Magnum has it. `count` None: it has no node group. `least`, `most`: Magnum's own bounds; `wanted_most`
    the file's. `ceiling`: the label max_node_count that freezes default-worker, "" if none. `chart`: the version of the
    driver's chart that the cluster's template names ("" none); `chart_trouble`: what is known of it."""

    pool: str
    node_group: str
    autoscaling: bool
    count: int | None
    least: int
    most: int
    wanted_most: int
    ceiling: str
    template: str
    chart: str
    chart_trouble: str


def beforehand(scaling: Scaling, nodes: int) -> Trouble | None:
    """Why a probe could prove nothing; None if it can. `nodes`: how many carry the pool's label now."""
    pool = f"pool {scaling.pool}"
    if not scaling.autoscaling:
        why = "its label auto_scaling_enabled is not true, and labels can never be changed"
        return Trouble(Layer.DRIVER, f"{pool} cannot scale: the cluster was made without", why, "make the cluster anew")
    if scaling.count is None:
        why = f"Magnum has no node group {scaling.node_group}: with `min: 0` a pool is absent while nobody needs it"
        remedy = f"hubfleet scale {scaling.pool} --nodes 1 makes it"
        return Trouble(Layer.MAGNUM, f"{pool} is not there", why, remedy)
    if nodes == 0:
        why = f"no node carries capi.stackhpc.com/node-group={scaling.node_group}, which all pods of hubs are placed by"
        return Trouble(Layer.NODE, f"the selector of {pool} matches nothing", why, "see hubfleet status: has it nodes?")
    if nodes < scaling.most:
        return None
    if scaling.ceiling and scaling.wanted_most > scaling.most:
        why = f"the label max_node_count={scaling.ceiling} stands over the group's own maximum, and cannot be changed"
        return Trouble(Layer.DRIVER, f"{pool} can never grow", why, "use another pool for users, or a new cluster")
    if scaling.wanted_most > scaling.most:
        why = f"Magnum has {scaling.most} as its maximum, the file {scaling.wanted_most}"
        return Trouble(Layer.MAGNUM, f"{pool} is at its maximum", why, "hubfleet apply brings the file's to Magnum")
    why = f"it has {nodes} nodes, and at most {scaling.most}"
    return Trouble(Layer.MAGNUM, f"{pool} is at its maximum", why, "raise `max` and apply, or try when it is smaller")


def not_growing(scaling: Scaling, events: Mapping[str, str], waited: float) -> Trouble:
    """Why no machine came for a pod that waits. `events`: the autoscaler's words at the pod, by reason."""
    what = f"pool {scaling.pool} did not grow in {waited / 60:.0f} min"
    if TRIGGERED in events:
        why = f"the autoscaler asked for a machine ({events[TRIGGERED]}), and no node came"
        return Trouble(Layer.CLUSTER_API, what, why, "apply tells what such a pool waits for; try again later")
    if DECLINED in events:
        return _declined(scaling, what, events[DECLINED])
    template = f"template {scaling.template}, version {scaling.chart or 'unknown'} of the driver's chart"
    if scaling.chart_trouble:
        remedy = f"move to another template: hubfleet upgrade, or tell the operators ({template})"
        return Trouble(Layer.CHART, what, f"{scaling.chart_trouble} ({template})", remedy)
    why = "a pod waited for room, and no autoscaler said a word about it: none acts on this cluster"
    remedy = f"the autoscaler is in the site's management cluster: tell the cloud's operators ({template})"
    return Trouble(Layer.CLUSTER_API, what, why, remedy)


def _declined(scaling: Scaling, what: str, said: str) -> Trouble:
    why = f"the autoscaler declines: {said}"
    if "max node group size" in said:
        if scaling.ceiling:
            why += f"; the label max_node_count={scaling.ceiling} freezes its maximum"
        remedy = (
            f"Magnum has {scaling.most} as its maximum: raise `max`, apply, and see whether plan shows a difference"
        )
        return Trouble(Layer.MAGNUM, what, why, remedy)
    remedy = "compare the pool's machine, labels and taints with what its nodes have (hubfleet kubectl describe nodes)"
    return Trouble(Layer.SCHEDULER, what, why, remedy)


def not_shrinking(scaling: Scaling, keeping: tuple[str, ...], waited: float) -> Trouble:
    """Why the machine does not go again. `keeping`: pods on it that keep it."""
    what = f"pool {scaling.pool} grew, and did not shrink in {waited / 60:.0f} min"
    if keeping:
        why = f"on the new node run {', '.join(keeping)}"
        return Trouble(
            Layer.SCHEDULER, what, why, "it goes some time after they end; nothing is wrong if they are users'"
        )
    why = "nothing runs on the new node that would keep it"
    remedy = (
        "the autoscaler waits 10 minutes as a rule: look again with hubfleet status; if it stays, tell the operators"
    )
    return Trouble(Layer.CLUSTER_API, what, why, remedy)
