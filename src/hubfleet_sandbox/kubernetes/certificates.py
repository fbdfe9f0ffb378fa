"""Certificate authorities, certificates signed by them, and kubeconfigs that hold them. Pure but for the random keys.

The authority of a workload cluster is the one that Magnum made; of the management cluster, our own.
"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

_YEAR = timedelta(days=365)  # as long as kubeadm's
_AUTHORITY_YEARS = 10
_EARLIER = timedelta(hours=1)  # begins before now, for clocks that differ


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM. An authority is a pair too."""

    certificate: bytes
    key: bytes = field(repr=False)


def authority(name: str) -> Pair:
    """A new certificate authority, good for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key(), _YEAR * _AUTHORITY_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Pair(_pem(builder.sign(key, hashes.SHA256())), _private(key))


def sign(issuer: Pair, name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = ()) -> Pair:
    """A certificate of `issuer` for a year. Kubernetes reads `name` as the user, `groups` as their groups; `hosts` are
    the addresses and names that a server answers by.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    parent = x509.load_pem_x509_certificate(issuer.certificate)
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
    builder = _builder(subject, parent.subject, key.public_key(), _YEAR)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return Pair(_pem(builder.sign(_signer(issuer.key), hashes.SHA256())), _private(key))


def service_account_key() -> bytes:
    """A new RSA key, PEM, with which an API server signs the tokens of service accounts."""
    return _private(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def kubeconfig(server: str, issuer: bytes, client: Pair, *, cluster: str, user: str) -> str:
    """A kubeconfig with everything inside: server address, the authority's certificate, the client's pair."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": _base64(issuer)}}],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _base64(client.certificate),
                    "client-key-data": _base64(client.key),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(document, sort_keys=False)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _EARLIER).not_valid_after(now + lasts)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signer(key: bytes) -> CertificateIssuerPrivateKeyTypes:
    loaded = serialization.load_pem_private_key(key, None)
    if isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return loaded
    raise ValueError(f"a certificate authority's key is RSA or elliptic curve, not {type(loaded).__name__}")


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
