"""Releases come true, whatever happens on the way, and go without leaving anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hubfleet.checks.hub import HubHealth
from hubfleet.engine import releases
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Event, Kind, Watch
from hubfleet.hubs import Generated, Release, charts, tester
from hubfleet.hubs import releases as releases_of
from hubfleet.plan import Action
from hubfleet.plan.releases import CHART, CLUSTER, DIGEST, HUB
from hubfleet.plan.releases import removal as removal_plan
from hubfleet.plan.releases import steps as plan_steps
from hubfleet.tools.helm import Helm
from hubfleet.tools.process import Scripted
from tests.unit.clocks import FakeClock
from tests.unit.hub_files import describe, load, other
from tests.unit.kube_api import Api

HELM = "/bin/helm"


class HelmProgram(Scripted):
    """A Helm that does to the cluster what the real one would. `claims`: those that the release's chart makes, and
    whether its manifest has Helm keep them."""

    def __init__(self, api: Api, address: str = "172.30.0.100") -> None:
        super().__init__()
        self.api, self.address, self.runs, self.balanced = api, address, True, True
        self.claims: dict[str, bool] = {}
        self.prepare: Callable[[Callable[[], None]], None] = lambda _: None
        """What the chart has run before Helm is done; it is given what Helm's caller does meanwhile."""
        self.answer([HELM])

    def __call__(self, argv: Any, **details: Any) -> Any:
        done = super().__call__(argv, **details)
        namespace = argv[argv.index("--namespace") + 1] if "--namespace" in argv else ""
        if argv[1:3] == ["get", "manifest"]:
            return replace(done, stdout=yaml.safe_dump_all(map(self._claim, self.claims)))
        if argv[1] == "upgrade":
            self.prepare(details["meanwhile"])
        if argv[1] == "upgrade" and Path(argv[4]).name == "nothing":
            kept = [name for name in self.claims if self._marked(namespace, name)]
            self._take_away(namespace, [name for name in self.claims if name not in kept])
            self.claims = {}
        elif argv[1] == "upgrade":
            self._upgrade(argv)
            self.claims = dict.fromkeys(self.claims, True)
        if argv[1] == "rollback":
            self._rollback(argv[2], argv[3], namespace)
        if argv[1] == "uninstall":
            self._take_away(namespace, [name for name, kept in self.claims.items() if not kept])
            for key in [key for key in list(self.api.objects) if key[1] == namespace]:
                if key[2].startswith("sh.helm.release"):
                    del self.api.objects[key]
        return done

    def _claim(self, name: str) -> dict[str, Any]:
        annotations = {"helm.sh/resource-policy": "keep"} if self.claims[name] else {}
        return {"kind": "PersistentVolumeClaim", "metadata": {"name": name, "annotations": annotations}}

    def _marked(self, namespace: str, claim: str) -> bool:
        there = self.api.objects["persistentvolumeclaims", namespace, claim]["metadata"]
        return bool(there.get("annotations", {}).get("helm.sh/resource-policy") == "keep")

    def _take_away(self, namespace: str, claims: list[str]) -> None:
        for key in [key for key in list(self.api.objects) if key[1] == namespace]:
            annotations = self.api.objects[key]["metadata"].get("annotations", {})
            if key[0] == "services" and annotations.get("helm.sh/resource-policy") == "keep":
                continue
            of_helm = key[0] in ("deployments", "services") and "meta.helm.sh/release-name" in annotations
            if of_helm or (key[0] == "persistentvolumeclaims" and key[2] in claims):
                del self.api.objects[key]

    def _rollback(self, release: str, revision: str, namespace: str) -> None:
        """The newest has the labels of that revision; Helm makes its record anew, without annotations."""
        records = [one for one in self.api.kube().records() if one.namespace == namespace]
        (wanted,) = (one for one in records if one.revision == int(revision))
        ours = {key: value for key, value in wanted.labels.items() if key.startswith("hubfleet.org/")}
        self.api.record(release, namespace, self.anew(namespace) + 1, "deployed", **ours)

    def anew(self, namespace: str) -> int:
        """How many records there are; Helm has written each anew, without annotations."""
        records = [one for one in self.api.kube().records() if one.namespace == namespace]
        for one in records:
            self.api.objects["secrets", namespace, one.secret]["metadata"].pop("annotations", None)
        return max((one.revision for one in records), default=0)

    def _upgrade(self, argv: Any) -> None:
        if any("pending" in str(one) for one in list(self.api.objects.values())):
            raise AssertionError("another operation (install/upgrade/rollback) is in progress")
        labels = dict(pair.split("=") for pair in argv[argv.index("--labels") + 1].split(","))
        release, namespace = argv[3], argv[argv.index("--namespace") + 1]
        self.api.record(release, namespace, self.anew(namespace) + 1, "deployed", **labels)
        if self.runs and HUB in labels and not self.balanced:
            self.api.running(release, namespace, "hub", "proxy")
        elif self.runs and HUB in labels:
            self.api.running_hub(release, namespace, self.address)
        elif self.runs:
            self.api.running(release, namespace, "labeller")


class Trial:
    """One hub of one file, a cluster and a Helm; the hub answers with what `health` gives."""

    def __init__(self, folder: Path, **hub: Any) -> None:
        self.api, self.clock, self.said = Api(), FakeClock(), list[Event]()
        self.program = HelmProgram(self.api)
        self.file = load(folder, **{"chart": "lite"} | hub)
        (self.release,) = (one for one in releases_of(self.file, describe(self.file)) if one.hub)
        self.health = [HubHealth(True, "5.5.4")]
        self.asked: list[tuple[str, str]] = []

    def answers(self, address: str, url: str) -> HubHealth:
        self.asked.append((address, url))
        return self.health.pop(0) if len(self.health) > 1 else self.health[0]

    @property
    def helm(self) -> Helm:
        return Helm(Path("/kubeconfig"), program=Path(HELM), cache=Path("/cache"), run=self.program)

    @property
    def given(self) -> dict[str, Any]:
        """The values that Helm was given last."""
        found: dict[str, Any] = json.loads(self.program.inputs[-1] or "")
        return found

    def install(self) -> str:
        kube, watch = self.api.kube(), Watch(self.clock.now)
        return releases.install(
            self.release,
            self.helm,
            kube,
            self.said.append,
            watch,
            cluster="pythia",
            clock=self.clock,
            ask=self.answers,
        )

    def remove(self, *, homes: bool, name: str = "main") -> None:
        kube, watch = self.api.kube(), Watch(self.clock.now)
        releases.remove(
            name, name, self.helm, kube, self.said.append, watch, cluster="pythia", homes=homes, clock=self.clock
        )

    def observe(self, *wanted: Release) -> Any:
        desired = wanted or (self.release,)
        return releases.with_old_values(releases.observe(desired, self.api.kube()), desired, self.helm)

    def told(self, kind: Kind) -> str:
        return "\n".join(event.text for event in self.said if event.kind is kind)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path, admins=["ada"])


def pod(api: Api, name: str = "hub-1", **status: Any) -> None:
    labels = {"app.kubernetes.io/component": "hub"}
    api.add(
        "pods", "main", name, metadata={"labels": labels}, spec={"nodeName": "n1"}, status={"phase": "Pending"} | status
    )


def waiting(reason: str, message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "hub", "image": "x:1", "restartCount": restarts, "state": state}]}


def late(trial: Trial) -> None:
    """The hub's deployment has no pod that is available."""
    trial.program.runs = False
    metadata = {"annotations": {"meta.helm.sh/release-name": "main"}, "generation": 1}
    trial.api.add("deployments", "main", "hub", metadata=metadata, spec={"replicas": 1}, status={})


def test_a_hub_is_installed_when_it_answers_at_its_load_balancer(trial: Trial) -> None:
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert trial.asked == [("172.30.0.100", "http://hub.example.org")]
    (one,) = trial.observe()
    assert (one.hub, one.cluster, one.digest, one.unready) == ("main", "pythia", trial.release.digest, "")


def test_what_makes_nothing_that_runs_is_installed_when_helm_is_done(trial: Trial) -> None:
    trial.program.runs = False
    trial.release = replace(trial.release, runs=False, url="")
    assert trial.install() == "installed"
    assert [step.action for step in plan_steps([trial.release], trial.observe(), trial.file)] == [Action.KEEP]


def test_its_namespace_is_marked_as_ours(trial: Trial) -> None:
    trial.install()
    assert trial.api.objects["namespaces", "", "main"]["metadata"]["labels"] == {CLUSTER: "pythia", HUB: "main"}


def test_generated_passwords_are_made_once_and_kept(trial: Trial) -> None:
    trial.install()
    first = trial.given["hub"]["config"]["SharedPasswordAuthenticator"]
    trial.install()
    assert trial.given["hub"]["config"]["SharedPasswordAuthenticator"] == first
    assert (len(first["user_password"]), len(first["admin_password"])) == (16, 32)
    kept = trial.api.secret("main", "hubfleet")
    assert kept.pop("check-token") == trial.given["hub"]["services"]["hubfleet-check"]["apiToken"]
    assert kept == {"user-password": first["user_password"], "admin-password": first["admin_password"]}


def test_a_secret_that_has_to_be_hexadecimal_is(trial: Trial) -> None:
    trial.release = other(trial.release, generated=(Generated("token", ("hub", "token"), 64, hexadecimal=True),))
    trial.install()
    assert re.fullmatch("[0-9a-f]{64}", trial.given["hub"]["token"])


def test_a_hub_that_comes_before_prometheus_makes_the_token_that_both_have(tmp_path: Path) -> None:
    trial = Trial(tmp_path, top={"monitoring": {"grafana": None}})
    hub, (watcher,) = trial.release, (one for one in releases_of(trial.file, describe(trial.file)) if not one.hub)
    trial.install()
    token = trial.given["hub"]["services"]["hubfleet-prometheus"]["apiToken"]
    assert trial.api.secret("hubfleet-prometheus", "hubfleet") == {"metrics-token": token}
    labels = trial.api.objects["namespaces", "", "hubfleet-prometheus"]["metadata"]["labels"]
    assert labels == {CLUSTER: "pythia"}
    trial.release = replace(watcher, chart=charts.ours("labeller"))  # no Helm fetches one here
    trial.install()
    assert trial.api.secret("hubfleet-prometheus", "hubfleet") == {"metrics-token": token}
    assert token not in json.dumps(trial.given)
    assert "metrics-token" not in trial.api.secret(hub.namespace, "hubfleet")


def test_grafana_has_its_password_before_its_pod_and_is_no_hub_that_is_asked(tmp_path: Path) -> None:
    top = {"monitoring": {"grafana": {"domain": "grafana.example.org"}}, "ingress": {"shared": True}}
    trial = Trial(tmp_path, top=top)
    wanted = next(one for one in releases_of(trial.file, describe(trial.file)) if one.name == "hubfleet-grafana")
    trial.release = replace(wanted, chart=charts.ours("labeller"))  # no Helm fetches one here
    assert releases.grafana_credentials(trial.release, trial.api.kube()).logins == ()
    assert trial.install() == "its pods run"
    assert trial.asked == []
    found = releases.grafana_credentials(trial.release, trial.api.kube())
    (login,) = found.logins
    assert login.password == trial.api.secret("hubfleet-grafana", "hubfleet")["grafana-admin-password"]
    assert (found.url, login.user, login.admin) == ("http://grafana.example.org", "admin", True)
    assert login.password not in json.dumps(trial.given)


def test_credentials_are_those_that_the_hub_was_given(trial: Trial) -> None:
    trial.install()
    found = releases.credentials(trial.release, trial.api.kube())
    made = trial.api.secret("main", "hubfleet")
    assert (found.url, found.address) == ("http://hub.example.org", "http://172.30.0.100")
    assert [(one.user, one.password, one.admin) for one in found.logins] == [
        ("ada", made["admin-password"], True),
        ("ann", made["user-password"], False),
    ]


def test_before_the_hub_is_there_nobody_can_log_in(trial: Trial) -> None:
    found = releases.credentials(trial.release, trial.api.kube())
    assert (found.address, found.logins) == ("", ())


def test_the_hub_is_waited_for_while_the_proxy_answers_alone(trial: Trial) -> None:
    trial.health = [HubHealth(False, layer=Layer.HUB, why="HTTP 503"), HubHealth(True, "5.5.4")]
    assert trial.install()
    assert "waiting for the hub's answer at 172.30.0.100" in trial.told(Kind.PROGRESS)


def test_a_hub_that_never_answers_is_an_error_of_the_layer_that_is_silent(trial: Trial) -> None:
    trial.health = [HubHealth(False, layer=Layer.HUB, why="the proxy answers, the hub does not")]
    with pytest.raises(HubfleetError, match="the hub does not answer") as error:
        trial.install()
    assert error.value.layer is Layer.HUB


def test_without_a_load_balancer_there_is_nothing_to_ask(trial: Trial) -> None:
    trial.program.runs = False
    trial.api.running_hub("main", "main")
    del trial.api.objects["services", "main", "proxy-public"]
    assert trial.install() == "its pods run"


def test_an_image_that_cannot_be_had_is_named(trial: Trial) -> None:
    late(trial)
    pod(trial.api, **waiting("ImagePullBackOff", "no such host"))
    with pytest.raises(HubfleetError, match="n1 cannot get the image x:1") as error:
        trial.install()
    assert (error.value.layer, error.value.why) == (Layer.NODE, "ImagePullBackOff: no such host")


def test_trouble_is_told_long_before_it_is_an_error_and_only_once(trial: Trial) -> None:
    late(trial)
    pod(trial.api, **waiting("ErrImagePull"))
    with pytest.raises(HubfleetError):
        trial.install()
    assert trial.told(Kind.WARNING).count("cannot get the image") == 1


def test_a_pod_that_no_node_takes_is_told_in_the_schedulers_words(trial: Trial) -> None:
    late(trial)
    condition = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
    pod(trial.api, conditions=[condition])
    with pytest.raises(HubfleetError, match="no node takes the pod hub-1") as error:
        trial.install()
    assert (error.value.layer, error.value.why) == (Layer.SCHEDULER, "0/2 nodes are available")


def test_a_container_that_ends_again_and_again_is_told_with_its_last_words_and_no_secret(trial: Trial) -> None:
    late(trial)
    pod(trial.api, **waiting("CrashLoopBackOff", restarts=3))
    trial.api.add("secrets", "main", "hubfleet", data={"user-password": "czNjcmV0"})
    trial.api.logs["previous hub-1"] = "traitlets.TraitError: 's3cret' is too short"
    with pytest.raises(HubfleetError) as error:
        trial.install()
    assert error.value.layer is Layer.HUB
    assert "is too short" in error.value.why
    assert "s3cret" not in str(error.value) + trial.told(Kind.WARNING)


def test_a_claim_without_a_volume_is_told(trial: Trial) -> None:
    late(trial)
    trial.api.add("persistentvolumeclaims", "main", "hub-db-dir", spec={}, status={"phase": "Pending"})
    about = {"kind": "PersistentVolumeClaim", "name": "hub-db-dir"}
    trial.api.add(
        "events", "main", "e", involvedObject=about, type="Warning", reason="ProvisioningFailed", message="quota"
    )
    with pytest.raises(HubfleetError, match="no volume for the claim hub-db-dir") as error:
        trial.install()
    assert error.value.why == "quota"


def test_a_load_balancer_without_address_is_a_matter_of_the_network(trial: Trial) -> None:
    trial.program.address = ""
    about = {"kind": "Service", "name": "proxy-public"}
    trial.api.add(
        "events", "main", "e", involvedObject=about, type="Warning", reason="SyncFailed", message="quota exceeded"
    )
    with pytest.raises(HubfleetError, match="proxy-public has no address") as error:
        trial.install()
    assert error.value.layer is Layer.NETWORK


def prepares(trial: Trial, seconds: float, **status: Any) -> None:
    """The chart has a pod of this status run, which takes so many seconds."""

    def wait(look: Callable[[], None]) -> None:
        pod(trial.api, "job-1", **status)
        end = trial.clock.now() + seconds
        while trial.clock.now() < end:
            trial.clock.sleep(2)
            look()

    trial.program.prepare = wait


def test_while_helm_waits_for_a_pod_that_cannot_start_it_is_told_why_and_not_for_long(trial: Trial) -> None:
    prepares(trial, 300, **waiting("ImagePullBackOff", "no such host"))
    began = trial.clock.now()
    with pytest.raises(HubfleetError, match="n1 cannot get the image x:1 for the pod job-1") as error:
        trial.install()
    assert (error.value.layer, error.value.why) == (Layer.NODE, "ImagePullBackOff: no such host")
    assert trial.told(Kind.WARNING).count("cannot get the image") == 1
    assert trial.clock.now() - began < 200


def test_preparations_that_get_on_may_take_their_time(trial: Trial) -> None:
    pod(trial.api, "old-1", **waiting("ImagePullBackOff"))
    prepares(trial, 280, **waiting("ContainerCreating"))
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert trial.told(Kind.WARNING) == ""


def test_pods_that_cannot_even_be_made_are_told(trial: Trial) -> None:
    late(trial)
    refused = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}
    trial.api.objects["deployments", "main", "hub"]["status"] = refused
    with pytest.raises(HubfleetError, match="no pod of hub can be made") as error:
        trial.install()
    assert error.value.why == "exceeded quota"


def daemon_set(trial: Trial, name: str, wanted: int, available: int, **labels: str) -> None:
    """A DaemonSet of the hub's release, on so many nodes."""
    metadata = {"annotations": {"meta.helm.sh/release-name": "main"}, "generation": 1, "labels": labels}
    counts = {"desiredNumberScheduled": wanted, "updatedNumberScheduled": available, "numberAvailable": available}
    trial.api.add("daemonsets", "main", name, metadata=metadata, status={"observedGeneration": 1, **counts})


def test_a_hub_whose_builder_runs_nowhere_is_not_ready(trial: Trial) -> None:
    daemon_set(trial, "binder-pink", wanted=2, available=0)
    pod(trial.api, "binder-pink-1", **waiting("ImagePullBackOff"))
    with pytest.raises(HubfleetError, match="cannot get the image x:1 for the pod binder-pink-1"):
        trial.install()
    (seen,) = trial.observe()
    assert seen.unready == "waiting for the pods of binder-pink"


def test_a_builder_that_may_run_nowhere_is_told_in_the_admissions_words(trial: Trial) -> None:
    daemon_set(trial, "binder-pink", wanted=2, available=0)
    trial.api.add(
        "events",
        "main",
        "e1",
        type="Warning",
        reason="FailedCreate",
        message='violates PodSecurity "baseline:latest": privileged',
        involvedObject={"kind": "DaemonSet", "name": "binder-pink"},
    )
    with pytest.raises(HubfleetError, match="no pod of binder-pink can be made") as error:
        trial.install()
    assert "PodSecurity" in error.value.why


def test_one_pod_shows_that_a_builder_can_run_and_images_may_be_fetched_later(trial: Trial) -> None:
    daemon_set(trial, "binder-pink", wanted=3, available=1)
    daemon_set(trial, "continuous-image-puller", wanted=3, available=0, component="continuous-image-puller")
    assert trial.install() == "JupyterHub 5.5.4 answers"


def mends(trial: Trial, after: float) -> None:
    """So many seconds after the start of the trial, the hub's pods run."""
    sleep, at = trial.clock.sleep, trial.clock.now() + after

    def somebody_mends_it(seconds: float) -> None:
        sleep(seconds)
        if trial.clock.now() > at:
            trial.api.running_hub("main", "main")

    trial.clock.sleep = somebody_mends_it  # type: ignore[method-assign]


def test_a_users_server_in_trouble_is_not_the_hubs(trial: Trial) -> None:
    late(trial)
    labels = {"app.kubernetes.io/component": "singleuser-server"}
    trial.api.add("pods", "main", "jupyter-ann", metadata={"labels": labels}, status=waiting("ImagePullBackOff"))
    mends(trial, after=300)
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert trial.told(Kind.WARNING) == ""


def test_when_the_trouble_is_mended_the_wait_goes_on_to_its_end(trial: Trial) -> None:
    late(trial)
    pod(trial.api, **waiting("ImagePullBackOff"))
    mends(trial, after=60)
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert "cannot get the image" in trial.told(Kind.WARNING)


def test_an_api_server_that_is_away_for_a_while_is_waited_for(trial: Trial) -> None:
    trial.api.fail = lambda request: (
        httpx2.Response(503, json={"message": "starting"})
        if trial.program.calls and 1002 < trial.clock.now() < 1030
        else None
    )
    trial.health = [HubHealth(False, layer=Layer.HUB, why="not yet")] * 10 + [HubHealth(True, "5.5.4")]
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert "the API server does not answer" in trial.told(Kind.PROGRESS)


def test_an_api_server_that_refuses_us_is_not_waited_for(trial: Trial) -> None:
    trial.api.fail = lambda request: httpx2.Response(403, json={"message": "no"}) if trial.program.calls else None
    with pytest.raises(CloudError):
        trial.install()
    assert trial.clock.now() < 1005


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "uninstalling"])
def test_what_a_killed_helm_left_is_cleared_away_and_nothing_else(trial: Trial, status: str) -> None:
    trial.api.record("main", "main", 1, "deployed", **{CLUSTER: "pythia"})
    trial.api.record("main", "main", 2, status, **{CLUSTER: "pythia"})
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert "sh.helm.release.v1.main.v1" in trial.api.names("secrets")
    labels = trial.api.objects["secrets", "main", "sh.helm.release.v1.main.v2"]["metadata"]["labels"]
    assert labels["status"] == "deployed"


def test_a_helm_that_is_at_work_is_waited_for_and_its_record_left_alone(trial: Trial) -> None:
    trial.api.record("main", "main", 1, "pending-install", **{CLUSTER: "pythia"})
    sleep = trial.clock.sleep

    def it_ends(seconds: float) -> None:
        sleep(seconds)
        trial.api.record("main", "main", 1, "deployed", **{CLUSTER: "pythia"})

    trial.clock.sleep = it_ends  # type: ignore[method-assign]
    trial.install()
    deleted = [path for method, path in trial.api.requests if method == "DELETE"]
    assert deleted == []


def test_a_namespace_on_its_way_out_is_waited_for(trial: Trial) -> None:
    trial.api.add("namespaces", "", "main", metadata={"deletionTimestamp": "now"})
    sleep = trial.clock.sleep

    def it_goes(seconds: float) -> None:
        sleep(seconds)
        trial.api.objects.pop(("namespaces", "", "main"), None)

    trial.clock.sleep = it_goes  # type: ignore[method-assign]
    assert trial.install()
    assert "deletionTimestamp" not in trial.api.objects["namespaces", "", "main"]["metadata"]


def test_a_release_of_another_chart_is_taken_away_first_and_its_homes_stay(trial: Trial) -> None:
    trial.install()
    trial.api.record("main", "main", 2, "deployed", **{CLUSTER: "pythia", CHART: "jupyterhub"})
    homes(trial.api)
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert [call[1] for call in trial.program.calls if call[1] != "get"] == ["upgrade", "uninstall", "upgrade"]
    assert trial.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    assert [one.chart for one in trial.observe()] == ["lite"]


def of_a_stranger(trial: Trial, chart: str = "lite") -> None:
    """A release of the hub's name that plain Helm made, in a namespace of its own, with a claim that its chart would
    take away."""
    trial.api.add("namespaces", "", "main", metadata={"labels": {"whose": "theirs"}})
    trial.api.record("main", "main", 1, "deployed")
    trial.program.claims = {"hub-db-dir": False}
    trial.program.answer([HELM, "get", "metadata"], json.dumps({"name": "main", "chart": chart, "version": "4.3.3+x"}))
    trial.api.running_hub("main", "main")
    homes(trial.api)


def test_of_a_release_that_hubfleet_did_not_make_chart_and_values_are_known_where_it_is_to_be_taken_over(
    trial: Trial,
) -> None:
    of_a_stranger(trial)
    trial.program.answer([HELM, "get", "values"], '{"a": 1}')
    (left_alone,) = trial.observe()
    found = releases.observe([trial.release], trial.api.kube())
    (seen,) = releases.with_old_values(found, [trial.release], trial.helm, adopt=True)
    assert (left_alone.values, left_alone.chart) == (None, "")
    assert (seen.values, seen.chart, seen.version, seen.cluster) == ({"a": 1}, "lite", "4.3.3_x", "")


@pytest.mark.parametrize("chart", ["lite", "jupyterhub"])
def test_a_release_that_is_taken_over_keeps_its_claims_whatever_its_chart_says_of_them(
    trial: Trial, chart: str
) -> None:
    of_a_stranger(trial, chart)
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert trial.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    replaced = "uninstall" in [call[1] for call in trial.program.calls]
    assert replaced is (chart != "lite")
    (ours,) = [one for one in trial.observe() if one.cluster == "pythia"]
    assert (ours.hub, ours.chart) == ("main", "lite")
    assert trial.api.objects["namespaces", "", "main"]["metadata"]["labels"] == {"whose": "theirs"}


def test_the_hub_that_was_taken_over_goes_and_leaves_claims_and_namespace(trial: Trial) -> None:
    of_a_stranger(trial)
    trial.install()
    trial.remove(homes=False)
    assert trial.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    trial.remove(homes=True)
    assert trial.api.names("persistentvolumeclaims") == []
    assert trial.api.names("namespaces") == ["main"]


def of_others(api: Api) -> None:
    """What else somebody runs in the namespace of their hub."""
    spec = {"claimRef": {"namespace": "main", "name": "postgres"}, "persistentVolumeReclaimPolicy": "Delete"}
    api.add("persistentvolumeclaims", "main", "postgres", spec={}, status={"phase": "Bound"})
    api.add("persistentvolumes", "", "pv-postgres", spec=spec)
    api.add("pods", "main", "postgres-0", metadata={"labels": {"app": "postgres"}}, status={"phase": "Running"})
    api.add("services", "main", "postgres", spec={"type": "LoadBalancer"})


@pytest.mark.parametrize("labels", [{"release": "main"}, {"app.kubernetes.io/instance": "main"}])
def test_nobody_waits_for_what_others_have_in_a_namespace_that_was_taken_over(
    trial: Trial, labels: dict[str, str]
) -> None:
    of_a_stranger(trial)
    trial.install()
    of_others(trial.api)
    trial.api.add("pods", "main", "hub-x", metadata={"labels": labels}, status={"phase": "Running"})
    with pytest.raises(HubfleetError, match=r"still there: pod hub-x\n"):
        trial.remove(homes=False)
    del trial.api.objects["pods", "main", "hub-x"]
    trial.remove(homes=False)
    assert trial.api.names("services") == ["postgres"]
    trial.remove(homes=True)
    assert trial.api.names("pods") == ["postgres-0"]
    assert trial.api.names("persistentvolumeclaims") == ["postgres"]
    assert trial.api.names("persistentvolumes") == ["pv-postgres"]


def test_another_chart_takes_over_beside_what_others_have_in_the_namespace(trial: Trial) -> None:
    of_a_stranger(trial, "jupyterhub")
    of_others(trial.api)
    assert trial.install() == "JupyterHub 5.5.4 answers"


def test_homes_of_a_hub_that_was_taken_over_are_seen_after_it_went_and_can_be_taken_away(trial: Trial) -> None:
    of_a_stranger(trial)
    trial.install()
    of_others(trial.api)
    trial.remove(homes=False)
    (left,) = trial.observe()
    assert (left.hub, left.cluster, left.status) == ("main", "pythia", "uninstalled")
    assert left.claims == ("claim-ann", "hub-db-dir")
    (gone,) = removal_plan([left], trial.file, claims=True)
    assert gone.loses == ("home directories and database: claim-ann, hub-db-dir",)
    trial.remove(homes=True)
    assert trial.observe() == ()


def test_claims_that_somebody_uses_again_are_no_longer_seen_as_left(trial: Trial) -> None:
    of_a_stranger(trial)
    trial.install()
    trial.remove(homes=False)
    trial.api.record("main", "main", 1, "deployed")
    assert [one.status for one in trial.observe()] == ["deployed"]
    assert releases.observe([], trial.api.kube()) == ()


def test_a_chart_that_would_take_its_claims_along_leaves_them_all_the_same(trial: Trial) -> None:
    trial.install()
    homes(trial.api)
    trial.program.claims = {"hub-db-dir": False}
    trial.remove(homes=False)
    assert trial.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    assert trial.api.names("secrets") == ["hubfleet"]


def test_values_are_asked_for_only_where_something_changed(trial: Trial) -> None:
    trial.install()
    trial.program.answer([HELM, "get", "values"], '{"a": 1}')
    (same,) = trial.observe()
    trial.api.record("main", "main", 2, "deployed", **{CLUSTER: "pythia", DIGEST: "other"})
    (changed,) = trial.observe()
    assert (same.values, changed.values, changed.revision) == (None, {"a": 1}, 2)


def test_releases_that_hubfleet_did_not_make_are_seen_only_where_they_are_in_the_way(trial: Trial) -> None:
    trial.api.record("traefik", "kube-system", 1, "deployed")
    trial.api.record("main", "main", 1, "deployed")
    assert [(one.name, one.cluster) for one in trial.observe()] == [("main", "")]


def test_an_empty_cluster_is_known_by_three_requests(trial: Trial) -> None:
    assert trial.observe() == ()
    assert len(trial.api.requests) == 3


def test_homes_that_a_removal_left_are_seen_and_can_be_taken_away(trial: Trial) -> None:
    trial.install()
    homes(trial.api)
    trial.remove(homes=False)
    (left,) = trial.observe()
    assert (left.hub, left.status, left.claims) == ("main", "uninstalled", ("claim-ann", "hub-db-dir"))
    trial.remove(homes=True)
    assert trial.observe() == ()


def homes(api: Api) -> None:
    for name in ("claim-ann", "hub-db-dir"):
        api.add("persistentvolumeclaims", "main", name, spec={}, status={"phase": "Bound"})
        owner = {"namespace": "main", "name": name}
        api.add(
            "persistentvolumes", "", f"pv-{name}", spec={"claimRef": owner, "persistentVolumeReclaimPolicy": "Delete"}
        )
    labels = {"app.kubernetes.io/component": "singleuser-server"}
    api.add("pods", "main", "jupyter-ann", metadata={"labels": labels}, status={"phase": "Running"})
    gone = {"persistentvolumeclaims": lambda name: api.objects.pop(("persistentvolumes", "", f"pv-{name}"), None)}
    api.on_delete = lambda plural, namespace, name: gone.get(plural, lambda _: None)(name)


def test_removing_a_hub_keeps_its_homes_unless_told(trial: Trial) -> None:
    trial.install()
    homes(trial.api)
    trial.remove(homes=False)
    assert trial.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    assert trial.api.names("secrets") == ["hubfleet"]
    assert trial.api.names("pods") == trial.api.names("services") == []


def test_removing_a_hub_with_its_homes_leaves_nothing(trial: Trial) -> None:
    trial.install()
    homes(trial.api)
    trial.remove(homes=True)
    assert {key[0] for key in trial.api.objects} - {
        "secrets",
        "storageclasses",
    } == set()  # with its namespace the rest goes


def test_builds_that_a_binderhub_left_go_with_it(trial: Trial) -> None:
    trial.install()
    for phase in ("Running", "Succeeded", "Failed"):
        build = {"labels": {"component": "binderhub-build"}}
        trial.api.add("pods", "main", f"build-{phase}", metadata=build, status={"phase": phase})
    trial.remove(homes=False)
    assert trial.api.names("pods") == []


def test_a_namespace_that_is_not_ours_stays(trial: Trial) -> None:
    trial.api.add("namespaces", "", "main", metadata={"labels": {"whose": "theirs"}})
    trial.install()
    trial.remove(homes=True)
    assert trial.api.names("namespaces") == ["main"]


def test_removing_twice_is_fine(trial: Trial) -> None:
    trial.install()
    trial.remove(homes=True)
    trial.remove(homes=True)


def test_a_volume_that_stays_is_told_by_name(trial: Trial) -> None:
    trial.install()
    homes(trial.api)
    trial.api.on_delete = lambda *_: None
    with pytest.raises(HubfleetError, match="volume pv-claim-ann of claim-ann"):
        trial.remove(homes=True)


def test_values_that_the_chart_does_not_take_are_told_with_their_place(tmp_path: Path) -> None:
    wrong = Trial(tmp_path, values={"hub": {"imag": {"name": "x"}}})
    head = "Error: values don't meet the specifications of the schema(s) in the following chart(s):"
    said = f"{head}\nlite:\n- at '/hub': additional properties 'imag' not allowed\n"
    wrong.program.answer([HELM, "template"], stderr=said, code=1)
    (problem,) = releases.check([wrong.release], wrong.helm, wrong.file)
    assert problem.position == wrong.file.position("hubs", "main", "values", "hub", "imag")
    assert (problem.key, "knows no such key" in problem.what) == ("hubs.main.values.hub.imag", True)


def test_which_values_are_secret_is_written_down_with_the_release(tmp_path: Path) -> None:
    trial = Trial(tmp_path, values={"hub": {"config": {"A": {"b": ["x", "${env:TOKEN}"]}}}})
    trial.install()
    (seen,) = trial.observe()
    shared = ("hub", "config", "SharedPasswordAuthenticator", "user_password")
    assert seen.secret_keys == {("hub", "config", "A", "b", 1), shared, tester.TOKEN.path}


def test_a_helm_that_fails_leaves_it_written_down_as_well(trial: Trial) -> None:
    trial.api.record("main", "main", 1, "failed", **{CLUSTER: "pythia", DIGEST: trial.release.digest})
    trial.program.answer([HELM, "upgrade"], stderr="Error: no", code=1)
    with pytest.raises(HubfleetError):
        trial.install()
    (seen,) = trial.observe()
    assert seen.secret_keys


@pytest.mark.parametrize("told", ["8443123", "8.443123e+06"])
def test_a_number_that_is_secret_is_masked_however_helm_writes_it(trial: Trial, told: str) -> None:
    hidden = replace(trial.release, values={"port": 8443123, "on": True}, secret_paths=frozenset({("port",), ("on",)}))
    trial.program.answer([HELM, "template"], stderr=f"Error: execution error at (x): true is not {told}", code=1)
    with pytest.raises(HubfleetError, match="true is not ••••"):
        releases.check([hidden], trial.helm, trial.file)


# the cluster is new


def test_a_new_clusters_storage_class_is_waited_for_before_anything_is_made(trial: Trial) -> None:
    trial.api.objects.pop(("storageclasses", "", "fast"))
    trial.clock.at(20, lambda: trial.api.storage_class("slow", default=False))
    trial.clock.at(40, lambda: trial.api.storage_class("fast", default=True))
    trial.install()
    assert trial.clock.now() >= 1040
    assert "waiting for a default storage class" in trial.told(Kind.PROGRESS)


def test_a_cluster_that_never_gets_a_storage_class_is_told(trial: Trial) -> None:
    trial.api.objects.pop(("storageclasses", "", "fast"))
    with pytest.raises(HubfleetError, match="default storage class") as told:
        trial.install()
    assert told.value.layer is Layer.STORAGE
    assert trial.program.inputs == []


def test_the_class_that_the_file_names_is_the_one_that_is_waited_for(tmp_path: Path) -> None:
    trial = Trial(tmp_path, values={"hub": {"db": {"pvc": {"storageClassName": "replicated"}}}})
    with pytest.raises(HubfleetError, match="the storage class replicated"):
        trial.install()


ENTRY = "hubfleet-entry"


def balancer(api: Api, address: str) -> None:
    """The entry's, as its chart makes it."""
    metadata = {"annotations": {"meta.helm.sh/release-name": ENTRY, "helm.sh/resource-policy": "keep"}}
    status = {"loadBalancer": {"ingress": [{"ip": address}] if address else []}}
    api.add("services", ENTRY, ENTRY, metadata=metadata, spec={"type": "LoadBalancer"}, status=status)


class Shared(Trial):
    """The same behind an entry."""

    def __init__(self, folder: Path, **ingress: Any) -> None:
        super().__init__(folder, top={"ingress": ingress or {"shared": True}})
        self.program.balanced = False
        found = next((one for one in releases_of(self.file, describe(self.file)) if one.name == ENTRY), None)
        # in the place of Traefik's files, which are not here
        self.entry = found and replace(found, chart=replace(found.chart, path=self.release.chart.path))


def test_a_hub_behind_an_entry_is_installed_when_it_answers_at_that_address(tmp_path: Path) -> None:
    trial = Shared(tmp_path)
    trial.clock.at(20, lambda: balancer(trial.api, "172.30.0.7"))
    assert trial.install() == "JupyterHub 5.5.4 answers"
    assert trial.asked == [("172.30.0.7", "http://hub.example.org")]
    assert "waiting for the entry's address" in trial.told(Kind.PROGRESS)


def test_an_entry_that_never_gets_an_address_is_a_matter_of_the_network(tmp_path: Path) -> None:
    trial = Shared(tmp_path)
    with pytest.raises(HubfleetError, match=r"the entry .* has no address") as error:
        trial.install()
    assert error.value.layer is Layer.NETWORK


def test_a_hub_by_an_ingress_of_somebody_elses_is_where_their_controller_says(tmp_path: Path) -> None:
    trial = Shared(tmp_path, **{"class": "nginx"})
    for kind, address in (("other", "10.0.0.1"), ("nginx", "10.0.0.2")):
        rules, ingress = [{"host": "hub.example.org"}], {"loadBalancer": {"ingress": [{"hostname": address}]}}
        trial.api.add("ingresses", "main", kind, spec={"ingressClassName": kind, "rules": rules}, status=ingress)
    trial.install()
    assert trial.asked == [("10.0.0.2", "http://hub.example.org")]


def test_a_hub_by_a_gateway_of_somebody_elses_is_where_that_is(tmp_path: Path) -> None:
    trial = Shared(tmp_path, **{"class": "infra/main", "api": "gateway"})
    trial.api.add("gateways", "infra", "main", status={"addresses": [{"type": "IPAddress", "value": "10.0.0.3"}]})
    trial.install()
    assert trial.asked == [("10.0.0.3", "http://hub.example.org")]


def test_a_gateway_needs_an_api_that_the_cluster_has(tmp_path: Path) -> None:
    trial = Shared(tmp_path, shared=True, api="gateway")
    assert trial.entry is not None
    trial.release = trial.entry
    with pytest.raises(HubfleetError, match=r"has not got the API gateway\.networking\.k8s\.io/v1"):
        trial.install()
    assert trial.program.calls == []
    trial.api.apis.add("gateway.networking.k8s.io/v1")
    assert trial.install() == "its pods run"


def test_helm_installs_no_resource_definitions_of_the_entrys_chart(tmp_path: Path) -> None:
    trial = Shared(tmp_path)
    balancer(trial.api, "172.30.0.7")
    trial.install()
    assert "--skip-crds" not in trial.program.calls[-1]
    assert trial.entry is not None
    trial.release = trial.entry
    trial.install()
    assert "--skip-crds" in trial.program.calls[-1]


def test_the_entrys_load_balancer_outlives_a_change_of_its_chart(tmp_path: Path) -> None:
    trial = Shared(tmp_path)
    assert trial.entry is not None
    trial.release = trial.entry
    balancer(trial.api, "172.30.0.7")
    trial.api.record(ENTRY, ENTRY, 1, "deployed", **{CLUSTER: "pythia", CHART: "nginx"})
    trial.install()
    assert [call[1] for call in trial.program.calls] == ["get", "uninstall", "upgrade"]
    assert trial.api.names("services") == [ENTRY]


def test_the_entrys_load_balancer_goes_with_the_entry(tmp_path: Path) -> None:
    trial = Shared(tmp_path)
    assert trial.entry is not None
    trial.release = trial.entry
    balancer(trial.api, "172.30.0.7")
    trial.install()
    kube, watch = trial.api.kube(), Watch(trial.clock.now)
    how: dict[str, Any] = {"cluster": "pythia", "homes": True, "clock": trial.clock}
    releases.remove(ENTRY, ENTRY, trial.helm, kube, trial.said.append, watch, **how)
    assert trial.api.names("services") == trial.api.names("namespaces") == []


def test_without_cert_manager_no_challenge_keeps_its_namespace_from_ending(trial: Trial) -> None:
    trial.api.add("challenges", "main", "one", metadata={"finalizers": ["acme.cert-manager.io/finalizer"]})
    trial.remove(homes=False)
    assert trial.api.objects["challenges", "main", "one"]["metadata"].get("finalizers")
    trial.remove(homes=True, name="hubfleet-certificates")
    assert not trial.api.objects["challenges", "main", "one"]["metadata"].get("finalizers")


def test_what_a_chart_s_hook_left_is_not_waited_for(trial: Trial) -> None:
    labels = {"batch.kubernetes.io/job-name": "check"}
    trial.install()
    trial.api.add("pods", "main", "check-1", metadata={"labels": labels}, status=waiting("ImagePullBackOff"))
    trial.remove(homes=True)
    assert ("namespaces", "", "main") not in trial.api.objects
