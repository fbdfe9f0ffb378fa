"""A release that failed goes back to what ran before it."""

from __future__ import annotations

from collections.abc import Callable

from hubfleet.checks import hub as hub_check
from hubfleet.checks.hub import HubHealth
from hubfleet.engine import secret_keys
from hubfleet.engine.rollout import Rollout
from hubfleet.engine.run import Clock
from hubfleet.errors import HubfleetError, Interrupted
from hubfleet.events import Kind
from hubfleet.hubs import Release
from hubfleet.plan.releases import CHART, CLUSTER, DIGEST
from hubfleet.tools.helm import Helm
from hubfleet.tools.kube import Kube, Record

PATIENCE = 300.0
"""Seconds that what ran before may take to run again."""
_RAN = {"deployed", "superseded"}
"""What Helm calls revisions that it got to the end of."""


def back(
    release: Release,
    helm: Helm,
    kube: Kube,
    tell: Callable[[Kind, str], None],
    clock: Clock,
    *,
    cluster: str,
    ask: Callable[[str, str], HubHealth] = hub_check.answers,
) -> str:
    """Roll the release back to its newest revision that was made from something else, and wait until that runs; what
    came of it, in a sentence. "" where nothing was changed, or nothing ran before. Raises nothing that is no Ctrl-C:
    why the release failed is more important."""
    try:
        before = _before(release, kube, cluster)
        if before is None:
            return ""
        tell(Kind.PROGRESS, f"going back to revision {before.revision}, which ran before")
        with secret_keys.kept(release, kube):
            helm.rollback(release.name, release.namespace, before.revision)
    except HubfleetError as error:
        return f"it could not be rolled back to what ran before: {error.what}"
    said = f"it was rolled back to what ran before (revision {before.revision})"
    try:
        health = Rollout(release, kube, tell, clock, timeout=PATIENCE, ask=ask).wait()
    except Interrupted:
        return f"{said}; nobody waited for it"
    except HubfleetError:
        return f"{said}, and that does not run either: hubfleet status tells what it lacks"
    return f"{said}, and the hub answers again" if health else f"{said}, and its pods run again"


def _before(release: Release, kube: Kube, cluster: str) -> Record | None:
    """The revision to go back to; None if the newest is not of what failed, so that nothing was changed."""
    mine = [one for one in kube.records() if (one.namespace, one.release) == (release.namespace, release.name)]
    newest_first = sorted(mine, key=lambda one: -one.revision)
    if not newest_first or newest_first[0].labels.get(DIGEST) != release.digest:
        return None
    return next((one for one in newest_first if _ran(one, release, cluster)), None)


def _ran(one: Record, release: Release, cluster: str) -> bool:
    """A revision of another content and the same chart's name, of this cluster's file: what a chart made cannot become
    another's. Or one of nobody's hubfleet, from before the release was taken over: its chart's name is the same, or
    that revision would be gone."""
    if one.status not in _RAN or one.labels.get(DIGEST) == release.digest:
        return False
    whose, chart = one.labels.get(CLUSTER), one.labels.get(CHART)
    return (whose, chart) in {(cluster, release.chart.name), (None, None)}
