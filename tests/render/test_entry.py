"""The entry on Traefik's own chart, and hubs behind it on theirs: what they make fits together."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import releases
from hubfleet.hubs.platform import entry
from hubfleet.tools.helm import Helm
from tests.render.conftest import chart_in
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load, release

HOST = "hub.example.org"


@pytest.fixture(scope="session")
def traefik(charts: Path) -> Path:
    return chart_in(charts, "traefik")


def rendered(helm: Helm, traefik: Path, folder: Path, **ingress: Any) -> Manifests:
    cluster = load(folder, top={"ingress": {"shared": True, **ingress}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == entry.NAME)
    return render(helm, found, traefik)


def arguments(found: Manifests) -> list[str]:
    (pod,) = found.pods().values()
    (container,) = pod["containers"]
    return list(container["args"])


CASES = [{"api": api, **more} for api, more in product(("ingress", "gateway"), ({}, {"issuer": "le"}))]


@pytest.mark.parametrize("ingress", CASES)
def test_the_chart_takes_it_and_there_is_one_service_which_finds_the_pods(
    helm: Helm, traefik: Path, tmp_path: Path, ingress: dict[str, Any]
) -> None:
    found = rendered(helm, traefik, tmp_path, **ingress)
    services = [one for one in found.documents if one["kind"] == "Service"]
    assert [one["metadata"]["name"] for one in services] == ["hubfleet-entry"]
    (deployment,) = (one for one in found.documents if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]
    assert services[0]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {one["name"]: one["containerPort"] for one in pod["spec"]["containers"][0]["ports"]}
    assert {one["port"]: ports[one["targetPort"]] for one in services[0]["spec"]["ports"]} == {80: 8000, 443: 8443}
    assert pod["spec"]["nodeSelector"] == {LABEL: "core"}
    assert not [one for one in found.documents if one["kind"] == "CustomResourceDefinition"]


@pytest.mark.parametrize("ingress", CASES)
def test_it_tells_nobody_of_itself_and_shows_no_dashboard(
    helm: Helm, traefik: Path, tmp_path: Path, ingress: dict[str, Any]
) -> None:
    found = arguments(rendered(helm, traefik, tmp_path, **ingress))
    assert not [one for one in found if "sendanonymoususage" in one.lower() or "checknewversion=true" in one.lower()]
    assert not [one for one in found if "dashboard=true" in one.lower() or "api.insecure" in one.lower()]
    assert not [one for one in found if "kubernetescrd" in one.lower()]


def test_paths_and_long_uploads_are_handed_on(helm: Helm, traefik: Path, tmp_path: Path) -> None:
    found = [one.lower() for one in arguments(rendered(helm, traefik, tmp_path))]
    for port in ("web", "websecure"):
        at = f"--entrypoints.{port}"
        assert f"{at}.http.encodedcharacters.allowencodedslash=true" in found
        assert f"{at}.http.sanitizepath=false" in found
        assert f"{at}.transport.respondingtimeouts.readtimeout=1h" in found


@pytest.mark.parametrize("api", ["ingress", "gateway"])
def test_http_is_sent_to_https_where_there_are_certificates(
    helm: Helm, traefik: Path, tmp_path: Path, api: str
) -> None:
    plain = arguments(rendered(helm, traefik, tmp_path, api=api))
    assert not [one for one in plain if "redirections" in one]
    found = arguments(rendered(helm, traefik, tmp_path, api=api, issuer="le"))
    assert "--entryPoints.web.http.redirections.entryPoint.to=:443" in found
    assert ("--entryPoints.web.http.redirections.entryPoint.priority=1" in found) is (api == "gateway")


def test_its_class_is_its_own_and_nobodys_default(helm: Helm, traefik: Path, tmp_path: Path) -> None:
    found = rendered(helm, traefik, tmp_path)
    made = found.one("IngressClass", "hubfleet")
    assert made["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"] == "false"
    assert "--providers.kubernetesingress.ingressClass=hubfleet" in arguments(found)
    told = "--providers.kubernetesingress.ingressendpoint.publishedservice=hubfleet-entry/hubfleet-entry"
    assert told in arguments(found)


def test_its_gateway_has_a_listener_with_a_certificate_for_each_host(helm: Helm, traefik: Path, tmp_path: Path) -> None:
    found = rendered(helm, traefik, tmp_path, api="gateway", issuer="le")
    gateway = found.one("Gateway", "hubfleet-entry")
    assert gateway["spec"]["gatewayClassName"] == "hubfleet"
    assert found.one("GatewayClass", "hubfleet")
    order = found.one("Certificate", f"{HOST}-tls")
    assert (order["metadata"]["namespace"], order["spec"]["issuerRef"]["name"]) == ("hubfleet-entry", "le")
    listeners = {one["name"]: one for one in gateway["spec"]["listeners"]}
    assert listeners[HOST]["hostname"] == HOST
    assert listeners[HOST]["tls"] == {"certificateRefs": [{"name": f"{HOST}-tls"}], "mode": "Terminate"}
    assert all(one["allowedRoutes"] == {"namespaces": {"from": "All"}} for one in listeners.values())
    told = [one for one in arguments(found) if "statusaddress.service" in one]
    assert [one.partition("=")[2] for one in told] == ["hubfleet-entry"] * 2


BEHIND: list[dict[str, Any]] = [
    {"api": api, "shared": True, **({"class": own} if own else {}), **({"issuer": "le"} if issuer else {})}
    for api, own, issuer in product(("ingress", "gateway"), ("", "theirs"), (False, True))
    if not (api == "gateway" and own)
] + [{"api": "gateway", "class": "infra/main"}]


@pytest.mark.parametrize("ingress", BEHIND)
@pytest.mark.parametrize("chart", ["jupyterhub", "lite"])
def test_a_hub_behind_it_has_a_route_and_no_balancer(
    helm: Helm, upstream: Path, tmp_path: Path, chart: str, ingress: dict[str, Any]
) -> None:
    found = render(
        helm, release(tmp_path, chart=chart, top={"ingress": ingress}), upstream if chart == "jupyterhub" else None
    )
    public = found.one("Service", "proxy-public")
    assert public["spec"]["type"] == "ClusterIP"
    assert "autohttps" not in found.pods()
    if ingress["api"] == "gateway":
        route = found.one("HTTPRoute", "jupyterhub")["spec"]
        (parent,) = route["parentRefs"]
        assert (route["hostnames"], parent["kind"]) == ([HOST], "Gateway")
        ours = {"name": "hubfleet-entry", "namespace": "hubfleet-entry"}
        at = {"sectionName": HOST if "issuer" in ingress else "web"}
        theirs = {"name": "main", "namespace": "infra"}
        assert {**parent} == {"kind": "Gateway"} | (theirs if "class" in ingress else {**ours, **at})
        (to,) = route["rules"][0]["backendRefs"]
        assert (to["name"], to["port"]) == ("proxy-public", 80)
        return
    made = found.one("Ingress", "jupyterhub")
    assert made["spec"]["ingressClassName"] == ingress.get("class", "hubfleet")
    (rule,) = made["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"], path["backend"]["service"]["name"]) == (HOST, "/", "proxy-public")
    wanted = [{"hosts": [HOST], "secretName": f"{HOST}-tls"}] if "issuer" in ingress else None
    assert made["spec"].get("tls") == wanted
    asked = {"cert-manager.io/cluster-issuer": "le"} if "issuer" in ingress else None
    assert made["metadata"].get("annotations") == asked


def test_own_values_reach_traefik_and_leave_the_rest(helm: Helm, traefik: Path, tmp_path: Path) -> None:
    values = {"accessLog": {"enabled": True}, "resources": {"limits": {"memory": "2Gi"}}}
    found = rendered(helm, traefik, tmp_path, values=values)
    assert "--accesslog=true" in [one.lower() for one in arguments(found)]
    (pod,) = found.pods().values()
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "2Gi"},
    }
