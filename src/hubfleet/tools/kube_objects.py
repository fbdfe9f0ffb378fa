"""What a Kubernetes cluster answers, as frozen data: only the fields that hubfleet looks at. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
"""An object as the API server's JSON has it."""
_NOTHING: Object = {}
USER = "hub.jupyter.org/username"
"""Annotation of what KubeSpawner makes for a user, claims among it (kubespawner 7 spawner.py:2246)."""


@dataclass(frozen=True)
class Namespace:
    """`deleting`: it is on its way out, and takes nothing new."""

    name: str
    deleting: bool
    labels: Mapping[str, str]


@dataclass(frozen=True)
class StorageClass:
    """`default`: claims that name no class get this one. `made`: how volumes come about, as its manifest says it."""

    name: str
    default: bool
    made: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Node:
    """A machine of the cluster. `capacity` is in Kubernetes' own quantities; `why` the reason when it is not ready."""

    name: str
    ready: bool
    why: str
    labels: Mapping[str, str]
    capacity: Mapping[str, str]
    kubelet: str
    schedulable: bool
    address: str


@dataclass(frozen=True)
class Container:
    """A container of a pod, init containers included. `waiting` is the kubelet's reason ("ImagePullBackOff"), "" when
    it runs; `message` its words; `exit_code` that of its last end, and `ended` what was said of that, such as why its
    program could not even be started."""

    name: str
    image: str
    ready: bool
    restarts: int
    waiting: str
    message: str
    exit_code: int | None
    ended: str = ""


@dataclass(frozen=True)
class Pod:
    """`scheduling` is the scheduler's message while it finds no node, "" otherwise; `unseen_by` its scheduler while
    that has not looked at it at all, "" otherwise; `failed` why it is over as a whole ("OutOfcpu: Node didn't have
    enough resource"), "" otherwise; `user` whose server it is, where KubeSpawner made it."""

    name: str
    namespace: str
    phase: str
    ready: bool
    node: str
    scheduling: str
    deleting: bool
    labels: Mapping[str, str]
    containers: tuple[Container, ...]
    user: str = ""
    unseen_by: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Deployment:
    """Or a DaemonSet (`kind`), of which one pod counts. `rolled_out`: the controller has seen the newest template, and
    all pods of it, and no others, are available. `failure`: why its pods cannot even be made (a quota, an admission),
    "" otherwise. `release`: the Helm release that it belongs to, "" if none."""

    name: str
    namespace: str
    wanted: int
    available: int
    rolled_out: bool
    failure: str
    release: str
    kind: str = "Deployment"


@dataclass(frozen=True)
class Controller:
    """What keeps pods: a Deployment, DaemonSet or StatefulSet (`kind`). `settled`: all of its pods are of the newest
    template and available. `secrets`: the Secrets that its pods mount."""

    kind: str
    name: str
    namespace: str
    settled: bool
    secrets: frozenset[str]


@dataclass(frozen=True)
class Service:
    """`address` is what the load balancer got (an IP or a host name), "" while there is none. `release` as for
    `Deployment`; `stays`: Helm leaves it when that goes; `inside` is its address in the cluster."""

    name: str
    namespace: str
    type: str
    address: str
    release: str
    stays: bool = False
    inside: str = ""


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim. `size` is what was asked for; `user` whose home it is, where KubeSpawner made it; `node`
    where the scheduler wants its volume, "" where that does not depend on it or it has not chosen yet."""

    name: str
    namespace: str
    phase: str
    size: str
    storage_class: str
    labels: Mapping[str, str]
    user: str = ""
    node: str = ""


@dataclass(frozen=True)
class Volume:
    """A PersistentVolume. `namespace` and `claim` are whose it is; `deleted_after` whether it goes with its claim;
    `driver` and `handle` the CSI driver that made it and the cloud's id of it, "" where it is not CSI's; `phase` is
    Kubernetes' word ("Available", "Bound", "Released"); `server` has it by NFS, "" where it does not come so."""

    name: str
    namespace: str
    claim: str
    deleted_after: bool
    driver: str = ""
    handle: str = ""
    phase: str = ""
    server: str = ""


@dataclass(frozen=True)
class LastWarning:
    """The last event of type Warning about an object."""

    reason: str
    message: str


@dataclass(frozen=True)
class Record:
    """What Helm keeps of a revision of a release (a Secret with the label owner=helm), without its content.

    `labels` are those given with `helm --labels`; `status` is Helm's word: deployed, failed, superseded, uninstalled,
    uninstalling, pending-install, -upgrade or -rollback. `modified`: seconds since 1970."""

    release: str
    namespace: str
    revision: int
    status: str
    modified: int
    secret: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Lease:
    """A lock that ends by itself. `holder` ("" if nobody) and his `place`; `lasts` that many seconds after `renewed`.
    Times are seconds since 1970, by the API server's clock; `version` tells the server what was read ("": a new one).
    """

    name: str
    namespace: str
    holder: str
    place: str
    lasts: int
    acquired: float
    renewed: float
    version: str = ""


def namespace(found: Object) -> Namespace:
    """Parse a Namespace."""
    metadata = found["metadata"]
    return Namespace(metadata["name"], "deletionTimestamp" in metadata, metadata.get("labels", {}))


def storage_class(found: Object) -> StorageClass:
    """Parse a StorageClass."""
    metadata = found["metadata"]
    default = metadata.get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    said = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    return StorageClass(metadata["name"], default, {key: found[key] for key in said if key in found})


def node(found: Object) -> Node:
    """Parse a Node."""
    status = found.get("status", {})
    condition = _condition(status, "Ready")
    addresses = {entry["type"]: entry["address"] for entry in status.get("addresses", ())}
    return Node(
        name=found["metadata"]["name"],
        ready=condition.get("status") == "True",
        why="" if condition.get("status") == "True" else condition.get("message", "its kubelet has not reported yet"),
        labels=found["metadata"].get("labels", {}),
        capacity=status.get("capacity", {}),
        kubelet=status.get("nodeInfo", {}).get("kubeletVersion", ""),
        schedulable=not found.get("spec", {}).get("unschedulable", False),
        address=addresses.get("InternalIP", ""),
    )


def pod(found: Object) -> Pod:
    """Parse a Pod."""
    metadata, spec, status = found["metadata"], found.get("spec", {}), found.get("status", {})
    scheduled, node = _condition(status, "PodScheduled"), spec.get("nodeName", "")
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        phase=status.get("phase", "Unknown"),
        ready=_condition(status, "Ready").get("status") == "True",
        node=node,
        scheduling=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        deleting="deletionTimestamp" in metadata,
        labels=metadata.get("labels", {}),
        containers=tuple(map(_container, containers)),
        user=metadata.get("annotations", {}).get(USER, ""),
        unseen_by="" if node or scheduled else spec.get("schedulerName", ""),
        failed=_failed(status),
    )


def _failed(status: Object) -> str:
    if status.get("phase") != "Failed" or not (reason := status.get("reason", "")):
        return ""
    return f"{reason}: {status['message']}" if status.get("message") else reason


def deployment(found: Object) -> Deployment:
    """Parse a Deployment."""
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas")]
    return Deployment(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        wanted=wanted,
        available=status.get("availableReplicas", 0),
        rolled_out=seen and counts == [wanted] * 3,
        failure=_condition(status, "ReplicaFailure").get("message", ""),
        release=_release(found),
    )


def daemon_set(found: Object) -> Deployment:
    """Parse a DaemonSet, as if it were a Deployment of one pod, where it has a node: nodes come and go, and one pod
    that runs shows that others can."""
    status = found.get("status", {})
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    wanted = min(1, status.get("desiredNumberScheduled", 0))
    updated, available = (min(1, status.get(key, 0)) for key in ("updatedNumberScheduled", "numberAvailable"))
    return Deployment(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        wanted=wanted,
        available=available,
        rolled_out=seen and updated == available == wanted,
        failure="",
        release=_release(found),
        kind="DaemonSet",
    )


def controller(kind: str, found: Object) -> Controller:
    """A Deployment, DaemonSet or StatefulSet."""
    metadata, status, pod = found["metadata"], found.get("status", {}), found["spec"]["template"]["spec"]
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        counts = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        wanted = found["spec"].get("replicas", 1)
        counts = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    settled = seen and all(count >= wanted for count in counts) and status.get("replicas", wanted) <= wanted
    return Controller(kind, metadata["name"], metadata["namespace"], settled, frozenset(_secrets(pod)))


def _secrets(pod: Object) -> Iterator[str]:
    for volume in pod.get("volumes") or ():
        secret: Object = volume.get("secret") or _NOTHING
        projected: Object = volume.get("projected") or _NOTHING
        sources: list[Object] = projected.get("sources") or []
        yield secret.get("secretName", "")
        yield from (source.get("secret", _NOTHING).get("name", "") for source in sources)


def service(found: Object) -> Service:
    """Parse a Service."""
    return Service(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        type=found["spec"].get("type", "ClusterIP"),
        address=balanced(found),
        release=_release(found),
        stays=found["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep",
        inside=found["spec"].get("clusterIP", ""),
    )


def balanced(found: Object) -> str:
    """The address in the status of a Service or an Ingress, an IP or a host name; "" while there is none."""
    ingress: Object = next(iter(found.get("status", {}).get("loadBalancer", {}).get("ingress") or ()), _NOTHING)
    return ingress.get("ip") or ingress.get("hostname") or ""


def claim(found: Object) -> Claim:
    """Parse a PersistentVolumeClaim."""
    annotations = found["metadata"].get("annotations", {})
    return Claim(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        phase=found.get("status", {}).get("phase", "Pending"),
        size=found["spec"].get("resources", {}).get("requests", {}).get("storage", ""),
        storage_class=found["spec"].get("storageClassName", ""),
        labels=found["metadata"].get("labels", {}),
        user=annotations.get(USER, ""),
        node=annotations.get("volume.kubernetes.io/selected-node", ""),
    )


def volume(found: Object) -> Volume:
    """Parse a PersistentVolume."""
    owner, csi = found["spec"].get("claimRef", {}), found["spec"].get("csi", {})
    return Volume(
        name=found["metadata"]["name"],
        namespace=owner.get("namespace", ""),
        claim=owner.get("name", ""),
        deleted_after=found["spec"].get("persistentVolumeReclaimPolicy") == "Delete",
        driver=csi.get("driver", ""),
        handle=csi.get("volumeHandle", ""),
        phase=found.get("status", {}).get("phase", ""),
        server=found["spec"].get("nfs", {}).get("server", ""),
    )


def record(found: Object) -> Record:
    """Parse the metadata of a Secret of Helm's (Helm 3.19 pkg/storage/driver/secrets.go: labels name, owner, status,
    version, createdAt or modifiedAt, and the user's own)."""
    labels = dict(found["metadata"].get("labels", {}))
    ours = {key: labels.pop(key, "") for key in ("name", "owner", "status", "version", "createdAt", "modifiedAt")}
    return Record(
        release=ours["name"],
        namespace=found["metadata"]["namespace"],
        revision=int(ours["version"] or 0),
        status=ours["status"],
        modified=int(ours["modifiedAt"] or ours["createdAt"] or 0),
        secret=found["metadata"]["name"],
        labels=labels,
        annotations=found["metadata"].get("annotations", {}),
    )


PLACE = "hubfleet.io/place"
"""Annotation of a Lease of ours: which state folder on which machine its holder's is."""


def lease(found: Object) -> Lease:
    """Parse a Lease."""
    metadata, spec = found["metadata"], found.get("spec", {})
    return Lease(
        name=metadata["name"],
        namespace=metadata["namespace"],
        holder=spec.get("holderIdentity") or "",
        place=metadata.get("annotations", {}).get(PLACE, ""),
        lasts=spec.get("leaseDurationSeconds") or 0,
        acquired=_seconds(spec.get("acquireTime")),
        renewed=_seconds(spec.get("renewTime")),
        version=metadata.get("resourceVersion", ""),
    )


def lease_body(wanted: Lease) -> dict[str, Any]:
    """A Lease as the API server takes it."""
    metadata = {"name": wanted.name, "namespace": wanted.namespace, "annotations": {PLACE: wanted.place}}
    spec = {
        "holderIdentity": wanted.holder,
        "leaseDurationSeconds": wanted.lasts,
        "acquireTime": _micro_time(wanted.acquired),
        "renewTime": _micro_time(wanted.renewed),
    }
    version = {"resourceVersion": wanted.version} if wanted.version else {}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata | version, "spec": spec}


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _micro_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def secret_data(found: Object) -> dict[str, str]:
    """The keys of a Secret, decoded."""
    data: Mapping[str, str] = found.get("data") or _NOTHING
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    """The keys of a Secret as the API server takes them."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def _release(found: Object) -> str:
    return str(found["metadata"].get("annotations", {}).get("meta.helm.sh/release-name", ""))


def _condition(status: Object, kind: str) -> Object:
    return next((entry for entry in status.get("conditions", ()) if entry["type"] == kind), _NOTHING)


def _container(found: Object) -> Container:
    waiting = found.get("state", {}).get("waiting", {})
    last: Object = found.get("lastState", _NOTHING)
    ended: Object = found.get("state", {}).get("terminated") or last.get("terminated") or _NOTHING
    return Container(
        name=found["name"],
        image=found.get("image", ""),
        ready=found.get("ready", False),
        restarts=found.get("restartCount", 0),
        waiting=waiting.get("reason", ""),
        message=waiting.get("message", "") or ended.get("message", ""),
        exit_code=ended.get("exitCode"),
        ended=ended.get("message", ""),
    )
