"""When a cluster gets cert-manager, and what that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.hubs import Release, releases
from hubfleet.hubs.platform import certificates, entry
from tests.unit.hub_files import LABEL, describe, load

MAIL = "ops@example.org"


def platform(folder: Path, **ingress: Any) -> dict[str, Release]:
    cluster = load(folder, top={"ingress": ingress})
    return {one.name: one for one in releases(cluster, describe(cluster)) if not one.hub}


@pytest.mark.parametrize(
    ("ingress", "ours"),
    [
        ({}, False),
        ({"email": MAIL}, False),
        ({"shared": True}, False),
        ({"shared": True, "email": MAIL}, True),
        ({"shared": True, "email": MAIL, "issuer": "le"}, False),
        ({"class": "nginx", "email": MAIL}, True),
        ({"class": "infra/main", "api": "gateway", "email": MAIL}, False),
    ],
)
def test_a_cluster_gets_it_where_hubs_behind_an_entry_have_no_other_issuer(
    tmp_path: Path, ingress: dict[str, Any], ours: bool
) -> None:
    assert ({certificates.NAME, entry.ISSUER} <= platform(tmp_path, **ingress).keys()) is ours


def test_the_issuer_waits_for_cert_manager_and_answers_through_the_entry(tmp_path: Path) -> None:
    found = platform(tmp_path, shared=True, email=MAIL)[entry.ISSUER]
    assert (found.needs, found.runs) == ({"cluster", "release/hubfleet-certificates"}, False)
    assert found.values == {"email": MAIL, "solvers": [{"http01": {"ingress": {"ingressClassName": "hubfleet"}}}]}
    other = platform(tmp_path, email=MAIL, **{"class": "nginx"})[entry.ISSUER]
    assert other.values["solvers"] == [{"http01": {"ingress": {"ingressClassName": "nginx"}}}]


def test_by_a_gateway_it_answers_at_its_listener_for_http(tmp_path: Path) -> None:
    found = platform(tmp_path, shared=True, email=MAIL, api="gateway")
    (solver,) = found[entry.ISSUER].values["solvers"]
    (parent,) = solver["http01"]["gatewayHTTPRoute"]["parentRefs"]
    assert parent["sectionName"] in found[entry.NAME].values["gateway"]["listeners"]
    assert found[certificates.NAME].values["config"]["enableGatewayAPI"] is True


def test_every_pod_of_it_is_on_the_core_pool_and_its_definitions_outlive_it(tmp_path: Path) -> None:
    values = platform(tmp_path, shared=True, email=MAIL)[certificates.NAME].values
    places = [values, values["webhook"], values["cainjector"], values["startupapicheck"]]
    assert [one["nodeSelector"] for one in places] == [{LABEL: "core"}] * 4
    assert values["crds"] == {"enabled": True, "keep": True}


def test_hubs_behind_the_entry_are_found_by_https_then(tmp_path: Path) -> None:
    cluster = load(tmp_path, top={"ingress": {"shared": True, "email": MAIL}})
    (hub,) = (one for one in releases(cluster, describe(cluster)) if one.hub)
    assert hub.url == "https://hub.example.org"
    assert hub.values["ingress"]["annotations"] == {"cert-manager.io/cluster-issuer": "hubfleet-issuer"}
