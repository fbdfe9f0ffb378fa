"""A verb on many clusters: side by side, and what fails on one is no other's trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from hubfleet.engine.run import Clock, side_by_side
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


def each(targets: Sequence[Target], ask: Callable[[Target, Clock], T]) -> Answers[T]:
    """Ask of every cluster at once; whoever waits does so by the clock, which Ctrl-C stops."""
    return answers(side_by_side({target.cluster.name: partial(ask, target) for target in targets}))


def answers(given: Mapping[str, T | HubfleetError]) -> Answers[T]:
    """Answers and errors apart."""
    return Answers(
        {name: one for name, one in given.items() if not isinstance(one, HubfleetError)},
        {name: one for name, one in given.items() if isinstance(one, HubfleetError)},
    )


def not_all(made: Answers[T], count: int) -> HubfleetError:
    """That something cannot be done on all of so many clusters, and was begun on none; with the worst exit code."""
    error = HubfleetError(
        f"{len(made.errors)} of {count} clusters cannot be done: {', '.join(made.errors)}",
        why="nothing was changed",
        remedy="mend them, name the others (--cluster NAME), or leave them behind (--keep-going)",
    )
    error.exit_code = max(one.exit_code for one in made.errors.values())
    return error
