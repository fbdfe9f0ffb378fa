"""The door to certificates: how long they hold."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit


def certificate_ends(server: str, timeout: float = 5.0) -> datetime | None:
    """When the certificate of https://HOST:PORT ends; None if nobody answers there with one.

    It is only read, not trusted: who speaks with the server verifies it.
    """
    address = urlsplit(server)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError),
        socket.create_connection((address.hostname or "", address.port or 443), timeout) as wire,
        context.wrap_socket(wire, server_hostname=address.hostname) as connection,
    ):
        found = connection.getpeercert(binary_form=True)
        return ends(ssl.DER_cert_to_PEM_cert(found)) if found else None
    return None


def ends(certificate: str) -> datetime | None:
    """When a certificate (PEM) ends; None if it is none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    except ValueError:
        return None
