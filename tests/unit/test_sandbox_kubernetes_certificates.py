import base64
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hubfleet_sandbox.kubernetes import certificates
from hubfleet_sandbox.kubernetes.certificates import Pair


def as_magnum_makes_it() -> Pair:
    """An authority with an RSA key, PKCS #1."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pythia")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return Pair(certificate, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


@pytest.fixture(scope="module", params=["our own", "Magnum's"])
def authority(request: pytest.FixtureRequest) -> Pair:
    return certificates.authority("sandbox") if request.param == "our own" else as_magnum_makes_it()


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_certificate_is_the_authoritys(authority: Pair) -> None:
    read(certificates.sign(authority, "admin")).verify_directly_issued_by(read(authority))


def test_a_certificate_names_a_user_and_their_groups(authority: Pair) -> None:
    subject = read(certificates.sign(authority, "system:node:n1", groups=["system:nodes"])).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:n1"]
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]


def test_a_certificate_is_good_now_and_for_a_year(authority: Pair) -> None:
    certificate, now = read(certificates.sign(authority, "admin")), datetime.now(UTC)
    assert certificate.not_valid_before_utc < now
    assert timedelta(days=364) < certificate.not_valid_after_utc - now <= timedelta(days=365)


def test_a_server_answers_by_its_addresses_and_names(authority: Pair) -> None:
    certificate = read(certificates.sign(authority, "kube-apiserver", hosts=["172.30.0.1", "localhost"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["172.30.0.1"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_a_clients_certificate_cannot_serve(authority: Pair) -> None:
    certificate = read(certificates.sign(authority, "admin"))
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_only_the_authority_can_sign_others(authority: Pair) -> None:
    certificate = read(certificates.sign(authority, "admin"))
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_kubeconfig_holds_all_that_a_client_needs(authority: Pair) -> None:
    client = certificates.sign(authority, "admin")
    text = certificates.kubeconfig("https://h:1", authority.certificate, client, cluster="pythia", user="admin")
    document = yaml.safe_load(text)
    assert document["current-context"] == "pythia"
    assert document["clusters"][0]["cluster"]["server"] == "https://h:1"
    assert base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"]) == authority.certificate
    assert base64.b64decode(document["users"][0]["user"]["client-key-data"]) == client.key


def test_a_key_is_not_shown_by_accident() -> None:
    assert "PRIVATE KEY" not in repr(certificates.authority("sandbox"))
