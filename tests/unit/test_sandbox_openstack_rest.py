import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.openstack.rest import Session


class Keystone(BaseHTTPRequestHandler):
    """Knows one user and one role, and wants to see the token that it gave."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        user = asked["auth"]["identity"]["password"]["user"]
        if (user["name"], user["password"]) != ("admin", "right"):
            return self.answer(401, {"error": {"message": "The request you have made requires authentication."}})
        return self.answer(201, {"token": {"user": {"id": "u1"}, "project": {"id": "p1"}}})

    def do_GET(self) -> None:
        good = (self.path, self.headers["X-Auth-Token"]) == ("/v3/roles", "the-token")
        self.answer(200 if good else 401, {"roles": [{"name": "member"}]})

    def answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.send_header("X-Subject-Token", "the-token")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Keystone) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Layout(tmp_path, tmp_path, slot=0, ports=server.server_port)
        server.shutdown()
        thread.join()


def test_a_session_asks_with_the_token_it_was_given(layout: Layout) -> None:
    with Session(layout, "admin", "right", "admin") as admin:
        assert (admin.user, admin.project) == ("u1", "p1")
        assert admin.get("keystone", "/roles") == {"roles": [{"name": "member"}]}


def test_a_refusal_is_told_in_the_services_own_words_and_without_the_password(layout: Layout) -> None:
    with pytest.raises(SandboxError, match=r"/v3/auth/tokens answered 401\n.*requires authentication") as caught:
        Session(layout, "admin", "wrong-password", "admin")
    assert "wrong-password" not in str(caught.value)
