"""Whether a plan can work: facts of the cloud in, findings out. Pure.

Magnum takes most impossible wishes with 202 and fails minutes later, in words of another layer; so all is asked before.
What is only needed to make a cluster is not looked at once it is there.
"""

from __future__ import annotations

from hubfleet import spec
from hubfleet.plan.preflight import credential, machines, network, room, template
from hubfleet.plan.preflight.facts import Facts
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster

__all__ = ["Facts", "findings"]


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> tuple[Finding, ...]:
    """Everything in the way, and everything worth knowing, at once."""
    found = [
        *credential.findings(facts),
        *machines.findings(desired, facts, file),
        *room.findings(desired, facts, file),
    ]
    if not facts.exists:
        found += [*template.findings(desired, facts, file), *network.findings(desired, facts, file)]
    return tuple(found)
