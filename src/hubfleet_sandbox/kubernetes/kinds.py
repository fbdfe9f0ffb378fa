"""The kinds of Cluster API that the driver's chart makes and Magnum's driver reads, and a few of Kubernetes' own."""

from __future__ import annotations

from hubfleet_sandbox.kubernetes.api import Kind, Object

_CAPI, _OPENSTACK = "cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io"

CLUSTER = Kind(_CAPI, "v1beta1", "clusters", "Cluster")
MACHINE_DEPLOYMENT = Kind(_CAPI, "v1beta1", "machinedeployments", "MachineDeployment")
MACHINE = Kind(_CAPI, "v1beta1", "machines", "Machine")
MACHINE_HEALTH_CHECK = Kind(_CAPI, "v1beta1", "machinehealthchecks", "MachineHealthCheck")
CONTROL_PLANE = Kind(f"controlplane.{_CAPI}", "v1beta1", "kubeadmcontrolplanes", "KubeadmControlPlane")
BOOTSTRAP = Kind(f"bootstrap.{_CAPI}", "v1beta1", "kubeadmconfigtemplates", "KubeadmConfigTemplate")
OPENSTACK_CLUSTER = Kind(_OPENSTACK, "v1beta1", "openstackclusters", "OpenStackCluster")
MACHINE_TEMPLATE = Kind(_OPENSTACK, "v1beta1", "openstackmachinetemplates", "OpenStackMachineTemplate")
# The driver asks for the state of addons after every change (magnum_capi_helm 1.4, kubernetes.py:190-205).
HELM_RELEASE = Kind("addons.stackhpc.com", "v1alpha1", "helmreleases", "HelmRelease")
MANIFESTS = Kind("addons.stackhpc.com", "v1alpha1", "manifests", "Manifests")
HELM_CHART_PROXY = Kind("addons.cluster.x-k8s.io", "v1alpha1", "helmchartproxies", "HelmChartProxy")

CUSTOM = (
    CLUSTER,
    MACHINE_DEPLOYMENT,
    MACHINE,
    MACHINE_HEALTH_CHECK,
    CONTROL_PLANE,
    BOOTSTRAP,
    OPENSTACK_CLUSTER,
    MACHINE_TEMPLATE,
    HELM_RELEASE,
    MANIFESTS,
    HELM_CHART_PROXY,
)
"""What the management cluster serves beside Kubernetes' own kinds."""

DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
NAMESPACE = Kind("", "v1", "namespaces", "Namespace")
NODE = Kind("", "v1", "nodes", "Node")
POD = Kind("", "v1", "pods", "Pod")
SECRET = Kind("", "v1", "secrets", "Secret")
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount")
SERVICE = Kind("", "v1", "services", "Service")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
DEFINITION = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")

# What KubeadmControlPlane's webhook refuses (cluster-api, controlplane/kubeadm/internal/webhooks/
# kubeadm_control_plane.go, validateVersion), in its words.
_VERSION: Object = {
    "type": "string",
    "maxLength": 32,
    "x-kubernetes-validations": [
        {
            "rule": "self == oldSelf || int(self.split('.')[1]) < int(oldSelf.split('.')[1]) + 2",
            "messageExpression": "'cannot update Kubernetes version from ' + oldSelf + ' to ' + self",
            "message": "cannot update Kubernetes version",
            "reason": "FieldValueForbidden",
        }
    ],
}
_CHECKED: dict[Kind, Object] = {
    CONTROL_PLANE: {
        "spec": {
            "type": "object",
            "properties": {"version": _VERSION},
            "x-kubernetes-preserve-unknown-fields": True,
        }
    }
}

_SCALED: dict[Kind, Object] = {
    MACHINE_DEPLOYMENT: {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}
}

_OLDER = {OPENSTACK_CLUSTER: ("v1alpha7",), MACHINE_TEMPLATE: ("v1alpha7",)}  # charts up to 0.10.1 use these


def definition(kind: Kind) -> Object:
    """The CustomResourceDefinition that makes the API server serve this kind, whatever fields its objects have. The
    few that are checked stand in for Cluster API's webhooks."""
    return {
        "apiVersion": DEFINITION.api_version,
        "kind": DEFINITION.name,
        "metadata": {
            "name": f"{kind.plural}.{kind.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, part of a sandbox"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "categories": ["cluster-api"],
            },
            "versions": [_version(name, kind) for name in (kind.version, *_OLDER.get(kind, ()))],
        },
    }


def _version(name: str, kind: Kind) -> Object:
    return {
        "name": name,
        "served": True,
        "storage": name == kind.version,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": _CHECKED.get(kind, {}),
                "x-kubernetes-preserve-unknown-fields": True,
            }
        },
        "subresources": {"status": {}, **_SCALED.get(kind, {})},
        "additionalPrinterColumns": [
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }
