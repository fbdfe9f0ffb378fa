"""Which clusters and hubs a command line means, of a fleet's file and of a cluster file that a fleet lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.errors import UsageError
from hubfleet.fleet import Fleet, Selection, load, load_fleet
from hubfleet.spec import InvalidFiles
from tests.unit.fleet_files import hubs, tree, write


def existing(**changes: Any) -> dict[str, Any]:
    """A fleet on clusters that are there."""
    fleet = tree(rings=["staging", "production"], **changes)
    fleet["defaults"]["cluster"]["provider"] = {"existing": {}}
    return fleet


def ringed(name: str) -> dict[str, Any]:
    return hubs(
        staging={"domain": f"staging.{name}.example.org", "ring": "staging"},
        main={"domain": f"{name}.example.org", "ring": "production"},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clusters with two hubs each, one of them in both rings."""
    write(tmp_path, existing(), a=ringed("a"), b={**ringed("b"), "defaults": {"hub": {"image": "q/b:1"}}})
    return tmp_path


def chosen(found: Fleet) -> dict[str, tuple[str, ...]]:
    return {target.cluster.name: target.chosen for target in found.valid().targets}


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), {"a": ("staging", "main"), "b": ("staging", "main")}),
        (Selection(clusters=("b",)), {"b": ("staging", "main")}),
        (Selection(hubs=("main",)), {"a": ("main",), "b": ("main",)}),
        (Selection(rings=("staging",)), {"a": ("staging",), "b": ("staging",)}),
        (Selection(clusters=("a",), rings=("production",)), {"a": ("main",)}),
        (Selection(hubs=("main",), rings=("staging",)), {}),
    ],
)
def test_names_narrow_a_fleet(folder: Path, selection: Selection, meant: dict[str, tuple[str, ...]]) -> None:
    assert chosen(load_fleet(folder, selection)) == meant


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(clusters=("c",)), "there is no cluster 'c'"),
        (Selection(hubs=("mian",)), 'did you mean "main"? There is: staging, main'),
        (Selection(rings=("prod",)), "There is: staging, production"),
    ],
)
def test_a_name_that_nothing_has_is_an_error(folder: Path, selection: Selection, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_fleet(folder, selection)
    assert said in str(caught.value)


def test_a_cluster_file_that_a_fleet_lists_has_the_fleets_defaults_and_is_meant_alone(folder: Path) -> None:
    found = load_fleet(folder / "clusters" / "b")
    assert chosen(found) == {"b": ("staging", "main")}
    assert found.file == (folder / "fleet.yaml").resolve()
    assert found.targets[0].cluster.hubs["main"].chart == "lite"


def test_a_cluster_file_that_no_fleet_lists_stands_alone(folder: Path) -> None:
    alone = tree()["defaults"]["cluster"] | {"name": "alone", "provider": {"existing": {}}}
    (folder / "alone.yaml").write_text(yaml.safe_dump(alone))
    found = load_fleet(folder / "alone.yaml")
    assert (chosen(found), found.file) == ({"alone": ()}, None)


def test_what_is_wrong_with_another_cluster_does_not_stand_in_the_way_of_one_that_is_named(folder: Path) -> None:
    (folder / "clusters" / "b" / "cluster.yaml").write_text("name: b\npols: {}\n")
    assert chosen(load_fleet(folder, Selection(clusters=("a",)))) == {"a": ("staging", "main")}
    with pytest.raises(InvalidFiles):
        load_fleet(folder).valid()


def test_a_name_in_a_file_that_cannot_be_read_is_told_to_be_that(folder: Path) -> None:
    (folder / "clusters" / "b" / "cluster.yaml").write_text("name: [")
    with pytest.raises(UsageError, match=r"clusters/b/cluster.yaml says could not be read"):
        load_fleet(folder, Selection(clusters=("b",)))


def test_a_verb_for_one_cluster_asks_which(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"has 2 clusters.*\n.*say which: --cluster a \(or b\)"):
        load(folder)
    assert load(folder, "b").cluster.name == "b"
    with pytest.raises(UsageError, match="has the hub main on 2 clusters"):
        load(folder, hub="main")


def test_a_hub_that_only_one_cluster_has_names_its_cluster(folder: Path) -> None:
    write(folder, existing(), c=hubs(other={"domain": "o.example.org", "ring": "staging"}))
    assert load(folder, hub="other").cluster.name == "c"


def test_secrets_of_hubs_that_are_not_meant_need_not_be_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODY_HAS_IT", raising=False)
    secret = {"domain": "s.example.org", "ring": "production", "values": {"hub": {"x": "${env:NOBODY_HAS_IT}"}}}
    write(folder, existing(), a={"hubs": {**ringed("a")["hubs"], "secret": secret}})
    (target,) = load_fleet(folder, Selection(clusters=("a",), rings=("staging",))).targets
    assert [release.hub for release in target.resolved().releases() if release.hub] == ["staging"]
    with pytest.raises(InvalidFiles, match="NOBODY_HAS_IT"):
        load(folder, "a").resolved()
