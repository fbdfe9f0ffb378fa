"""Make SQLite usable by a threaded oslo.db service: import before the service.

Out of the box a transaction that reads and then writes fails with "database is locked" (HTTP 500, or a node group
that silently vanishes). With a write-ahead log, and the write lock taken (and waited for) at the BEGIN of oslo.db's
*writer* transactions, it does not. Readers keep a plain BEGIN: they block nobody, even when they are leaked, as
Magnum 23 leaks one at each listing of cluster templates (magnum/db/sqlalchemy/api.py:310 runs its query after the
session's block).
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Generator
from typing import Any

_PRAGMAS = ("busy_timeout=60000", "journal_mode=WAL", "synchronous=OFF")
_here = threading.local()


def install() -> None:
    """Register the listeners and wrap oslo.db's session, once a process."""
    event = importlib.import_module("sqlalchemy.event")
    engine = importlib.import_module("sqlalchemy.engine").Engine
    enginefacade = importlib.import_module("oslo_db.sqlalchemy.enginefacade")
    event.listen(engine, "connect", _connect)
    event.listen(engine, "before_cursor_execute", _begin, retval=True)
    transaction, writer = enginefacade._TransactionContext, enginefacade._WRITER  # noqa: SLF001 (oslo.db has no hook)
    transaction._session = _marking(transaction._session, writer)  # noqa: SLF001


def _connect(connection: Any, _record: object) -> None:
    if type(connection).__module__ == "sqlite3":
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
    immediate = statement == "BEGIN" and connection.dialect.name == "sqlite" and getattr(_here, "writer", False)
    return ("BEGIN IMMEDIATE" if immediate else statement), parameters


def _marking(original: Any, writer: object) -> Any:
    @contextlib.contextmanager
    def session(self: Any, *args: object, **options: object) -> Generator[object]:
        before = getattr(_here, "writer", False)
        _here.writer = self.mode is writer
        try:
            with original(self, *args, **options) as made:
                yield made
        finally:
            _here.writer = before

    return session
