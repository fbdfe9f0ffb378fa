"""Deleting what is left over: in an order that works, seen to be gone, and what stays is told."""

from __future__ import annotations

import itertools

import pytest

from hubfleet.engine.audit import Auditor
from hubfleet.errors import CloudError
from hubfleet.events import Event, Watch
from hubfleet.plan import volumes
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack_inventory import Kind, Thing
from tests.unit.clocks import FakeClock
from tests.unit.left_things import GROUP, HOME, OTHER, PORT, RELEASE, SERVER, VOLUME, Project


def removed(project: Project, *, homes_of: str = "", timeout: float = 600) -> tuple[list[str], list[str]]:
    """What was told to be gone, and why others stayed."""
    auditor, said, clock = Auditor(project), list[Event](), FakeClock()  # type: ignore[arg-type]
    goes = auditor.look().goes(homes_of)
    stayed = auditor.remove(goes, said.append, Watch(), clock, timeout=timeout)
    return [event.subject for event in said], [f"{one.item.thing.id}: {one.why}" for one in stayed]


def in_use() -> CloudError:
    return CloudError("DELETE failed", why="it is in use", status=409)


def test_everything_left_goes_in_an_order_that_works_and_nothing_else() -> None:
    project = Project(GROUP, PORT, SERVER, VOLUME, HOME, OTHER)
    project.slow["s"] = 3

    gone, stayed = removed(project)

    assert project.asked == ["s", "p", "v", "g"]
    assert gone[0] == f"server {RELEASE}-user-1 (s)"
    assert stayed == []
    assert set(project.things) == {"h", "o"}


def test_homes_go_only_with_the_name_of_their_cluster() -> None:
    project = Project(HOME)
    assert removed(project, homes_of="another") == ([], [])
    assert set(project.things) == {"h"}

    removed(project, homes_of="pythia")
    assert project.things == {}


def test_what_is_in_use_for_a_moment_is_asked_for_again() -> None:
    project = Project(GROUP)
    project.refuses["g"] = iter([in_use(), in_use()])

    assert removed(project)[1] == []
    assert project.asked == ["g"] * 3
    assert project.things == {}


def test_what_stays_in_use_is_told_with_the_clouds_words_and_the_rest_goes() -> None:
    project = Project(GROUP, VOLUME)
    project.refuses["v"] = itertools.repeat(in_use())

    assert removed(project)[1] == ["v: it is in use"]
    assert set(project.things) == {"v"}


def test_what_the_cloud_does_not_delete_in_time_is_told() -> None:
    project = Project(VOLUME)
    project.slow["v"] = 10**6

    assert removed(project, timeout=60)[1] == ["v: the cloud has not deleted it yet"]


def test_a_cluster_that_came_back_while_somebody_was_asked_keeps_its_homes() -> None:
    project = Project(HOME, VOLUME)
    auditor = Auditor(project)  # type: ignore[arg-type]
    goes = auditor.look().goes("pythia")
    assert {item.thing.id for item in goes} == {"h", "v"}
    project.clusters = [Cluster("u", "pythia", "CREATE_IN_PROGRESS", "t", {}, release="pythia-a2b3c4d5e6f7")]

    stayed = auditor.remove(goes, lambda _: None, Watch(), FakeClock(), timeout=60)

    assert [one.why for one in stayed] == ["it is of pythia, which is there again"]
    assert set(project.things) == {"h"}


def test_an_error_of_the_cloud_is_an_error() -> None:
    project = Project(VOLUME)
    project.refuses["v"] = iter([CloudError("broken", status=500)])

    with pytest.raises(CloudError):
        removed(project)


def test_an_audit_for_one_cluster_says_how_much_others_left() -> None:
    other = Thing(Kind.VOLUME, "w", "pvc-9", marks={volumes.RELEASE: "other-a2b3c4d5e6f7"})
    found = Auditor(Project(VOLUME, other), "pythia").look()  # type: ignore[arg-type]

    assert [item.thing.id for item in found.found.left] == ["v"]
    assert found.elsewhere == 1
