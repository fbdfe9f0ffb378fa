"""What a release leaves behind, taken away and waited for: users' servers, builds, load balancers, claims, volumes."""

from __future__ import annotations

from collections.abc import Callable

from hubfleet.checks.pods import BUILDS, USERS_SERVERS
from hubfleet.engine.run import Clock
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.plan.volumes import of_hub
from hubfleet.tools.kube import Claim, Kube, Pod, Service

EVERY = 0.5
_OF_JOB = "batch.kubernetes.io/job-name"
"""Label of a Job's pods. Helm leaves a hook that failed, and its pods stay as long as the namespace."""
_OF_RELEASE = ("app.kubernetes.io/instance", "release")
"""Labels by which charts tell their pods: Helm's recommended one, and Zero to JupyterHub's and BinderHub's."""


class Removal:
    """For one namespace. `tell` hears what is waited for. `release`: of it alone, since the namespace is somebody
    else's, who may have more in it; "" where all in it goes."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        tell: Callable[[str], None],
        clock: Clock,
        *,
        timeout: float,
        release: str = "",
    ) -> None:
        self._kube, self._namespace, self._tell, self._clock, self._timeout = kube, namespace, tell, clock, timeout
        self._release = release

    def run(self, *, claims: bool) -> None:
        """Take away users' servers and builds, and wait until no pod is left, and no load balancer that goes with its
        chart; with `claims` also every claim, and wait until their volumes are gone, since a cloud keeps, and bills,
        those that outlive their cluster."""
        for selector in (USERS_SERVERS, BUILDS):  # both are made by programs of the chart, and not of it
            for pod in self._kube.pods(self._namespace, selector):
                self._kube.delete("Pod", self._namespace, pod.name)
        self._wait(self._pods_and_addresses)
        if claims:
            for claim in filter(self._holds, self._kube.claims(self._namespace)):
                self._kube.delete("PersistentVolumeClaim", self._namespace, claim.name)
            self._wait(self._claims_and_volumes)

    def kept_balancers(self) -> None:
        """Take away the load balancers of the namespace that Helm left because they were to outlive a chart."""
        for one in self._balancers(self._namespace):
            if one.stays:
                self._kube.delete("Service", one.namespace, one.name)

    def balancers(self) -> None:
        """Take away the load balancers of every namespace, somebody else's as well: a cloud keeps, and bills, those
        that outlive their cluster."""
        for one in self._balancers(None):
            self._kube.delete("Service", one.namespace, one.name)
        self._wait(lambda: [f"load balancer {one.namespace}/{one.name}" for one in self._balancers(None)])

    def namespace(self) -> None:
        """Delete the namespace, and wait until it is gone: nothing can be made in one that is on its way out."""
        self._kube.delete_namespace(self._namespace)
        self._wait(self._namespace_itself)

    def gone(self) -> None:
        """Wait until the namespace, which somebody deleted, is gone."""
        self._wait(self._namespace_itself)

    def _wait(self, left: Callable[[], list[str]]) -> None:
        end, told, still = self._clock.now() + self._timeout, "", [""]
        while still:
            try:
                still = left()
            except CloudError as error:
                if error.status is not None and error.status < 500:
                    raise
                still = ["an answer of the API server"]
            if not still:
                return
            if self._clock.now() > end:
                raise HubfleetError(
                    f"after {self._timeout:.0f} s these are still there: {', '.join(still)}",
                    why="something that the cluster's controllers should take away stays",
                    remedy="see what holds them: hubfleet kubectl; then run the same command again",
                    layer=Layer.KUBERNETES,
                )
            doing = f"waiting for the end of {', '.join(still)}"
            if doing != told:
                told = doing
                self._tell(doing)
            self._clock.sleep(EVERY)

    def _pods_and_addresses(self) -> list[str]:
        every = self._kube.pods(self._namespace)
        pods = [f"pod {pod.name}" for pod in every if _OF_JOB not in pod.labels and self._goes(pod)]
        return pods + [f"load balancer {one.name}" for one in self._balancers(self._namespace) if not one.stays]

    def _goes(self, pod: Pod) -> bool:
        return not self._release or pod.deleting or self._release in map(pod.labels.get, _OF_RELEASE)

    def _balancers(self, namespace: str | None) -> list[Service]:
        found = [one for one in self._kube.services(namespace) if one.type == "LoadBalancer"]
        return [one for one in found if self._release in ("", one.release)]

    def _holds(self, claim: Claim) -> bool:
        return not self._release or of_hub(claim)

    def _namespace_itself(self) -> list[str]:
        return [] if self._kube.namespace(self._namespace) is None else [f"namespace {self._namespace}"]

    def _claims_and_volumes(self) -> list[str]:
        every = self._kube.claims(self._namespace)
        going = [one.name for one in every if self._holds(one)]
        stays = {one.name for one in every} - {*going}
        volumes = [one for one in self._kube.volumes() if one.namespace == self._namespace and one.deleted_after]
        return [
            *(f"claim {one}" for one in going),
            *(f"volume {one.name} of {one.claim}" for one in volumes if one.claim not in stays),
        ]
