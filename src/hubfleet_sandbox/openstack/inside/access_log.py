"""Access logs of the OpenStack services: a line for each request that one of them heard, as a web server's.

In the combined format of Apache, so that any tool reads them: when, method and path, status, and who asked
(User-Agent: Magnum's clients, the machine room, a user's programs). No request carries a secret in its path.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any


def logged(app: Callable[..., Any], file: str) -> Callable[..., Any]:
    """The application, with its log in this file."""
    logger = logging.getLogger("hubfleet_sandbox.access")
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # the service's own log has what it says itself
    made: Callable[..., Any] = importlib.import_module("paste.translogger").TransLogger(app, logger=logger)
    return made
