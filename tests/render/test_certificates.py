"""cert-manager's own chart takes what hubfleet computes, and the issuer is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.hubs import releases
from hubfleet.hubs.platform import certificates, entry
from hubfleet.tools.helm import Helm
from tests.render.conftest import chart_in
from tests.render.rendering import render
from tests.unit.hub_files import LABEL, describe, load


@pytest.mark.parametrize("api", ["ingress", "gateway"])
def test_every_pod_of_cert_manager_is_on_the_core_pool(helm: Helm, charts: Path, tmp_path: Path, api: str) -> None:
    chart = chart_in(charts, "cert-manager")
    cluster = load(tmp_path, top={"ingress": {"shared": True, "email": "ops@example.org", "api": api}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == certificates.NAME)
    made = render(helm, found, chart)
    pods = made.pods()
    assert len(pods) == 4
    assert all(pod["nodeSelector"][LABEL] == "core" for pod in pods.values())
    kinds = {one["spec"]["names"]["kind"] for one in made.documents if one["kind"] == "CustomResourceDefinition"}
    assert {"ClusterIssuer", "Certificate", "Order", "Challenge"} <= kinds


def test_the_issuer_asks_lets_encrypt(helm: Helm, tmp_path: Path) -> None:
    cluster = load(tmp_path, top={"ingress": {"shared": True, "email": "ops@example.org"}})
    (found,) = (one for one in releases(cluster, describe(cluster)) if one.name == entry.ISSUER)
    issuer = render(helm, found).one("ClusterIssuer", "hubfleet-issuer")
    acme = issuer["spec"]["acme"]
    assert (acme["email"], acme["privateKeySecretRef"]) == ("ops@example.org", {"name": "hubfleet-issuer"})
    assert acme["solvers"] == [{"http01": {"ingress": {"ingressClassName": "hubfleet"}}}]
