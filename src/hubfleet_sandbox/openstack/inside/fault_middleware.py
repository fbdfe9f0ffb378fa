"""Faults of an OpenStack service: a WSGI application in front of it, which does to requests what the book says.

`serve` also lets it reset a connection, which WSGI has no word for.
"""

from __future__ import annotations

import base64
import http
import importlib
import json
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubfleet_sandbox.openstack.inside.fault_book import Book, Fault

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

_CONNECTION = "hubfleet_sandbox.connection"
_KINDS = ("slow-answers", "token-expiry", "http", "not-found-after-accept", "reset")
_ABORT = struct.pack("ii", 1, 0)  # struct linger: closing drops what is unsent and sends RST (socket(7))


@dataclass(frozen=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def give(self, start: Start) -> list[bytes]:
        start(self.status, self.headers)
        return [self.body]


class Weather:
    """In front of `app`, the service of this name."""

    def __init__(self, app: Application, service: str, book: Book) -> None:
        self._app, self._service, self._book = app, service, book

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """WSGI's."""
        method, path = environ["REQUEST_METHOD"], environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        on = (fault for fault in self._book.of(*_KINDS) if not fault.over)
        faults = [fault for fault in on if self._met(fault, method, path)]
        for fault in faults:
            answer = self._instead(fault, environ, method, path)
            if answer is not None:
                return answer.give(start)
        if not any(fault.kind == "reset" or _arms(fault, method) for fault in faults):
            return self._app(environ, start)
        answer = self._answered(environ)
        for fault in faults:
            self._afterwards(fault, answer, environ, f"{method} {path}")
        return answer.give(start)

    def _met(self, fault: Fault, method: str, path: str) -> bool:
        """Whether the fault is about this request; or about the POST that asked for what this GET looks for."""
        if fault.kind == "not-found-after-accept" and method == "GET":
            return fault.meets(self._service, "POST", path.rpartition("/")[0])
        return fault.meets(self._service, method, path)

    def _instead(self, fault: Fault, environ: Environ, method: str, path: str) -> _Answer | None:
        """What is answered in the service's place."""
        what = f"{method} {path} of {self._service}"
        match fault.kind:
            case "slow-answers" if self._book.strike(fault, f"{fault.seconds:g} s of delay for {what}"):
                time.sleep(fault.seconds or 0)
            case "token-expiry" if _stale(environ.get("HTTP_X_AUTH_TOKEN", ""), fault):
                if self._book.strike(fault, f"401 to {what}"):
                    return _unauthorized()
            case "http" if self._book.strike(fault, f"{fault.status} to {what}"):
                return _refusal(fault, self._service)
            case "not-found-after-accept" if method == "GET" and path.rpartition("/")[0] in fault.subjects:
                if self._book.strike(fault, f"404 to {what}"):
                    return _error(404, self._service, f"{path.rpartition('/')[2]} could not be found.")
            case _:
                pass
        return None

    def _answered(self, environ: Environ) -> _Answer:
        """The service's whole answer: when this returns, it has done what it was asked for."""
        head: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            head[:] = status, headers

        body = self._app(environ, start)
        try:
            content = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        return _Answer(head[0], head[1], content)

    def _afterwards(self, fault: Fault, answer: _Answer, environ: Environ, what: str) -> None:
        accepted = answer.status[0] == "2"
        if accepted and _arms(fault, environ["REQUEST_METHOD"]):
            self._book.note(fault, what.partition(" ")[2].rstrip("/"))
        if fault.kind == "reset" and accepted:
            told = f"connection reset after {what} of {self._service}, answered {answer.status[:3]}"
            if self._book.strike(fault, told):
                environ[_CONNECTION].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                raise importlib.import_module("waitress.channel").ClientDisconnected


def serve(app: Application, name: str, folder: str, **options: Any) -> None:
    """Serve the service for ever, with the faults of the book in this folder."""
    task = importlib.import_module("waitress.task")
    channel = importlib.import_module("waitress.channel")
    server = importlib.import_module("waitress.server")

    class Task(task.WSGITask):  # type: ignore[name-defined,misc]
        def get_environment(self: Any) -> Environ:
            environ: Environ = task.WSGITask.get_environment(self)
            environ[_CONNECTION] = self.channel.socket
            return environ

    class Channel(channel.HTTPChannel):  # type: ignore[name-defined,misc]
        task_class = Task

    logging.basicConfig()
    book = importlib.import_module("fault_book").Book(Path(folder))
    made = server.create_server(Weather(app, name, book), **options)
    made.channel_class = Channel
    made.run()


def issued(token: str) -> int | None:
    """When a Fernet token was made, in whole seconds of Unix time (its specification: version, time, the rest, and only
    the rest encrypted). None if it is no such token."""
    try:
        head = base64.urlsafe_b64decode(f"{token[:16]}")
    except ValueError:
        return None
    return int.from_bytes(head[1:9], "big") if len(head) > 8 and head[0] == 0x80 else None


def _stale(token: str, fault: Fault) -> bool:
    """Made before the fault began, or older than the fault lets tokens grow."""
    made = issued(token)
    if made is None:
        return False
    return time.time() - made > fault.seconds if fault.seconds else made < int(fault.since)


def _arms(fault: Fault, method: str) -> bool:
    """Whether an accepted request of this method makes that what it asked for is not found for a while."""
    return fault.kind == "not-found-after-accept" and method == "POST"


def _unauthorized() -> _Answer:
    """As Keystone's middleware has it in front of each service (keystonemiddleware, auth_token)."""
    answer = _error(401, "keystone", "The request you have made requires authentication.")
    answer.headers.append(("WWW-Authenticate", "Keystone"))
    return answer


def _refusal(fault: Fault, service: str) -> _Answer:
    """502 to 504 come from a site's load balancer, which knows no JSON; everything else from the service itself."""
    phrase = http.HTTPStatus(fault.status).phrase
    if fault.status in (502, 503, 504):
        page = f"<html><body><h1>{fault.status} {phrase}</h1>\nNo server is available (sandbox fault {fault.id}).\n"
        answer = _made(fault.status, "text/html", f"{page}</body></html>\n")
    else:
        answer = _error(fault.status, service, f"{phrase} (sandbox fault {fault.id})")
    if fault.retry_after is not None:
        answer.headers.append(("Retry-After", str(fault.retry_after)))
    return answer


def _error(status: int, service: str, text: str) -> _Answer:
    """Magnum has a list of errors, the others a name and an error."""
    phrase = http.HTTPStatus(status).phrase
    one: dict[str, object] = {"status": status, "code": "", "title": phrase, "detail": text, "links": []}
    body = {"errors": [one]} if service == "magnum" else {"error": {"code": status, "title": phrase, "message": text}}
    return _made(status, "application/json", json.dumps(body))


def _made(status: int, kind: str, text: str) -> _Answer:
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return _Answer(f"{status} {http.HTTPStatus(status).phrase}", headers, body)
