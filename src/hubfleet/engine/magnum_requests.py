"""Makes all requests of one cluster to Magnum, one after another, and heals what they do to each other.

Every change of a cluster is a `helm upgrade` of the same release (magnum-capi-helm 1.4 driver.py:1210), and Magnum
lets two of them meet: the later fails, and Magnum then stops looking at the earlier. So the next request waits until
the upgrade of the last should be over (not until its nodes are there), and a nudge settles what failed: engine.healing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from hubfleet.engine import look, twins
from hubfleet.engine.healing import Healing, create_failed
from hubfleet.engine.leases import Hold
from hubfleet.engine.magnum_view import FIRST, View
from hubfleet.engine.spacing import Spacing
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.plan import requests
from hubfleet.plan.infrastructure import ClusterWork, PoolWork, size
from hubfleet.plan.steps import Action, Step
from hubfleet.provider import MagnumPool
from hubfleet.tools.magnum import DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup
from hubfleet.tools.openstack_errors import transient

_ORDER = (Action.DESTROY, Action.REPLACE, Action.CREATE, Action.FINISH, Action.CHANGE)
FORGOTTEN = 30.0
"""Seconds after which a deletion is asked for again, then twice as many, and so on: a Magnum that is restarted forgets
what it had accepted, and takes the same request again (Magnum 23 conductor/handlers/nodegroup_conductor.py:116 looks at
no status). Nodes that are drained take as long, and do not mind."""
TWICE = 2
"""How often a cluster is made whose making stops."""
LOST = 5
"""How often a request is sent again whose answer got lost."""


class Requests:
    """The one who asks. `steps` are those that do something; `registered` tells how many nodes of a node group
    Kubernetes has (None: it does not answer)."""

    def __init__(
        self, view: View, steps: Sequence[Step], registered: Callable[[str], int | None], hold: Hold | None = None
    ) -> None:
        self._view, self._steps, self._registered, self._hold = view, steps, registered, hold
        self._magnum, self._patience = view.magnum, view.patience
        self._refusal = ""
        self._spacing = Spacing(self._patience.clock)
        self._healing = Healing(view, self._spacing, [step.id for step in steps])

    def run(self) -> str:
        """Everything that is asked for is asked for, and Magnum has nothing under way; what it says, for people."""
        with self._patience.watch.waiting("Magnum"):
            self._cluster()
            pools = [(step, step.work) for step in self._steps if isinstance(step.work, PoolWork)]
            for step, work in sorted(pools, key=lambda pair: _ORDER.index(pair[0].action)):
                self._pool(step, work)
            self._healing.settle()
            for step, work in pools:
                self._fit(step, work)
            self._control_plane()
            self._healing.served()
        return f"Magnum: {self._view.cluster.status}" if self._view.cluster else "Magnum: gone"

    # the cluster

    def _cluster(self) -> None:
        work = next((step.work for step in self._steps if isinstance(step.work, ClusterWork)), None)
        if work is None or work.body is None:
            self._take_up()
            return
        if work.doomed:
            self._view.tell("cluster", "the old one goes first")
            self._remove(work.doomed)
        for _ in range(TWICE):
            self._view.follow(self._made(work.body))
            self._view.wait_known()
            self._wait_for_lock()
            if self._helm_over():
                twins.settle(self._view, self._maker)
                return
            self._view.tell("cluster", "Magnum began to make it and forgot: it goes, and is made anew", Kind.WARNING)
            self._remove(self._view.known)
        raise _abandoned(self._view.name)

    def _take_up(self) -> None:
        """The cluster was there when the plan was made."""
        found = self._magnum.cluster(self._view.name)
        if found is None:
            raise CloudError(
                f"the cluster {self._view.name} has vanished since the plan was made",
                why="somebody else deletes or renames clusters of this project",
                remedy="look who, then apply again",
                layer=Layer.MAGNUM,
            )
        self._view.follow(found.uuid)
        self._view.look()
        twins.settle(self._view, self._maker)
        self._wait_for_lock()

    @property
    def _maker(self) -> str:
        return self._hold.place if self._hold else ""

    def _wait_for_lock(self) -> None:
        """Of a cluster that another hubfleet began and that has no lock yet: its maker may be at it."""
        made_by = self._view.cluster.labels.get(requests.MAKER) if self._view.cluster else None
        if self._hold is None or self._hold.taken or made_by == self._maker:
            return
        if "cluster" in {step.id for step in self._steps}:
            self._view.tell("cluster", "another hubfleet began it: asking Magnum for nothing before its API answers")
            self._view.wait(lambda: "cluster" in self._view.ready, lambda: f"{self._view.name} has no API")

    def _remove(self, uuid: str) -> None:
        doomed = View(self._magnum, self._view.name, lambda _: None, self._patience)
        doomed.follow(uuid)
        there = doomed.look()
        if there and there.api_address and not there.going:
            raise CloudError(
                f"the cluster {there.name}, which was to be made anew, has come up after all",
                why=f"Magnum says {there.status}, and its API has an address: {there.api_address}",
                remedy="apply again: it goes on with this one",
                layer=Layer.MAGNUM,
            )
        if there and not there.status.startswith("DELETE_"):
            self._magnum.delete_cluster(uuid)
        doomed.wait_gone("cluster")

    def _made(self, body: dict[str, object]) -> str:
        """The UUID of the cluster: of one that is there (a lost answer, a run that was killed), else of a new one."""
        if self._maker:
            body = body | {"labels": {**cast("dict[str, str]", body["labels"]), requests.MAKER: self._maker}}
        for _ in range(LOST):
            found = self._magnum.cluster(self._view.name)
            if found is not None:
                return found.uuid
            self._view.tell("cluster", "asked Magnum for the cluster")
            try:
                return self._magnum.create_cluster(body)
            except CloudError as error:
                if not transient(error):
                    raise
                self._view.tell("cluster", f"the answer got lost ({error.what}); looking whether it was heard")
            self._patience.clock.sleep(5 * FIRST)
        raise CloudError(
            f"Magnum does not answer requests for the cluster {self._view.name}",
            remedy="apply again later",
            layer=Layer.MAGNUM,
        )

    def _helm_over(self) -> bool:
        """Until the driver has installed its release; False if Magnum has forgotten to. How long that takes at this
        site gives the spacing: the cluster has its release's name just before, the node groups just after (Magnum 23
        conductor/handlers/cluster_conductor.py:74), unless it was killed in between."""
        asked, began, forgotten = self._patience.clock.now(), None, False

        def over() -> bool:
            nonlocal began, forgotten
            self._stop_if_failed()
            now = self._patience.clock.now()
            there, groups = self._view.cluster, self._view.groups
            if there is None:
                return False
            if began is None and there.release:
                began = now
            forgotten = look.forgotten(self._magnum, there, groups, now - asked)
            return forgotten or bool(there.api_address) or any(group.release for group in groups)

        self._view.wait(over, lambda: "Magnum's driver has not installed the cluster's release")
        if began is not None and not forgotten:
            self._spacing.learn(self._patience.clock.now() - began)
        return not forgotten

    def _stop_if_failed(self) -> None:
        cluster = self._view.cluster
        if cluster and cluster.status == "CREATE_FAILED" and not cluster.api_address:
            raise create_failed(cluster)

    def _control_plane(self) -> None:
        """Gives it the number of machines that it should have, after everything that needs its API."""
        step = next((step for step in self._steps if isinstance(step.work, ClusterWork)), None)
        if step is None or step.action is not Action.CHANGE:
            return
        wanted = cast("ClusterWork", step.work).desired.control_plane_nodes
        for _ in range(LOST):
            cluster = self._magnum.cluster(self._view.known)
            if cluster is None or cluster.control_plane_nodes == wanted:
                return
            self._spacing.wait()
            self._view.tell(step.id, f"asked Magnum for a control plane of {wanted}")
            self._magnum.resize(self._view.known, DEFAULT_MASTER, wanted)
            self._spacing.sent()
            self._patience.clock.sleep(FIRST)
            self._healing.settle()
        raise HubfleetError(
            f"Magnum does not give the control plane {wanted} machines",
            why=f"it was asked {LOST} times",
            remedy="take the number back, or tell the cloud's operators",
            layer=Layer.MAGNUM,
        )

    # pools

    def _pool(self, step: Step, work: PoolWork) -> None:
        if work.node_group == DEFAULT_WORKER:
            return
        if step.action in (Action.DESTROY, Action.REPLACE):
            self._delete(step, work.node_group)
        if step.action in (Action.CREATE, Action.REPLACE) and work.pool is not None:
            self._create(step, work.pool)

    def _delete(self, step: Step, group: str) -> None:
        """Until the group is gone from Magnum's list: any upgrade before that would install it again (the driver
        leaves out of its values the group of the request alone, magnum-capi-helm 1.4 driver.py:1357)."""
        tries, clock, patience, again = 0, self._patience.clock, FORGOTTEN, ""
        while tries < LOST:
            self._spacing.wait()
            self._view.tell(step.id, f"asked Magnum {again}to delete the node group")
            heard = self._answered(step, lambda: self._magnum.delete_group(self._view.known, group))
            asked = clock.now()
            clock.sleep(FIRST if heard else 5 * FIRST)
            self._view.look()
            there = self._view.group(group)
            if not heard and there is not None and not there.status.startswith("DELETE_"):
                tries += 1
                continue
            self._view.wait(
                lambda: self._over(group) or clock.now() - asked > patience,  # noqa: B023 (called in this round only)
                lambda: f"{step.id} is still there",
            )
            there = self._view.group(group)
            if there is None:
                return
            if there.failed:
                self._healing.judge(there)
                self._spacing.conflict()
                tries += 1
            patience, again = max(2 * patience, 2 * self._spacing.seconds), "again "
        raise HubfleetError(
            f"Magnum does not delete the node group {group}",
            why=f"it was asked {LOST} times",
            remedy="apply again later; if it stays so, tell the cloud's operators",
            layer=Layer.MAGNUM,
        )

    def _answered(self, step: Step, ask: Callable[[], object]) -> bool:
        """Send a request; whether it was answered. One that was not may have been heard: look before asking again."""
        try:
            ask()
        except CloudError as error:
            if not transient(error):
                raise
            self._refusal = error.what
            self._view.tell(step.id, f"the answer got lost ({error.what}); looking whether it was heard")
            return False
        finally:
            self._spacing.sent()
        return True

    def _over(self, name: str) -> bool:
        group = self._view.group(name)
        return group is None or group.failed

    def _create(self, step: Step, pool: MagnumPool) -> None:
        """Asks as soon as Magnum takes node groups, which is when the API has an address."""
        self._view.wait(self._addressed, lambda: f"the control plane of {self._view.name} has no address")
        for _ in range(LOST):
            self._healing.one_at_a_time(step.id)
            self._spacing.wait()
            self._view.look()
            there = self._view.group(pool.node_group)
            if there is not None and there.status.startswith("DELETE_"):
                self._delete(step, pool.node_group)
            elif there is not None or self._asked_for(step, pool):
                return
            self._patience.clock.sleep(FIRST)
        raise CloudError(
            f"Magnum does not take the node group {pool.node_group}",
            why=self._refusal or "it answers each time that the cluster's API has no address",
            remedy="apply again later; if it stays so, tell the cloud's operators",
            layer=Layer.MAGNUM,
        )

    def _asked_for(self, step: Step, pool: MagnumPool) -> bool:
        taken = False

        def ask() -> None:
            nonlocal taken
            taken = self._magnum.create_group(self._view.known, requests.group(pool))

        self._answered(step, ask)
        if taken:
            self._view.tell(step.id, "asked Magnum for the node group")
            self._view.wait(lambda: self._view.group(pool.node_group) is not None, lambda: f"{step.id} is not there")
        return taken

    def _addressed(self) -> bool:
        self._stop_if_failed()
        return bool(self._view.cluster and self._view.cluster.api_address)

    # sizes

    def _fit(self, step: Step, work: PoolWork) -> None:
        """Gives a pool that is there its size. One that scales by itself and has too few nodes first gets a fixed size:
        the autoscaler adds nodes for pods that wait, and none to reach a minimum (the driver's chart does not set its
        enforce-node-group-min-size)."""
        pool = work.pool
        if pool is None:
            return
        least, most = requests.bounds(pool).values()
        there = self._registered(work.node_group)
        if size(self._full(work.node_group), self._view.cluster) != (least, most) and (there or least) < least < most:
            self._reach(step, work.node_group, least, least)
        self._reach(step, work.node_group, least, most)

    def _reach(self, step: Step, name: str, least: int, most: int) -> None:
        """By requests that are each allowed from where the last one left the group."""
        group = self._full(name)
        for _ in range(2 * LOST):
            if size(group, self._view.cluster) == (least, most):
                return
            self._spacing.wait()
            self._answered(step, partial(self._resize, step, group, least, most))
            self._patience.clock.sleep(FIRST)  # the request is carried out after its answer
            self._healing.settle()
            group = self._full(name)
        raise HubfleetError(
            f"{step.id}: Magnum does not take the size {least} to {most}",
            why=f"the node group has {group.count} nodes, at least {group.min}, at most {group.max}",
            remedy="tell the cloud's operators: Magnum answers 202 to each change and makes none",
            layer=Layer.MAGNUM,
        )

    def _resize(self, step: Step, group: NodeGroup, least: int, most: int) -> None:
        """One request towards the size. Magnum wants min <= count <= max at any time: bounds first where the new count
        is outside the old ones."""
        count = min(max(group.count, least), most)
        if not (group.min or 0) <= count <= (group.max or count):
            wide = {"min_node_count": min(group.min or 0, least), "max_node_count": max(group.max or 0, most)}
            self._view.tell(step.id, f"asked Magnum for {wide['min_node_count']} to {wide['max_node_count']} nodes")
            self._magnum.change_group(self._view.known, group.uuid, wide)
        elif count != group.count:
            self._view.tell(step.id, f"asked Magnum for the size {count}")
            self._magnum.resize(self._view.known, group.uuid, count)
        else:
            many = str(least) if least == most else f"{least} to {most}"
            self._view.tell(step.id, f"asked Magnum for {many} nodes")
            bounds = {"min_node_count": least, "max_node_count": most}
            self._magnum.change_group(self._view.known, group.uuid, bounds)

    def _full(self, name: str) -> NodeGroup:
        group = self._magnum.group(self._view.known, name)
        if group is None:
            raise HubfleetError(f"the node group {name} has vanished", remedy="apply again", layer=Layer.MAGNUM)
        return group


def _abandoned(name: str) -> CloudError:
    return CloudError(
        f"Magnum began to make the cluster {name} and stopped",
        why="the driver's release was not there after 15 min, twice; Magnum's conductor seems to die of it",
        remedy="tell the cloud's operators; `hubfleet apply` later makes it anew",
        layer=Layer.DRIVER,
    )
