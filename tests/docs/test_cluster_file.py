"""docs/reference/cluster-file.md has every key of every model, says what each is for, and its example is right."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from pydantic import BaseModel

from hubfleet import registry
from hubfleet.hubs.schemas import check
from hubfleet.spec import load_cluster, load_fleet, models
from hubfleet.spec.descriptions import descriptions

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "cluster-file.md"
TEXT = PAGE.read_text(encoding="utf-8")


def generator() -> ModuleType:
    """scripts/cluster_file.py."""
    spec = importlib.util.spec_from_file_location("cluster_file", ROOT / "scripts" / "cluster_file.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings_of(name: str) -> type[BaseModel]:
    return registry.provider(name).settings


MODELS = [
    *(models.ClusterFile, models.Pool, models.NodeCount, models.ControlPlane, models.Storage, models.Homes),
    *(models.Ingress, models.Hub, models.Auth, models.SharedPassword, models.GitHub, models.Culling),
    *(models.CILogon, models.IdentityProvider, models.Google, models.GoogleGroups, models.Globus),
    *(models.GenericOAuth, models.LTI, models.Native),
    *(models.Registry, models.DockerHub, models.Quay, models.GHCR, models.ArtifactRegistry, models.AzureRegistry),
    *(models.ElasticRegistry, models.InCluster, models.OtherRegistry, models.Repositories, models.Builds),
    *(models.Pages, models.Service),
    *(models.Charts, models.ChartVersions, models.Monitoring, models.Prometheus, models.Grafana),
    *(models.Profile, models.ImageChoice, models.Placeholders, models.Size),
    *map(settings_of, registry.names()),
]


def test_the_list_above_has_every_model_of_the_file() -> None:
    apart = {models.Model, models.ValuesFile, models.ProviderBlock, models.Cluster, models.Taint}
    apart |= {
        models.Images,
        models.Account,
        models.HubDefaults,
        models.Defaults,
        models.FleetDefaults,
        models.FleetFile,
    }
    every = {model for model in vars(models).values() if isinstance(model, type) and issubclass(model, models.Model)}
    assert every - apart <= set(MODELS)


def test_the_tables_are_fresh() -> None:
    assert generator().page(TEXT) == TEXT, "run `make docs`"


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_in_a_table_with_what_it_is_for(model: type[BaseModel]) -> None:
    rows = {
        (line.split(" | ")[0].strip("| `"), line.rsplit("|", 2)[1].strip())
        for line in TEXT.splitlines()
        if line[:1] == "|"
    }
    for attribute, field in model.model_fields.items():
        key = field.alias or attribute
        assert any(key == name and said for name, said in rows), key
        if text := descriptions(model).get(key):
            assert (key, " ".join(text.split())) in rows


def test_every_map_of_the_file_has_its_heading() -> None:
    headings = re.findall(r"^### `(.*)`$", TEXT, re.MULTILINE)
    assert {"pools.NAME", "pools.NAME.nodes", "storage.homes", "hubs.NAME", "hubs.NAME.auth.github"} <= set(headings)
    assert {f"provider.{name}" for name in registry.names()} <= set(headings)
    assert len(headings) == len(set(headings))


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    anchors = {
        re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= anchors


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_the_example_is_right(tmp_path: Path, example: str) -> None:
    (tmp_path / "cluster.yaml").write_text(example)
    assert load_cluster(tmp_path / "cluster.yaml", registry.names(), settings_of).hubs


LOGGING_IN = (ROOT / "docs" / "how-to" / "log-in.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(auth:.*?)```", LOGGING_IN, re.DOTALL))
def test_every_example_of_a_way_to_log_in_is_right(tmp_path: Path, example: str) -> None:
    hub = {"domain": "hub.example.org", "admins": ["ada"], **yaml.safe_load(example)}
    file = {
        "name": "x",
        "provider": {"existing": None},
        "pools": {"all": {"runs": ["core", "users"]}},
        "hubs": {"a": hub},
    }
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(file))
    cluster = load_cluster(tmp_path / "cluster.yaml", registry.names(), settings_of)
    assert check(cluster, registry.provider("existing").describe(cluster)).problems == ()


def test_every_way_to_log_in_has_an_example() -> None:
    shown = {way for way in models.Auth.model_fields if re.search(rf"^ *(auth: {{)?{way}:", LOGGING_IN, re.MULTILINE)}
    assert shown == set(models.Auth.model_fields)


def test_the_fleets_example_is_right_and_its_page_has_every_key(tmp_path: Path) -> None:
    page = (PAGE.parent / "fleet-file.md").read_text(encoding="utf-8")
    fleet, cluster = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "clusters" / "pythia").mkdir(parents=True)
    (tmp_path / "fleet.yaml").write_text(fleet)
    (tmp_path / "clusters" / "pythia" / "cluster.yaml").write_text(cluster)
    (tmp_path / "common.values.yaml").write_text("cull: {}\n")
    loaded = load_fleet(tmp_path / "fleet.yaml", registry.names(), settings_of)
    assert loaded.every_problem == ()
    for key in models.FleetFile.model_fields:
        assert f"| `{key}" in page
        assert key == "defaults" or " ".join(descriptions(models.FleetFile)[key].split()) in page
