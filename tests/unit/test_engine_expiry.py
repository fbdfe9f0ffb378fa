"""How long credentials last, and what is said before they end."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hubfleet.engine import expiry, kubeconfigs
from hubfleet.tools import tls
from hubfleet.tools.openstack import Credential
from tests.unit.clocks import FakeClock
from tests.unit.magnum_site import Site
from tests.unit.test_plan_preflight import TOKEN


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days, hours=1)


def certificate(days: float) -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "c")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(in_days(-900)).not_valid_after(in_days(days))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def cloud(**changes: Any) -> Any:
    return SimpleNamespace(token=lambda: replace(TOKEN, **changes), application_credentials=lambda: ())


def test_the_credential_of_clouds_yaml_is_told_with_its_days_and_soon_with_what_to_do() -> None:
    (lasting,) = expiry.of_cloud(cloud())
    (ending,) = expiry.of_cloud(cloud(credential=Credential("c", "mine", False, in_days(9))))
    (password,) = expiry.of_cloud(cloud(credential=None, kind="password"))

    assert (lasting.days, lasting.remedy) == (None, "")
    assert ending.days == 9
    assert "clouds.yaml" in ending.remedy
    assert password.what == "password of ada"


def test_of_the_clusters_own_credentials_only_its_own_count() -> None:
    there = Site(FakeClock()).add_cluster()
    seen = [Credential("a", "magnum-u-old-12ab", False, in_days(100)), Credential("b", "magnum-u-older-1", False)]
    (own,) = expiry.of_cluster(SimpleNamespace(application_credentials=lambda: seen), there)  # type: ignore[arg-type]

    assert (own.days, own.remedy) == (100, "")


def test_a_kubeconfigs_certificate_is_told_and_an_api_that_does_not_answer_is_not() -> None:
    (client,) = expiry.of_api("https://127.0.0.1:1", certificate(20))

    assert client.days == 20
    assert client.remedy == "get a new kubeconfig"
    assert tls.ends("no certificate") is None


def test_the_certificate_is_that_of_the_current_user() -> None:
    users = [{"name": name, "user": {"client-certificate-data": _text(name)}} for name in ("ada", "bob")]
    contexts = [{"name": "one", "context": {"user": "bob"}}]
    text = yaml.safe_dump({"users": users, "contexts": contexts, "current-context": "one"})

    assert kubeconfigs.client_certificate(text) == "bob"
    assert kubeconfigs.client_certificate(text.replace("user: bob", "user: eve")) is None


def _text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
