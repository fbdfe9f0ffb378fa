"""The kernel's websocket, with a real server on this machine that speaks Jupyter's messages."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from hubfleet.errors import CloudError, Layer
from hubfleet.tools import kernel

Talk = Callable[[ServerConnection, dict[str, Any]], None]


def says(to: ServerConnection, asked: dict[str, Any], kind: str, **content: Any) -> None:
    to.send(json.dumps({"header": {"msg_type": kind}, "parent_header": asked["header"], "content": content}))


def well(to: ServerConnection, asked: dict[str, Any]) -> None:
    other: dict[str, Any] = {"header": {"msg_id": "somebody else's"}}
    says(to, other, "stream", name="stdout", text="not ours")
    says(to, asked, "stream", name="stdout", text="4")
    says(to, asked, "stream", name="stderr", text="a warning")
    says(to, asked, "execute_reply", status="ok")
    says(to, asked, "execute_result", data={"text/plain": "2"})
    says(to, asked, "status", execution_state="idle")


def failing(to: ServerConnection, asked: dict[str, Any]) -> None:
    says(to, asked, "error", ename="NameError", evalue="x")
    says(to, asked, "execute_reply", status="error", ename="NameError", evalue="x")
    says(to, asked, "status", execution_state="idle")


def dying(to: ServerConnection, asked: dict[str, Any]) -> None:
    says(to, {"header": {}}, "status", execution_state="restarting")


def leaving(to: ServerConnection, asked: dict[str, Any]) -> None:
    to.close()


Served = Callable[[Talk], str]


@pytest.fixture
def served() -> Iterator[Served]:
    servers = []

    def start(talk: Talk) -> str:
        def handle(to: ServerConnection) -> None:
            assert to.request is not None
            assert to.request.headers["Authorization"] == "token t0ken"
            assert to.request.headers["Host"].startswith("hub.example.org")
            for text in to:
                talk(to, json.loads(text))

        server = serve(handle, "127.0.0.1", 0)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://hub.example.org:{server.socket.getsockname()[1]}"

    yield start
    for server in servers:
        server.shutdown()


def ran(url: str) -> kernel.Output:
    opened = kernel.connect("127.0.0.1", url, "/user/x/api/kernels/1/channels", "t0ken", lambda: None, timeout=10)
    try:
        return opened.run("6 * 7")
    finally:
        opened.close()


def test_the_output_is_what_answers_our_own_request(served: Served) -> None:
    assert ran(served(well)) == kernel.Output("42")


def test_an_exception_is_told(served: Served) -> None:
    assert ran(served(failing)).error == "NameError: x"


@pytest.mark.parametrize("talk", [dying, leaving])
def test_a_kernel_that_dies_is_known(served: Served, talk: Talk) -> None:
    with pytest.raises(CloudError, match="the kernel died") as caught:
        ran(served(talk))
    assert caught.value.layer is Layer.KERNEL


def test_a_kernel_that_does_not_answer_keeps_its_websocket_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://hub.example.org:{mute.getsockname()[1]}"
        with pytest.raises(CloudError, match="the kernel does not answer") as caught:
            kernel.connect("127.0.0.1", url, "/x", "t0ken", lambda: None, timeout=0.3)
    assert caught.value.layer is Layer.KERNEL


def test_where_nothing_lets_websockets_through_it_is_the_proxy() -> None:
    with pytest.raises(CloudError) as caught:
        ran("http://hub.example.org:9")
    assert caught.value.layer is Layer.PROXY
