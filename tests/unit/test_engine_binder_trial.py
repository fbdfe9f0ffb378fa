"""A BinderHub tried as a user would, with one in memory that refuses what it does not know."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from hubfleet.checks.notebook import BUILT_IN
from hubfleet.engine.binder_trial import BinderTrial
from hubfleet.engine.trying import Tried
from hubfleet.errors import Layer
from hubfleet.tools.binder import Binder
from hubfleet.tools.hub import Hub
from hubfleet.tools.kernel import Output
from tests.unit.clocks import FakeClock

REPOSITORY, SERVER = "gh/lab/course/HEAD", "/user/lab-course-x1y2/"
READY = {
    "phase": "ready",
    "message": "server running\n",
    "url": f"https://hub.binder.example.org{SERVER}",
    "token": "t0ken",
    "image": "quay.io/lab/binder-course:1",
}
EVENTS: list[dict[str, Any]] = [
    {"phase": "waiting", "message": "Waiting for build to start...\n"},
    {"phase": "building", "message": "Step 1/2\n"},
    {"phase": "built", "message": "Built image, launching...\n", "imageName": "quay.io/lab/binder-course:1"},
    {"phase": "launching", "message": "Launching server...\n"},
    READY,
]


class FakeBinder:
    """A BinderHub and the servers that it launches."""

    def __init__(self) -> None:
        self.events, self.checks = EVENTS, {"Docker registry": True, "JupyterHub API": True}
        self.files = dict[str, str]()
        self.page, self.unknown = (
            '<script>window.pageConfig = {"baseUrl": "/", "buildToken": "eyJh.e-30.s_g"};</script>',
            0,
        )
        self.stopped = False

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "192.0.2.1", "the balancer is asked, whatever DNS knows"
        return {"binder.example.org": self._binder, "hub.binder.example.org": self._server}[request.headers["Host"]](
            request
        )

    def _binder(self, request: httpx2.Request) -> httpx2.Response:
        match request.url.path:
            case "/health":
                checks = [{"service": name, "ok": ok} for name, ok in self.checks.items()]
                return httpx2.Response(200 if all(self.checks.values()) else 503, json={"checks": checks})
            case "/v2/gh/lab/course/HEAD":
                return httpx2.Response(200, text=self.page)
            case "/build/gh/lab/course/HEAD":
                assert request.headers["Accept"] == "text/event-stream"
                self.unknown += request.url.params.get("build_token") != "eyJh.e-30.s_g"
                text = ":keepalive\n\n" + "".join(f"data: {json.dumps(one)}\n\n" for one in self.events)
                return httpx2.Response(200, text=text)
            case path:
                raise AssertionError(f"nobody expected {path}")

    def _server(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "token t0ken"
        what = f"{request.method} {request.url.path.removeprefix(SERVER)}"
        match what.partition("hubfleet-check-")[0]:
            case "GET api/kernelspecs":
                return httpx2.Response(200, json={"default": "python3", "kernelspecs": {}})
            case "POST api/kernels":
                return httpx2.Response(201, json={"id": "k1"})
            case "POST api/shutdown":
                self.stopped = True
                return httpx2.Response(200)
            case "PUT api/contents/":
                self.files[request.url.path] = json.loads(request.content)["content"]
                return httpx2.Response(201, json={})
            case "GET api/contents/":
                return httpx2.Response(200, json={"content": self.files[request.url.path]})
            case "DELETE api/contents/":
                del self.files[request.url.path]
                return httpx2.Response(204)
            case _:
                raise AssertionError(f"nobody expected {what}")


class FakeKernel:
    """Gives every cell of the small notebook what it expects."""

    error = ""

    def __init__(self, *where: Any, timeout: float) -> None:
        assert where[:4] == ("192.0.2.1", "https://hub.binder.example.org", f"{SERVER}api/kernels/k1/channels", "t0ken")
        self.left = [cell.expects for cell in BUILT_IN.cells]

    def ready(self) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, code: str) -> Output:
        return Output(self.left.pop(0), self.error)


def tried(fake: FakeBinder, repository: str | None = REPOSITORY, within: float = 600) -> Tried:
    transport = httpx2.MockTransport(fake.answer)
    binder = Binder("192.0.2.1", "https://binder.example.org", transport=transport)

    def server(url: str, token: str) -> Hub:
        return Hub("192.0.2.1", url.partition("/user/")[0], token, "", transport=transport)

    told: list[str] = []
    trial = BinderTrial(binder, repository, BUILT_IN, server, told.append, within, FakeClock(), FakeKernel)  # type: ignore[arg-type]
    return trial.run()


def test_a_repository_is_built_and_launched_works_and_is_gone_again() -> None:
    fake = FakeBinder()
    found = tried(fake)
    assert found.trouble is None
    assert [one.name for one in found.steps] == ["binder", "build", "launch", "kernel", "notebook", "file", "stop"]
    assert found.steps[1].seen == "quay.io/lab/binder-course:1"
    assert fake.stopped
    assert fake.files == {}


def test_it_builds_as_from_a_browsers_page_of_which_no_number_an_hour_is_limited() -> None:
    fake = FakeBinder()
    assert tried(fake).trouble is None
    assert fake.unknown == 0
    fake.page = "no page has a token of such a BinderHub"
    assert tried(fake).trouble is None
    assert fake.unknown == 1


def test_what_is_built_already_need_not_be_built() -> None:
    fake = FakeBinder()
    fake.events = [{"phase": "built", "message": "Found built image, launching...", "imageName": "i"}, READY]
    assert tried(fake).trouble is None


def test_where_people_log_in_it_is_only_asked_whether_it_is_well() -> None:
    assert [one.name for one in tried(FakeBinder(), repository=None).steps] == ["binder"]


@pytest.mark.parametrize(
    ("service", "layer"), [("Docker registry", Layer.REGISTRY), ("JupyterHub API", Layer.HUB), ("Other", Layer.BINDER)]
)
def test_what_it_finds_unwell_itself_is_told_with_its_layer(service: str, layer: Layer) -> None:
    fake = FakeBinder()
    fake.checks[service] = False
    found = tried(fake)
    assert found.trouble is not None
    assert (found.trouble.layer, found.trouble.what) == (layer, f"BinderHub finds unwell: {service}")
    assert found.steps == ()


@pytest.mark.parametrize(
    ("events", "what", "why", "remedy"),
    [
        (
            [{"phase": "failed", "message": "not allowed"}],
            "its image was not built",
            "not allowed",
            "`repositories:`",
        ),
        (
            [*EVENTS[:2], {"phase": "failed", "message": "no space left\n"}],
            "its image was not built",
            "no space left",
            "get pods",
        ),
        ([*EVENTS[:2], {"phase": "failed"}], "its image was not built", "Step 1/2", "get pods"),
        (
            [*EVENTS[:4], {"phase": "failed", "message": "timeout"}],
            "its server did not start",
            "timeout",
            "logs deploy/hub",
        ),
        (EVENTS[:2], "its image was not built", "BinderHub said no more", "get pods"),
    ],
)
def test_a_build_or_a_launch_that_fails_says_which_and_why_and_where_to_look(
    events: list[dict[str, Any]], what: str, why: str, remedy: str
) -> None:
    fake = FakeBinder()
    fake.events = events
    found = tried(fake)
    assert found.trouble is not None
    assert (found.trouble.layer, found.trouble.why) == (Layer.BINDER, why)
    assert found.trouble.what == f"{REPOSITORY}: {what}"
    assert remedy in found.trouble.remedy
    assert not fake.stopped


def test_a_build_that_takes_too_long_is_left() -> None:
    found = tried(FakeBinder(), within=-1)
    assert found.trouble is not None
    assert "--timeout" in found.trouble.remedy


def test_a_server_ends_also_when_its_kernel_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeKernel, "error", "NameError: x")
    fake = FakeBinder()
    found = tried(fake)
    assert found.trouble is not None
    assert (found.trouble.layer, found.trouble.why) == (Layer.KERNEL, "NameError: x")
    assert fake.stopped


def test_what_is_no_binderhub_is_told() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404)

    binder = Binder("192.0.2.1", "https://binder.example.org", transport=httpx2.MockTransport(answer))
    trial = BinderTrial(binder, REPOSITORY, BUILT_IN, lambda url, token: None, print, 60, FakeClock())  # type: ignore[arg-type,return-value]
    found = trial.run()
    assert found.trouble is not None
    assert found.trouble.why == "HTTP 404"
