"""The way to another Kubernetes, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubfleet.errors import Refused, UsageError
from hubfleet.plan.steps import Action, Step
from hubfleet.plan.upgrades import Offer, UpgradeWork, Wish, finding, steps, told
from hubfleet.spec.problems import Position
from hubfleet.tools.magnum import Cluster, NodeGroup, Template

GROUPS = (
    NodeGroup("g1", "default-worker", "m3.quad", "CREATE_COMPLETE", 1, True, "worker", {}),
    NodeGroup("g2", "user", "m3.large", "CREATE_COMPLETE", 3, False, "worker", {}),
)


def offer(name: str, kubernetes: str, chart: str = "0.16.0") -> Offer:
    return Offer(
        Template(f"uuid-{name}", name, f"image-{name}", "kubernetes", {"capi_helm_chart_version": chart}), kubernetes
    )


SITE = (
    offer("kubernetes-1-32-jammy", "v1.32.5"),
    offer("kubernetes-1-33-jammy", "v1.33.2"),
    offer("kubernetes-1-33-jammy-old-chart", "v1.33.9", "0.10.1"),
    offer("kubernetes-1-34-jammy", "v1.34.4"),
    offer("flatcar-1-34", "v1.34.6"),
)


def cluster(name: str = "kubernetes-1-32-jammy", version: str = "v1.32.5", status: str = "UPDATE_COMPLETE") -> Cluster:
    return Cluster("u-1", "pythia", status, f"uuid-{name}", {}, version=version)


def way(there: Cluster, wish: Wish, site: tuple[Offer, ...] = SITE) -> list[tuple[Action, str]]:
    return [(step.action, work(step).offer.template.name) for step in steps(there, GROUPS, site, wish)]


def work(step: Step) -> UpgradeWork:
    assert isinstance(step.work, UpgradeWork)
    return step.work


def test_two_minors_are_two_hops_one_after_the_other_within_the_templates_family() -> None:
    made = steps(cluster(), GROUPS, SITE, Wish("1.34"))
    assert [work(step).offer.template.name for step in made] == ["kubernetes-1-33-jammy", "kubernetes-1-34-jammy"]
    assert [step.id for step in made] == ["upgrade/1.33", "upgrade/1.34"]
    assert made[1].needs == {"upgrade/1.33"}


def test_a_cluster_that_is_there_has_nothing_to_do() -> None:
    assert way(cluster(), Wish("1.32")) == []
    assert way(cluster(), Wish(template="kubernetes-1-32-jammy")) == []


def test_a_template_of_the_same_minor_is_one_hop_and_told_as_what_it_is() -> None:
    there = cluster("kubernetes-1-33-jammy-old-chart", "v1.33.2")
    site = (*SITE[:2], offer("kubernetes-1-33-jammy-old-chart", "v1.33.2", "0.10.1"))
    assert way(there, Wish(template="kubernetes-1-33-jammy"), site) == [(Action.CHANGE, "kubernetes-1-33-jammy")]
    assert told(site[2], site[1]) == "Kubernetes v1.33.2 stays, the driver's chart 0.10.1 to 0.16.0"


def test_an_upgrade_that_began_is_finished_first() -> None:
    half = cluster("kubernetes-1-33-jammy", "v1.32.5", "UPDATE_IN_PROGRESS")
    assert way(half, Wish("1.34")) == [
        (Action.FINISH, "kubernetes-1-33-jammy"),
        (Action.CHANGE, "kubernetes-1-34-jammy"),
    ]
    assert way(half, Wish("1.33")) == [(Action.FINISH, "kubernetes-1-33-jammy")]


def test_a_pool_of_one_node_is_told_to_have_none_meanwhile() -> None:
    (step,) = steps(cluster(), GROUPS, SITE, Wish("1.33"))
    assert any("default-worker" in detail and "user" not in detail for detail in step.details)


def test_there_is_no_way_back() -> None:
    there = cluster("kubernetes-1-34-jammy", "v1.34.4")
    with pytest.raises(Refused, match=r"back to v1\.33\.2"):
        way(there, Wish(template="kubernetes-1-33-jammy"))


def test_a_gap_in_the_sites_templates_is_named() -> None:
    with pytest.raises(Refused, match=r"no template of 1\.33"):
        way(cluster(), Wish("1.34"), (SITE[0], SITE[3]))


def test_a_version_that_the_site_does_not_have_is_answered_with_those_it_has() -> None:
    with pytest.raises(UsageError) as caught:
        way(cluster(), Wish("1.35"))
    assert "kubernetes-1-34-jammy (v1.34.4)" in caught.value.why


def test_one_chooses_between_templates_that_are_equally_good() -> None:
    site = (SITE[0], offer("a-1-33", "v1.33.2"), offer("b-1-33", "v1.33.2"))
    with pytest.raises(UsageError, match="a-1-33"):
        way(cluster(), Wish("1.33"), site)


def test_a_template_whose_image_tells_no_version_is_not_gone_to() -> None:
    site = (SITE[0], offer("dark", ""))
    with pytest.raises(Refused) as caught:
        way(cluster(), Wish(template="dark"), site)
    assert "kube_version" in caught.value.why


def test_a_cluster_whose_template_is_gone_goes_by_its_own_word() -> None:
    there = replace(cluster(), template="uuid-gone")
    assert way(there, Wish("1.33"), SITE[:2]) == [(Action.CHANGE, "kubernetes-1-33-jammy")]


def test_a_file_that_names_another_template_is_told_what_that_would_be() -> None:
    place = Position(Path("cluster.yaml"), 5, 3)
    found = finding(cluster(), SITE, "kubernetes-1-34-jammy", place)
    assert found is not None
    assert not found.fatal
    assert "Kubernetes v1.32.5 to v1.34.4" in found.why
    assert finding(cluster(), SITE, "kubernetes-1-32-jammy", place) is None


def test_a_template_that_the_site_replaced_by_another_of_its_name_is_told_as_that() -> None:
    before, now = SITE[0], offer("kubernetes-1-32-jammy", "v1.32.9", "0.17.0")
    now = replace(now, template=replace(now.template, uuid="uuid-new"))
    place = Position(Path("cluster.yaml"), 5, 3)
    found = finding(cluster(), (now, *SITE[1:]), "kubernetes-1-32-jammy", place, before)
    assert found is not None
    assert found.what.startswith("the site has replaced the template kubernetes-1-32-jammy")
    assert "Kubernetes v1.32.5 to v1.32.9, the driver's chart 0.16.0 to 0.17.0" in found.why
    assert "template: uuid-kubernetes-1-32-jammy" in found.remedy
    assert not found.fatal
