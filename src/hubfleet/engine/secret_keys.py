"""Which of a release's values are secret, written down at Helm's records of it: the next plan tells old values, and
must know. Where nobody wrote it down, all of them are taken for secret.

Helm writes a record anew whenever it says something else of it (that it is superseded, that the next one failed), and
with a rollback makes one of an old one's content: labels stay each time, annotations go (Helm 3.19, pkg/storage/driver,
newSecretsObject). By its digest, which is a label, a record is known again.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

from hubfleet.errors import CloudError
from hubfleet.hubs import Release
from hubfleet.plan.releases import DIGEST, SECRETS
from hubfleet.spec import KeyPath
from hubfleet.tools.kube import Kube, Record

_MOST = 200_000
"""Characters; Kubernetes takes 256 KiB of annotations (apimachinery's TotalAnnotationSizeLimitB)."""


@contextmanager
def kept(release: Release, kube: Kube) -> Generator[None]:
    """Around what Helm does to a release: afterwards its records say it that said it before, and those that were made
    of this one, also where Helm fails."""
    known: dict[str | None, str] = {}
    with suppress(CloudError):
        known = {one.labels.get(DIGEST): one.annotations[SECRETS] for one in _records(release, kube, told=True)}
    paths = release.secret_paths | {one.path for one in release.generated if one.path}
    known[release.digest] = json.dumps(sorted(paths, key=str))
    try:
        yield
    finally:
        with suppress(CloudError):
            for one in _records(release, kube, told=False):
                text = known.get(one.labels.get(DIGEST), "")
                if 0 < len(text) < _MOST:
                    kube.annotate("Secret", one.namespace, one.secret, {SECRETS: text})


def of(record: Record) -> frozenset[KeyPath] | None:
    """What is written down at it; None if nothing is."""
    text = record.annotations.get(SECRETS)
    try:
        return None if text is None else frozenset(map(tuple, json.loads(text)))
    except (ValueError, TypeError):
        return None


def _records(release: Release, kube: Kube, *, told: bool) -> Iterator[Record]:
    for one in kube.records():
        if (one.namespace, one.release) == (release.namespace, release.name) and (SECRETS in one.annotations) is told:
            yield one
