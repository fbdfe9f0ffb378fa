"""The door to Magnum: clusters, node groups, templates, certificates. Plain REST: openstacksdk has no node groups.

Answers become frozen data here; what is odd in them (reference: docs/explanation/jetstream2.md) ends here too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hubfleet.errors import CloudError, Layer
from hubfleet.tools.openstack import Cloud
from hubfleet.tools.openstack_quota import Room
from hubfleet.tools.openstack_session import Answer

SERVICE = "container-infra"
NEEDED = (1, 10)
"""Microversion: 1.9 has node groups, 1.10 lets them be of any size."""
NODE_LABELS = (1, 14)
"""Microversion with node_labels and node_taints of node groups."""
KNOWN = (1, 14)
"""The newest that this module was written for."""
MARK = "hubfleet"
"""The label of clusters that hubfleet made; its value is the contract's version. Magnum keeps labels
that it does not know."""
DEFAULT_WORKER = "default-worker"
DEFAULT_MASTER = "default-master"


@dataclass(frozen=True)
class Template:
    """A cluster template. `labels` are defaults of its clusters'."""

    uuid: str
    name: str
    image: str
    coe: str
    labels: Mapping[str, str]
    keypair: str | None = None
    external_network: str | None = None
    fixed_network: str | None = None
    name_server: str | None = None
    driver: str = ""
    hidden: bool = False
    load_balancer: bool = True
    """Of the control plane."""

    @property
    def chart(self) -> str:
        """Version of the driver's chart for its clusters (magnum-capi-helm 1.4 driver.py:550); "" for the driver's own
        default."""
        return self.labels.get("capi_helm_chart_version", "")


class _WithStatus:
    """What Magnum's statuses have in common: VERB_IN_PROGRESS, VERB_COMPLETE, VERB_FAILED."""

    status: str

    @property
    def under_way(self) -> bool:
        """Magnum is at it."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def failed(self) -> bool:
        """Magnum gave up."""
        return self.status.endswith("_FAILED")


@dataclass(frozen=True)
class Cluster(_WithStatus):
    """A cluster as Magnum sees it. `status` is e.g. CREATE_IN_PROGRESS; `faults` are reasons of failed node groups."""

    uuid: str
    name: str
    status: str
    template: str
    """UUID."""
    labels: Mapping[str, str]
    api_address: str | None = None
    """https://HOST:PORT once the control plane has one."""
    reason: str = ""
    faults: Mapping[str, str] = field(default_factory=dict[str, str])
    keypair: str | None = None
    machine: str | None = None
    control_plane_machine: str | None = None
    control_plane_nodes: int | None = None
    release: str | None = None
    """Of the driver's Helm release, which everything the cluster makes is named after."""
    version: str | None = None
    """Of Kubernetes, "v1.33.2"."""
    created: str = ""
    """When Magnum's conductor wrote it down, to the second: "2026-11-22T15:50:33+00:00"."""
    user: str | None = None
    """The id of its owner, the only one whom Magnum signs certificates for (common/policies/certificate.py)."""
    age: float | None = field(default=None, compare=False)
    """Seconds since `created`, by Magnum's own clock (its answer's header Date); None where it does not tell."""

    @property
    def going(self) -> bool:
        """Magnum deletes it, has deleted it, or failed to."""
        return self.status.startswith("DELETE_")


@dataclass(frozen=True)
class NodeGroup(_WithStatus):
    """A node group as Magnum sees it. With autoscaling `count` does not follow reality. A brief list has no `labels`,
    `min`, `max` and `reason`."""

    uuid: str
    name: str
    machine: str
    status: str
    count: int
    default: bool
    role: str
    labels: Mapping[str, str]
    min: int | None = None
    max: int | None = None
    reason: str = ""
    release: str | None = None
    """As the cluster's; default groups have it as soon as the driver has installed it."""


class Magnum:
    """Magnum of one cloud. Threads may share it. Errors are CloudErrors with Magnum's own words."""

    def __init__(self, cloud: Cloud, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.cloud, self._sleep = cloud, sleep
        self._version: tuple[int, int] | None = None

    # templates

    def templates(self) -> tuple[Template, ...]:
        """The templates of the site and of the project, by name."""
        found = self._get("/clustertemplates/detail").body["clustertemplates"]
        return tuple(sorted(map(_template, found), key=lambda template: template.name))

    def template(self, uuid: str) -> Template | None:
        """That template, also one that the site hides from lists, or None."""
        answer = self._get(f"/clustertemplates/{uuid}", allow=(403, 404))
        return None if answer.status != 200 else _template(answer.body)

    # clusters

    def quota(self) -> Room | None:
        """How many clusters the project may have and has; None where Magnum does not tell. The limit is the project's
        own or the site's (Magnum 23 api/controllers/v1/quota.py:152)."""
        project = self.cloud.project_id
        limit = self._get(f"/quotas/{project}/Cluster", allow=(403, 404)).body.get("hard_limit")
        used = self._get(f"/stats?project_id={project}", allow=(403, 404)).body.get("clusters")
        return None if limit is None or used is None else Room(limit, used)

    def cluster(self, name_or_uuid: str) -> Cluster | None:
        """That cluster with all it has, or None. Magnum lets clusters share a name: then the oldest of those that bear
        hubfleet's mark, or the only one that is not being deleted; CloudError if that still leaves several."""
        answer = self._get(f"/clusters/{name_or_uuid}", allow=(404, 409))
        if answer.status == 409:
            return _chosen(name_or_uuid, self.named(name_or_uuid))
        return None if answer.status == 404 else _cluster(answer.body, answer.since)

    def named(self, name: str) -> tuple[Cluster, ...]:
        """Every cluster of this name, the oldest first (created, then UUID)."""
        return tuple(one for one in self.every_cluster() if one.name == name)

    def every_cluster(self) -> tuple[Cluster, ...]:
        """Every cluster of the project, whoever made it, the oldest first. Magnum gives a thousand at once."""
        found: list[Cluster] = []
        path: str | None = "/clusters/detail"
        while path:
            answer = self._get(path)
            found += (_cluster(one, answer.since) for one in answer.body["clusters"])
            path = f"/clusters/detail?marker={found[-1].uuid}" if answer.body.get("next") else None
        return tuple(sorted(found, key=lambda one: (one.created, one.uuid)))

    def create_cluster(self, body: Mapping[str, Any]) -> str:
        """Ask for a cluster. Its UUID; for a moment Magnum may know nothing of it."""
        return str(self._send("POST", "/clusters", body).body["uuid"])

    def delete_cluster(self, uuid: str) -> None:
        """Ask Magnum to delete it. Nothing to do if it is gone."""
        self._send("DELETE", f"/clusters/{uuid}", allow=(404,))

    def resize(self, uuid: str, group: str, count: int) -> None:
        """Ask for a node group of that size. With its present size this is the nudge: Magnum's driver installs its
        release anew, and every group of it settles."""
        self._send("POST", f"/clusters/{uuid}/actions/resize", {"node_count": count, "nodegroup": group})

    def upgrade(self, uuid: str, template: str) -> None:
        """Ask for the cluster to be moved to that template (UUID). Magnum drops this silently unless the cluster is
        complete. It wants a group and a batch size (without: HTTP 500), and the driver ignores both."""
        body = {"cluster_template": template, "max_batch_size": 1, "nodegroup": DEFAULT_WORKER}
        self._send("POST", f"/clusters/{uuid}/actions/upgrade", body)

    # node groups

    def brief_groups(self, uuid: str) -> tuple[NodeGroup, ...]:
        """Every node group's name and status, in one request; none if the cluster is gone."""
        answer = self._get(f"/clusters/{uuid}/nodegroups", allow=(404,))
        return tuple(map(_group, answer.body.get("nodegroups", ())))

    def groups(self, uuid: str) -> tuple[NodeGroup, ...]:
        """Every node group with all it has."""
        brief = self.brief_groups(uuid)
        if not brief:
            return ()
        with ThreadPoolExecutor(max_workers=min(8, len(brief)), thread_name_prefix="group") as pool:
            full = [pool.submit(self.group, uuid, group.uuid) for group in brief]
            return tuple(group for future in full if (group := future.result()) is not None)

    def group(self, uuid: str, name_or_uuid: str) -> NodeGroup | None:
        """That node group, or None."""
        answer = self._get(f"/clusters/{uuid}/nodegroups/{name_or_uuid}", allow=(404,))
        return None if answer.status == 404 else _group(answer.body)

    def create_group(self, uuid: str, body: Mapping[str, Any]) -> bool:
        """Ask for a node group; True as well if somebody has just done so, False while Magnum takes none, since the
        API's address is not known yet. A Magnum older than 1.14 is not told of labels and taints of nodes."""
        newer = frozenset[str]() if self.microversion >= NODE_LABELS else {"node_labels", "node_taints"}
        told = {key: value for key, value in body.items() if key not in newer}
        try:
            self._send("POST", f"/clusters/{uuid}/nodegroups", told)
        except CloudError as error:
            if error.status != 409 or not re.search("address is not available|exists", error.why):
                raise
            return "exists" in error.why
        return True

    def change_group(self, uuid: str, group: str, bounds: Mapping[str, int]) -> None:
        """Set min_node_count and max_node_count. Magnum drops this silently while the group is being made or failed."""
        patch = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in bounds.items()]
        self._send("PATCH", f"/clusters/{uuid}/nodegroups/{group}", patch)

    def delete_group(self, uuid: str, group: str) -> None:
        """Ask Magnum to delete the node group. Nothing to do if it is gone."""
        self._send("DELETE", f"/clusters/{uuid}/nodegroups/{group}", allow=(404,))

    # certificates

    def certificate_authority(self, uuid: str) -> str:
        """PEM of the cluster's CA."""
        return str(self._get(f"/certificates/{uuid}").body["pem"])

    def sign(self, uuid: str, request: str) -> str:
        """PEM of a certificate for this signing request (PEM); lasts five years."""
        body = {"cluster_uuid": uuid, "csr": request}
        return str(self._send("POST", "/certificates", body, harmless=True).body["pem"])

    def rotate_credential(self, uuid: str) -> None:
        """Have Magnum make a new application credential for the cluster, put it in place and delete the old one; it
        has when this returns. The cluster is the caller's from then on (magnum-capi-helm 1.4 driver.py:1360). Needs
        microversion 1.12."""
        self._send("PATCH", f"/credentials/{uuid}")

    # requests

    @property
    def microversion(self) -> tuple[int, int]:
        """The newest that the site has and this module knows. CloudError if it is too old for us."""
        if self._version is None:
            self._version = self._negotiate()
        return self._version

    def _get(self, path: str, *, allow: tuple[int, ...] = ()) -> Answer:
        """A cluster whose master group is not there yet, or not any more, answers 400 `master_count. Value: '0'`
        for a moment, and so does every list that has it (Magnum 23 conductor/handlers/cluster_conductor.py:54)."""
        for pause in (0.2, 0.5, 1.0, 2.0):
            answer = self.cloud.get(SERVICE, path, headers=self._headers(), allow=(*allow, 400))
            if answer.status != 400:
                return answer
            self._sleep(pause)
        return self.cloud.get(SERVICE, path, headers=self._headers(), allow=allow)

    def _send(
        self, method: str, path: str, body: Any = None, *, allow: tuple[int, ...] = (), harmless: bool = False
    ) -> Answer:
        return self.cloud.send(SERVICE, method, path, body, headers=self._headers(), allow=allow, harmless=harmless)

    def _headers(self) -> Mapping[str, str]:
        return {"OpenStack-API-Version": "{} {}.{}".format(SERVICE, *self.microversion)}

    def _negotiate(self) -> tuple[int, int]:
        answer = self.cloud.get(SERVICE, "/", allow=(404, 406))
        found = re.search(r"(\d+)\.(\d+)", answer.headers.get("OpenStack-API-Maximum-Version", ""))
        newest = (int(found[1]), int(found[2])) if found else NEEDED
        if newest < NEEDED:
            raise CloudError(
                f"the Magnum of {self.cloud.name} is too old",
                why=f"it speaks microversion {newest[0]}.{newest[1]}; node groups need {NEEDED[0]}.{NEEDED[1]}",
                remedy="choose another cloud, or ask its operators",
                layer=Layer.MAGNUM,
            )
        return min(newest, KNOWN)


def _template(found: Mapping[str, Any]) -> Template:
    return Template(
        uuid=found["uuid"],
        name=found["name"],
        image=found.get("image_id") or "",
        coe=found.get("coe") or "",
        labels=_texts(found, "labels"),
        keypair=found.get("keypair_id"),
        external_network=found.get("external_network_id"),
        fixed_network=found.get("fixed_network"),
        name_server=found.get("dns_nameserver"),
        driver=found.get("driver") or "",
        hidden=bool(found.get("hidden")),
        load_balancer=found.get("master_lb_enabled") is not False,
    )


def _cluster(found: Mapping[str, Any], since: Callable[[str | None], float | None]) -> Cluster:
    return Cluster(
        uuid=found["uuid"],
        name=found.get("name") or "",
        status=found.get("status") or "CREATE_IN_PROGRESS",
        template=found.get("cluster_template_id") or "",
        labels=_texts(found, "labels"),
        api_address=found.get("api_address") or None,
        reason=_reason(found.get("status_reason")),
        faults={name: _reason(text) for name, text in _texts(found, "faults").items()},
        keypair=found.get("keypair"),
        machine=found.get("flavor_id"),
        control_plane_machine=found.get("master_flavor_id"),
        control_plane_nodes=found.get("master_count"),
        release=found.get("cluster_id") or found.get("stack_id"),
        version=found.get("coe_version"),
        created=found.get("created_at") or "",
        user=found.get("user_id"),
        age=since(found.get("created_at")),
    )


def _chosen(name: str, found: tuple[Cluster, ...]) -> Cluster | None:
    staying = [one for one in found if not one.going]
    marked = [one for one in staying if MARK in one.labels]
    fitting = marked[:1] or staying or list(found[:1])
    if len(fitting) > 1:
        raise CloudError(
            f"there are several clusters named {name}",
            why=f"Magnum lets clusters share a name, and hubfleet made none of these: {', '.join(map(_told, fitting))}",
            remedy="choose another `name`, or delete all but one: openstack coe cluster delete UUID",
            layer=Layer.MAGNUM,
        )
    return fitting[0] if fitting else None


def _told(cluster: Cluster) -> str:
    return f"{cluster.uuid} ({cluster.status}, of {cluster.created})"


def _group(found: Mapping[str, Any]) -> NodeGroup:
    return NodeGroup(
        uuid=found["uuid"],
        name=found["name"],
        machine=found.get("flavor_id") or "",
        status=found.get("status") or "CREATE_IN_PROGRESS",
        count=found.get("node_count") or 0,
        default=bool(found.get("is_default")),
        role=found.get("role") or "worker",
        labels=_texts(found, "labels"),
        min=found.get("min_node_count"),
        max=found.get("max_node_count"),
        reason=_reason(found.get("status_reason")),
        release=found.get("stack_id"),
    )


def _reason(text: str | None) -> str:
    """Where the driver's Helm failed, its own words instead of six lines about the command (magnum-capi-helm 1.4
    helm.py:72)."""
    found = re.search(r"Command: helm .*Stderr: ['\"](.*)['\"]", text or "", re.DOTALL)
    return f"helm: {_unescaped(found[1]).strip()}" if found else (text or "").strip()


def _unescaped(text: str) -> str:
    """The text of Python's repr, which may be cut off anywhere."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")


def _texts(found: Mapping[str, Any], key: str) -> Mapping[str, str]:
    given: Mapping[str, object] = found.get(key) or {}
    return {name: "" if value is None else str(value) for name, value in given.items()}
