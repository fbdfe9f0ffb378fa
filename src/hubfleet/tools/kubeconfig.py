"""Kubeconfigs of clusters of Magnum: a key made here, a certificate signed by the CA that Magnum keeps."""

from __future__ import annotations

import base64

import yaml

from hubfleet.errors import CloudError, Layer
from hubfleet.tools.magnum import MARK, Cluster, Magnum


def kubeconfig(magnum: Magnum, cluster: Cluster) -> str:
    """A kubeconfig (text) with all rights on the cluster. The private key is nowhere but in it.

    CloudError if the cluster's API has no address yet.
    """
    if not cluster.api_address:
        raise CloudError(
            f"the Kubernetes API of {cluster.name} has no address yet",
            why=f"Magnum says {cluster.status}",
            remedy="`hubfleet apply` goes on with it, `hubfleet status` tells how far it is",
            layer=Layer.MAGNUM,
        )
    key, request = _request()
    try:
        signed = magnum.sign(cluster.uuid, request)
    except CloudError as error:
        raise _of_another(cluster, error) if error.status == 403 else error from error
    return _document(cluster.name, cluster.api_address, magnum.certificate_authority(cluster.uuid), signed, key)


def _of_another(cluster: Cluster, error: CloudError) -> CloudError:
    return CloudError(
        f"Magnum gives us no access to the Kubernetes API of {cluster.name}",
        why=f"it signs certificates for a cluster's owner alone, who is the user {cluster.user} ({error.why})",
        remedy=f"`hubfleet rotate{'' if MARK in cluster.labels else ' --adopt'}` makes the cluster yours; or use the"
        " owner's credential",
        layer=Layer.CREDENTIAL,
        status=403,
    )


def _request() -> tuple[str, str]:
    """A new private key and its signing request, both PEM. Magnum signs what it gets: subject and group are ours to
    choose (Magnum 23 common/x509/operations.py:207), and Kubernetes lets the group system:masters do everything."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "system:masters"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, "hubfleet"),
    ]
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).add_extension(usage, critical=False)
    )
    request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret.decode(), request.decode()


def _document(name: str, server: str, authority: str, certificate: str, key: str) -> str:
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    user = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": f"{name}-admin", "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-admin"}}],
            "current-context": name,
        },
        sort_keys=False,
    )


def _base64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
