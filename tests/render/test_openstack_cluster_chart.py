"""The stand-in for the driver's chart, rendered by Helm with what Magnum's driver sends."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import chart_repository, kinds, programs
from hubfleet_sandbox.layout import Layout, default_cache

CHART = Path(chart_repository.__file__).parent.parent / "charts" / chart_repository.NAME

# as magnum_capi_helm 1.4 sends them (driver.py:1014-1107)
VALUES: dict[str, Any] = {
    "kubernetesVersion": "1.33.2",
    "machineImageId": "image",
    "machineSSHKeyName": "deploy",
    "cloudCredentialsSecretName": "pythia-cloud-credentials",
    "etcd": {},
    "apiServer": {"associateFloatingIP": True, "enableLoadBalancer": True, "loadBalancerProvider": "amphora"},
    "clusterNetworking": {
        "dnsNameservers": None,
        "externalNetworkId": "public",
        "internalNetwork": {"networkFilter": None, "subnetFilter": None, "nodeCidr": "10.0.0.0/24"},
    },
    "osDistro": "ubuntu",
    "controlPlane": {"machineFlavor": "m3.quad", "machineCount": 1, "healthCheck": {"enabled": True}},
    "nodeGroupDefaults": {"healthCheck": {"enabled": True}},
    "nodeGroups": [
        {"name": "default-worker", "machineFlavor": "m3.quad", "machineCount": 1},
        {
            "name": "user",
            "machineFlavor": "m3.large",
            "machineCount": 1,
            "autoscale": "true",
            "machineCountMin": 1,
            "machineCountMax": 3,
        },
    ],
    "addons": {"openstack": {}, "monitoring": {"enabled": False}, "ingress": {"enabled": False}},
}
Manifests = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def folder() -> Path:
    return programs.get(default_cache(), print)


def values(**group: Any) -> dict[str, Any]:
    """VALUES, with these changes to the group `user`."""
    changed = copy.deepcopy(VALUES)
    changed["nodeGroups"][1] |= group
    return changed


def render(folder: Path, wanted: dict[str, Any], *options: str) -> Manifests:
    argv = [folder / "helm", "template", "pythia", *(options or (str(CHART),)), "--namespace", "p1", "--values", "-"]
    text = processes.run(argv, timeout=60, stdin=json.dumps(wanted))
    found = [item for item in yaml.safe_load_all(text) if item]
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


def of_kind(manifests: Manifests, kind: str, group: str) -> dict[str, Any]:
    label = "capi.stackhpc.com/node-group"
    (found,) = (m for (k, _), m in manifests.items() if k == kind and m["metadata"]["labels"].get(label) == group)
    return found


def test_the_driver_finds_its_objects_by_name(folder: Path) -> None:
    names = set(render(folder, VALUES))
    assert names >= {
        ("Cluster", "pythia"),
        ("OpenStackCluster", "pythia"),
        ("KubeadmControlPlane", "pythia-control-plane"),
        ("MachineDeployment", "pythia-default-worker"),
        ("MachineDeployment", "pythia-user"),
    }


def test_the_management_cluster_serves_every_kind(folder: Path) -> None:
    served = {(kind.api_version, kind.name) for kind in kinds.CUSTOM}
    rendered = {(item["apiVersion"], item["kind"]) for item in render(folder, VALUES).values()}
    assert {(version, kind) for version, kind in rendered if "x-k8s.io" in version} <= served


def test_machines_carry_the_labels_by_which_the_driver_looks_for_them(folder: Path) -> None:
    deployment = of_kind(render(folder, VALUES), "MachineDeployment", "user")
    assert deployment["spec"]["template"]["metadata"]["labels"] == {  # driver.py:247-258
        "capi.stackhpc.com/cluster": "pythia",
        "capi.stackhpc.com/component": "worker",
        "capi.stackhpc.com/node-group": "user",
    }


def test_the_only_label_that_reaches_a_node_is_its_groups(folder: Path) -> None:
    joins = of_kind(render(folder, VALUES), "KubeadmConfigTemplate", "user")["spec"]["template"]["spec"]
    arguments = joins["joinConfiguration"]["nodeRegistration"]["kubeletExtraArgs"]
    assert arguments["node-labels"] == "capi.stackhpc.com/node-group=user"


def test_a_group_that_scales_by_itself_has_bounds_and_no_number(folder: Path) -> None:
    manifests = render(folder, VALUES)
    prefix = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"
    deployment = of_kind(manifests, "MachineDeployment", "user")
    assert deployment["metadata"]["annotations"] == {f"{prefix}-min-size": "1", f"{prefix}-max-size": "3"}
    assert "replicas" not in deployment["spec"]
    assert of_kind(manifests, "MachineDeployment", "default-worker")["spec"]["replicas"] == 1


def test_an_autoscaler_is_there_only_if_a_group_scales_by_itself(folder: Path) -> None:
    autoscaler = render(folder, VALUES)[("Deployment", "pythia-autoscaler")]
    assert autoscaler["metadata"]["labels"]["capi.stackhpc.com/component"] == "autoscaler"
    container = autoscaler["spec"]["template"]["spec"]["containers"][0]
    assert "--node-group-auto-discovery=clusterapi:namespace=p1,clusterName=pythia" in container["args"]
    assert ("Deployment", "pythia-autoscaler") not in render(folder, values(autoscale=None))


@pytest.mark.parametrize(("version", "may"), [("0.10.1", True), ("0.14.0", False), ("0.16.0", True)])
def test_the_autoscaler_of_0_14_may_not_read_how_large_machines_are(
    folder: Path, tmp_path: Path, version: str, may: bool
) -> None:
    argv = [folder / "helm", "package", CHART, "--version", version, "--destination", tmp_path]
    processes.run(argv, timeout=30)
    manifests = render(folder, VALUES, str(tmp_path / f"openstack-cluster-{version}.tgz"))
    rules = manifests[("Role", "pythia-autoscaler")]["rules"]
    assert any("openstackmachinetemplates" in rule["resources"] for rule in rules) is may
    subject = manifests[("RoleBinding", "pythia-autoscaler")]["subjects"][0]
    deployment = manifests[("Deployment", "pythia-autoscaler")]
    assert subject["name"] == deployment["spec"]["template"]["spec"]["serviceAccountName"]


@pytest.mark.parametrize(
    ("group", "complaint"),
    [
        ({"machineCountMin": 0}, "cannot go below 1 machine"),
        ({"machineCountMax": 0}, "machineCountMax 0 is less than machineCountMin 1"),
        ({"machineCountMin": None}, "has no machineCountMin"),
        ({"name": "ab"}, '"ab" cannot be the name of a node group'),
        ({"name": "User"}, '"User" cannot be the name of a node group'),
        ({"machineFlavor": None}, "a machine needs a flavor"),
    ],
)
def test_what_the_real_chart_refuses_is_refused(folder: Path, group: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SandboxError, match=complaint):
        render(folder, values(**group))


def test_another_flavor_is_another_template_and_so_other_machines(folder: Path) -> None:
    before, after = (render(folder, values(machineFlavor=flavor)) for flavor in ("m3.large", "m3.quad"))

    def deployment(manifests: Manifests, group: str) -> dict[str, Any]:
        return of_kind(manifests, "MachineDeployment", group)

    references = [deployment(one, "user")["spec"]["template"]["spec"]["infrastructureRef"] for one in (before, after)]
    assert references[0] != references[1]
    assert deployment(before, "default-worker") == deployment(after, "default-worker")


def test_a_nudge_changes_nothing(folder: Path) -> None:
    assert render(folder, VALUES) == render(folder, copy.deepcopy(VALUES))


def test_uninstalling_leaves_to_cluster_api_what_it_deletes_in_order(folder: Path) -> None:
    annotation = "helm.sh/resource-policy"
    manifests = render(folder, VALUES).values()
    gone = {item["kind"] for item in manifests if annotation not in item["metadata"].get("annotations", {})}
    autoscaler = {"ServiceAccount", "Role", "RoleBinding", "Deployment"}
    assert gone == {"Cluster", "MachineDeployment"} | autoscaler


def test_a_fixed_network_takes_the_place_of_one_of_its_own(folder: Path) -> None:
    wanted = copy.deepcopy(VALUES)
    wanted["clusterNetworking"]["internalNetwork"] |= {"networkFilter": {"id": "n1"}, "subnetFilter": {"id": "s1"}}
    spec = render(folder, wanted)[("OpenStackCluster", "pythia")]["spec"]
    assert (spec["network"], spec["subnets"]) == ({"id": "n1"}, [{"id": "s1"}])
    assert "managedSubnets" not in spec


def test_the_repository_has_the_chart_in_every_version_asked_for(folder: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state", default_cache(), 29, 30500)
    try:
        address = chart_repository.start(layout, folder, ["0.10.1", "0.16.0"])
        assert chart_repository.start(layout, folder, ["0.10.1", "0.16.0"]) == address
        for version in ("0.10.1", "0.16.0"):
            manifests = render(folder, VALUES, chart_repository.NAME, "--repo", address, "--version", version)
            labels = manifests[("Cluster", "pythia")]["metadata"]["labels"]
            assert labels["helm.sh/chart"] == f"openstack-cluster-{version}"
        with pytest.raises(SandboxError, match=r"9\.9\.9"):
            render(folder, VALUES, chart_repository.NAME, "--repo", address, "--version", "9.9.9")
    finally:
        processes.stop(processes.known(layout))
