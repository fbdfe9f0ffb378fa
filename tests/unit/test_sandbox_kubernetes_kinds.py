from typing import Any

import pytest

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Kind


@pytest.mark.parametrize("kind", kinds.CUSTOM, ids=lambda kind: kind.plural)
def test_every_kind_keeps_all_fields_and_has_a_status_of_its_own(kind: Kind) -> None:
    versions = kinds.definition(kind)["spec"]["versions"]
    assert [version["name"] for version in versions if version["storage"]] == [kind.version]
    for version in versions:
        assert version["schema"]["openAPIV3Schema"]["x-kubernetes-preserve-unknown-fields"]
        assert version["subresources"]["status"] == {}


def test_only_a_control_planes_version_is_checked() -> None:
    def properties(kind: Kind) -> dict[str, Any]:
        found: dict[str, Any] = kinds.definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        return found

    assert [kind for kind in kinds.CUSTOM if properties(kind)] == [kinds.CONTROL_PLANE]
    (rule,) = properties(kinds.CONTROL_PLANE)["spec"]["properties"]["version"]["x-kubernetes-validations"]
    assert "cannot update Kubernetes version from" in rule["messageExpression"]


def test_older_charts_find_the_api_version_that_they_use() -> None:
    for kind in (kinds.OPENSTACK_CLUSTER, kinds.MACHINE_TEMPLATE):
        versions = kinds.definition(kind)["spec"]["versions"]
        assert {"v1alpha7", "v1beta1"} == {version["name"] for version in versions if version["served"]}


def test_what_magnums_driver_reads_is_served() -> None:
    # magnum_capi_helm 1.4, kubernetes.py: the defaults of api_resources
    served = {f"{kind.api_version}/{kind.plural}" for kind in kinds.CUSTOM}
    assert served >= {
        "cluster.x-k8s.io/v1beta1/clusters",
        "cluster.x-k8s.io/v1beta1/machinedeployments",
        "cluster.x-k8s.io/v1beta1/machines",
        "controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes",
        "infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters",
        "addons.stackhpc.com/v1alpha1/helmreleases",
        "addons.stackhpc.com/v1alpha1/manifests",
        "addons.cluster.x-k8s.io/v1alpha1/helmchartproxies",
    }
