"""Why a user's server does not start: its pod and its claim, from the outside in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hubfleet.checks import pods
from hubfleet.checks.pods import Trouble
from hubfleet.errors import Layer
from hubfleet.tools.kube import Claim, Kube, Pod

_VOLUME = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})


def find(kube: Kube, pod: Pod | None, claims: Sequence[Claim]) -> Trouble | None:
    """What hinders this pod, whose claims these are; None while all is on its way."""
    if pod is None or pod.ready:
        return None
    trouble = None if pod.node or _unseen(pod, claims) else _of_claims(kube, claims)
    trouble = trouble or _of_mount(kube, pod) or pods.of_pod(kube, pod)
    if trouble is not None and trouble.layer is Layer.HUB:
        return replace(trouble, layer=Layer.SERVER, remedy="correct the hub's image, or what its values start in it")
    return trouble


def _unseen(pod: Pod, claims: Sequence[Claim]) -> bool:
    """Its scheduler has looked at neither: a volume that is made where the pod goes waits for that one's word."""
    return bool(pod.unseen_by) and not any(claim.node for claim in claims)


def _of_claims(kube: Kube, claims: Sequence[Claim]) -> Trouble | None:
    """The scheduler keeps a pod whose volume is not made without a word (it waits ten minutes for it)."""
    for claim in claims:
        if claim.phase == "Pending":
            warning = kube.last_warning(claim.namespace, "PersistentVolumeClaim", claim.name)
            why = f"{warning.reason}: {warning.message}" if warning else "it is Pending, and nobody says why"
            named = f"the storage class {claim.storage_class}" if claim.storage_class else "the default storage class"
            remedy = f"see {named}, its driver's pods and the quota of volumes"
            return Trouble(Layer.STORAGE, f"there is no volume yet for the home {claim.name}", why, remedy)
    return None


def _of_mount(kube: Kube, pod: Pod) -> Trouble | None:
    if not pod.node:
        return None
    warning = kube.last_warning(pod.namespace, "Pod", pod.name)
    if warning is None or warning.reason not in _VOLUME:
        return None
    what, why = f"{pod.node} cannot mount a volume of {pod.name}", f"{warning.reason}: {warning.message}"
    return Trouble(Layer.STORAGE, what, why, "see the storage driver's pods on that node")
