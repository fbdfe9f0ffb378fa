"""What hubfleet keeps in a cluster about itself: that it was taken over, and how it left each node group. Pure.

Magnum never changes the labels of a cluster or a group after it is made, so the mark of a cluster that was adopted
cannot be there; it is in the cluster, where it goes when the cluster goes, and every hubfleet on any machine finds it.
Nothing here is needed to go on: Magnum is the truth, and this only tells who changed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ADOPTED = "adopted"
_GROUP = "group."


@dataclass(frozen=True)
class Kept:
    """`adopted`: somebody else made the cluster, and a person gave it to hubfleet. `sizes`: node group -> the size that
    hubfleet gave it last ("1 to 10")."""

    adopted: bool = False
    sizes: Mapping[str, str] = field(default_factory=dict[str, str])


NOTHING = Kept()


def parsed(data: Mapping[str, str]) -> Kept:
    """From the data of its ConfigMap."""
    sizes = {key.removeprefix(_GROUP): value for key, value in data.items() if key.startswith(_GROUP)}
    return Kept(ADOPTED in data, sizes)


def written(sizes: Mapping[str, str | None]) -> dict[str, str | None]:
    """As data of its ConfigMap; None takes a size away."""
    return {f"{_GROUP}{group}": value for group, value in sizes.items()}
