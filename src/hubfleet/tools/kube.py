"""The door to a cluster's Kubernetes API: what hubfleet needs of it, as frozen data, with a time-out on every request.

Nothing is kept for the process: several clusters can be spoken with at once, one `Kube` each.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hubfleet.errors import CloudError, Layer
from hubfleet.events import Watch
from hubfleet.tools import kube_connection, kube_objects
from hubfleet.tools.kube_objects import (
    Claim,
    Container,
    Controller,
    Deployment,
    LastWarning,
    Lease,
    Namespace,
    Node,
    Object,
    Pod,
    Record,
    Service,
    StorageClass,
    Volume,
)

__all__ = [
    "Claim",
    "Container",
    "Controller",
    "Deployment",
    "Kube",
    "LastWarning",
    "Lease",
    "Namespace",
    "Node",
    "Pod",
    "Record",
    "Service",
    "StorageClass",
    "Volume",
]

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PLACES = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "PersistentVolume": ("/api/v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
}


class Kube:
    """One cluster, by a kubeconfig (a file's path, or its text) and a context (None: the current one).

    `timeout` is for each request, in seconds. Every failure is a CloudError: of the layer credential where the
    kubeconfig is of no use, else "Kubernetes API".
    """

    def __init__(
        self,
        kubeconfig: Path | str,
        context: str | None = None,
        *,
        timeout: float = 15.0,
        transport: Any = None,
        watch: Watch | None = None,
    ) -> None:
        self._client, self.server = kube_connection.connect(kubeconfig, context, timeout, transport)
        self._watch = watch or Watch()
        self._ahead = 0.0

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def __enter__(self) -> Kube:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # the cluster

    def ready(self) -> bool:
        """Whether the API server says that it is ready. False while nobody answers; a refusal (401, 403) raises."""
        try:
            self._request("GET", "/readyz")
        except CloudError as error:
            if error.status in (401, 403):
                raise
            return False
        return True

    def version(self) -> str:
        """The API server's version: "v1.34.4"."""
        return str(self._read("/version").get("gitVersion", "of an unknown version"))

    def nodes(self) -> tuple[Node, ...]:
        """Every node, by name."""
        return tuple(map(kube_objects.node, self._list("/api/v1/nodes")))

    def volumes(self) -> tuple[Volume, ...]:
        """Every PersistentVolume, by name."""
        return tuple(map(kube_objects.volume, self._list("/api/v1/persistentvolumes")))

    def namespaces(self, selector: str = "") -> tuple[Namespace, ...]:
        """The namespaces that a label selector matches, by name."""
        return tuple(map(kube_objects.namespace, self._list("/api/v1/namespaces", selector)))

    def storage_classes(self) -> tuple[StorageClass, ...]:
        """The storage classes that there are."""
        return tuple(map(kube_objects.storage_class, self._list("/apis/storage.k8s.io/v1/storageclasses")))

    # a namespace; None: all of them

    def pods(self, namespace: str | None, selector: str = "") -> tuple[Pod, ...]:
        """The pods that a label selector ("component=hub") matches."""
        return tuple(map(kube_objects.pod, self._list(_place("Pod", namespace), selector)))

    def deployments(self, namespace: str | None, selector: str = "") -> tuple[Deployment, ...]:
        """The deployments that a label selector matches."""
        return tuple(map(kube_objects.deployment, self._list(_place("Deployment", namespace), selector)))

    def daemon_sets(self, namespace: str | None, selector: str = "") -> tuple[Deployment, ...]:
        """The DaemonSets that a label selector matches, each as a Deployment of one pod."""
        return tuple(map(kube_objects.daemon_set, self._list(_place("DaemonSet", namespace), selector)))

    def services(self, namespace: str | None, selector: str = "") -> tuple[Service, ...]:
        """The Services that a label selector matches."""
        return tuple(map(kube_objects.service, self._list(_place("Service", namespace), selector)))

    def claims(self, namespace: str | None, selector: str = "") -> tuple[Claim, ...]:
        """The PersistentVolumeClaims that a label selector matches."""
        return tuple(map(kube_objects.claim, self._list(_place("PersistentVolumeClaim", namespace), selector)))

    def records(self) -> tuple[Record, ...]:
        """Every revision of every Helm release of the cluster, in one request that leaves their content there."""
        found = self._list(_place("Secret", None), "owner=helm", accept=_METADATA_ONLY)
        return tuple(map(kube_objects.record, found))

    def listed(self, api: str, plural: str, namespace: str | None = None) -> tuple[Object, ...]:
        """The objects of an API that not every cluster has ("cert-manager.io/v1"), as they are; none where it is not
        there. For the modules of this package, which know what is in them."""
        within = f"namespaces/{namespace}/" if namespace else ""
        try:
            return tuple(self._list(f"/apis/{api}/{within}{plural}"))
        except CloudError as error:
            if error.status == 404:
                return ()
            raise

    def let_go(self, api: str, plural: str, namespace: str, name: str) -> None:
        """Have an object of such an API wait for nobody when it ends (finalizers); one that is not there is fine."""
        path = f"/apis/{api}/namespaces/{namespace}/{plural}/{name}"
        self._merge(path, {"metadata": {"finalizers": None}}, allow=(404,))

    def has(self, api: str) -> bool:
        """Whether the cluster has this API ("gateway.networking.k8s.io/v1")."""
        return bool(self._request("GET", f"/apis/{api}", allow=(404,)).status_code != 404)

    def last_warning(self, namespace: str, kind: str, name: str) -> LastWarning | None:
        """The newest event of type Warning about this object."""
        about = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
        events = self._list(f"/api/v1/namespaces/{namespace}/events", fields=about)
        newest = max(events, key=_when, default=None)
        return LastWarning(newest.get("reason", ""), newest.get("message", "")) if newest else None

    def events(self, namespace: str, kind: str, name: str) -> dict[str, str]:
        """The newest message of each reason among the events about this object."""
        about = f"involvedObject.kind={kind},involvedObject.name={name}"
        found = sorted(self._list(f"/api/v1/namespaces/{namespace}/events", fields=about), key=_when)
        return {event.get("reason", ""): event.get("message", "") for event in found}

    def log(self, pod: Pod, container: str, *, lines: int = 15, previous: bool = False) -> str:
        """The end of a container's log; of the run before the present one with `previous`. "" if there is none."""
        params = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        try:
            return str(
                self._request("GET", f"{_place('Pod', pod.namespace)}/{pod.name}/log", params=params).text
            ).strip()
        except CloudError:
            return ""

    def using(self, secret: str) -> tuple[Controller, ...]:
        """What keeps pods that mount a Secret of this name, in any namespace."""
        kinds = ("DaemonSet", "Deployment", "StatefulSet")
        found = [kube_objects.controller(kind, one) for kind in kinds for one in self._list(_place(kind, None))]
        return tuple(controller for controller in found if secret in controller.secrets)

    def secrets_named(self, name: str) -> dict[str, dict[str, str]]:
        """Every Secret of this name, by namespace: its keys, decoded."""
        found = self._list(_place("Secret", None), fields=f"metadata.name={name}")
        return {one["metadata"]["namespace"]: kube_objects.secret_data(one) for one in found}

    # what hubfleet itself writes

    def restart(self, controller: Controller, at: str) -> None:
        """Have its pods made anew, as `kubectl rollout restart` does. `at`: the time, ISO 8601."""
        annotations = {"kubectl.kubernetes.io/restartedAt": at}
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        self._merge(f"{_place(controller.kind, controller.namespace)}/{controller.name}", body)

    def ensure_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Make the namespace if it is not there. One that is there is left as it is."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
        self._request("POST", "/api/v1/namespaces", json=body, allow=(409,))

    def namespace(self, name: str) -> Namespace | None:
        """A namespace; None if it is not there."""
        answer = self._request("GET", f"/api/v1/namespaces/{name}", allow=(404,))
        return None if answer.status_code == 404 else kube_objects.namespace(answer.json())

    def make(self, body: Object) -> None:
        """Make the object of this manifest, unless there is one of that name."""
        place = _place(body["kind"], body["metadata"].get("namespace"))
        self._request("POST", place, json=dict(body), allow=(409,))

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """A Secret's keys, decoded; None if it is not there."""
        answer = self._request("GET", f"{_place('Secret', namespace)}/{name}", allow=(404,))
        return None if answer.status_code == 404 else kube_objects.secret_data(answer.json())

    def annotate(self, kind: str, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Add these annotations to an object; one that is not there is fine."""
        self._merge(f"{_place(kind, namespace)}/{name}", {"metadata": {"annotations": dict(annotations)}}, allow=(404,))

    def label(self, kind: str, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        """Add these labels to an object; one that is not there is fine."""
        self._merge(f"{_place(kind, namespace)}/{name}", {"metadata": {"labels": dict(labels)}}, allow=(404,))

    def add_to_secret(
        self, namespace: str, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> dict[str, str]:
        """Add those keys that the Secret does not have, making it if need be; returns all of its keys, decoded.

        A key that is there keeps its value, also when somebody else adds it at the same time.
        """
        place = _place("Secret", namespace)
        for _ in range(5):
            answer = self._request("GET", f"{place}/{name}", allow=(404,))
            if answer.status_code == 404:
                metadata = {"name": name, "labels": dict(labels)}
                body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": kube_objects.encoded(data)}
                answer = self._request("POST", place, json=body, allow=(409,))
            else:
                there = kube_objects.secret_data(answer.json())
                missing = {key: value for key, value in data.items() if key not in there}
                if not missing:
                    return there
                version = answer.json()["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version}, "data": kube_objects.encoded(missing)}
                answer = self._merge(f"{place}/{name}", body, allow=(409,))
            if answer.status_code != 409:
                return kube_objects.secret_data(answer.json())
        raise CloudError(
            f"the Secret {namespace}/{name} is changed again and again by somebody else",
            layer=Layer.KUBERNETES,
            status=409,
        )

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """A ConfigMap's data; None if it is not there."""
        answer = self._request("GET", f"{_place('ConfigMap', namespace)}/{name}", allow=(404,))
        return None if answer.status_code == 404 else dict(answer.json().get("data") or {})

    def merge_config_map(self, namespace: str, name: str, data: Mapping[str, str | None]) -> None:
        """Set these keys of a ConfigMap, and take away those that are None; it is made if need be."""
        place = _place("ConfigMap", namespace)
        answer = self._merge(f"{place}/{name}", {"data": dict(data)}, allow=(404,))
        if answer.status_code == 404:
            given = {key: value for key, value in data.items() if value is not None}
            metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": "hubfleet"}}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": given}
            self._request("POST", place, json=body)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Ask for the deletion of an object (a kind of `Claim`, `Service`, `Pod`, `Secret`: its Kubernetes name). One
        that is not there is fine; that it is gone must be seen by listing."""
        self._request("DELETE", f"{_place(kind, namespace)}/{name}", allow=(404,))

    def delete_namespace(self, name: str) -> None:
        """Ask for the deletion of a namespace and all that is in it."""
        self._request("DELETE", f"/api/v1/namespaces/{name}", allow=(404, 409))

    def lease(self, namespace: str, name: str) -> Lease | None:
        """A Lease; None if it is not there."""
        answer = self._request("GET", f"{_place('Lease', namespace)}/{name}", allow=(404,))
        self._ahead = _ahead(answer.headers.get("Date"))
        return None if answer.status_code == 404 else kube_objects.lease(answer.json())

    def put_lease(self, wanted: Lease) -> Lease | None:
        """Write a Lease, a new one or over the version that was read; None if somebody was quicker."""
        place, body = _place("Lease", wanted.namespace), kube_objects.lease_body(wanted)
        if wanted.version:
            answer = self._request("PUT", f"{place}/{wanted.name}", json=body, allow=(404, 409))
        else:
            answer = self._request("POST", place, json=body, allow=(409,))
        return kube_objects.lease(answer.json()) if answer.is_success else None

    def now(self) -> float:
        """Seconds since 1970 by the API server's clock, as far as its last answer about a Lease told, to a second: two
        machines that share a Lease need one clock."""
        return time.time() + self._ahead

    # the wire

    def _list(
        self, path: str, selector: str = "", *, fields: str = "", accept: str = "application/json"
    ) -> Sequence[Object]:
        params = {key: value for key, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}
        items: list[Object] = self._read(path, params=params, headers={"Accept": accept}).get("items") or []
        return sorted(items, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))

    def _read(self, path: str, **details: Any) -> Object:
        """The object at this path."""
        answer = self._request("GET", path, **details)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if isinstance(found, dict):
            return cast("Object", found)
        raise CloudError(
            f"what answers at {self.server} is no Kubernetes API",
            why=f"GET {path} gave something else than JSON: {str(answer.text)[:100]!r}",
            remedy="see whether the address is right, and who stands between (a proxy, a login page)",
            layer=Layer.KUBERNETES,
        )

    def _merge(self, path: str, body: Object, allow: tuple[int, ...] = ()) -> Any:
        return self._request(
            "PATCH", path, json=body, headers={"Content-Type": "application/merge-patch+json"}, allow=allow
        )

    def _request(self, method: str, path: str, *, allow: tuple[int, ...] = (), **details: Any) -> Any:
        """The answer, if it is a success or one of the statuses in `allow`."""
        import httpx2
        from lightkube.core.exceptions import ConfigError

        try:
            with self._watch.waiting("Kubernetes"):
                answer = self._client.request(method, path, **details)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise _unreachable(self.server, error) from error
        except (ConfigError, ValueError, KeyError, TypeError) as error:
            raise _no_login(self.server, error) from error
        if answer.is_success or answer.status_code in allow:
            return answer
        raise _refused(self.server, method, path, answer)


def _place(kind: str, namespace: str | None) -> str:
    root, plural = _PLACES[kind]
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def _ahead(date: str | None) -> float:
    try:
        return email.utils.parsedate_to_datetime(date or "").timestamp() - time.time()
    except ValueError:
        return 0.0


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _unreachable(server: str, error: Exception) -> CloudError:
    return CloudError(
        f"the API server {server} does not answer",
        why=str(error) or type(error).__name__,
        remedy="see whether the control plane runs and this machine may reach it; then run the same command again",
        layer=Layer.KUBERNETES,
    )


def _no_login(server: str, error: Exception) -> CloudError:
    """A kubeconfig may name a program that logs in (lightkube runs it, and raises this and that)."""
    return CloudError(
        f"the kubeconfig's way to log in to {server} does not work",
        why=f"{type(error).__name__}: {error}",
        remedy="try it with kubectl; for hubfleet a kubeconfig with a token or a certificate is the surest",
        layer=Layer.CREDENTIAL,
    )


def _refused(server: str, method: str, path: str, answer: Any) -> CloudError:
    status, why = answer.status_code, _message(answer)
    what, remedy = f"{method} {path} at {server} gave HTTP {status}", ""
    if status == 401:
        what, remedy = (
            f"the API server {server} does not accept the kubeconfig's credential",
            "get a fresh kubeconfig: hubfleet credentials",
        )
    elif status == 403:
        what, remedy = (
            f"the API server {server} does not allow {method} {path}",
            "use a credential with more rights (hubfleet needs cluster-admin)",
        )
    elif status >= 500 or status == 429:
        remedy = "the API server is in trouble or busy: run the same command again in a minute"
    return CloudError(what, why=why, remedy=remedy, layer=Layer.KUBERNETES, status=status)


def _message(answer: Any) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return str(answer.text)[:300]
