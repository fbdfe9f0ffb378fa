"""The way of a cluster of Magnum to another template of its site, one Kubernetes minor after another. Pure.

A cluster's template cannot be edited; an upgrade moves the cluster to another one, which holds the image (and so the
version of Kubernetes) and the version of the driver's chart. Nobody checks the way: the driver takes a step back or
over a minor with 202 (magnum-capi-helm 1.4 driver.py:1312), and Cluster API refuses it later, where no tenant sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hubfleet.errors import Layer, Refused, UsageError
from hubfleet.plan.steps import Action, Change, Finding, Step
from hubfleet.spec.problems import Position
from hubfleet.tools.magnum import Cluster, NodeGroup, Template

Version = tuple[int, int, int]
_CHART = "the driver's chart"
_ANY = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Offer:
    """A template of the site and the Kubernetes that its image holds, "v1.33.2"; "" where the image does not tell."""

    template: Template
    kubernetes: str

    @property
    def version(self) -> Version | None:
        """Of Kubernetes, as numbers."""
        return version(self.kubernetes)

    @property
    def chart(self) -> str:
        """Version of the driver's chart; "" for the driver's own default."""
        return self.template.chart


@dataclass(frozen=True)
class Wish:
    """Where to: a minor ("1.34") or a template (name or UUID). `template` wins."""

    kubernetes: str = ""
    template: str = ""


@dataclass(frozen=True)
class UpgradeWork:
    """The work of a step "upgrade/MINOR": the cluster is of this offer, and every node runs its Kubernetes."""

    cluster: Cluster
    offer: Offer


def version(text: str) -> Version | None:
    """Of "v1.33.2", "1.33" and the like; None of anything else."""
    found = _ANY.match(text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def minor(of: Version) -> str:
    """As people say it: 1.33."""
    return f"{of[0]}.{of[1]}"


def steps(there: Cluster, groups: Sequence[NodeGroup], offers: Sequence[Offer], wish: Wish) -> tuple[Step, ...]:
    """A step for each hop, each after the one before; none if the cluster is there already.

    An upgrade that is under way, or failed, is finished first. UsageError for a version or template that the site does
    not have, Refused for a way back or one with a gap.
    """
    present = _present(there, offers)
    target = _target(present, offers, wish)
    hops = _hops(present, target, offers)
    unsettled = there.under_way or there.failed or _behind(there, present)
    begun = [_step(Action.FINISH, there, groups, present, present)] if unsettled else []
    made: list[Step] = [*begun]
    for before, after in zip([present, *hops], hops, strict=False):
        made.append(_step(Action.CHANGE, there, groups, before, after, needs=made[-1:]))
    return tuple(made)


def told(present: Offer, wanted: Offer) -> str:
    """What a change of template is, for people: "Kubernetes v1.33.2 to v1.34.4, the driver's chart 0.16.0 stays"."""
    kubernetes = _change("Kubernetes", present.kubernetes, wanted.kubernetes)
    return f"{kubernetes}, {_change(_CHART, present.chart, wanted.chart)}"


def finding(
    there: Cluster, offers: Sequence[Offer], wanted: str, origin: Position, own: Offer | None = None
) -> Finding | None:
    """That the file names another template than the one the cluster is of, as what it is; None if it does not. `own` is
    the cluster's, which a site that has replaced it by another of the same name hides from its `offers`."""
    named = [offer for offer in offers if wanted in (offer.template.name, offer.template.uuid)]
    if not named or any(offer.template.uuid == there.template for offer in named):
        return None
    present = _present(there, offers if own is None else (*offers, own))
    if present.template.name == named[0].template.name:
        return _replaced(present, named[0], origin)
    return Finding(
        Layer.MAGNUM,
        f"the cluster is of the template {present.template.name}, the file says {wanted}",
        f"that is: {told(present, named[0])}",
        "`hubfleet upgrade` goes there, waiting for users first; or name the cluster's template in the file",
        fatal=False,
        origin=origin,
    )


def _replaced(present: Offer, wanted: Offer, origin: Position) -> Finding:
    return Finding(
        Layer.MAGNUM,
        f"the site has replaced the template {wanted.template.name}; the cluster is of the one before",
        f"{present.template.uuid} became {wanted.template.uuid}: {told(present, wanted)}. Nothing changes by itself",
        "`hubfleet upgrade` goes to the new one, waiting for users first; or stay, and name the cluster's own in the"
        f" file: `template: {present.template.uuid}`",
        fatal=False,
        origin=origin,
    )


def _change(what: str, old: str, new: str) -> str:
    return f"{what} {old or 'unknown'} stays" if old == new else f"{what} {old or 'unknown'} to {new or 'unknown'}"


def _present(there: Cluster, offers: Iterable[Offer]) -> Offer:
    """What the cluster is of. Its own word counts where its template is gone or its image tells nothing."""
    found = next((offer for offer in offers if offer.template.uuid == there.template), None)
    template = found.template if found else Template(there.template, there.template, "", "kubernetes", {})
    return Offer(template, (found and found.kubernetes) or there.version or "")


def _behind(there: Cluster, present: Offer) -> bool:
    """Its control plane is not what its template says: an upgrade began."""
    seen, wanted = version(there.version or ""), present.version
    return seen is not None and wanted is not None and seen != wanted


def _target(present: Offer, offers: Sequence[Offer], wish: Wish) -> Offer:
    if wish.template:
        return _named(wish.template, offers)
    wanted = version(wish.kubernetes)
    if wanted is None:
        raise UsageError(f"{wish.kubernetes!r} is no version of Kubernetes", remedy="give a minor, as 1.34")
    if present.version and present.version[:2] == wanted[:2]:
        return present
    fitting = [offer for offer in offers if offer.version and offer.version[:2] == wanted[:2]]
    if not fitting:
        raise UsageError(
            f"the site has no template of Kubernetes {minor(wanted)}",
            why=f"it has: {_listed(offers)}",
            remedy="choose one of these, or ask the cloud's operators for a template",
        )
    return _best(present, fitting)


def _named(name: str, offers: Sequence[Offer]) -> Offer:
    found = [offer for offer in offers if name in (offer.template.name, offer.template.uuid)]
    if len(found) == 1:
        return found[0]
    if found:
        uuids = ", ".join(offer.template.uuid for offer in found)
        raise UsageError(f"several templates are named {name}", remedy=f"give the UUID of one: {uuids}")
    raise UsageError(f"the site has no template {name}", why=f"it has: {_listed(offers)}", remedy="choose one of these")


def _hops(present: Offer, target: Offer, offers: Sequence[Offer]) -> list[Offer]:
    """The templates to pass, `target` last; none if the cluster is of it."""
    if target.template.uuid == present.template.uuid:
        return []
    old, new = present.version, target.version
    if old is None or new is None:
        raise _unknown(present if old is None else target)
    if new < old or new[0] != old[0]:
        raise Refused(
            f"{target.template.name} would take Kubernetes from {present.kubernetes} back to {target.kubernetes}",
            why="Kubernetes cannot go back: its stored objects may be of a newer kind",
            remedy="make a new cluster of that version, and move the hubs",
            layer=Layer.KUBERNETES,
        )
    between = [(old[0], number) for number in range(old[1] + 1, new[1])]
    return [*(_stepping_stone(present, stone, offers, target) for stone in between), target]


def _stepping_stone(present: Offer, stone: tuple[int, int], offers: Sequence[Offer], target: Offer) -> Offer:
    fitting = [offer for offer in offers if offer.version and offer.version[:2] == stone]
    if not fitting:
        raise Refused(
            f"there is no way from Kubernetes {present.kubernetes} to {target.kubernetes}: the site has no template of"
            f" {stone[0]}.{stone[1]}",
            why="Kubernetes is upgraded one minor after another",
            remedy="ask the cloud's operators for such a template, or make a new cluster and move the hubs",
            layer=Layer.MAGNUM,
        )
    return _best(present, fitting)


def _best(present: Offer, fitting: Sequence[Offer]) -> Offer:
    """Of the present one's family (its name but for the version) and chart, if there is one; the newest patch."""

    def rank(offer: Offer) -> tuple[bool, bool, Version]:
        return (_family(offer) == _family(present), offer.chart == present.chart, offer.version or (0, 0, 0))

    ranked = sorted(fitting, key=rank, reverse=True)
    equal = [offer for offer in ranked if rank(offer) == rank(ranked[0])]
    if len(equal) > 1:
        raise UsageError(
            f"several templates are of Kubernetes {equal[0].kubernetes}: {_listed(equal)}",
            remedy="choose one with --template NAME",
        )
    return ranked[0]


def _family(offer: Offer) -> str:
    return re.sub(r"v?\d+([.-]\d+)*", "*", offer.template.name)


def _unknown(offer: Offer) -> Refused:
    return Refused(
        f"it is not known which Kubernetes the template {offer.template.name} has",
        why=f"its image ({offer.template.image or 'which is gone'}) has no property kube_version",
        remedy="ask the cloud's operators to set it; without it Magnum's driver fails as well",
        layer=Layer.OPENSTACK,
    )


def _listed(offers: Iterable[Offer]) -> str:
    return ", ".join(f"{o.template.name} ({o.kubernetes or 'unknown'})" for o in offers) or "none"


# steps


def _step(
    action: Action,
    there: Cluster,
    groups: Sequence[NodeGroup],
    before: Offer,
    after: Offer,
    needs: Sequence[Step] = (),
) -> Step:
    return Step(
        id=f"upgrade/{minor(after.version or (0, 0, 0))}",
        action=action,
        subject=f"cluster {there.name} to Kubernetes {after.kubernetes}",
        work=UpgradeWork(there, after),
        details=tuple(_details(there, groups, action)),
        changes=tuple(_changes(before, after)),
        needs=frozenset(step.id for step in needs),
    )


def _changes(before: Offer, after: Offer) -> Iterator[Change]:
    pairs = {
        "template": (before.template.name, after.template.name),
        "kubernetes": (before.kubernetes, after.kubernetes),
        _CHART: (before.chart, after.chart),
    }
    for key, (old, new) in pairs.items():
        if old != new:
            yield Change(key, old or None, new or None)


def _details(there: Cluster, groups: Sequence[NodeGroup], action: Action) -> Iterator[str]:
    if action is Action.FINISH:
        yield f"it has begun: Magnum says {there.status}, Kubernetes {there.version or 'unknown'}"
        return
    yield "every node is made anew, one of a pool at a time; pods have 5 minutes to leave"
    alone = [group.name for group in groups if group.role != "master" and group.count <= 1]
    if alone:
        yield f"no node meanwhile, for minutes: {', '.join(alone)} (one node each)"
