"""Hubs on a cluster that somebody else keeps, from the file to the hub and back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from hubfleet import fleet
from hubfleet.cli import app
from hubfleet.errors import CloudError, Layer, Refused, UsageError
from hubfleet.events import Watch
from hubfleet.fleet import journal
from hubfleet.spec import InvalidFiles
from hubfleet.tools import dns
from hubfleet.tools.hub import Answer
from tests.unit.lab import HUB, LABEL, Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


BALANCED = {"loadBalancer": {"ingress": [{"ip": "172.30.0.100"}]}}
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
TWO = {"core": {"runs": ["core"]}, "user": {"runs": ["users"]}}


def test_apply_puts_the_hub_there_and_the_second_plan_changes_nothing(lab: Lab) -> None:
    assert lab.actions() == {"cluster": "keep", "release/main": "create"}
    assert lab.apply().hubs == ("hub main: http://hub.example.org (load balancer: http://172.30.0.100)",)
    assert lab.actions() == {"cluster": "keep", "release/main": "keep"}
    assert lab.plan().changes == ()


def known(monkeypatch: pytest.MonkeyPatch, **names: tuple[str, ...]) -> None:
    """What DNS says: of an address, itself."""
    told = {name.replace("_", "."): found for name, found in names.items()}
    monkeypatch.setattr(dns, "addresses", lambda hosts: {host: told.get(host, (host,)) for host in hosts})


def test_apply_ends_with_the_dns_records_that_have_to_be_there(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, hub_example_org=())
    said = lab.apply().summary()
    assert "    hub.example.org  A  172.30.0.100  (does not resolve)" in said.splitlines()
    known(monkeypatch, hub_example_org=("172.30.0.100",))
    (name,) = lab.status().names
    assert (name.record, name.dns, name.trouble) == ("hub.example.org  A  172.30.0.100", "", "")


def test_a_name_that_leads_elsewhere_is_told_and_all_is_well(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply()
    known(monkeypatch, hub_example_org=("192.0.2.1",))
    seen = lab.status()
    assert seen.names[0].dns == "resolves to 192.0.2.1, and not to 172.30.0.100"
    assert seen.well


def test_a_hub_without_the_certificate_that_the_entry_owes_it_is_not_well(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, hub_example_org=())
    lab.write(ingress={"class": "nginx", "issuer": "le"})
    spec = {"ingressClassName": "nginx"}
    lab.api.add("ingresses", "main", "jupyterhub", spec=spec, status=BALANCED)
    (name,) = lab.apply().names
    assert name.trouble.startswith("hub.example.org has no certificate yet: cert-manager has not been asked")
    certificate = {"dnsNames": ["hub.example.org"], "issuerRef": {"kind": "ClusterIssuer", "name": "le"}}
    lab.api.add("certificates", "main", "x", spec=certificate, status={})
    seen = lab.status()
    assert not seen.well
    assert "there is no ClusterIssuer le" in seen.names[0].trouble
    (*_, last) = fleet.check(fleet.load(lab.file), depth=fleet.Depth.ANSWERS).checks
    assert (last.subject, last.well) == ("name hub.example.org", False)
    lab.api.add("certificates", "main", "x", spec=certificate, status=READY["status"])
    assert lab.status().well
    assert fleet.check(fleet.load(lab.file), depth=fleet.Depth.ANSWERS).well


def test_where_certificates_cannot_be_read_the_work_does_not_fail(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch)
    lab.write(ingress={"class": "nginx", "issuer": "le"})
    lab.api.add("ingresses", "main", "jupyterhub", spec={"ingressClassName": "nginx"}, status=BALANCED)

    def forbidden(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(403) if "cert-manager" in request.url.path else None

    lab.api.fail = forbidden
    assert lab.apply().names[0].certificate is None


@pytest.mark.parametrize(
    ("ingress", "remedy"),
    [
        ({}, "with the chart jupyterhub or `shared: true`"),
        ({"class": "nginx"}, "or `issuer` where the cluster has one"),
        ({"class": "infra/main", "api": "gateway"}, "type: offload"),
    ],
)
def test_a_hub_without_https_is_told_what_gives_it_that_where_it_is(
    lab: Lab, ingress: dict[str, str], remedy: str
) -> None:
    lab.write(ingress=ingress)
    (note,) = (note for note in lab.plan().notes if "plain HTTP" in note)
    assert remedy in note


def test_destroy_takes_the_hubs_and_nothing_else(lab: Lab) -> None:
    lab.apply()
    lab.api.add("namespaces", "", "other")
    lab.api.record("blog", "other", 1, "deployed")
    steps = fleet.plan_destroy(fleet.load(lab.file)).steps
    assert [(step.id, str(step.action)) for step in steps] == [("release/main", "destroy")]
    lab.helm.answer(["/bin/helm", "uninstall", "main"])
    lab.api.add("persistentvolumeclaims", "main", "claim-ann", spec={})
    lab.destroy()
    assert lab.api.names("persistentvolumeclaims") == ["claim-ann"]
    assert fleet.plan_destroy(fleet.load(lab.file)).changes == ()
    assert lab.actions() == {"cluster": "keep", "release/main": "create"}
    lab.destroy(homes=True)
    assert lab.api.names("persistentvolumeclaims") == []
    assert lab.api.names("namespaces") == ["other"]
    assert lab.api.names("nodes") == ["n1"]
    assert fleet.plan_destroy(fleet.load(lab.file), homes=True).changes == ()


def test_pods_go_to_the_nodes_that_carry_their_pools_label(lab: Lab) -> None:
    lab.write(pools=TWO, pool_label=LABEL)
    lab.apply()
    values = json.loads(next(text for text in reversed(lab.helm.inputs) if text))
    assert values["hub"]["nodeSelector"] == {LABEL: "core"}
    assert values["singleuser"]["nodeSelector"] == {LABEL: "user"}


def test_status_tells_pools_apart_by_the_label_and_else_shows_all_nodes(lab: Lab) -> None:
    (pool,) = lab.status().pools
    assert (pool.name, [node.name for node in pool.nodes]) == ("all nodes", ["n1"])
    lab.api.add("nodes", "", "u1", metadata={"labels": {LABEL: "user"}})
    lab.write(pools=TWO, pool_label=LABEL)
    assert {pool.name: [node.name for node in pool.nodes] for pool in lab.status().pools} == {
        "core": [],
        "user": ["u1"],
    }


def test_a_hub_that_answers_makes_all_well(lab: Lab) -> None:
    (hub,) = lab.status().hubs
    assert (hub.answers, hub.why) == (False, "not installed: hubfleet apply")
    lab.apply()
    seen = lab.status()
    (hub,) = seen.hubs
    assert (hub.answers, hub.version, hub.address, hub.release) == (True, "5.5.4", "http://172.30.0.100", "deployed")
    assert seen.well
    assert seen.last is not None
    assert (seen.last.verb, seen.last.well) == ("apply", True)


def test_a_hub_that_does_not_answer_is_told_and_nothing_is_well(lab: Lab) -> None:
    lab.apply()
    lab.answer = Answer(503, "", "", 0.1)
    seen = lab.status()
    assert "HTTP 503" in seen.hubs[0].why
    assert not seen.well


def test_status_tells_what_is_not_there_yet_of_a_hub_that_answers(lab: Lab) -> None:
    lab.apply()
    assert lab.status().hubs[0].why == ""
    metadata = {"annotations": {"meta.helm.sh/release-name": "main"}}
    lab.api.add("daemonsets", "main", "builder", metadata=metadata, status={"desiredNumberScheduled": 1})
    (hub,) = lab.status().hubs
    assert (hub.answers, hub.why) == (True, "waiting for the pods of builder")


def test_status_of_a_cluster_that_does_not_answer_says_so_of_cluster_and_hubs(lab: Lab) -> None:
    lab.away()
    seen = lab.status()
    assert not seen.well
    assert "does not answer" in seen.api
    assert "does not answer" in seen.hubs[0].why


def test_status_needs_no_secret(lab: Lab) -> None:
    github = {"client_id": "abc", "client_secret": "${env:NOT_SET}", "allowed_users": ["ada"]}
    lab.write(hubs={"main": HUB | {"auth": {"github": github}}})
    assert lab.status().hubs[0].why == "not installed: hubfleet apply"
    with pytest.raises(InvalidFiles, match="NOT_SET is not set"):
        lab.plan()


def test_where_the_cluster_does_not_answer_neither_plan_nor_destroy_pretend_that_it_is_empty(lab: Lab) -> None:
    lab.apply()
    lab.away()
    for verb in (fleet.plan, fleet.plan_destroy):
        with pytest.raises(CloudError) as error:
            verb(fleet.load(lab.file))
        assert (error.value.exit_code, error.value.layer) == (5, Layer.KUBERNETES)


def test_a_kubeconfig_that_is_not_there_is_a_matter_of_the_credential(lab: Lab) -> None:
    lab.write(kubeconfig="nowhere")
    for verb in (fleet.plan, fleet.plan_destroy, fleet.kubeconfig):
        with pytest.raises(CloudError) as error:
            verb(fleet.load(lab.file))
        assert (error.value.exit_code, error.value.layer) == (5, Layer.CREDENTIAL)
    assert "is no kubeconfig" in lab.status().infrastructure


def test_a_release_of_somebody_else_is_not_taken_over(lab: Lab) -> None:
    lab.api.add("namespaces", "", "main")
    lab.api.record("main", "main", 1, "deployed")
    with pytest.raises(Refused) as error:
        lab.plan()
    assert error.value.exit_code == 4
    assert lab.status().hubs[0].why == "not installed: hubfleet apply"


def test_a_release_of_somebody_else_is_taken_over_when_asked_and_keeps_what_it_has(lab: Lab) -> None:
    lab.api.add("namespaces", "", "main")
    lab.api.record("main", "main", 1, "deployed")
    for name in ("claim-ann", "hub-db-dir"):
        lab.api.add("persistentvolumeclaims", "main", name, spec={})
    lab.helm.claims = {"hub-db-dir": False}
    lab.helm.answer(["/bin/helm", "get", "metadata"], json.dumps({"chart": "lite", "version": "0.1.0"}))
    lab.helm.answer(["/bin/helm", "get", "values", "main"], stdout='{"cull": {"every": 60}}')
    target = fleet.load(lab.file)
    made = fleet.plan(target, adopt=True)
    (step,) = made.changes
    assert "taken over, which hubfleet did not make" in step.details
    assert "cull.every" in {one.key for one in step.changes}
    assert fleet.apply(target, made, lab.said.append, Watch(), timeout=60).hubs
    assert lab.plan().changes == ()
    lab.destroy()
    assert lab.api.names("persistentvolumeclaims") == ["claim-ann", "hub-db-dir"]
    assert lab.api.names("namespaces") == ["main"]


def test_a_hub_that_left_the_file_goes(lab: Lab) -> None:
    lab.apply()
    lab.write(hubs={})
    lab.helm.answer(["/bin/helm", "uninstall", "main"])
    assert lab.actions() == {"cluster": "keep", "release/main": "destroy"}
    lab.apply()
    assert lab.actions() == {"cluster": "keep"}


MARKED = {"core": {"runs": ["core"]}, "user": {"labels": {"a": "b"}}}
LABELLER = "release/hubfleet-labeller"


def test_labels_of_a_pool_bring_the_labeller_and_the_last_one_takes_it_away_with_its_namespace(lab: Lab) -> None:
    lab.write(pools=MARKED, pool_label=LABEL)
    assert lab.actions() == {"cluster": "keep", LABELLER: "create", "release/main": "create"}
    assert [line.partition(":")[0] for line in lab.apply().hubs] == ["hub main"]
    assert lab.plan().changes == ()
    assert lab.api.names("namespaces") == ["hubfleet-labeller", "main"]
    lab.write(pools=TWO, pool_label=LABEL)
    lab.helm.answer(["/bin/helm", "uninstall", "hubfleet-labeller"])
    assert lab.actions() == {"cluster": "keep", "release/main": "keep", LABELLER: "destroy"}
    lab.apply()
    assert lab.api.names("namespaces") == ["main"]
    assert "--no-hooks" not in lab.helm.calls[-1]  # they take the labels off the nodes


def test_a_removal_of_the_labeller_that_was_cut_short_is_finished(lab: Lab) -> None:
    lab.write(pools=MARKED, pool_label=LABEL)
    lab.apply()
    lab.helm(["/bin/helm", "uninstall", "x", "--namespace", "hubfleet-labeller"], timeout=1)
    lab.write(pools=TWO, pool_label=LABEL)
    lab.helm.answer(["/bin/helm", "uninstall", "hubfleet-labeller"])
    assert lab.actions()[LABELLER] == "destroy"
    lab.apply()
    assert lab.actions() == {"cluster": "keep", "release/main": "keep"}


def test_a_changed_label_is_planned_with_old_new_and_line(lab: Lab) -> None:
    lab.write(pools=MARKED, pool_label=LABEL)
    lab.apply()
    given = next(text for text in lab.helm.inputs if text and '"pools"' in text)
    lab.helm.answer(["/bin/helm", "get", "values", "hubfleet-labeller"], stdout=given)
    lab.write(pools=MARKED | {"user": {"labels": {"a": "c"}, "taints": ["k=v:NoSchedule"]}}, pool_label=LABEL)
    changes = {one.key: one for step in lab.plan().changes if step.id == LABELLER for one in step.changes}
    label, taints = changes["pools.user.labels.a"], changes["pools.user.taints"]
    assert (label.old, label.new, taints.new) == ("b", "c", ["k=v:NoSchedule"])
    line = next(i for i, text in enumerate(lab.file.read_text().splitlines(), 1) if "a: c" in text)
    assert str(label.origin).startswith(f"{lab.file}:{line}:")


def test_status_shows_the_labeller_and_is_not_well_without_it(lab: Lab) -> None:
    lab.apply()
    lab.api.add("nodes", "", "n1", metadata={"labels": {LABEL: "user"}}, **READY)
    lab.write(pools=MARKED, pool_label=LABEL)
    (one,) = lab.status().platform
    assert (one.name, one.well, one.why) == ("hubfleet-labeller", False, "not installed: hubfleet apply")
    assert not lab.status().well
    lab.apply()
    (one,) = lab.status().platform
    assert (one.well, one.release, one.why) == (True, "deployed", "")
    assert lab.status().well


def test_destroy_of_the_hubs_on_a_kept_cluster_lets_the_labeller_clean_up(lab: Lab) -> None:
    lab.write(pools=MARKED, pool_label=LABEL)
    lab.apply()
    lab.helm.answer(["/bin/helm", "uninstall"])
    lab.destroy(homes=True)
    assert lab.api.names("namespaces") == []
    assert not any("--no-hooks" in call for call in lab.helm.calls)


def test_a_changed_image_is_planned_with_old_new_and_line(lab: Lab) -> None:
    lab.write(hubs={"main": HUB | {"image": "quay.io/a/b:1"}})
    lab.apply()
    given = next(text for text in reversed(lab.helm.inputs) if text)
    lab.helm.answer(["/bin/helm", "get", "values", "main"], stdout=given)
    lab.write(hubs={"main": HUB | {"image": "quay.io/a/b:2"}})
    (change,) = lab.plan().changes[0].changes
    assert (change.key, change.old, change.new) == ("singleuser.image.tag", "1", "2")
    line = next(i for i, text in enumerate(lab.file.read_text().splitlines(), 1) if "quay.io/a/b:2" in text)
    assert str(change.origin).startswith(f"{lab.file}:{line}:")


def test_credentials_are_those_of_the_hub(lab: Lab) -> None:
    lab.apply()
    way_in = fleet.login(fleet.load(lab.file), "main")
    assert (way_in.address, [one.user for one in way_in.logins]) == ("http://172.30.0.100", ["ada", "ann"])
    with pytest.raises(UsageError, match="has no hub 'other'"):
        fleet.login(fleet.load(lab.file), "other")


def test_grafana_without_a_name_is_reached_from_ones_own_machine(lab: Lab) -> None:
    ask = ["credentials", str(lab.file), "--grafana"]
    none = CliRunner().invoke(app.hubfleet, ask)
    assert "has no Grafana" in str(none.exception)
    lab.file.write_text(lab.file.read_text() + "monitoring: {}\n")
    assert "it is not installed yet" in CliRunner().invoke(app.hubfleet, ask).stdout
    password = {"grafana-admin-password": base64.b64encode(b"s3cret").decode()}
    lab.api.add("secrets", "hubfleet-grafana", "hubfleet", data=password)
    assert CliRunner().invoke(app.hubfleet, ask).stdout.splitlines() == [
        "address   http://localhost:3000, while this runs:",
        "          hubfleet kubectl -n hubfleet-grafana port-forward svc/hubfleet-grafana 3000:80",
        "admin     admin",
        "password  s3cret",
    ]


def test_what_ends_an_apply_is_in_the_journal(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hubfleet.fleet.applying.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.apply()
    last = journal.last("lab")
    assert last is not None
    assert (last.ended, last.well, last.text) == (True, False, "interrupted")


def test_a_failure_is_in_the_journal_with_its_layer(lab: Lab) -> None:
    lab.helm.answer(["/bin/helm", "upgrade"], code=1, stderr="Error: cluster unreachable")
    with pytest.raises(CloudError):
        lab.apply()
    last = journal.last("lab")
    assert last is not None
    assert last.text == "Kubernetes API: Helm cannot reach the cluster"
