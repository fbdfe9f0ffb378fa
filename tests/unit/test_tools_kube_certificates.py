"""Why a certificate is missing, in the words nearest to the cause. The objects are like those of cert-manager 1.21."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hubfleet.tools.kube_certificates import certificates
from tests.unit.kube_api import Api

HOST = "hub.example.org"
OF_IT = {"annotations": {"cert-manager.io/certificate-name": f"{HOST}-tls"}}


def condition(kind: str, status: str, message: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "message": message}]}


def certificate(api: Api, status: dict[str, Any], issuer: str = "le") -> None:
    spec = {"dnsNames": [HOST], "secretName": f"{HOST}-tls", "issuerRef": {"kind": "ClusterIssuer", "name": issuer}}
    api.add("certificates", "main", f"{HOST}-tls", spec=spec, status=status)


def waiting(api: Api) -> None:
    api.add("clusterissuers", "", "le", status=condition("Ready", "True", "registered"))
    certificate(api, condition("Ready", "False", "Issuing certificate as Secret does not exist"))
    status = condition("Ready", "False", 'Waiting on certificate issuance from order main/x: "pending"')
    api.add("certificaterequests", "main", "x", metadata=dict(OF_IT), status=status)


def test_where_there_is_no_cert_manager_there_are_none() -> None:
    assert certificates(Api().kube()) == ()


def test_one_that_is_there_is_ready_and_nothing_more_is_asked() -> None:
    api = Api()
    certificate(api, condition("Ready", "True", "Certificate is up to date and has not expired"))
    (found,) = certificates(api.kube())
    assert (found.ready, found.hosts, found.why) == (True, {HOST}, "")
    assert len(api.requests) == 1


def test_the_words_of_a_proof_come_before_those_of_what_waits_for_it() -> None:
    api = Api()
    waiting(api)
    (found,) = certificates(api.kube())
    assert (found.why, found.asked) == ('Waiting on certificate issuance from order main/x: "pending"', False)
    api.add("orders", "main", "x", metadata=dict(OF_IT), status={"state": "pending", "reason": ""})
    api.add("challenges", "main", "other", spec={"dnsName": "other.example.org"}, status={"reason": "not this one"})
    api.add("challenges", "main", "x-1", spec={"dnsName": HOST}, status={"reason": "no such host"})
    (found,) = certificates(api.kube())
    assert (found.why, found.asked) == ("no such host", True)


def test_an_issuer_that_is_missing_or_not_ready_is_the_cause() -> None:
    api = Api()
    waiting(api)
    certificate(api, condition("Ready", "False", "Issuing"), issuer="nobody")
    assert certificates(api.kube())[0].why == "there is no ClusterIssuer nobody"
    api.add("clusterissuers", "", "nobody", status=condition("Ready", "False", "no account: connection refused"))
    why = "the ClusterIssuer nobody is not ready: no account: connection refused"
    assert certificates(api.kube())[0].why == why


def test_after_a_failure_it_is_known_when_the_next_attempt_is() -> None:
    api = Api()
    failed = condition("Issuing", "False", "The certificate request has failed") | {
        "lastFailureTime": "2026-01-01T10:00:00Z",
        "failedIssuanceAttempts": 2,
    }
    certificate(api, failed)
    api.add("clusterissuers", "", "le", status=condition("Ready", "True", ""))
    (found,) = certificates(api.kube())
    assert (found.why, found.again) == ("The certificate request has failed", datetime(2026, 1, 1, 12, tzinfo=UTC))
