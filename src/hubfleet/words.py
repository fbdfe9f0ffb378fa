"""Words that are the same wherever they are said."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """1 hub, 2 hubs."""
    return f"{count} {what}{'' if count == 1 else 's'}"
