"""Finds providers by their entry points (group `hubfleet.providers`), ours and those of other packages alike."""

from __future__ import annotations

from importlib.metadata import entry_points

from hubfleet.errors import HubfleetError
from hubfleet.provider import CONTRACT, Provider

GROUP = "hubfleet.providers"


def names() -> list[str]:
    """Every provider that is installed, sorted."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def provider(name: str) -> Provider:
    """The provider of this name, one of `names()`. HubfleetError if it cannot be loaded or keeps another contract."""
    (entry,) = entry_points(group=GROUP, name=name)
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
