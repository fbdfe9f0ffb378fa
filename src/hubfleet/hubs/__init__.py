"""What is installed on a cluster: the Helm releases of its hubs and of what serves them all, as data. Pure.

What belongs here: turning the file into charts and finished values. What never will: a cloud's name (placement
and traits come from the provider's description), running Helm.
"""

from collections.abc import Iterable, Iterator

from hubfleet.hubs import jupyterhub, openness, platform, profiles
from hubfleet.hubs.platform import entry
from hubfleet.hubs.release import Chart, Entry, Generated, Release, Share
from hubfleet.provider import Description
from hubfleet.spec import Cluster, InvalidFiles, Layer, Problem, merged

__all__ = ["Chart", "Entry", "Generated", "Release", "Share", "layers", "releases"]


def layers(cluster: Cluster, description: Description, hub: str) -> tuple[Layer, ...]:
    """What the values of a hub are merged of, weakest first, with every pool there; needs no secret looked up."""
    return jupyterhub.layers(hub, cluster, description)


def releases(
    cluster: Cluster,
    description: Description,
    absent: frozenset[str] = frozenset(),
    only: Iterable[str] | None = None,
) -> tuple[Release, ...]:
    """Those of the platform, then those of the hubs in the order of the file, or `only` of these. Their secrets are
    looked up (`spec.resolve`). `absent`: pools that are not there, which users are not offered; it changes values only,
    never which releases there are. Raises `spec.InvalidFiles` for sizes that cannot be computed, and for hubs that
    anybody could log in to although the file does not say so."""
    names = cluster.hubs if only is None else only
    found = [jupyterhub.release(name, cluster, description, absent) for name in names]
    if problems := [*_problems(found, cluster, description)]:
        raise InvalidFiles(problems)
    return (*platform.releases(cluster, description), *found)


def _problems(found: Iterable[Release], cluster: Cluster, description: Description) -> Iterator[Problem]:
    """`validate` says so too; who never asks it is not to make an open hub."""
    yield from entry.problems(cluster)
    for one in found:
        yield from profiles.problems(one.hub, cluster, description)
        yield from openness.problems(one.hub, cluster, one.layers, merged(one.layers))
