"""Settles a cluster that Magnum gave up on, or does not look at any more: the nudge.

A resize of default-worker to its present size installs the driver's release anew, with every node group in it, and sets
the cluster in progress, so that Magnum looks at all groups again. A failed group becomes complete in the moment that
Magnum looks while its nodes are there; so some nudges are for the release, and a last one for the record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubfleet.engine.magnum_view import FIRST, View
from hubfleet.engine.spacing import Spacing
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.tools.magnum import DEFAULT_WORKER, Cluster, NodeGroup
from hubfleet.tools.openstack_errors import transient

NUDGES = 8
"""Healing stops after so many."""
HELM = 330.0
"""Seconds: the driver lets Helm work for 5 minutes."""
QUIET = 600.0
"""Seconds without any change after which a nudge is tried, then twice as many, and so on: a Magnum that was restarted
forgets what it was doing."""
UNASKED = 60.0
"""The same where Nova lacks machines that nothing is seen to hinder."""
STUCK = 300.0
"""Seconds that Magnum may be behind Kubernetes before hubfleet stops waiting for it."""
_CONFLICT = re.compile(r"already exists|another operation|in progress|has no deployed releases", re.IGNORECASE)
_HOPELESS = re.compile(
    r"does not have enough|node count must be|could not be found|is not a valid|list index out of range|"
    r"not found in .*repository|does not have an? \w+ property",
    re.IGNORECASE,
)


class Healing:
    """For one cluster. `steps` are the ids that Kubernetes will say are done."""

    def __init__(self, view: View, spacing: Spacing, steps: Sequence[str]) -> None:
        self._view, self._spacing, self._steps = view, spacing, frozenset(steps)
        self._nudges = self._quiet_nudges = 0
        self._nudged = float("-inf")
        self._behind_since: float | None = None
        self._seen: object = None
        self._seen_at = float("inf")

    def settle(self) -> None:
        """Until Magnum has nothing under way and nothing failed, or is behind what Kubernetes shows for too long."""
        self._behind_since = None
        self._view.wait(self._settled, lambda: "Magnum is still at it")

    def served(self) -> None:
        """Until Kubernetes has shown everything to be done. Magnum calls a group complete whose nodes are ready, also
        where it was killed before it asked Cluster API for more of them."""
        self._view.wait(self._served, lambda: "nodes are missing")

    def _served(self) -> bool:
        if self._nodes_ready() or not any(stage.unasked for stage in dict(self._view.stages).values()):
            return self._nodes_ready()
        cluster = self._view.cluster
        if cluster is not None and self._quiet(cluster):
            self._nudge("Nova has not been asked for every machine")
            self.settle()
        return False

    def one_at_a_time(self, step: str) -> None:
        """After conflicts: until the last request is wholly over."""
        if self._spacing.one_at_a_time:
            self._view.tell(step, "waiting for the last one, since requests met before")
            self.settle()

    def judge(self, group: NodeGroup) -> None:
        """Raises HubfleetError if it is hopeless to ask again for what Magnum failed to do to this group."""
        full = self._view.magnum.group(self._view.known, group.uuid) or group
        if _HOPELESS.search(full.reason):
            raise _pool_failed(group.name, full.reason)

    def _settled(self) -> bool:
        cluster, groups = self._view.cluster, self._view.groups
        if cluster is None:
            raise CloudError(
                f"the cluster {self._view.name} vanished meanwhile",
                why="somebody deleted it",
                remedy="look who, then apply again",
                layer=Layer.MAGNUM,
            )
        if cluster.status == "CREATE_FAILED" and not cluster.api_address:
            raise create_failed(cluster)
        if self._nudge_under_way(cluster):
            return False
        failed = [group for group in groups if group.failed]
        if cluster.status == "UPDATE_FAILED" or (failed and not cluster.under_way and self._nodes_ready()):
            return self._heal(cluster, failed)
        if not failed and not cluster.under_way and not cluster.failed and not any(g.under_way for g in groups):
            return True
        if self._quiet(cluster):
            self._nudge("nothing moves at Magnum")
        return self._behind(cluster)

    def _quiet(self, cluster: Cluster) -> bool:
        """Nothing has changed for long. A resize is not taken while a cluster is being made (Magnum 23
        conductor/handlers/cluster_conductor.py:205)."""
        seen, now = (cluster, self._view.groups, frozenset(self._view.ready)), self._view.patience.clock.now()
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        unasked = any(stage.unasked for stage in dict(self._view.stages).values())
        patience = (UNASKED if unasked else QUIET) * 2**self._quiet_nudges
        if now - self._seen_at <= patience or cluster.status == "CREATE_IN_PROGRESS":
            return False
        self._seen_at = now
        self._quiet_nudges += 1
        return True

    def _nodes_ready(self) -> bool:
        return self._steps <= self._view.ready

    def _heal(self, cluster: Cluster, failed: list[NodeGroup]) -> bool:
        reasons = self._reasons(cluster, failed)
        hopeless = next(((name, why) for name, why in reasons.items() if _HOPELESS.search(why)), None)
        if hopeless:
            raise _pool_failed(*hopeless)
        if self._nudges >= NUDGES:
            if self._nodes_ready():
                return self._give_up(cluster)
            raise _pool_failed(*next(iter(reasons.items()), (DEFAULT_WORKER, cluster.reason)))
        if any(map(_CONFLICT.search, reasons.values())) or cluster.status == "UPDATE_FAILED":
            self._spacing.conflict()
        self._nudge("requests met at Magnum")
        return False

    def _reasons(self, cluster: Cluster, failed: list[NodeGroup]) -> dict[str, str]:
        """Magnum tells them in the cluster's faults while it is failed, else in each group."""
        reasons = dict(cluster.faults)
        for group in failed:
            if not reasons.get(group.name):
                full = self._view.magnum.group(cluster.uuid, group.uuid)
                reasons[group.name] = full.reason if full else ""
        return reasons

    def _nudge(self, why: str) -> None:
        worker = self._view.group(DEFAULT_WORKER)
        if worker is None:
            return
        self._nudges += 1
        self._spacing.wait()
        self._view.tell("cluster", f"{why}; nudge {self._nudges} settles it")
        try:
            self._view.magnum.resize(self._view.known, DEFAULT_WORKER, worker.count)
        except CloudError as error:
            if not transient(error):
                raise  # else the next look tells whether it was heard
        self._spacing.sent()
        self._nudged = self._view.patience.clock.now()
        self._view.patience.clock.sleep(FIRST)

    def _nudge_under_way(self, cluster: Cluster) -> bool:
        """A nudge marks default-worker at once, and the cluster or default-worker again when Helm is over (Magnum 23
        conductor/handlers/cluster_conductor.py:240)."""
        worker = self._view.group(DEFAULT_WORKER)
        since = self._view.patience.clock.now() - self._nudged
        if since > HELM:
            return False
        if cluster.status == "UPDATE_FAILED" and worker is not None and worker.under_way:
            return True
        self._spacing.learn_at_least(since)
        self._nudged = float("-inf")
        return False

    def _behind(self, cluster: Cluster) -> bool:
        """Whether Kubernetes has long shown everything to be ready, and Magnum still does not say so: it waits for
        addons of the driver's, too, and one that is broken keeps it waiting for ever."""
        if not self._nodes_ready():
            self._behind_since = None
            return False
        now = self._view.patience.clock.now()
        self._behind_since = now if self._behind_since is None else self._behind_since
        return self._give_up(cluster) if now - self._behind_since > STUCK else False

    def _give_up(self, cluster: Cluster) -> bool:
        text = f"Kubernetes shows every node ready, but Magnum says {cluster.status}: not waiting for it any longer"
        self._view.tell("cluster", text, Kind.WARNING)
        return True


def create_failed(cluster: Cluster) -> CloudError:
    """Magnum could not make the cluster."""
    why = cluster.reason or "; ".join(filter(None, cluster.faults.values())) or "it gives no reason"
    layer, remedy = _judged(why)
    return CloudError(f"Magnum could not make the cluster {cluster.name}", why=why, remedy=remedy, layer=layer)


def _pool_failed(group: str, why: str) -> HubfleetError:
    layer, remedy = _judged(why)
    what = f"Magnum could not make or change the node group {group}"
    return CloudError(what, why=why or "it gives no reason", remedy=remedy, layer=layer)


def _judged(why: str) -> tuple[Layer, str]:
    again = "apply again: what failed is replaced"
    if "application_credential" in why or "Forbidden" in why:
        return Layer.CREDENTIAL, f"use an unrestricted application credential in clouds.yaml, then {again}"
    if "requires authentication" in why:
        return Layer.CREDENTIAL, f"our token expired while Magnum was at it: {again}"
    if "quota" in why.lower():
        return Layer.QUOTA, f"ask for more quota, then {again}"
    if "helm" in why or "Helm" in why or "kubernetes cluster unreachable" in why.lower():
        return Layer.DRIVER, f"the site's management cluster is in trouble; later {again}; else tell the operators"
    if _HOPELESS.search(why):
        return Layer.DRIVER, f"change the file accordingly, then {again}"
    return Layer.MAGNUM, again
