"""What the API server has of one kind, kept up to date by a watch."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes.api import RefusedError, UnreachableError

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Client, Object

log = logging.getLogger(__name__)
_AGAIN = 0.3  # seconds between attempts while the API server is away


class Informer:
    """A copy of all objects below `path`; `changed` is set at every change. `put` what you wrote yourself, so that
    you never decide on less than you know."""

    def __init__(self, client: Client, path: str, changed: threading.Event) -> None:
        self._client, self._path, self._changed = client, path, changed
        self._items: dict[tuple[str, str], Object] = {}
        self._lock = threading.Lock()
        self._synced, self._stopped = threading.Event(), threading.Event()
        threading.Thread(target=self._run, name=f"watch {path}", daemon=True).start()

    @property
    def items(self) -> list[Object]:
        """Every object, oldest name first within its namespace."""
        with self._lock:
            return [self._items[key] for key in sorted(self._items)]

    def get(self, namespace: str, name: str) -> Object | None:
        """The object of this name."""
        with self._lock:
            return self._items.get((namespace, name))

    def synced(self, timeout: float) -> bool:
        """Whether everything has been listed once; waits so many seconds for it."""
        return self._synced.wait(timeout)

    def put(self, item: Object) -> None:
        """Take in an object, unless a newer version of it is here."""
        with self._lock:
            known = self._items.get(_key(item))
            if known is None or _version(known) < _version(item):
                self._items[_key(item)] = item
        self._changed.set()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow(self._list())
            except RefusedError as error:
                if error.status != 410:  # too old a version is no news: list again
                    log.warning("%s", error)
                    self._stopped.wait(_AGAIN)
            except UnreachableError:
                self._stopped.wait(_AGAIN)
            except Exception:
                log.exception("watching %s", self._path)
                self._stopped.wait(_AGAIN)

    def _list(self) -> str:
        items, version = self._client.list(self._path)
        with self._lock:
            self._items = {_key(item): item for item in items}
        self._synced.set()
        self._changed.set()
        return version

    def _follow(self, version: str) -> None:
        for event in self._client.watch(self._path, version):
            if self._stopped.is_set():
                return
            if event.type == "DELETED":
                with self._lock:
                    self._items.pop(_key(event.object), None)
                self._changed.set()
            elif event.type in ("ADDED", "MODIFIED"):
                self.put(event.object)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])
