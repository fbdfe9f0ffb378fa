"""The door to a kernel: its websocket, through the hub's proxy, and the messages that run code on it.

Jupyter's messages, version 5.3, as the server's default websocket takes them: JSON with the channel beside the parts
(jupyter_server 2, services/kernels/connection/base.py).
"""

from __future__ import annotations

import json
import socket
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubfleet.errors import CloudError, Layer

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_LARGEST = 64 * 2**20
_EVERY = 0.5
"""Seconds after which a wait for a message lets `tick` see whether it is to go on."""


@dataclass(frozen=True)
class Output:
    """What a cell gave: what it printed, showed and returned, as text; `error` is its exception, "" if none."""

    text: str
    error: str = ""


class Kernel:
    """A connection to a kernel. `tick` is called while it waits, and ends the wait by raising."""

    def __init__(self, connection: ClientConnection, opened: ExitStack, tick: Callable[[], None]) -> None:
        self._connection, self._opened, self._tick = connection, opened, tick
        self._session = uuid.uuid4().hex

    def close(self) -> None:
        """Let go of the connection; the kernel runs on."""
        self._opened.close()

    def ready(self) -> None:
        """Returns when the kernel answers at all."""
        self._ask("kernel_info_request", {})

    def run(self, code: str) -> Output:
        """Run code and return what it gave, when the kernel is idle again. CloudError if the kernel dies meanwhile."""
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        return self._ask("execute_request", content | {"user_expressions": {}})

    def _ask(self, kind: str, content: Mapping[str, Any]) -> Output:
        asked = uuid.uuid4().hex
        header = {"msg_id": asked, "username": "", "session": self._session, "msg_type": kind, "version": "5.3"}
        message: dict[str, Any] = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "buffers": [],
        }
        self._send(json.dumps(message | {"channel": "shell"}))
        texts, error, waits_for = list[str](), "", {"reply", "idle"}
        while waits_for:
            said, answer, ours = self._receive(asked)
            if said == "status" and answer.get("execution_state") in ("dead", "restarting"):
                raise _died("its process ended")
            if ours:
                texts.append(_text(said, answer))
                error = error or _error(said, answer)
                waits_for -= {_over(said, answer)}
        return Output("".join(texts), error)

    def _send(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(text)
        except ConnectionClosed as closed:
            raise _died(str(closed)) from closed

    def _receive(self, asked: str) -> tuple[str, Mapping[str, Any], bool]:
        """Type and content of the next message, and whether it answers what was asked."""
        from websockets.exceptions import ConnectionClosed

        while True:
            self._tick()
            try:
                found = self._connection.recv(timeout=_EVERY)
                message = json.loads(found)
                return message["header"]["msg_type"], message["content"], _parent(message) == asked
            except TimeoutError:
                continue
            except ConnectionClosed as closed:
                raise _died(str(closed)) from closed
            except (ValueError, KeyError, TypeError) as error:
                raise CloudError(
                    "what comes from the kernel is no message of Jupyter's", why=repr(error), layer=Layer.KERNEL
                ) from error


def connect(address: str, url: str, path: str, token: str, tick: Callable[[], None], *, timeout: float) -> Kernel:
    """The kernel whose channels are at `path`, at the load balancer's `address` under the name in `url`. CloudError of
    the layer kernel if it does not answer within `timeout` seconds, of the layer proxy if no websocket is let in."""
    from websockets.exceptions import InvalidHandshake
    from websockets.sync.client import connect as opened

    meant = urlsplit(url)
    safe, stack = meant.scheme == "https", ExitStack()
    try:
        wire = socket.create_connection((address, meant.port or (443 if safe else 80)), timeout)
        client = opened(
            f"{'wss' if safe else 'ws'}://{meant.netloc}{path}",
            sock=wire,
            ssl=_unjudging() if safe else None,
            additional_headers={"Authorization": f"token {token}"},
            open_timeout=timeout,
            close_timeout=2,
            max_size=_LARGEST,
            proxy=None,
        )
        return Kernel(stack.enter_context(client), stack, tick)
    except (InvalidHandshake, OSError) as error:
        if isinstance(error, TimeoutError):
            raise _silent(timeout) from error
        raise CloudError(
            "no websocket to the kernel can be opened",
            why=f"the server at {address} says: {error or type(error).__name__}",
            remedy="see whether what stands before the hub (a proxy, a load balancer) lets websockets through",
            layer=Layer.PROXY,
        ) from error


def _unjudging() -> ssl.SSLContext:
    # A certificate is not judged here: Let's Encrypt gives it only after DNS leads to the address.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _parent(message: Mapping[str, Any]) -> str:
    parent: Mapping[str, Any] = message.get("parent_header") or {}
    return str(parent.get("msg_id", ""))


def _text(kind: str, content: Mapping[str, Any]) -> str:
    if kind == "stream" and content.get("name") == "stdout":
        return str(content.get("text", ""))
    if kind in ("execute_result", "display_data"):
        return str(content.get("data", {}).get("text/plain", ""))
    return ""


def _error(kind: str, content: Mapping[str, Any]) -> str:
    failed = kind == "error" or (kind == "execute_reply" and content.get("status") == "error")
    return f"{content.get('ename', 'error')}: {content.get('evalue', '')}" if failed else ""


def _over(kind: str, content: Mapping[str, Any]) -> str:
    if kind == "status":
        return "idle" if content.get("execution_state") == "idle" else ""
    return "reply" if kind in ("execute_reply", "kernel_info_reply") else ""


def _silent(seconds: float) -> CloudError:
    """The server lets nobody in until its kernel answers (jupyter_server 2, kernels/connection/channels.py, nudge)."""
    return CloudError(
        f"the kernel does not answer for {seconds:.0f} s",
        why="the server keeps its websocket waiting until the kernel does",
        remedy="see whether the image's kernel starts (jupyter kernelspec list), and "
        "whether what stands before the hub lets websockets through",
        layer=Layer.KERNEL,
    )


def _died(why: str) -> CloudError:
    remedy = "see whether the image has a kernel that works, and the server memory enough"
    return CloudError("the kernel died", why=why, remedy=remedy, layer=Layer.KERNEL)
