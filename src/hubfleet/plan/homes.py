"""What people kept when their cluster went, and get back on a new one of its name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hubfleet.hubs import Release
from hubfleet.plan.releases import Observed, after_homes
from hubfleet.plan.steps import Action, Step
from hubfleet.plan.volumes import HubVolume, described, personal


@dataclass(frozen=True)
class FoundAgain:
    """Work of a step "homes/NAME": what the hub of this release had in an earlier cluster, one volume a claim."""

    release: Release
    volumes: tuple[HubVolume, ...]


def steps(
    releases: Sequence[Release], observed: Sequence[Observed], earlier: Collection[HubVolume]
) -> tuple[Step, ...]:
    """A step "homes/NAME" for each hub of whose claims in an earlier cluster some are not in this one."""
    there = {(one.namespace, claim) for one in observed for claim in one.claims}
    return tuple(_steps(releases, [one for one in earlier if (one.namespace, one.claim) not in there]))


def _steps(releases: Sequence[Release], missing: Sequence[HubVolume]) -> Iterator[Step]:
    for release in releases:
        own = [one for one in missing if one.namespace == release.namespace and (release.hub or personal(one.claim))]
        newest = {one.claim: one for one in sorted(own, key=lambda one: one.volume.created)}
        if not newest:
            continue
        found = tuple(newest[claim] for claim in sorted(newest))
        details = [f"found again: {described(newest, sum(one.size for one in found))}"]
        if len(own) > len(found):
            details.append("the newest of each; hubfleet audit lists the others")
        subject = f"what people keep in {f'hub {release.hub}' if release.hub else f'release {release.name}'}"
        needs = frozenset({"cluster"})
        yield Step(
            after_homes(release.name), Action.CREATE, subject, FoundAgain(release, found), tuple(details), needs=needs
        )
