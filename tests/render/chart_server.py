"""Charts on loopback by https, as a chart repository and as an OCI registry have them; whatever else is asked, refused.

The certificate is from an authority of the tests', which Helm trusts by SSL_CERT_FILE: it runs as it always does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from hubfleet_sandbox.kubernetes import certificates

_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def packed(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """A chart's archive, as `helm package` makes it; its Chart.yaml besides these files."""
    told = yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version})
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path, text in {"Chart.yaml": told, **files}.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(content.getvalue(), mtime=0)


@dataclass
class ChartServer:
    """What it has by path, and the paths of GET and HEAD that were asked for."""

    address: str
    authority: Path
    """The file of the certificate to trust."""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])
    asked: list[str] = field(default_factory=list[str])
    login: str = ""
    """NAME:PASSWORD in base64, without which the registry lets nobody in; "" for anybody."""

    @property
    def repository(self) -> str:
        """Of charts by https."""
        return f"https://{self.address}/helm-chart/"

    @property
    def registry(self) -> str:
        """Of charts by OCI."""
        return f"oci://{self.address}/charts"

    def add(self, name: str, version: str, archive: bytes) -> None:
        """To both."""
        place = f"{name}-{version}.tgz"
        entry = {"apiVersion": "v2", "name": name, "version": version, "urls": [place]}
        index = {"apiVersion": "v1", "entries": {name: [entry]}}
        self.pages["/helm-chart/index.yaml"] = "text/yaml", yaml.safe_dump(index).encode()
        self.pages[f"/helm-chart/{place}"] = "application/gzip", archive
        config = json.dumps({"apiVersion": "v2", "name": name, "version": version}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(name, config, _CONFIG),
            "layers": [self._blob(name, archive, _CONTENT)],
        }
        text = json.dumps(manifest).encode()
        self.pages["/v2/"] = "application/json", b"{}"
        for reference in (version.replace("+", "_"), _digest(text)):
            self.pages[f"/v2/charts/{name}/manifests/{reference}"] = _MANIFEST, text

    def _blob(self, name: str, content: bytes, kind: str) -> dict[str, Any]:
        self.pages[f"/v2/charts/{name}/blobs/{_digest(content)}"] = "application/octet-stream", content
        return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


@contextmanager
def serving(folder: Path) -> Iterator[ChartServer]:
    """One with no chart yet; `folder` keeps its certificates."""
    authority = certificates.authority("tests")
    own = certificates.sign(authority, "charts", hosts=["127.0.0.1"])
    (folder / "authority.pem").write_bytes(authority.certificate)
    (folder / "own.pem").write_bytes(own.certificate + own.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    there = ChartServer(f"127.0.0.1:{httpd.server_port}", folder / "authority.pem")
    httpd.RequestHandlerClass = type("Handler", (_Handler,), {"there": there})
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        httpd.shutdown()
        thread.join(10)
        httpd.server_close()


class _Handler(BaseHTTPRequestHandler):
    there: ChartServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.there.asked.append(self.path)
        if self.there.login and self.headers.get("Authorization") != f"Basic {self.there.login}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="charts"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind, content = self.there.pages.get(self.path, ("text/plain", b""))
        self.send_response(200 if self.path in self.there.pages else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the standard library)
        """Says nothing."""


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
