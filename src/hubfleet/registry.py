"""Finds providers by their entry points (group `hubfleet.providers`), ours and those of other packages alike."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoints, entry_points

from hubfleet.errors import HubfleetError
from hubfleet.provider import CONTRACT, Provider

GROUP = "hubfleet.providers"


def names() -> list[str]:
    """Every provider that is installed, sorted."""
    return sorted(_installed().names)


def provider(name: str) -> Provider:
    """The provider of this name, one of `names()`. HubfleetError if it cannot be loaded or keeps another contract."""
    (entry,) = _installed().select(name=name)
    try:
        found: Provider = entry.load()
    except ImportError as error:
        raise HubfleetError(
            f"the provider {name} cannot be loaded",
            why=str(error),
            remedy=f"install {entry.dist and entry.dist.name} anew",
        ) from error
    if found.contract != CONTRACT:
        raise HubfleetError(
            f"the provider {name} keeps contract {found.contract}; this hubfleet needs {CONTRACT}",
            remedy=f"install a version of {entry.dist and entry.dist.name} made for this hubfleet",
        )
    return found


@functools.cache
def _installed() -> EntryPoints:
    """Looked up once: each time costs a look at every package that is installed (13 ms for 80 of them)."""
    return entry_points(group=GROUP)
