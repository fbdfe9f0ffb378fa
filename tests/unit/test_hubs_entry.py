"""Which hubs share the entry, what their charts are told of it, and what the entry itself is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Entry, Release, releases, schemas
from hubfleet.hubs.platform import entry
from hubfleet.provider import Traits
from hubfleet.spec import InvalidFiles, origin
from tests.unit import fleet_files
from tests.unit.hub_files import LABEL, TWO_POOLS, describe, load, release

HOST = "hub.example.org"
ISSUED = {"shared": True, "issuer": "letsencrypt"}


def hub(folder: Path, **ingress: Any) -> Release:
    return release(folder, top={"ingress": ingress})


def the_entry(folder: Path, *, description: dict[str, Any] | None = None, **ingress: Any) -> Release | None:
    cluster = load(folder, top={"ingress": ingress})
    found = releases(cluster, describe(cluster, **(description or {})))
    return next((one for one in found if one.name == entry.NAME), None)


def made(folder: Path, **ingress: Any) -> Release:
    found = the_entry(folder, **ingress)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ingress", "shares", "ours"),
    [
        ({}, False, False),
        ({"email": "ops@example.org"}, False, False),
        ({"shared": False}, False, False),
        ({"shared": True}, True, True),
        ({"class": "nginx"}, True, False),
        ({"class": "nginx", "shared": True}, True, False),
        ({"class": "infra/main", "api": "gateway"}, True, False),
    ],
)
def test_a_hub_shares_the_entry_where_the_file_says_so_or_names_one(
    tmp_path: Path, ingress: dict[str, Any], shares: bool, ours: bool
) -> None:
    found = hub(tmp_path, **ingress)
    assert (found.entry is not None) is shares
    assert found.values["proxy"]["service"]["type"] == ("ClusterIP" if shares else "LoadBalancer")
    assert (the_entry(tmp_path, **ingress) is not None) is ours


def test_without_a_hub_there_is_no_entry(tmp_path: Path) -> None:
    cluster = load(tmp_path, top={"ingress": {"shared": True}, "hubs": {}})
    assert releases(cluster, describe(cluster)) == ()


def test_by_an_ingress_each_host_has_a_certificate_from_the_issuer(tmp_path: Path) -> None:
    found = hub(tmp_path, **ISSUED)
    assert found.values["ingress"] == {
        "enabled": True,
        "ingressClassName": "hubfleet",
        "hosts": [HOST],
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
        "tls": [{"hosts": [HOST], "secretName": f"{HOST}-tls"}],
    }
    assert (found.url, found.door) == (f"https://{HOST}", f"https://{HOST}")
    assert "https" not in found.values["proxy"]


def test_without_an_issuer_it_is_plain_http_and_says_so(tmp_path: Path) -> None:
    found = hub(tmp_path, shared=True)
    assert found.values["ingress"] == {"enabled": True, "ingressClassName": "hubfleet", "hosts": [HOST]}
    assert found.url == f"http://{HOST}"
    assert not found.encrypts


def test_a_class_of_the_clusters_own_is_used_instead_of_ours(tmp_path: Path) -> None:
    found = hub(tmp_path, **{"class": "nginx", "issuer": "le"})
    assert found.values["ingress"]["ingressClassName"] == "nginx"
    assert found.entry == Entry("Ingress", "main", "nginx")
    assert found.encrypts


def test_by_a_gateway_the_hub_is_on_the_listener_that_has_its_certificate(tmp_path: Path) -> None:
    found = hub(tmp_path, api="gateway", **ISSUED)
    gateway = {"name": "hubfleet-entry", "namespace": "hubfleet-entry", "sectionName": HOST}
    assert found.values["httpRoute"] == {"enabled": True, "hostnames": [HOST], "gateway": gateway}
    assert "ingress" not in found.values
    plain = hub(tmp_path, api="gateway", shared=True)
    assert plain.values["httpRoute"]["gateway"]["sectionName"] == "web"


def test_a_listener_has_a_certificate_of_its_own_until_let_s_encrypt_has_given_one(tmp_path: Path) -> None:
    values = made(tmp_path, api="gateway", shared=True, email="ops@example.org").values
    assert values["gateway"]["annotations"]["acme.cert-manager.io/http01-edit-in-place"] == "true"
    assert [one["kind"] for one in values["extraObjects"]] == ["Service"]


def test_it_has_one_as_well_until_somebody_elses_issuer_has_given_one(tmp_path: Path) -> None:
    """Or no hub would answer, and `apply` give up, before it told to which address DNS has to lead."""
    found = made(tmp_path, api="gateway", **ISSUED)
    _, order = found.values["extraObjects"]
    assert order["metadata"]["annotations"]["cert-manager.io/issue-temporary-certificate"] == "true"
    (reference,) = found.values["gateway"]["listeners"]["hub.example.org"]["certificateRefs"]
    assert order["spec"] == {
        "secretName": reference["name"],
        "dnsNames": ["hub.example.org"],
        "issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"},
    }
    assert "annotations" not in found.values["gateway"]
    assert "cert-manager.io/v1" in found.apis
    assert "cert-manager.io/v1" not in made(tmp_path, **ISSUED).apis


def test_a_list_in_the_place_of_ours_has_to_have_the_certificates_too(tmp_path: Path) -> None:
    ingress = {"api": "gateway", **ISSUED, "values": {"extraObjects": [BALANCER]}}
    cluster = load(tmp_path, chart="lite", top={"ingress": ingress})
    (problem,) = schemas.check(cluster, describe(cluster)).problems
    assert "without the Certificate hub.example.org-tls" in problem.what


def test_a_gateway_of_somebody_elses_has_its_own_certificates(tmp_path: Path) -> None:
    found = hub(tmp_path, **{"class": "infra/main", "api": "gateway"})
    assert found.values["httpRoute"]["gateway"] == {"name": "main", "namespace": "infra"}
    assert found.entry == Entry("Gateway", "infra", "main")
    said = {"proxy": {"https": {"enabled": True, "type": "offload"}}}
    own = release(tmp_path, top={"ingress": {"class": "infra/main", "api": "gateway"}}, values=said)
    assert own.url == f"https://{HOST}"


def test_lite_is_told_the_same_as_upstream(tmp_path: Path) -> None:
    upstream = hub(tmp_path, **ISSUED)
    lite = release(tmp_path, chart="lite", top={"ingress": ISSUED})
    assert lite.values["ingress"] == upstream.values["ingress"]
    assert (lite.url, lite.door) == (upstream.url, upstream.door)


def test_two_names_of_binderhubs_own_shape(tmp_path: Path) -> None:
    names = ("binder.example.org", "hub.binder.example.org")
    by_ingress = entry.values(load(tmp_path, top={"ingress": ISSUED}), names, entry.Shape.BINDERHUB)
    assert by_ingress["ingress"]["hosts"] == [*names]
    assert [one["secretName"] for one in by_ingress["ingress"]["tls"]] == [f"{name}-tls" for name in names]
    by_route = entry.values(load(tmp_path, top={"ingress": ISSUED | {"api": "gateway"}}), names, entry.Shape.BINDERHUB)
    gateway = {"name": "hubfleet-entry", "namespace": "hubfleet-entry"}
    assert by_route["httpRoute"]["parentRefs"] == [{**gateway, "sectionName": name} for name in names]


def test_one_load_balancer_stays_when_the_chart_goes_and_finds_whatever_has_its_label(tmp_path: Path) -> None:
    traits = Traits(min_pool_nodes=1, pool_label=LABEL, load_balancer_annotations={"a/b": "c"})
    found = the_entry(tmp_path, description={"traits": traits}, shared=True)
    assert found is not None
    (service,) = found.values["extraObjects"]
    assert found.values["service"] == {"enabled": False}
    assert service["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep", "a/b": "c"}
    assert service["spec"]["selector"] == found.values["deployment"]["podLabels"]


def test_http_is_sent_to_https_only_where_there_are_certificates(tmp_path: Path) -> None:
    assert "redirections" not in made(tmp_path, shared=True).values["ports"]["web"]["http"]
    sent = made(tmp_path, **ISSUED).values["ports"]["web"]["http"]["redirections"]["entryPoint"]
    assert (sent["to"], sent["scheme"]) == ("websecure", "https")


@pytest.mark.parametrize(("nodes", "replicas"), [(1, 1), (3, 2), ({"min": 1, "max": 3}, 1)])
def test_there_are_two_of_it_where_each_has_a_node(tmp_path: Path, nodes: Any, replicas: int) -> None:
    pools = TWO_POOLS | {"core": {"machine": "m", "runs": ["core"], "nodes": nodes}}
    cluster = load(tmp_path, pools=pools, top={"ingress": {"shared": True}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == entry.NAME)
    assert found.values["deployment"]["replicas"] == replicas
    assert found.values["nodeSelector"] == {LABEL: "core"}


@pytest.mark.parametrize(
    ("ingress", "key", "remedy"),
    [
        ({"class": "infra/main"}, "ingress.class", "api: gateway"),
        ({"class": "main", "api": "gateway"}, "ingress.class", "NAMESPACE/main"),
        ({"class": "nginx", "shared": False}, "ingress.class", "shared: false"),
        ({"class": "infra/main", "api": "gateway", "issuer": "le"}, "ingress.issuer", "take the issuer away"),
        ({"class": "Nginx"}, "ingress.class", "IngressClass"),
    ],
)
def test_what_does_not_go_together_is_told_by_its_key(
    tmp_path: Path, ingress: dict[str, Any], key: str, remedy: str
) -> None:
    with pytest.raises(InvalidFiles) as error:
        load(tmp_path, top={"ingress": ingress})
    (problem,) = error.value.problems
    assert problem.key == key
    assert remedy in problem.remedy


def test_a_registry_in_the_cluster_has_a_listener_and_its_certificate_too(tmp_path: Path) -> None:
    hub = {"kind": "binder", "chart": "binderhub", "auth": None, "registry": {"in_cluster": {}}}
    cluster = load(tmp_path, **hub, top={"ingress": ISSUED | {"api": "gateway"}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == entry.NAME)
    assert {*found.values["gateway"]["listeners"]} == {"web", HOST, f"hub.{HOST}", f"registry.{HOST}"}


@pytest.mark.parametrize(
    ("count", "ingress", "fits"), [(63, {}, True), (64, {}, False), (64, {"api": "ingress"}, True)]
)
def test_more_hosts_than_a_gateway_has_listeners_are_refused(
    tmp_path: Path, count: int, ingress: dict[str, str], fits: bool
) -> None:
    own = {"chart": "lite", "auth": {"shared_password": {}}}
    hubs = {f"hub{number}": own | {"domain": f"hub{number}.example.org"} for number in range(count)}
    top = {"ingress": ISSUED | {"api": "gateway"} | ingress, "hubs": hubs}
    if fits:
        assert len(load(tmp_path, top=top).hubs) == count
        return
    with pytest.raises(InvalidFiles) as error:
        load(tmp_path, top=top)
    (problem,) = error.value.problems
    assert (problem.key, "63 listeners" in problem.what) == ("ingress.api", True)


def test_own_values_count_more_than_ours_and_tell_where_they_stand(tmp_path: Path) -> None:
    own = {"resources": {"limits": {"memory": "4Gi"}}, "env": [{"name": "TOKEN", "value": "${env:TOKEN}"}]}
    cluster = load(tmp_path, top={"ingress": {"shared": True, "values": own}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == entry.NAME)
    assert found.values["resources"] == {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "4Gi"}}
    where = origin(cluster, found.layers, ("resources", "limits", "memory"))
    assert where.key == "ingress.values.resources.limits.memory"
    assert found.values["env"] == [{"name": "TOKEN", "value": "t0k3n"}]
    assert found.secret_paths == {("env", 0, "value")}


@pytest.mark.parametrize("ingress", [{}, {"shared": False}, {"class": "nginx"}])
def test_own_values_are_refused_where_there_is_no_entry_of_ours(tmp_path: Path, ingress: dict[str, Any]) -> None:
    with pytest.raises(InvalidFiles) as error:
        hub(tmp_path, values={"accessLog": {}}, **ingress)
    (problem,) = error.value.problems
    assert problem.key == "ingress.values"


def test_a_fleets_values_are_for_those_of_its_clusters_that_have_an_entry_of_ours(tmp_path: Path) -> None:
    tree = fleet_files.tree()
    tree["defaults"]["cluster"]["ingress"] = {"values": {"accessLog": {}, "extraObjects": []}}
    ways: dict[str, Any] = {"alone": {}, "theirs": {"class": "nginx"}, "shared": {"shared": True}}
    own = {name: fleet_files.hubs(main=f"{name}.example.org") | {"ingress": way} for name, way in ways.items()}
    fleet = fleet_files.load(tmp_path, tree, **own)
    assert not fleet.every_problem
    clusters = [one.cluster for one in fleet.members if one.cluster]
    said = {one.name: [wrong.key for wrong in schemas.check(one, describe(one)).problems] for one in clusters}
    assert said == {"alone": [], "theirs": [], "shared": ["defaults.cluster.ingress.values.extraObjects"]}


def test_what_a_cluster_says_of_an_entry_that_it_has_not_is_told_in_a_fleet_as_well(tmp_path: Path) -> None:
    tree = fleet_files.tree()
    tree["defaults"]["cluster"]["ingress"] = {"values": {"accessLog": {}}}
    own = fleet_files.hubs(main="hub.example.org") | {"ingress": {"class": "nginx", "values": {"env": []}}}
    (problem,) = fleet_files.problems(tmp_path, tree, own=own)
    assert "ingress.values: there is no Traefik of hubfleet's to take them" in problem


ARGUMENTS = [
    f"--providers.kubernetesgateway.statusaddress.service.{key}=hubfleet-entry" for key in ("name", "namespace")
]
BALANCER = {"kind": "Service", "metadata": {"name": "hubfleet-entry", "annotations": {"a": "b"}}}


@pytest.mark.parametrize(
    ("values", "api", "key"),
    [
        ({"extraObjects": []}, "ingress", "extraObjects"),
        ({"extraObjects": None}, "ingress", "extraObjects"),
        ({"extraObjects": [BALANCER, {"kind": "ConfigMap"}]}, "ingress", None),
        ({"additionalArguments": ["--x"]}, "gateway", "additionalArguments"),
        ({"additionalArguments": ["--x", *ARGUMENTS]}, "gateway", None),
        ({"additionalArguments": ["--x"]}, "ingress", None),
    ],
)
def test_a_list_in_the_place_of_ours_has_to_have_what_the_entry_needs(
    tmp_path: Path, values: dict[str, Any], api: str, key: str | None
) -> None:
    cluster = load(tmp_path, chart="lite", top={"ingress": {"shared": True, "api": api, "values": values}})
    found = schemas.check(cluster, describe(cluster)).problems
    assert [one.key for one in found] == ([f"ingress.values.{key}"] if key else [])
    if key:
        with pytest.raises(InvalidFiles):
            releases(cluster, describe(cluster))
