import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hubfleet_sandbox.cloud import Cloud, CloudError, from_clouds_yaml
from hubfleet_sandbox.errors import SandboxError

SECRET = "s3cret"


class Site(ThreadingHTTPServer):
    """A Keystone and a Cinder that know one application credential. `good` are the tokens that are still good."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.good: set[str] = set()
        self.signed_in = 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        credential = asked["auth"]["identity"]["application_credential"]
        if self.path != "/identity/v3/auth/tokens" or credential["secret"] != SECRET:
            self.answer(401, {"error": {"message": "The request you have made requires authentication."}})
            return
        self.server.signed_in += 1
        token = f"token-{self.server.signed_in}"
        self.server.good.add(token)
        endpoints = [
            {"interface": "admin", "region": "IU", "url": "http://127.0.0.1:1/admin"},
            {"interface": "public", "region": "TACC", "url": "http://127.0.0.1:1/elsewhere"},
            {"interface": "public", "region": "IU", "url": f"{self.server.url}/v3/project"},
        ]
        catalog = [{"type": "volumev3", "endpoints": endpoints}]
        self.answer(201, {"token": {"project": {"id": "project"}, "catalog": catalog}}, {"X-Subject-Token": token})

    def do_GET(self) -> None:
        if self.headers["X-Auth-Token"] not in self.server.good:
            self.answer(401, {})
        elif self.path == "/v3/project/volumes":
            self.answer(200, {"volumes": []})
        else:
            self.answer(404, {"itemNotFound": {"message": "Volume could not be found."}})

    def do_DELETE(self) -> None:
        self.answer(202, None)

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cloud(site: Site) -> Iterator[Cloud]:
    found = from_clouds_yaml(clouds_yaml(f"{site.url}/identity/v3"))
    yield found
    found.close()


def clouds_yaml(url: str, secret: str = SECRET) -> str:
    auth = {"auth_url": url, "application_credential_id": "id", "application_credential_secret": secret}
    return json.dumps({"clouds": {"openstack": {"auth": auth, "region_name": "IU"}}})


def test_a_service_is_asked_at_its_public_endpoint_in_the_region(cloud: Cloud) -> None:
    assert cloud.request("block-storage", "GET", "/volumes") == {"volumes": []}
    assert cloud.project == "project"


def test_one_token_serves_many_requests(cloud: Cloud, site: Site) -> None:
    for _ in range(3):
        cloud.request("block-storage", "GET", "/volumes")
    assert site.signed_in == 1


def test_a_token_that_is_no_longer_good_is_renewed(cloud: Cloud, site: Site) -> None:
    cloud.request("block-storage", "GET", "/volumes")
    site.good.clear()
    assert cloud.request("block-storage", "GET", "/volumes") == {"volumes": []}
    assert site.signed_in == 2


def test_an_answer_without_a_body_is_none(cloud: Cloud) -> None:
    assert cloud.request("block-storage", "DELETE", "/volumes/1") is None


def test_a_refusal_tells_status_and_the_services_own_words(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="Volume could not be found") as refused:
        cloud.request("block-storage", "GET", "/volumes/1")
    assert refused.value.status == 404


def test_what_the_catalog_lacks_is_named(cloud: Cloud) -> None:
    assert cloud.offers("block-storage")
    assert not cloud.offers("network")
    with pytest.raises(CloudError, match="no service of type network"):
        cloud.request("network", "GET", "/v2.0/networks")


def test_a_wrong_secret_is_refused_and_never_shown(site: Site) -> None:
    wrong = from_clouds_yaml(clouds_yaml(f"{site.url}/identity", "wr0ng"))
    with pytest.raises(CloudError, match="Keystone refused") as refused:
        wrong.request("block-storage", "GET", "/volumes")
    assert "wr0ng" not in f"{refused.value} {wrong!r}"
    wrong.close()


def test_a_cloud_that_does_not_answer_is_an_error_with_no_status() -> None:
    away = from_clouds_yaml(clouds_yaml("http://127.0.0.1:1"))
    with pytest.raises(CloudError, match="no answer from") as failed:
        away.offers("network")
    assert failed.value.status == 0
    away.close()


@pytest.mark.parametrize(
    "text", ["", "clouds: {}", "clouds: {a: {auth: {auth_url: u, username: me, password: p}}}", "[]"]
)
def test_clouds_yaml_without_an_application_credential_is_refused(text: str) -> None:
    with pytest.raises(SandboxError, match="no application credential"):
        from_clouds_yaml(text)
