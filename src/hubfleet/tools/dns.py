"""What DNS says of host names, as this machine sees it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from socket import getaddrinfo

Found = tuple[str, ...] | None
"""Addresses; none of a name that does not resolve; None where nobody could be asked."""


def addresses(hosts: Iterable[str], *, within: float = 2.0) -> dict[str, Found]:
    """Of each name (of an address: itself), asked side by side, within so many seconds. Never raises."""
    found: dict[str, Found] = {}
    wanted = sorted({*hosts})
    # daemons: a look-up cannot be ended, and nobody is to wait for one that hangs, at the end of the process either
    asking = [threading.Thread(target=_note, args=(found, one), daemon=True) for one in wanted]
    for thread in asking:
        thread.start()
    end = time.monotonic() + within
    for thread in asking:
        thread.join(max(0.0, end - time.monotonic()))
    return {one: found.get(one) for one in wanted}


def _note(found: dict[str, Found], host: str) -> None:
    found[host] = _ask(host)


def _ask(host: str) -> Found:
    try:
        told = getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return () if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)) else None
    except (OSError, UnicodeError):
        return None
    return tuple(dict.fromkeys(str(one[4][0]) for one in told))
