"""The autoscaler: installed where a provider says that the cloud comes without one, and knows what to change there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet import registry
from hubfleet.hubs import Release, releases
from hubfleet.spec import InvalidFiles, load_cluster
from tests.unit import cluster_files
from tests.unit.hub_files import TWO_POOLS

LABEL = "eks.amazonaws.com/nodegroup"
ROLE = "arn:aws:iam::111122223333:role/autoscaler"
AWS = {"cluster": "lab-eks", "region": "us-west-2", "role": ROLE}


def found(folder: Path, aws: dict[str, Any] | None) -> Release | None:
    """The autoscaler's release, by the provider `existing` itself."""
    block = {"pool_label": LABEL} | ({"autoscaler": {"aws": aws}} if aws else {})
    tree = cluster_files.hub() | {"pools": TWO_POOLS, "provider": {"existing": block}}
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(tree))
    cluster = load_cluster(file, registry.names(), lambda name: registry.provider(name).settings)
    every = releases(cluster, registry.provider("existing").describe(cluster))
    return next((one for one in every if one.name == "hubfleet-autoscaler"), None)


def test_it_knows_its_cluster_and_runs_on_the_core_pool(tmp_path: Path) -> None:
    release = found(tmp_path, AWS)
    assert release is not None
    values = release.values
    assert (values["cloudProvider"], values["awsRegion"]) == ("aws", "us-west-2")
    assert values["autoDiscovery"] == {"clusterName": "lab-eks"}
    assert values["nodeSelector"] == {LABEL: "core"}
    account = values["rbac"]["serviceAccount"]
    assert account == {"name": "hubfleet-autoscaler", "annotations": {"eks.amazonaws.com/role-arn": ROLE}}
    assert (release.chart.name, release.chart.version) == ("cluster-autoscaler", "9.59.0")


def test_with_pod_identity_there_is_no_role_to_name(tmp_path: Path) -> None:
    release = found(tmp_path, {key: value for key, value in AWS.items() if key != "role"})
    assert release is not None
    assert release.values["rbac"]["serviceAccount"]["annotations"] == {}


def test_nobody_gets_one_who_does_not_ask(tmp_path: Path) -> None:
    assert found(tmp_path, None) is None


@pytest.mark.parametrize(("key", "value"), [("region", "Oregon"), ("role", "autoscaler"), ("cluster", "")])
def test_what_amazon_would_not_know_is_told(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(InvalidFiles, match=f"provider.existing.autoscaler.aws.{key}"):
        found(tmp_path, AWS | {key: value})
