"""The addresses that controllers of Ingresses and Gateways tell."""

from __future__ import annotations

from typing import Any

from hubfleet.tools import kube_entries
from tests.unit.kube_api import Api


def ingress(api: Api, name: str, kind: str, *addresses: dict[str, str]) -> None:
    status: dict[str, Any] = {"loadBalancer": {"ingress": [*addresses]}} if addresses else {}
    api.add("ingresses", "main", name, spec={"ingressClassName": kind}, status=status)


def test_an_ingress_has_the_address_that_its_class_tells_an_ip_or_a_name() -> None:
    api = Api()
    assert kube_entries.ingress(api.kube(), "main", "nginx") == ""
    ingress(api, "other", "other", {"ip": "192.0.2.9"})
    ingress(api, "waits", "nginx")
    assert kube_entries.ingress(api.kube(), "main", "nginx") == ""
    ingress(api, "works", "nginx", {"hostname": "lb.example.org"})
    assert kube_entries.ingress(api.kube(), "main", "nginx") == "lb.example.org"


def test_a_gateway_has_its_own_address() -> None:
    api = Api()
    assert kube_entries.gateway(api.kube(), "infra", "main") == ""
    api.add("gateways", "infra", "other", status={"addresses": [{"value": "192.0.2.9"}]})
    api.add("gateways", "infra", "main", status={})
    assert kube_entries.gateway(api.kube(), "infra", "main") == ""
    api.add("gateways", "infra", "main", status={"addresses": [{"type": "IPAddress", "value": "192.0.2.7"}]})
    assert kube_entries.gateway(api.kube(), "infra", "main") == "192.0.2.7"
