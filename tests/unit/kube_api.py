"""An API server in memory for tests of what speaks with one: it keeps objects, and answers as Kubernetes does.

It refuses paths that nobody told it of, so that no test passes by accident.
"""

from __future__ import annotations

import base64
import email.utils
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from hubfleet.tools.kube import Kube

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://cluster.test"}}]
users: [{name: u, user: {token: t0ken}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: c, user: u}}]
current-context: one
"""
_ITEM = re.compile(
    r"^/(?:api/v1|apis/(?:apps|(?:coordination|storage|networking|gateway\.networking)\.k8s\.io|(?:acme\.)?cert-manager\.io)/v1)(?:/namespaces/(?P<ns>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?P<sub>/log)?$"
)
_NAMESPACE = re.compile(r"^/api/v1/namespaces(?:/(?P<name>[^/]+))?$")

Object = dict[str, Any]


class Api:
    """Objects by (plural, namespace, name). `fail` answers instead, where it gives something; `on_delete` is told."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.logs: dict[str, str] = {}
        self.fail: Callable[[httpx2.Request], httpx2.Response | None] = lambda request: None
        self.on_delete: Callable[[str, str, str], None] = lambda plural, namespace, name: None
        self.requests: list[tuple[str, str]] = []
        self.apis: set[str] = set()
        """Those that not every cluster has, GROUP/VERSION."""
        self.clock = time.time
        """Seconds since 1970, told in each answer."""
        self._version = 0
        self.storage_class("fast", default=True)

    def kube(self, **options: Any) -> Kube:
        return Kube(KUBECONFIG, transport=httpx2.MockTransport(self.answer), **options)

    def add(self, plural: str, namespace: str, name: str, **body: Any) -> Object:
        """Put an object there; `metadata` is added to."""
        self._version += 1
        metadata = {"name": name, "resourceVersion": str(self._version)} | (
            {"namespace": namespace} if namespace else {}
        )
        found = body | {"metadata": body.get("metadata", {}) | metadata}
        self.objects[(plural, namespace, name)] = found
        return found

    def storage_class(self, name: str, *, default: bool) -> None:
        """A storage class, as a cloud's addon makes it."""
        annotations = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
        self.add("storageclasses", "", name, metadata={"annotations": annotations})

    def record(self, release: str, namespace: str, revision: int, status: str, **labels: str) -> None:
        """A revision of a Helm release."""
        own = {"owner": "helm", "name": release, "status": status, "version": str(revision), "modifiedAt": "1700000000"}
        name = f"sh.helm.release.v1.{release}.v{revision}"
        self.add("secrets", namespace, name, metadata={"labels": own | labels}, data={"release": "x"})

    def running_hub(self, name: str, namespace: str, address: str = "172.30.0.100") -> None:
        """What a hub's release makes, when all is well."""
        metadata = {"annotations": {"meta.helm.sh/release-name": name}, "generation": 1}
        self.running(name, namespace, "hub", "proxy")
        ingress = {"loadBalancer": {"ingress": [{"ip": address}] if address else []}}
        self.add(
            "services", namespace, "proxy-public", metadata=metadata, spec={"type": "LoadBalancer"}, status=ingress
        )

    def running(self, release: str, namespace: str, *deployments: str) -> None:
        """Deployments of a release, rolled out."""
        metadata = {"annotations": {"meta.helm.sh/release-name": release}, "generation": 1}
        full = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
        for one in deployments:
            self.add("deployments", namespace, one, metadata=metadata, spec={"replicas": 1}, status=full)

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        data = self.objects[("secrets", namespace, name)]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def names(self, plural: str) -> list[str]:
        return sorted(name for kind, _, name in self.objects if kind == plural)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._answer(request)
        answer.headers["Date"] = email.utils.formatdate(self.clock(), usegmt=True)
        return answer

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append((request.method, request.url.path))
        failed = self.fail(request)
        if failed is not None:
            return failed
        if request.url.path == "/version":
            return _json({"gitVersion": "v1.34.4"})
        if request.url.path == "/readyz":
            return httpx2.Response(200, text="ok")
        if request.url.path.startswith("/apis/") and request.url.path.count("/") == 3:
            there = request.url.path.removeprefix("/apis/") in self.apis
            return _json({"kind": "APIResourceList"}) if there else _status(404, "not found")
        if match := _NAMESPACE.match(request.url.path):
            return self._object(request, "namespaces", "", match["name"])
        match = _ITEM.match(request.url.path)
        if match is None:
            raise AssertionError(f"nobody expected {request.method} {request.url.path}")
        if match["sub"]:
            previous = "previous " if request.url.params["previous"] == "true" else ""
            return httpx2.Response(200, text=self.logs.get(previous + str(match["name"]), ""))
        return self._object(request, match["plural"], match["ns"] or "", match["name"])

    def _object(self, request: httpx2.Request, plural: str, namespace: str, name: str | None) -> httpx2.Response:
        if request.method == "GET" and name is None:
            return _json({"items": self._list(plural, namespace, request.url.params)})
        body = json.loads(request.content) if request.content else {}
        key = (plural, namespace, name or body["metadata"]["name"])
        there = self.objects.get(key)
        if request.method == "POST":
            if there:
                return _status(409, f"{plural} {key[2]!r} already exists")
            return _json(self.add(*key, **body))
        if there is None:
            return _status(404, f"{plural} {key[2]!r} not found")
        if request.method == "DELETE":
            del self.objects[key]
            self.on_delete(*key)
            return _json({})
        if request.method == "PUT":
            if body["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
                return _status(409, "the object has been modified")
            del body["metadata"]["resourceVersion"]
            return _json(self.add(*key, **body))
        if request.method == "PATCH" and (
            plural in {"daemonsets", "deployments", "statefulsets"} or "data" not in body
        ):
            return _json(self.add(*key, **_merged(there, body)))
        if request.method == "PATCH":
            if body.get("metadata", there["metadata"])["resourceVersion"] != there["metadata"]["resourceVersion"]:
                return _status(409, "the object has been modified")
            data = {key: value for key, value in (there["data"] | body["data"]).items() if value is not None}
            return _json(self.add(*key, **(there | {"data": data})))
        return _json(there)

    def _list(self, plural: str, namespace: str, params: httpx2.QueryParams) -> list[Object]:
        found = [o for (kind, ns, _), o in list(self.objects.items()) if kind == plural and namespace in ("", ns)]
        for part in filter(None, params.get("labelSelector", "").split(",")):
            key, _, value = part.partition("=")
            labelled = [(o, o["metadata"].get("labels", {})) for o in found]
            if key.endswith("!"):
                found = [o for o, labels in labelled if labels.get(key[:-1]) != value]
                continue
            found = [o for o, labels in labelled if (labels.get(key) == value if "=" in part else key in labels)]
        for part in filter(None, params.get("fieldSelector", "").split(",")):
            *path, last = part.partition("=")[0].split(".")
            found = [o for o in found if _at(o, path).get(last) == part.partition("=")[2]]
        return found


def kubeconfig_file(folder: Path) -> Path:
    """The same kubeconfig as a file."""
    file = folder / "kubeconfig"
    file.write_text(KUBECONFIG)
    return file


def _merged(there: Object, patch: Object) -> Object:
    """As a merge patch does it."""
    deeper = {key: _merged(there.get(key, {}), value) for key, value in patch.items() if isinstance(value, dict)}
    return {**there, **patch, **deeper}


def _at(found: Object, path: list[str]) -> Object:
    for key in path:
        found = found[key]
    return found


def _json(body: Object) -> httpx2.Response:
    return httpx2.Response(200, json=body)


def _status(code: int, message: str) -> httpx2.Response:
    return httpx2.Response(code, json={"kind": "Status", "message": message})
