"""The screen of `status` says what is not well, and why."""

from __future__ import annotations

import time

import click

from hubfleet.cli.screen import status_lines
from hubfleet.fleet import Status
from hubfleet.fleet.journal import Last
from hubfleet.fleet.state import HubState, NodeState, PlatformState, Pool

NODES = (NodeState("a", True, "v1.34.4", ""), NodeState("b", False, "v1.34.4", "its disk is full"))
POOLS = (Pool("user", "m3.large", "3 to 9", "UPDATE_COMPLETE", NODES, 3),)
HUBS = (
    HubState("main", "https://hub.example.org", "http://10.0.0.1", "deployed", True, "5.5.4", ""),
    HubState(
        "builds", "https://b.example.org", "http://10.0.0.2", "deployed", True, "5.5.4", "waiting for the pods of x"
    ),
    HubState("course", "https://course.example.org", "", "failed", False, "", "its load balancer has no address yet"),
)


PLATFORM = (
    PlatformState("hubfleet-labeller", "deployed", True, ""),
    PlatformState("other", "", False, "not installed: hubfleet apply"),
)


def screen(last: Last | None = None) -> str:
    api = "the Kubernetes API answers, v1.34.4"
    lines = status_lines(
        Status("pythia", True, "Magnum: UPDATE_COMPLETE", api, POOLS, HUBS, last, False, platform=PLATFORM)
    )
    return click.unstyle("\n".join(lines))


def test_each_node_hub_and_layer_is_there_with_what_is_wrong() -> None:
    said = screen()
    assert "✗ pythia  Magnum: UPDATE_COMPLETE" in said
    assert "the Kubernetes API answers, v1.34.4" in said
    assert "✓ a  v1.34.4" in said
    assert "✗ b  v1.34.4  its disk is full" in said
    assert "✗ 2 of 3 nodes are there" in said
    assert "✓ hub main       https://hub.example.org  at http://10.0.0.1  JupyterHub 5.5.4  (release deployed)" in said
    assert "JupyterHub 5.5.4, waiting for the pods of x  (release deployed)" in said
    assert "its load balancer has no address yet  (release failed)" in said
    assert "✓ hubfleet-labeller  runs  (release deployed)" in said
    assert "✗ other              not installed: hubfleet apply" in said


def test_the_last_run_is_told_also_where_it_was_killed() -> None:
    ago = time.time() - 600
    assert "last apply 10 min ago: done" in screen(Last("apply", ago, True, True, "done"))
    assert "10 min ago: not ended (killed, or at it: pool/user)" in screen(
        Last("apply", ago, False, False, "pool/user")
    )
