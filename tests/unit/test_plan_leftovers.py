"""Which things of a project a cluster left: by what its makers wrote on them, and never anybody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubfleet.plan import volumes
from hubfleet.plan.leftovers import Price, Sorted, age, sort
from hubfleet.provider import Rates
from hubfleet.tools.magnum import Cluster
from hubfleet.tools.openstack import Flavor
from hubfleet.tools.openstack_inventory import Kind, Thing
from hubfleet.tools.openstack_quota import Room

PROJECT = "a627e67c2f8b4731acc40af873a8e8b0"
RELEASE = "pythia-k5s6t7u2v3w4"
RESOURCE = f"magnum-{PROJECT}-{RELEASE}"
CAPO = "Created by cluster-api-provider-openstack cluster"
UUID = "0a5e7c1a-5583-4c9e-9c14-28736c8e210e"


def thing(kind: Kind, name: str = "", description: str = "", **more: Any) -> Thing:
    return Thing(kind, more.pop("id", "x"), name, description, **more)


def cluster(name: str = "pythia", release: str | None = RELEASE, status: str = "CREATE_COMPLETE") -> Cluster:
    return Cluster(UUID, name, status, "t", {}, release=release)


def ids(found: Sorted) -> dict[str, list[str]]:
    parts = {"left": found.left, "kept": found.kept, "living": found.living}
    return {part: [item.thing.id for item in items] for part, items in parts.items() if items}


MARKED = [
    thing(Kind.FLOATING_IP, "203.0.113.5", f"{CAPO} {RESOURCE}"),
    thing(Kind.FLOATING_IP, "203.0.113.6", f"Floating IP for Kubernetes external service a/b from cluster {RELEASE}"),
    thing(Kind.LOAD_BALANCER, f"kube_service_{RELEASE}_main_proxy-public"),
    thing(Kind.LOAD_BALANCER, "renamed", f"Kubernetes external service a/b from cluster {RELEASE}"),
    thing(Kind.LOAD_BALANCER, f"k8s-clusterapi-cluster-{RESOURCE}-kubeapi"),
    thing(Kind.SECURITY_GROUP, f"k8s-cluster-{RESOURCE}-secgroup-controlplane"),
    thing(Kind.SECURITY_GROUP, "lb-sg-1", f"Security Group for a/b Service LoadBalancer in cluster {RELEASE}"),
    thing(Kind.NETWORK, f"k8s-clusterapi-cluster-{RESOURCE}"),
    thing(Kind.ROUTER, f"k8s-clusterapi-cluster-{RESOURCE}"),
    thing(Kind.PORT, "whatever", f"{CAPO} {RESOURCE}"),
    thing(Kind.VOLUME, "pvc-1", marks={volumes.RELEASE: RELEASE}),
    thing(Kind.SNAPSHOT, "snap", marks={volumes.RELEASE: RELEASE}),
]


@pytest.mark.parametrize("found", MARKED, ids=lambda one: f"{one.kind}: {one.name}")
def test_what_bears_the_mark_of_a_cluster_that_is_gone_is_left_over(found: Thing) -> None:
    (item,) = sort([found], [], PROJECT).left
    assert (item.cluster, item.release) == ("pythia", RELEASE)


@pytest.mark.parametrize("found", MARKED, ids=lambda one: f"{one.kind}: {one.name}")
def test_what_bears_the_mark_of_a_living_cluster_is_never_left_over(found: Thing) -> None:
    assert ids(sort([found], [cluster()], PROJECT)) == {"living": ["x"]}


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "CREATE_FAILED", "DELETE_FAILED"])
def test_a_cluster_that_is_being_made_or_deleted_has_its_things(status: str) -> None:
    assert ids(sort(MARKED[:1], [cluster(status=status)], PROJECT)) == {"living": ["x"]}


def test_a_cluster_without_a_release_yet_may_have_just_been_given_this_one() -> None:
    assert ids(sort(MARKED[:1], [cluster(release=None)], PROJECT)) == {"living": ["x"]}
    assert ids(sort(MARKED[:1], [cluster("other", release=None)], PROJECT)) == {"left": ["x"]}


def test_an_older_cluster_of_the_same_name_left_it() -> None:
    assert ids(sort(MARKED[:1], [cluster(release="pythia-a2b3c4d5e6f7")], PROJECT)) == {"left": ["x"]}


@pytest.mark.parametrize(
    "found",
    [
        thing(Kind.SERVER, "web"),
        thing(Kind.SERVER, "pythia-frontendhost-1"),
        thing(Kind.PORT, "pythia-frontendhost-0"),
        thing(Kind.FLOATING_IP, "203.0.113.5", "Floating IP for Kubernetes external service a/b from cluster plain"),
        thing(Kind.FLOATING_IP, "203.0.113.5", f"{CAPO} magnum-another-project-{RELEASE}"),
        thing(Kind.FLOATING_IP, "203.0.113.5", f"formerly {CAPO} {RESOURCE}"),
        thing(Kind.SECURITY_GROUP, "default", "Default security group"),
        thing(Kind.VOLUME, "pvc-1", marks={volumes.RELEASE: "kubernetes"}),
        thing(Kind.VOLUME, "mine", marks={volumes.KEEP: "true"}),
        thing(Kind.NETWORK, "auto_allocated_network"),
        thing(Kind.CREDENTIAL, "magnum"),
        thing(Kind.CREDENTIAL, "magnum-of-mine-802b027a", "Magnum cluster (pythia)"),
    ],
    ids=lambda one: f"{one.kind}: {one.name} {one.description}",
)
def test_what_bears_no_mark_is_nobodys(found: Thing) -> None:
    assert ids(sort([found], [], PROJECT)) == {}


def test_a_machine_is_known_by_its_name_once_something_bears_the_release() -> None:
    found = [MARKED[5], thing(Kind.SERVER, f"{RELEASE}-user-abcde-12345", id="s"), thing(Kind.SERVER, "web-1", id="w")]
    assert ids(sort(found, [], PROJECT)) == {"left": ["s", "x"]}
    assert ids(sort(found[1:], [], PROJECT)) == {}
    assert ids(sort(found[1:], [cluster()], PROJECT)) == {"living": ["s"]}


def test_a_load_balancer_that_a_living_cluster_shares_is_not_left_over() -> None:
    living = "other-a2b3c4d5e6f7"
    name, tags = f"kube_service_{RELEASE}_main_proxy", (f"kube_service_{living}_main_proxy",)
    shared = thing(Kind.LOAD_BALANCER, name, tags=tags)
    assert ids(sort([shared], [cluster("other", living)], PROJECT)) == {"living": ["x"]}


def test_a_credential_is_of_the_cluster_whose_uuid_it_names() -> None:
    found = thing(Kind.CREDENTIAL, f"magnum-{UUID}-802b027a", "Magnum cluster (pythia)")
    (item,) = sort([found], [], PROJECT).left
    assert (item.cluster, item.release) == ("pythia", UUID)
    assert ids(sort([found], [cluster()], PROJECT)) == {"living": ["x"]}


def test_homes_are_kept_and_are_the_living_clusters_of_that_name() -> None:
    marks = {volumes.RELEASE: RELEASE, volumes.KEEP: "true", volumes.CLUSTER: "pythia"}
    home = thing(Kind.VOLUME, "pvc-1", marks=marks)
    assert ids(sort([home], [], PROJECT)) == {"kept": ["x"]}
    anew = cluster(release="pythia-a2b3c4d5e6f7")
    assert ids(sort([home], [anew], PROJECT)) == {"living": ["x"]}


def test_what_somebody_else_uses_is_told_and_stays() -> None:
    server = thing(Kind.SERVER, f"{RELEASE}-user-1", id="s", parts=frozenset({"attachment of v"}))
    balancer = thing(Kind.LOAD_BALANCER, f"kube_service_{RELEASE}_a_b", id="lb", parts=frozenset({"vip"}))
    of_ours = [
        thing(Kind.PORT, f"{RELEASE}-user-1-0", id="p", users=frozenset({"s"})),
        thing(Kind.VOLUME, f"{RELEASE}-user-1-root", id="v", users=frozenset({"attachment of v"})),
        thing(Kind.FLOATING_IP, "203.0.113.5", f"{CAPO} {RESOURCE}", id="f", users=frozenset({"vip"})),
    ]
    assert [item.held for item in sort([server, balancer, *of_ours], [], PROJECT).left] == [""] * 5
    of_others = [
        thing(Kind.FLOATING_IP, "203.0.113.5", f"{CAPO} {RESOURCE}", id="f", users=frozenset({"port-of-web"})),
        thing(Kind.VOLUME, "pvc-1", marks={volumes.RELEASE: RELEASE}, users=frozenset({"attachment of x"})),
    ]
    held = [item.held for item in sort(of_others, [], PROJECT).left]
    assert held == ["port-of-web uses it", "a server uses it"]


def test_a_long_name_is_known_by_its_beginning() -> None:
    name = "a-very-long-name-of-a-cluster-of-2026"
    found = sort([thing(Kind.VOLUME, marks={volumes.RELEASE: f"{name[:30]}-k5s6t7u2v3w4"})], [], PROJECT)
    assert ids(found.of(name)) == {"left": ["x"]}
    assert ids(found.of("another")) == {}


def test_what_it_costs_is_told_by_rates_or_of_the_quota() -> None:
    rates = Rates("SU", {"m3.": 1}, "there")
    rooms = {
        "floating IPs": Room(10, 3),
        "gigabytes": Room(1000, 40),
        "instances": Room(None, 1),
        "ports": Room(500, 7),
    }
    price = Price(rates, {"f-1": Flavor("f-1", "m3.quad", 4, 15360, 20)}, rooms)
    assert price.told(thing(Kind.SERVER, machine="f-1")) == "4 SU an hour"
    assert price.told(thing(Kind.FLOATING_IP)) == "1 of 10 floating IPs"
    assert price.told(thing(Kind.VOLUME, size=10)) == "10 of 1000 GiB"
    assert price.told(thing(Kind.CREDENTIAL)) == ""
    assert Price(None, price.flavors, rooms).told(thing(Kind.SERVER, machine="f-1")) == ""


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(seconds=30), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=90), "1 hour"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(days=1, hours=3), "1 day"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_age_in_words(passed: timedelta, told: str) -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert age(now - passed, now) == told
    assert age(None, now) == ""
