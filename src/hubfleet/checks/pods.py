"""Why a release's pods do not run, from the outside in: the first thing that is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hubfleet.errors import Layer
from hubfleet.tools.kube import Container, Deployment, Kube, Pod, Service

_NO_IMAGE = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
)
_BAD_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_USER_SERVER = "singleuser-server"
_FOR_USERS = frozenset({_USER_SERVER, "user-placeholder"})
"""Components whose pods may wait for a node as long as they like."""
COMPONENT = "app.kubernetes.io/component"
USERS_SERVERS = f"{COMPONENT}={_USER_SERVER}"
"""Selects the pods of users' servers, of both charts."""
BUILDS = "component=binderhub-build"
"""Selects the pods in which a BinderHub builds (binderhub/build.py, `_component_label`)."""


@dataclass(frozen=True)
class Trouble:
    """Something that does not mend itself as a rule."""

    layer: Layer
    what: str
    why: str = ""
    remedy: str = ""


def find(
    kube: Kube, namespace: str, deployments: tuple[Deployment, ...], services: tuple[Service, ...]
) -> Trouble | None:
    """The first trouble of what is not ready among these and the pods of their namespace; None while all is on its
    way. Users' servers and placeholders do not count. Asks for warnings and logs only where something is not ready."""
    late = {deployment.name: deployment for deployment in deployments if not deployment.rolled_out}
    if late:
        for deployment in late.values():
            if failure := _failure(kube, deployment):
                return Trouble(Layer.KUBERNETES, f"no pod of {deployment.name} can be made", failure)
        return of_pods(kube, kube.pods(namespace)) or _of_claims(kube, namespace)
    for service in services:
        if service.type == "LoadBalancer" and not service.address:
            return _of_service(kube, service)
    return None


def _failure(kube: Kube, deployment: Deployment) -> str:
    """Why its pods cannot even be made; a DaemonSet says so in an event alone."""
    if deployment.kind != "DaemonSet":
        return deployment.failure
    warning = kube.last_warning(deployment.namespace, deployment.kind, deployment.name)
    return warning.message if warning and warning.reason == "FailedCreate" else ""


def of_pods(kube: Kube, pods: Iterable[Pod]) -> Trouble | None:
    """What hinders the first of these that something hinders; users' servers and placeholders do not count."""
    late = (pod for pod in pods if not (pod.ready or pod.deleting or _is_for_users(pod) or _is_over(pod)))
    return next(filter(None, (of_pod(kube, pod) for pod in late)), None)


def progress(deployments: tuple[Deployment, ...], services: tuple[Service, ...]) -> str:
    """What is still waited for, in a few words; "" when all is there."""
    late = [deployment.name for deployment in deployments if not deployment.rolled_out]
    if late:
        return f"waiting for the pods of {', '.join(late)}"
    if any(service.type == "LoadBalancer" and not service.address for service in services):
        return "waiting for the load balancer's address"
    return ""


def _is_for_users(pod: Pod) -> bool:
    return pod.labels.get(COMPONENT) in _FOR_USERS


def _is_over(pod: Pod) -> bool:
    return pod.phase in ("Succeeded", "Failed")


def of_pod(kube: Kube, pod: Pod) -> Trouble | None:
    """What hinders this pod; None while all is on its way."""
    if pod.failed:
        remedy = "start it once more; where several schedulers fill one node, each may give the same room away"
        return Trouble(Layer.NODE, f"{pod.node or 'its node'} does not run the pod {pod.name}", pod.failed, remedy)
    if "PersistentVolumeClaim" in pod.scheduling:
        what = f"the pod {pod.name} waits for its volume"
        return _of_claims(kube, pod.namespace) or Trouble(Layer.STORAGE, what, pod.scheduling)
    if pod.scheduling:
        remedy = "look at the pool: has it nodes that are ready and large enough? (hubfleet status)"
        return Trouble(Layer.SCHEDULER, f"no node takes the pod {pod.name}", pod.scheduling, remedy)
    if pod.unseen_by:
        what = f"{pod.unseen_by} has not looked for a node for the pod {pod.name}"
        whose = "deploy/user-scheduler" if pod.unseen_by.endswith("user-scheduler") else "its pod"
        remedy = f"see whether that scheduler works: hubfleet kubectl -n {pod.namespace} logs {whose}"
        return Trouble(Layer.SCHEDULER, what, "it would say so at once, also where it finds none", remedy)
    for container in pod.containers:
        trouble = _of_container(kube, pod, container)
        if trouble:
            return trouble
    warning = (
        kube.last_warning(pod.namespace, "Pod", pod.name)
        if pod.node and not any(c.ready for c in pod.containers)
        else None
    )
    if warning and warning.reason.startswith("Failed"):
        return Trouble(
            Layer.NODE, f"the pod {pod.name} cannot start on {pod.node}", f"{warning.reason}: {warning.message}"
        )
    return None


def _of_container(kube: Kube, pod: Pod, container: Container) -> Trouble | None:
    if container.waiting in _NO_IMAGE:
        what = f"{pod.node or 'its node'} cannot get the image {container.image} for the pod {pod.name}"
        remedy = "correct the image's name, or see whether its registry lets the nodes in; what waits goes on by itself"
        return Trouble(Layer.NODE, what, _words(container), remedy)
    if container.waiting in _BAD_CONFIGURATION:
        return Trouble(Layer.CHART, f"the container {container.name} of {pod.name} cannot be made", _words(container))
    if container.waiting == "CrashLoopBackOff" or (container.restarts > 1 and not container.ready):
        log = kube.log(pod, container.name, previous=True) or kube.log(pod, container.name)
        layer = Layer.PROXY if "proxy" in pod.labels.get(COMPONENT, "") else Layer.HUB
        what = f"{container.name} of {pod.name} ends again and again (exit code {container.exit_code})"
        return Trouble(
            layer,
            what,
            f"its last words:\n{log}" if log else container.ended or "it left no log",
            "correct the hub's values; hubfleet apply goes on",
        )
    return None


def _words(container: Container) -> str:
    return f"{container.waiting}: {container.message}" if container.message else container.waiting


def _of_claims(kube: Kube, namespace: str) -> Trouble | None:
    for claim in kube.claims(namespace):
        if claim.phase == "Pending":
            warning = kube.last_warning(namespace, "PersistentVolumeClaim", claim.name)
            if warning:
                remedy = (
                    f"see the storage class {claim.storage_class}"
                    if claim.storage_class
                    else "the cluster needs a default storage class"
                )
                return Trouble(Layer.STORAGE, f"there is no volume for the claim {claim.name}", warning.message, remedy)
    return None


def _of_service(kube: Kube, service: Service) -> Trouble | None:
    warning = kube.last_warning(service.namespace, "Service", service.name)
    if warning is None:
        return None
    what = f"the load balancer of {service.name} has no address"
    return Trouble(
        Layer.NETWORK,
        what,
        f"{warning.reason}: {warning.message}",
        "see the project's quota of load balancers and floating IPs",
    )
