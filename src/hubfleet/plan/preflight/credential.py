"""Who we are to the cloud, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hubfleet.errors import Layer
from hubfleet.plan.preflight.facts import Facts
from hubfleet.plan.steps import Finding
from hubfleet.tools.magnum import MARK
from hubfleet.tools.openstack import Token

SOON = timedelta(days=30)
READ_ONLY = frozenset({"reader", "auditor", "load-balancer_observer"})


def findings(facts: Facts) -> Iterator[Finding]:
    """The credential's kind, time and roles; the services it sees; whose the cluster is."""
    yield from _credential(facts)
    token = facts.token
    if not token.roles - READ_ONLY:
        yield Finding(
            Layer.CREDENTIAL,
            f"{token.user} may only read in the project {token.project}",
            f"its roles are: {', '.join(sorted(token.roles)) or 'none'}",
            "ask the project's owner for the role `member`, or use a credential that has it",
        )
    if "container-infra" not in token.services:
        yield Finding(
            Layer.MAGNUM,
            f"{facts.cloud} has no Magnum for the project {token.project}",
            "its catalog lists no service of type container-infra",
            "choose another cloud, or ask its operators",
        )
    yield from _load_balancers(token)
    if facts.exists and facts.owner and facts.owner != token.user_id:
        yield Finding(
            Layer.CREDENTIAL,
            f"the cluster belongs to another user ({facts.owner}) than {token.user}",
            "Magnum signs certificates of a cluster, and so gives kubeconfigs, to its owner alone;"
            " its application credential lasts as long as that user is in the project",
            f"`hubfleet rotate{'' if MARK in facts.labels else ' --adopt'}` makes it yours, with a credential of yours;"
            " or use the owner's",
            fatal=False,
        )


def _credential(facts: Facts) -> Iterator[Finding]:
    token, credential = facts.token, facts.token.credential
    if credential and credential.restricted and not facts.exists:
        yield Finding(
            Layer.CREDENTIAL,
            f"the application credential {credential.name} is restricted",
            "Magnum makes an application credential of its own for each cluster, which a restricted one may not",
            "make a new one with `openstack application credential create --unrestricted NAME`"
            " (dashboard: tick Unrestricted) and put it into clouds.yaml",
        )
    if credential and credential.expires and credential.expires - facts.now < SOON:
        days = (credential.expires - facts.now).days
        yield Finding(
            Layer.CREDENTIAL,
            f"the application credential {credential.name} expires in {days} days",
            f"on {credential.expires:%Y-%m-%d}; hubfleet cannot log in after that",
            "make a new one in time, and put it into clouds.yaml",
            fatal=False,
        )
    if token.kind == "token":
        yield Finding(
            Layer.CREDENTIAL,
            f"{facts.cloud} is used with a token, which ends on {token.expires:%Y-%m-%d at %H:%M} UTC",
            "nobody can make a new one without the password: a run that is longer stops there",
            "use an application credential: `openstack application credential create --unrestricted NAME`",
            fatal=False,
        )


def _load_balancers(token: Token) -> Iterator[Finding]:
    allowed = {"load-balancer_member", "load-balancer_admin", "member", "_member_", "admin"}
    if "load-balancer" in token.services and not token.roles & allowed:
        yield Finding(
            Layer.CREDENTIAL,
            f"{token.user} may not make load balancers",
            "the Kubernetes API and the hubs' address are load balancers; the role load-balancer_member is missing",
            "make a credential with that role",
            fatal=False,
        )
