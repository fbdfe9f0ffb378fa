"""A verb on many clusters: side by side, and what fails on one is no other's trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hubfleet.engine.run import side_by_side
from hubfleet.errors import HubfleetError
from hubfleet.fleet.loading import Target

T = TypeVar("T")


@dataclass(frozen=True)
class Answers(Generic[T]):
    """By the names of clusters, in the order of the fleet: what was asked for, or why there is none."""

    found: Mapping[str, T]
    errors: Mapping[str, HubfleetError]

    def one(self) -> T:
        """The only answer. Raises its error."""
        for error in self.errors.values():
            raise error
        (found,) = self.found.values()
        return found


def each(targets: Sequence[Target], ask: Callable[[Target], T]) -> Answers[T]:
    """Ask of every cluster at once."""

    def asked(target: Target) -> Callable[[object], T]:
        return lambda _clock: ask(target)

    answers = side_by_side({target.cluster.name: asked(target) for target in targets})
    return Answers(
        {name: one for name, one in answers.items() if not isinstance(one, HubfleetError)},
        {name: one for name, one in answers.items() if isinstance(one, HubfleetError)},
    )
