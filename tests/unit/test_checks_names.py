"""Where DNS leads a hub's name, and why it has no certificate, in words that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hubfleet.checks.names import astray, record, uncertified
from hubfleet.tools.kube_certificates import Certificate

HOST, HERE = "hub.example.org", "203.0.113.7"


def missing(why: str, *, asked: bool = True, again: datetime | None = None) -> Certificate:
    return Certificate("main", f"{HOST}-tls", frozenset({HOST}), False, why, asked, again)


@pytest.mark.parametrize(
    ("address", "kind"), [(HERE, "A"), ("2001:db8::7", "AAAA"), ("lb.example.org", "CNAME"), ("", "")]
)
def test_an_address_says_which_record_leads_to_it(address: str, kind: str) -> None:
    assert record(address) == kind


def test_a_name_is_astray_where_dns_knows_no_way_or_another_one() -> None:
    assert astray(HERE, (HERE,), (HERE,)) == ""
    assert astray(HERE, (), (HERE,)) == "does not resolve"
    assert astray(HERE, ("192.0.2.1",), (HERE,)) == f"resolves to 192.0.2.1, and not to {HERE}"
    assert astray("lb.example.org", (HERE,), ("192.0.2.9", HERE)) == ""


def test_of_what_nobody_could_be_asked_nothing_is_said() -> None:
    assert astray(HERE, None, (HERE,)) == ""
    assert astray("lb.example.org", (HERE,), None) == ""
    assert astray("", (HERE,), None) == ""


def test_a_name_with_a_certificate_lacks_nothing() -> None:
    ready = Certificate("main", "x", frozenset({HOST}), True)
    assert uncertified(HOST, HERE, "", False, [missing("old"), ready]) is None


def test_what_the_authority_could_not_fetch_is_told_with_the_record_that_has_to_be_there() -> None:
    said = (
        "Waiting for HTTP-01 challenge propagation: failed to perform self check GET request "
        "'http://hub.example.org/.well-known/acme-challenge/x': "
        'Get "http://hub.example.org/.well-known/acme-challenge/x": dial tcp: connection refused'
    )
    trouble = uncertified(HOST, HERE, "", False, [missing(said)])
    assert trouble is not None
    assert trouble.what == f"{HOST} has no certificate yet"
    fetched = "http://hub.example.org/.well-known/acme-challenge/…"
    assert trouble.why == f"cert-manager itself cannot fetch {fetched}: dial tcp: connection refused"
    assert trouble.remedy == f"does the DNS record of {HOST} point to {HERE}?"
    said = (
        "Error accepting authorization: acme: authorization error for hub.example.org: 400 "
        "urn:ietf:params:acme:error:connection: 203.0.113.9: Connection refused"
    )
    trouble = uncertified(HOST, HERE, "does not resolve", False, [missing(said)])
    assert trouble is not None
    assert trouble.why.startswith("the authority says: 400 urn:")
    assert trouble.remedy == f"{HOST} does not resolve: have its DNS record point to {HERE}"
    led = uncertified(HOST, HERE, "", True, [missing(said)])
    assert led is not None
    assert led.remedy.startswith("DNS is right")


def test_after_a_failure_it_says_when_the_next_attempt_is_and_how_to_have_it_now() -> None:
    trouble = uncertified(HOST, HERE, "", True, [missing("x", again=datetime(2026, 1, 1, 12, 5, tzinfo=UTC))])
    assert trouble is not None
    assert "tries again at 2026-01-01 12:05 UTC" in trouble.remedy
    assert f"hubfleet kubectl -n main delete certificate {HOST}-tls" in trouble.remedy


def test_one_that_nobody_asked_for_is_told_as_such() -> None:
    trouble = uncertified(HOST, HERE, "", False, [])
    assert trouble is not None
    assert "cert-manager has not been asked" in trouble.why


def test_while_the_proof_is_not_served_yet_that_is_told() -> None:
    said = "Waiting for HTTP-01 challenge propagation: wrong status code '503', expected '200'"
    trouble = uncertified(HOST, HERE, "", True, [missing(said)])
    assert trouble is not None
    assert trouble.why == "cert-manager itself does not get the proof: wrong status code '503', expected '200'"
