"""The middleware in front of a service that notes what it was asked for."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hubfleet_sandbox.openstack.inside import fault_middleware
from hubfleet_sandbox.openstack.inside.fault_book import Book, Fault
from hubfleet_sandbox.openstack.inside.fault_middleware import Weather, issued

# Made by Keystone 30 at Unix time 1795354296 (its first sixteen characters tell nothing else).
TOKEN = "gAAAAABrAu641QIbrNAjWWhvHSz7"


class Service:
    """Answers 202 to everything; `asked` is what reached it."""

    def __init__(self, folder: Path, name: str = "magnum") -> None:
        self.asked: list[str] = []
        self.book = Book(folder)
        self._front = Weather(self._answer, name, self.book)

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        start("202 Accepted", [("Content-Type", "application/json")])
        return [b'{"uuid": ', b'"7"}']

    def request(self, method: str, path: str, **environ: str) -> tuple[int, dict[str, str], str]:
        """Its status, headers and body."""
        got: list[Any] = []
        asked = {"REQUEST_METHOD": method, "PATH_INFO": path, **environ}
        body = b"".join(self._front(asked, lambda status, headers, *_: got.extend((status, headers))))
        return int(got[0][:3]), dict(got[1]), body.decode()

    def statuses(self, count: int, method: str, path: str) -> list[int]:
        """Of so many requests."""
        return [self.request(method, path)[0] for _ in range(count)]


@pytest.fixture
def magnum(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_without_faults_every_request_goes_through(magnum: Service) -> None:
    status, _, body = magnum.request("GET", "/v1/clusters")
    assert (status, body) == (202, '{"uuid": "7"}')


def test_a_refused_request_does_not_reach_the_service(magnum: Service) -> None:
    magnum.book.add(Fault("http", status=500, method="POST", path="/clusters$", times=2))
    assert magnum.statuses(3, "POST", "/v1/clusters") == [500, 500, 202]
    assert magnum.asked == ["POST /v1/clusters"]
    assert magnum.book.faults()[0].diary[0].endswith("500 to POST /v1/clusters of magnum")


def test_each_service_says_no_in_its_own_way(magnum: Service, tmp_path: Path) -> None:
    magnum.book.add(Fault("http", status=409, times=1))
    assert json.loads(magnum.request("GET", "/")[2])["errors"][0]["detail"].startswith("Conflict")
    magnum.book.add(Fault("http", status=500, times=1))
    assert json.loads(Service(tmp_path, "nova").request("GET", "/")[2])["error"]["code"] == 500


def test_an_overwhelmed_service_says_when_to_come_again(magnum: Service) -> None:
    magnum.book.add(Fault("http", status=429, retry_after=7))
    status, headers, _ = magnum.request("GET", "/")
    assert (status, headers["Retry-After"]) == (429, "7")


def test_a_service_that_is_not_there_is_refused_by_what_stands_before_it(magnum: Service) -> None:
    magnum.book.add(Fault("http", status=503))
    _, headers, body = magnum.request("GET", "/")
    assert headers["Content-Type"] == "text/html"
    assert "503 Service Unavailable" in body


def test_slow_answers_are_held_back(magnum: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fault_middleware.time, "sleep", slept.append)
    magnum.book.add(Fault("slow-answers", seconds=4.0, times=1))
    assert magnum.statuses(2, "GET", "/") == [202, 202]
    assert slept == [4.0]


def test_what_was_accepted_is_not_found_for_a_while(magnum: Service) -> None:
    magnum.book.add(Fault("not-found-after-accept", path="/clusters$", times=2))
    assert magnum.statuses(1, "GET", "/v1/clusters/7") == [202]
    assert magnum.statuses(1, "POST", "/v1/clusters") == [202]
    assert magnum.statuses(1, "GET", "/v1/clusters") == [202]
    assert magnum.statuses(3, "GET", "/v1/clusters/7") == [404, 404, 202]


def test_a_reset_comes_after_the_service_has_done_its_work(magnum: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Exception):
        pass

    class Connection:
        def setsockopt(self, *_: object) -> None:
            self.aborted = True

    class Waitress:
        ClientDisconnected = Gone

    monkeypatch.setattr(fault_middleware.importlib, "import_module", lambda _: Waitress)
    magnum.book.add(Fault("reset", method="POST", times=1))
    connection: Any = Connection()
    with pytest.raises(Gone):
        magnum.request("POST", "/v1/clusters", **{"hubfleet_sandbox.connection": connection})
    assert connection.aborted
    assert magnum.asked == ["POST /v1/clusters"]
    assert magnum.statuses(1, "POST", "/v1/clusters") == [202]


def test_tokens_made_before_it_began_are_good_for_nothing(magnum: Service) -> None:
    made = issued(TOKEN)
    assert made == 1795354296
    magnum.book.add(Fault("token-expiry", since=made + 1.0))
    assert magnum.request("GET", "/", HTTP_X_AUTH_TOKEN=TOKEN)[0] == 401
    assert magnum.request("GET", "/")[0] == 202
    magnum.book.remove({1})
    magnum.book.add(Fault("token-expiry", since=float(made)))
    assert magnum.request("GET", "/", HTTP_X_AUTH_TOKEN=TOKEN)[0] == 202


def test_tokens_can_be_short_lived(magnum: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now = float(issued(TOKEN) or 0)
    monkeypatch.setattr(time, "time", lambda: now)
    magnum.book.add(Fault("token-expiry", seconds=5.0))
    assert magnum.request("GET", "/", HTTP_X_AUTH_TOKEN=TOKEN)[0] == 202
    now += 6
    assert magnum.request("GET", "/", HTTP_X_AUTH_TOKEN=TOKEN)[0] == 401


def test_what_is_no_token_tells_no_time() -> None:
    assert issued("") is None
    assert issued("no-token-at-all!") is None
