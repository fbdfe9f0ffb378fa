"""A hub tried as a user would, with a hub and a kernel in memory that refuse what they do not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest

from hubfleet.checks.notebook import BUILT_IN, parse
from hubfleet.engine.trial import Trial, shared
from hubfleet.engine.trying import Tried
from hubfleet.errors import CloudError, Interrupted, Layer, UsageError
from hubfleet.hubs.tester import USER
from hubfleet.tools.hub import Hub
from hubfleet.tools.kernel import Output
from tests.unit.clocks import FakeClock
from tests.unit.kube_api import Api

ME, SERVER = f"/hub/api/users/{USER}", f"/user/{USER}/"
OWN = {
    "annotations": {"hub.jupyter.org/username": USER},
    "labels": {"app.kubernetes.io/component": "singleuser-server"},
}
OTHERS = {"annotations": {"hub.jupyter.org/username": "hubfleet-check"}, "labels": OWN["labels"]}


class FakeHub:
    """A hub that makes pod and claim in `api`; `fail` answers instead, where it gives something."""

    def __init__(self, api: Api) -> None:
        self.api, self.users, self.files = api, set[str](), dict[str, str]()
        self.server: dict[str, Any] = {}
        self.starts = True
        self.fail: Callable[[str, str], httpx2.Response | None] = lambda method, path: None

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "token t0ken"
        assert request.headers["Host"] == "hub.example.org"
        method, path = request.method, request.url.path
        failed = self.fail(method, path)
        if failed is not None:
            return failed
        known = {
            ("GET", ME): self._user,
            ("POST", ME): self._make,
            ("DELETE", ME): self._delete,
            ("POST", f"{ME}/server"): self._start,
            ("DELETE", f"{ME}/server"): self._stop,
            ("GET", f"{ME}/server/progress"): lambda _: httpx2.Response(200, text='data: {"message": "at it"}\n\n'),
            ("GET", f"{SERVER}api/kernelspecs"): lambda _: self._json({"default": "python3", "kernelspecs": {}}),
            ("POST", f"{SERVER}api/kernels"): lambda _: self._json({"id": "k1"}, 201),
        }
        if path.startswith(f"{SERVER}api/contents/hubfleet-check-"):
            return self._file(request)
        if (method, path) not in known:
            raise AssertionError(f"nobody expected {method} {path}")
        return known[method, path](request)

    def _json(self, body: Any, status: int = 200) -> httpx2.Response:
        return httpx2.Response(status, json=body)

    def _user(self, _: httpx2.Request) -> httpx2.Response:
        if USER not in self.users:
            return self._json({"message": "Not Found"}, 404)
        return self._json({"name": USER, "servers": {"": self.server} if self.server else {}})

    def _make(self, _: httpx2.Request) -> httpx2.Response:
        self.users.add(USER)
        return self._json({"name": USER}, 201)

    def _delete(self, _: httpx2.Request) -> httpx2.Response:
        assert not self.server
        self.users.discard(USER)
        return httpx2.Response(204)

    def _start(self, _: httpx2.Request) -> httpx2.Response:
        self.server = {"ready": self.starts, "url": SERVER}
        self.api.add("pods", "main", "jupyter-x", metadata=OWN, spec={"nodeName": "n1"}, status={"phase": "Running"})
        self.api.add("persistentvolumeclaims", "main", "claim-x", metadata=OWN, spec={}, status={"phase": "Bound"})
        return httpx2.Response(202)

    def _stop(self, _: httpx2.Request) -> httpx2.Response:
        self.server = {}
        self.api.objects.pop(("pods", "main", "jupyter-x"), None)
        return httpx2.Response(204)

    def _file(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path
        if request.method == "PUT":
            self.files[name] = json.loads(request.content)["content"]
            return self._json({}, 201)
        if request.method == "DELETE":
            del self.files[name]
            return httpx2.Response(204)
        return self._json({"content": self.files[name]})


class FakeKernel:
    def __init__(self, outputs: list[Output]) -> None:
        self.outputs, self.closed = outputs, False

    def ready(self) -> None:
        pass

    def run(self, code: str) -> Output:
        return self.outputs.pop(0)

    def close(self) -> None:
        self.closed = True


class Lab:
    def __init__(self) -> None:
        self.api, self.clock, self.said = Api(), FakeClock(), list[str]()
        self.hub = FakeHub(self.api)
        self.kernel = FakeKernel([Output(""), Output("42\n")])
        self.api.add("pods", "main", "jupyter-other", metadata=OTHERS, spec={"nodeName": "n1"}, status={})
        self.api.add("persistentvolumeclaims", "main", "claim-other", metadata=OTHERS, spec={}, status={})

    def trial(self) -> Trial:
        transport = httpx2.MockTransport(self.hub.answer)
        hub = Hub("172.30.0.100", "http://hub.example.org", "t0ken", USER, transport=transport)
        connect: Any = lambda *_, **__: self.kernel  # noqa: E731
        return Trial(
            hub, self.api.kube(), "main", BUILT_IN, self.said.append, 300, self.clock, FakeClock(), connect=connect
        )

    def run(self) -> Tried:
        tried = self.trial().run()
        self.clean()
        return tried

    def clean(self) -> None:
        """Nothing of the test user's is left, and everything of everybody else's."""
        assert (self.hub.users, self.hub.server, self.hub.files) == (set(), {}, {})
        assert self.api.names("pods") == ["jupyter-other"]
        assert self.api.names("persistentvolumeclaims") == ["claim-other"]


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_every_step_is_done_and_told_and_nothing_is_left(lab: Lab) -> None:
    tried = lab.run()
    assert tried.trouble is None
    names = [step.name for step in tried.steps]
    assert names == ["user", "server", "kernel", "notebook", "file", "stop", "clean-up"]
    assert tried.steps[0].seen == "with a token of the hub's, not by its login"
    assert lab.kernel.closed


def test_what_another_check_left_goes_first(lab: Lab) -> None:
    lab.hub.users.add(USER)
    lab.hub.answer(httpx2.Request("POST", f"http://x{ME}/server", headers=HEADERS))
    tried = lab.run()
    assert (tried.trouble, tried.steps[0].name) == (None, "leftovers")


HEADERS = {"Authorization": "token t0ken", "Host": "hub.example.org"}


def test_an_output_that_is_wrong_is_the_kernels_fault(lab: Lab) -> None:
    lab.kernel.outputs[1] = Output("41\n")
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, "'41\\n' instead of '42'" in trouble.why) == (Layer.KERNEL, True)


def test_a_cell_that_fails_is_told_with_its_error(lab: Lab) -> None:
    lab.kernel.outputs[0] = Output("", "ImportError: no numpy")
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, trouble.why) == (Layer.KERNEL, "ImportError: no numpy")


def test_an_image_that_cannot_be_had_is_not_waited_for_to_the_end(lab: Lab) -> None:
    lab.hub.starts = False
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    container = {"name": "notebook", "image": "x:1", "state": {"waiting": waiting}}
    began = lab.clock.now()
    real = lab.hub._start

    def start(request: httpx2.Request) -> httpx2.Response:
        answer = real(request)
        status = {"phase": "Pending", "containerStatuses": [container]}
        lab.api.objects["pods", "main", "jupyter-x"]["status"] = status
        for after in range(4, 600, 4):  # a kubelet tells both in turn
            reason = ("ErrImagePull", "ImagePullBackOff")[after // 4 % 2]
            lab.clock.at(after, partial(waiting.update, reason=reason))
        return answer

    lab.hub._start = start  # type: ignore[method-assign]
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, "cannot get the image x:1" in trouble.what) == (Layer.NODE, True)
    assert lab.clock.now() - began < 60


def spawning(lab: Lab, gone_after: float, status: dict[str, Any], **spec: str) -> None:
    """The server's pod has this status and no node, and the hub gives it up after so many seconds, without a word."""
    lab.hub.starts = False
    real = lab.hub._start

    def start(request: httpx2.Request) -> httpx2.Response:
        answer = real(request)
        lab.api.objects["pods", "main", "jupyter-x"] |= {"status": status, "spec": spec}
        lab.clock.at(gone_after, give_up)
        return answer

    def give_up() -> None:
        lab.hub.server = {}
        lab.api.objects.pop(("pods", "main", "jupyter-x"), None)

    lab.hub._start = start  # type: ignore[method-assign]


def test_a_scheduler_that_does_not_work_is_named(lab: Lab) -> None:
    spawning(lab, 300, {"phase": "Pending"}, schedulerName="main-user-scheduler")
    trouble = lab.run().trouble
    assert trouble is not None
    assert trouble.layer is Layer.SCHEDULER
    assert "main-user-scheduler has not looked for a node for the pod jupyter-x" in f"{trouble.what} {trouble.why}"
    assert trouble.remedy.endswith("hubfleet kubectl -n main logs deploy/user-scheduler")
    assert any("main-user-scheduler has not looked" in line for line in lab.said)


def test_a_scheduler_that_does_not_work_is_no_fault_of_the_volume_that_waits_for_its_word(lab: Lab) -> None:
    spawning(lab, 300, {"phase": "Pending"}, schedulerName="main-user-scheduler")
    real = lab.hub._start

    def start(request: httpx2.Request) -> httpx2.Response:
        answer = real(request)
        lab.api.objects["persistentvolumeclaims", "main", "claim-x"]["status"] = {"phase": "Pending"}
        return answer

    lab.hub._start = start  # type: ignore[method-assign]
    trouble = lab.run().trouble
    assert trouble is not None
    assert trouble.layer is Layer.SCHEDULER
    assert "main-user-scheduler has not looked for a node" in f"{trouble.what} {trouble.why}"


NO_ROOM = {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"}
"""What a node's kubelet makes of a pod, where two schedulers gave the same room away."""


def refused(lab: Lab, times: int) -> None:
    """The node refuses the server's pod, so many times; the hub waits on and on, ends it only when asked twice, and
    leaves the pod there."""
    lab.hub.starts = False
    real, asked = lab.hub._start, [0]
    stop, told = lab.hub._stop, [0]

    def end(request: httpx2.Request) -> httpx2.Response:
        told[0] += 1
        if told[0] % 2 and not lab.hub.starts:
            return httpx2.Response(500)
        pod = lab.api.objects["pods", "main", "jupyter-x"]
        answer = stop(request)
        if not lab.hub.starts:
            lab.api.objects["pods", "main", "jupyter-x"] = pod
        return answer

    lab.hub._stop = end  # type: ignore[method-assign]

    def start(request: httpx2.Request) -> httpx2.Response:
        assert ("pods", "main", "jupyter-x") not in lab.api.objects
        asked[0] += 1
        lab.hub.starts = asked[0] > times
        answer = real(request)
        if not lab.hub.starts:
            lab.api.objects["pods", "main", "jupyter-x"]["status"] = NO_ROOM
        return answer

    lab.hub._start = start  # type: ignore[method-assign]


def test_a_server_whose_node_refuses_it_is_asked_for_once_more(lab: Lab) -> None:
    refused(lab, 2)
    began = lab.clock.now()
    assert lab.run().trouble is None
    assert lab.clock.now() - began < 30
    again = [line for line in lab.said if line.startswith("asking for the server once more")]
    assert again == ["asking for the server once more: OutOfcpu: Node didn't have enough resource: cpu"] * 2


def test_a_node_that_goes_on_refusing_is_the_nodes_fault_and_not_waited_for(lab: Lab) -> None:
    refused(lab, 9)
    began = lab.clock.now()
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, trouble.what) == (Layer.NODE, "n1 does not run the pod jupyter-x")
    assert trouble.why == "OutOfcpu: Node didn't have enough resource: cpu"
    assert lab.clock.now() - began < 60


def test_what_was_seen_last_is_told_where_the_hub_gives_up_without_a_word(lab: Lab) -> None:
    message = "exec: iptables: executable file not found in $PATH"
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    ended = {"terminated": {"exitCode": 128, "reason": "StartError", "message": message}}
    container = {"name": "block", "image": "x:1", "restartCount": 3, "state": state, "lastState": ended}
    spawning(lab, 20, {"phase": "Pending", "initContainerStatuses": [container]}, nodeName="n1")
    trouble = lab.run().trouble
    assert trouble is not None
    assert message in trouble.why
    assert "block of jupyter-x ends again and again (exit code 128)" in f"{trouble.what} {trouble.why}"


def test_what_hindered_a_server_for_a_moment_is_not_why_the_hub_gave_it_up(lab: Lab) -> None:
    spawning(lab, 40, {"phase": "Pending"}, schedulerName="main-user-scheduler")
    runs = {"spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
    lab.clock.at(10, lambda: lab.api.objects["pods", "main", "jupyter-x"].update(runs))
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, "gave it up" in trouble.why) == (Layer.SERVER, True)


def test_a_hub_at_capacity_says_so_itself(lab: Lab) -> None:
    full = httpx2.Response(429, json={"message": "User limit reached"})
    lab.hub.fail = lambda method, path: full if (method, path) == ("POST", f"{ME}/server") else None
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, trouble.why) == (Layer.HUB, "User limit reached")


def test_a_hub_that_is_silent_for_a_moment_is_asked_again(lab: Lab) -> None:
    moments = [0]

    def fail(method: str, path: str) -> httpx2.Response | None:
        if (method, path) != ("GET", ME) or not lab.hub.server or moments[0] == 3:
            return None
        moments[0] += 1
        if moments[0] == 1:
            raise httpx2.ReadTimeout("timed out")
        return httpx2.Response(503)

    lab.hub.fail = fail
    assert lab.run().trouble is None
    assert moments[0] == 3


def test_a_server_that_does_not_reach_the_hub_yet_is_asked_again(lab: Lab) -> None:
    moments = [0]

    def fail(method: str, path: str) -> httpx2.Response | None:
        if not path.endswith("api/kernelspecs") or moments[0] == 2:
            return None
        moments[0] += 1
        return httpx2.Response(500, json={"message": "Failed to connect to Hub API"})

    lab.hub.fail = fail
    assert lab.run().trouble is None
    assert moments[0] == 2


def test_a_hub_that_stays_silent_is_told(lab: Lab) -> None:
    lab.hub.fail = lambda method, path: httpx2.Response(503) if (method, path) == ("GET", ME) else None
    tried = lab.trial().run()
    assert tried.trouble is not None
    assert tried.trouble.what == f"GET {ME} gives HTTP 503"


def test_a_hub_that_does_not_know_the_service_is_to_be_applied(lab: Lab) -> None:
    lab.hub.fail = lambda method, path: httpx2.Response(403, json={"message": "Forbidden"})
    trouble = lab.run().trouble
    assert trouble is not None
    assert "hubfleet apply" in trouble.remedy


def test_a_server_that_never_comes_ends_with_the_time(lab: Lab) -> None:
    lab.hub.starts = False
    trouble = lab.run().trouble
    assert trouble is not None
    assert trouble.layer is Layer.SERVER


def test_an_interrupted_trial_leaves_nothing(lab: Lab) -> None:
    lab.hub.starts = False
    lab.clock.at(5, lab.clock.stop)
    with pytest.raises(Interrupted):
        lab.trial().run()
    lab.clean()


def test_what_goes_wrong_on_the_way_is_cleaned_up_too(lab: Lab) -> None:
    def died(code: str) -> Output:
        raise CloudError("the kernel died", layer=Layer.KERNEL)

    lab.kernel.run = died  # type: ignore[method-assign]
    trouble = lab.run().trouble
    assert trouble is not None
    assert (trouble.layer, lab.kernel.closed) == (Layer.KERNEL, True)


@pytest.mark.parametrize(
    ("template", "one_for_all"),
    [(None, False), ("claim-{user_server}", False), ("claim-{username}", False), ("homes", True)],
)
def test_a_claim_that_everybody_shares_is_known(template: str | None, one_for_all: bool) -> None:
    assert shared({"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": template}}}}) is one_for_all


def test_a_notebooks_code_is_run_in_its_own_kernel() -> None:
    cells = [
        {"cell_type": "markdown", "source": "# x"},
        {"cell_type": "code", "source": ["a = 1\n", "a"]},
        {"cell_type": "code", "source": "  "},
    ]
    found = parse(json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "ir"}}}), "mine")
    assert ([cell.code for cell in found.cells], found.kernel) == (["a = 1\na"], "ir")


@pytest.mark.parametrize("text", ["", "[]", '{"cells": 1}', '{"cells": []}', '{"cells": [{"cell_type": "code"}]}'])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text, "mine")
