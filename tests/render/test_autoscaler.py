"""The autoscaler by its real chart: what runs, where, and as whom."""

from __future__ import annotations

from pathlib import Path

from hubfleet.hubs import charts as our_charts
from hubfleet.hubs import releases
from hubfleet.provider import Autoscaler, Traits
from hubfleet.tools.helm import Helm
from tests.render.rendering import Manifests, render
from tests.unit.hub_files import LABEL, describe, load, other


def rendered(helm: Helm, charts: Path, folder: Path) -> Manifests:
    cluster = load(folder)
    wanted = Autoscaler("aws", "lab-eks", "us-west-2", {"eks.amazonaws.com/role-arn": "arn"})
    description = describe(cluster, traits=Traits(min_pool_nodes=0, pool_label=LABEL, autoscaler=wanted))
    (release,) = (one for one in releases(cluster, description) if one.name == "hubfleet-autoscaler")
    return render(helm, other(release, chart=our_charts.local(charts / "cluster-autoscaler")))


def test_it_finds_its_groups_by_their_tags_and_asks_as_its_role(helm: Helm, charts: Path, tmp_path: Path) -> None:
    found = rendered(helm, charts, tmp_path)
    (pod,) = found.pods().values()
    (container,) = pod["containers"]
    tags = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/lab-eks"
    flags = container["command"]
    assert f"--node-group-auto-discovery={tags}" in flags
    assert {"--cloud-provider=aws", "--expander=least-waste", "--skip-nodes-with-system-pods=false"} <= set(flags)
    assert {"name": "AWS_REGION", "value": "us-west-2"} in container["env"]
    assert pod["nodeSelector"] == {LABEL: "core"}
    account = found.one("ServiceAccount", pod["serviceAccountName"])["metadata"]
    assert account["annotations"] == {"eks.amazonaws.com/role-arn": "arn"}
