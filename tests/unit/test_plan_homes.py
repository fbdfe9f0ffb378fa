"""Volumes are known by what is written on them, and what people kept is given back once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hubfleet import hubs, registry
from hubfleet.hubs import Release
from hubfleet.plan import volumes
from hubfleet.plan.homes import FoundAgain, steps
from hubfleet.plan.releases import Observed
from hubfleet.tools.kube import Claim
from hubfleet.tools.openstack_volumes import Volume
from tests.unit.magnum_files import load

OLD, NEW = "pythia-abcdefghijkl", "pythia-mnopqrstuvwx"


def volume(claim: str, *, namespace: str = "main", release: str = OLD, year: int = 2025, **metadata: str) -> Volume:
    """As the CSI driver makes it."""
    written = {volumes.RELEASE: release, volumes.NAMESPACE: namespace, volumes.CLAIM: claim, **metadata}
    made = datetime(year, 1, 1, tzinfo=UTC)
    return Volume(f"{claim}-{year}", f"pvc-{claim}-{year}", 10, "available", made, written)


def release(folder: Path) -> Release:
    file = load(folder)
    (found,) = (one for one in hubs.releases(file, registry.provider(file.provider.name).describe(file)) if one.hub)
    return found


def earlier(*found: Volume) -> tuple[volumes.HubVolume, ...]:
    return volumes.of_cluster(found, "pythia", NEW).earlier


def test_a_volume_says_of_which_cluster_it_is_also_where_hubfleet_never_marked_it() -> None:
    ours = [volume("claim-ann"), volume("claim-ben", release="renamed", **{volumes.CLUSTER: "pythia"})]
    others = [volume("claim-eve", release="pythia-two-abcdefghijkl"), Volume("v", "disk", 1, "in-use", ours[0].created)]
    present = volume("claim-joe", release=NEW)

    found = volumes.of_cluster([*ours, *others, present], "pythia", NEW)

    assert [one.claim for one in found.earlier] == ["claim-ann", "claim-ben"]
    assert [one.claim for one in found.present] == ["claim-joe"]


def test_one_that_is_being_deleted_is_not_found_again() -> None:
    assert earlier(replace(volume("claim-ann"), status="deleting")) == ()


def test_what_is_written_already_is_not_written_again() -> None:
    claim = Claim("claim-ann", "main", "Bound", "10Gi", "", {}, "ann")
    wanted = volumes.marks("pythia", OLD, claim)
    whole = volume("claim-ann", **{volumes.KEEP: "true", volumes.CLUSTER: "pythia", volumes.USER: "ann"})

    assert volumes.lacking([volume("claim-ann")], {"claim-ann-2025": wanted}) == {
        "claim-ann-2025": {volumes.KEEP: "true", volumes.CLUSTER: "pythia", volumes.USER: "ann"}
    }
    assert volumes.lacking([whole], {"claim-ann-2025": wanted}) == {}


def test_a_hub_gets_back_the_newest_volume_of_each_claim_that_it_has_not(tmp_path: Path) -> None:
    hub = release(tmp_path)
    there = Observed("main", "main", 1, "deployed", "main", "pythia", "d", claims=("claim-joe",))
    kept = earlier(
        volume("claim-ann", year=2024), volume("claim-ann"), volume("hub-db-dir"), volume("claim-joe"),
        volume("claim-eve", namespace="gone"),
    )  # fmt: skip

    (step,) = steps([hub], [there], kept)

    assert (step.id, step.needs) == ("homes/main", {"cluster"})
    assert isinstance(step.work, FoundAgain)
    assert [one.volume.id for one in step.work.volumes] == ["claim-ann-2025", "hub-db-dir-2025"]
    assert step.details == (
        "found again: 1 home and the database (20 GiB)",
        "the newest of each; hubfleet audit lists the others",
    )
    assert steps([hub], [there], ()) == ()


def test_claims_are_told_in_words_however_many_there_are() -> None:
    assert volumes.described([f"claim-{n}" for n in range(900)]) == "900 homes"
    assert volumes.described(["hub-db-dir"], 1) == "the database (1 GiB)"
    assert volumes.described(["claim-a", "hub-db-dir"], 11) == "1 home and the database (11 GiB)"


def test_a_home_that_nobody_came_to_mark_lasts_all_the_same() -> None:
    assert volumes.lasts({volumes.CLAIM: "claim-ann"})
    assert volumes.lasts({volumes.CLAIM: "hub-db-dir"})
    assert volumes.lasts({volumes.CLAIM: "cache", volumes.KEEP: "true"})
    assert not volumes.lasts({volumes.CLAIM: "cache"})
    assert not volumes.lasts({})
