"""Waits until a release runs and its hub answers; tells what it waits for and, when it is stuck, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubfleet.checks import hub as hub_check
from hubfleet.checks import pods as pods_check
from hubfleet.checks.hub import HubHealth
from hubfleet.checks.pods import Trouble
from hubfleet.engine import entries
from hubfleet.engine.run import Clock, pause
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.hubs import Release
from hubfleet.tools.kube import Deployment, Kube, Service

LEAST = 0.3
"""Seconds between two looks."""
WARN_AFTER = 8.0
"""Seconds that trouble may last before it is told: much of it passes by itself."""
PATIENCE = 180.0
"""Seconds that one and the same trouble may last before it is taken for serious."""
_WAITED_FOR = "component!=continuous-image-puller"
"""Selects DaemonSets: that of Zero to JupyterHub fetches images of users beforehand, and may take its time."""


@dataclass(frozen=True)
class State:
    """What there is of a release at one moment."""

    deployments: tuple[Deployment, ...]
    services: tuple[Service, ...]

    @property
    def address(self) -> str:
        """The load balancer's, or ""."""
        return next((service.address for service in self.services if service.address), "")

    @property
    def unready(self) -> str:
        """What is not there yet, in words; "" when all is."""
        return pods_check.progress(self.deployments, self.services)


_NOTHING = State((), ())


def look(kube: Kube, namespace: str | None) -> dict[tuple[str, str], State]:
    """The state of every release in the namespace (None: in the cluster), by namespace and name. Three requests."""
    deployments = (*kube.deployments(namespace), *kube.daemon_sets(namespace, _WAITED_FOR))
    services = kube.services(namespace)
    found: dict[tuple[str, str], State] = {}
    for deployment in deployments:
        key = (deployment.namespace, deployment.release)
        found[key] = State((*found.get(key, _NOTHING).deployments, deployment), ())
    for service in services:
        state = found.get(key := (service.namespace, service.release), _NOTHING)
        found[key] = State(state.deployments, (*state.services, service))
    return found


class Rollout:
    """One wait for one release. `ask` asks the hub; `mask` takes secrets out of what other programs said."""

    def __init__(
        self,
        release: Release,
        kube: Kube,
        say: Callable[[Kind, str], None],
        clock: Clock,
        *,
        timeout: float,
        mask: Callable[[str], str] = str,
        ask: Callable[[str, str], HubHealth] = hub_check.answers,
    ) -> None:
        self._release, self._kube, self._say, self._clock = release, kube, say, clock
        self._timeout, self._ask = timeout, ask
        self._told = ""
        self._patience = Patience(release, say, clock, mask)

    def wait(self) -> HubHealth | None:
        """The hub's answer, once it gives one; None where there is no hub or no load balancer at which to ask.
        HubfleetError with what is stuck after `PATIENCE` or the time-out."""
        began = self._clock.now()
        while True:
            over, health, doing, trouble = self._look()
            if over:
                return health
            self._tell(doing)
            self._patience.note(trouble)
            if self._clock.now() > began + self._timeout:
                remedy = "hubfleet status and hubfleet kubectl show more; apply again goes on waiting"
                raise self._patience.error(
                    trouble or Trouble(Layer.HUB, f"{doing}: in vain for {self._timeout:.0f} s", remedy=remedy)
                )
            self._clock.sleep(pause(self._clock.now() - began, least=LEAST))

    def _look(self) -> tuple[bool, HubHealth | None, str, Trouble | None]:
        """Whether the wait is over, the hub's answer, what is waited for, what is wrong."""
        try:
            return self._judge(
                look(self._kube, self._release.namespace).get((self._release.namespace, self._release.name))
            )
        except CloudError as error:
            if error.status is not None and error.status < 500:
                raise
            doing = "the API server does not answer"
            return False, None, doing, Trouble(error.layer or Layer.KUBERNETES, error.what, error.why, error.remedy)

    def _judge(self, state: State | None) -> tuple[bool, HubHealth | None, str, Trouble | None]:
        if not self._release.runs:
            return True, None, "", None
        if state is None:
            return False, None, "waiting for what the chart makes", None
        if state.unready:
            trouble = pods_check.find(self._kube, self._release.namespace, state.deployments, state.services)
            return False, None, state.unready, trouble
        if not self._release.hub:
            return True, None, "", None
        shared = self._release.entry is not None
        return self._judge_answer(entries.address(self._release, self._kube) if shared else state.address)

    def _judge_answer(self, address: str) -> tuple[bool, HubHealth | None, str, Trouble | None]:
        if self._release.url and not address and self._release.entry:
            asked = "the hub's values ask for" if self._release.entry.own else "`ingress` in its file names"
            remedy = f"see the entry: hubfleet status; and whether the cluster has what {asked}"
            what = "the entry through which people reach the hub has no address"
            return False, None, "waiting for the entry's address", Trouble(Layer.NETWORK, what, "", remedy)
        if not (address and self._release.url):
            return True, None, "", None
        health = self._ask(address, self._release.door)
        trouble = None if health.answers else Trouble(health.layer or Layer.HUB, "the hub does not answer", health.why)
        return health.answers, health, f"waiting for the hub's answer at {address}", trouble

    def _tell(self, doing: str) -> None:
        if doing != self._told:
            self._told = doing
            self._say(Kind.PROGRESS, doing)


class Patience:
    """With what hinders one release, as long as it lasts. `mask` takes secrets out of what other programs said."""

    def __init__(
        self, release: Release, say: Callable[[Kind, str], None], clock: Clock, mask: Callable[[str], str]
    ) -> None:
        self._release, self._say, self._clock, self._mask = release, say, clock, mask
        self._trouble: Trouble | None = None
        self._since = 0.0
        self._warned = False

    def note(self, trouble: Trouble | None) -> None:
        """Warns of trouble that stays for a while, and raises it when it stays for long."""
        same = trouble and self._trouble and (trouble.layer, trouble.what) == (self._trouble.layer, self._trouble.what)
        self._trouble = trouble
        if not same:
            self._since, self._warned = self._clock.now(), False
        if trouble is None:
            return
        lasted = self._clock.now() - self._since
        if lasted >= WARN_AFTER and not self._warned:
            self._warned = True
            self._say(Kind.WARNING, str(self.error(trouble)))
        if lasted >= PATIENCE:
            raise self.error(trouble)

    def error(self, trouble: Trouble) -> HubfleetError:
        """The same as an error."""
        what = f"release {self._release.name}: {self._mask(trouble.what)}"
        return HubfleetError(what, why=self._mask(trouble.why), remedy=trouble.remedy, layer=trouble.layer)


class Beginning:
    """The time in which Helm waits for what a chart has run before and after its objects, and says nothing.

    Of pods that began in it and cannot start, it is told as in a rollout. Older ones the chart may be there to mend.
    """

    def __init__(
        self, release: Release, kube: Kube, say: Callable[[Kind, str], None], clock: Clock, mask: Callable[[str], str]
    ) -> None:
        self._release, self._kube, self._patience = release, kube, Patience(release, say, clock, mask)
        self._before = {pod.name for pod in kube.pods(release.namespace)}

    def look(self) -> None:
        """Warns of what is stuck; raises it after `PATIENCE`. To be called every few seconds."""
        try:
            began = [pod for pod in self._kube.pods(self._release.namespace) if pod.name not in self._before]
            trouble = pods_check.of_pods(self._kube, began)
        except CloudError:  # Helm itself has to reach the API server, and says so
            return
        self._patience.note(trouble)
