"""An OpenStack cloud's HTTP side, for tests of the doors: answers recorded from real services (Keystone 30, Magnum 23,
Nova 34, Neutron 29, Cinder 29), and a refusal of everything else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SERVICES = {
    "identity": "/identity/v3",
    "compute": "/compute/v2.1",
    "network": "/network",
    "image": "/image",
    "block-storage": "/volume/v3",
    "container-infra": "/magnum/v1",
}
MICROVERSIONS = {
    "OpenStack-API-Minimum-Version": "container-infrastructure-management 1.1",
    "OpenStack-API-Maximum-Version": "container-infrastructure-management 1.14",
}


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """Answers per (method, path without the query): a status, a body and headers; several come in turn, the last for
    ever."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    _answers: dict[tuple[str, str], list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> None:
        """From now on, also."""
        self._answers.setdefault((method, path), []).append((status, body, headers))

    def replace(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> None:
        """From now on, instead."""
        self._answers[method, path] = [(status, body, headers)]

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests of this kind."""
        return [
            request for request in self.requests if (request.method, request.path.partition("?")[0]) == (method, path)
        ]

    def reply(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        """What is answered to this one."""
        self.requests.append(request)
        answers = self._answers.get((request.method, request.path.partition("?")[0]))
        if answers is None:
            return 501, {"message": f"nobody expected {request.method} {request.path}"}, {}
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def token(self, **changes: Any) -> dict[str, Any]:
        """Keystone's token for an application credential, with these keys changed; None takes one away."""
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "interface": face,
                        "region": "IU",
                        "region_id": "IU",
                        "url": self.url + path,
                        "id": f"{kind}-{face}",
                    }
                    for face in ("public", "internal", "admin")
                ],
            }
            for kind, path in SERVICES.items()
        ]
        token = {
            "methods": ["application_credential"],
            "user": {"id": "u-1", "name": "ada", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p-1", "name": "PHY123", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r-1", "name": "member"}, {"id": "r-2", "name": "reader"}],
            "issued_at": "2026-11-22T13:00:00.000000Z",
            "expires_at": "2026-11-23T13:00:00.000000Z",
            "catalog": catalog,
            "application_credential": {"id": "c-1", "name": "hubfleet", "restricted": False},
        }
        return {"token": {key: value for key, value in {**token, **changes}.items() if value is not None}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        request = Request(self.command, self.path, dict(self.headers), json.loads(content) if content else None)
        status, body, headers = self.server.known.reply(request)
        payload = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        (self.send_response_only if "Date" in headers else self.send_response)(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _Http(ThreadingHTTPServer):
    known: Server
    daemon_threads = True


@contextmanager
def serving() -> Iterator[Server]:
    """A server that lets the credential in."""
    http = _Http(("127.0.0.1", 0), _Handler)
    http.known = server = Server(f"http://127.0.0.1:{http.server_port}")
    identity = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": f"{server.url}/identity/v3/"}]}
    server.answer("GET", "/identity/v3", {"version": identity})
    server.answer("POST", "/identity/v3/auth/tokens", server.token(), 201, **{"X-Subject-Token": "secret-token"})
    server.answer("GET", "/identity/v3/auth/tokens", server.token())
    credential = {"id": "c-1", "name": "hubfleet", "expires_at": "2027-01-01T00:00:00.000000"}
    server.answer("GET", "/identity/v3/users/u-1/application_credentials/c-1", {"application_credential": credential})
    server.answer("GET", "/magnum/v1/", {}, **MICROVERSIONS)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)
