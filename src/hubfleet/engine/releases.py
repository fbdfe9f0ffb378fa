"""Helm releases come true: installed, rolled out, answering; or gone with all that they made."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from hubfleet.checks import hub as hub_check
from hubfleet.checks.hub import HubHealth
from hubfleet.engine import charting, claims, entries, footing, removal, rollout, secret_keys, shares, unfit
from hubfleet.engine.run import Clock
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.hubs import Chart, Release
from hubfleet.hubs.login import ADMIN_PASSWORD, USER_PASSWORD
from hubfleet.hubs.platform import certificates, grafana
from hubfleet.hubs.release import SECRET, Generated
from hubfleet.plan.releases import CHART, CLUSTER, DIGEST, HUB, UNINSTALLED, VERSION, Observed, place, version
from hubfleet.plan.volumes import of_hub
from hubfleet.spec import Cluster, Problem
from hubfleet.spec.merging import put
from hubfleet.spec.problems import written
from hubfleet.spec.trees import at
from hubfleet.tools import kube_certificates
from hubfleet.tools.helm import Helm
from hubfleet.tools.helm_errors import BadValues
from hubfleet.tools.kube import Claim, Kube, Record
from hubfleet.tools.process import masker

AT_WORK = 8.0
"""Seconds that we watch a release which Helm calls pending, before we take the Helm that did it for dead."""
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Login:
    """A way into a hub. `user` is a name that works; `password` a secret."""

    user: str
    password: str
    admin: bool


@dataclass(frozen=True)
class Credentials:
    """How to get into a hub. `address` (http://IP) works without DNS, "" while there is none. No `logins` where people
    log in elsewhere (GitHub)."""

    url: str
    address: str
    logins: tuple[Login, ...]


def observe(desired: Sequence[Release], kube: Kube) -> tuple[Observed, ...]:
    """What the cluster has of these releases, and every other that hubfleet made there; also what is left of one that
    was removed (its namespace, homes). Five requests, however many releases there are."""
    wanted = {(release.namespace, release.name) for release in desired}
    every = newest(kube)
    records = {key: record for key, record in every.items() if key in wanted or CLUSTER in record.labels}
    taken, ours = {namespace for namespace, _ in records}, kube.namespaces(CLUSTER)
    claims = _claims(kube, {one.name for one in ours})
    marked = {one.namespace: one.labels for found in claims.values() for one in found if CLUSTER in one.labels}
    left = {name: labels for name, labels in marked.items() if (name, name) not in every}
    left |= {one.name: one.labels for one in ours if one.name not in taken and not one.deleting}
    states = rollout.look(kube, None) if records else {}
    seen = (
        *(_observed(record, states.get(key)) for key, record in records.items()),
        *(_left(name, labels) for name, labels in left.items()),
    )
    return tuple(replace(one, claims=tuple(claim.name for claim in claims.get(one.namespace, ()))) for one in seen)


def with_old_values(
    found: Sequence[Observed], desired: Sequence[Release], helm: Helm, *, adopt: bool = False
) -> tuple[Observed, ...]:
    """The same with the values that releases were last made from, where they are to be made from others (one Helm
    each); with `adopt` of those that hubfleet did not make as well, and with their charts."""
    digests = {(release.namespace, release.name): release.digest for release in desired}

    def differs(one: Observed) -> bool:
        wanted = digests.get((one.namespace, one.name), one.digest)
        return wanted != one.digest and (adopt or not one.foreign) and one.status != UNINSTALLED

    def looked_into(one: Observed) -> Observed:
        values = helm.values(one.name, one.namespace)
        if not one.foreign:
            return replace(one, values=values)
        chart, of = helm.chart(one.name, one.namespace)
        return replace(one, values=values, chart=chart, version=version(Chart(chart, of)))

    return tuple(looked_into(one) if differs(one) else one for one in found)


def _observed(record: Record, state: rollout.State | None) -> Observed:
    return Observed(
        name=record.release,
        namespace=record.namespace,
        revision=record.revision,
        status=record.status,
        hub=record.labels.get(HUB, ""),
        cluster=record.labels.get(CLUSTER, ""),
        digest=record.labels.get(DIGEST, ""),
        chart=record.labels.get(CHART, ""),
        version=record.labels.get(VERSION, ""),
        secret_keys=secret_keys.of(record),
        unready=state.unready if state else "nothing of it is there",
        address=state.address if state else "",
    )


def _left(namespace: str, labels: Mapping[str, str]) -> Observed:
    """A release has its namespace's name. The labels are of that, or of claims in one that hubfleet did not make."""
    hub, cluster = labels.get(HUB, ""), labels[CLUSTER]
    return Observed(namespace, namespace, 0, UNINSTALLED, hub, cluster, "", unready="only its namespace is left")


def _claims(kube: Kube, ours: Collection[str]) -> dict[str, list[Claim]]:
    """By namespace: all of those that hubfleet made, of others what people keep in hubs."""
    found: dict[str, list[Claim]] = {}
    for claim in kube.claims(None):
        if claim.namespace in ours or of_hub(claim):
            found.setdefault(claim.namespace, []).append(claim)
    return found


def newest(kube: Kube) -> dict[tuple[str, str], Record]:
    """The newest revision of each release of the cluster, by namespace and name."""
    return {
        (record.namespace, record.release): record
        for record in sorted(kube.records(), key=lambda record: record.revision)
    }


def check(releases: Sequence[Release], helm: Helm, cluster: Cluster, kube: Kube | None = None) -> tuple[Problem, ...]:
    """What the charts have against the values, each with its place in the files; and with `kube`, whose Helm this is
    then, what Kubernetes would have against what they make of claims that are there. Needs no cluster else, and a
    network only where a chart of a repository is not in the cache. HubfleetError for what is no fault of a file's."""
    problems: list[Problem] = []
    there = kube.claims(None) if kube and releases else ()
    made = newest(kube) if kube and there else {}
    for release in releases:
        try:
            with charting.ready(release.chart, with_stand_ins(release), helm, release.beside) as (chart, values):
                manifest = helm.template(release.name, release.namespace, chart, values, secrets=_secrets(release))
            own = {one.name: one for one in there if one.namespace == release.namespace}
            known = (release.namespace, release.name) in made
            before = helm.manifest(release.name, release.namespace) if own and known else ""
            problems.extend(unfit.problems(release, cluster, own, wanted=manifest, before=before))
        except BadValues as error:
            for one in error.complaints:
                path = one.under(release.chart.name)
                key = f"{written(release.source)}.values.{'.'.join(path)}".rstrip(".")
                what = f"the chart {release.chart} refuses it: {one.what}"
                problems.append(Problem(place(cluster, release, path), what, key))
    return tuple(problems)


def install(
    release: Release,
    helm: Helm,
    kube: Kube,
    say: Say,
    watch: Watch,
    *,
    cluster: str,
    clock: Clock | None = None,
    timeout: float = 900,
    ask: Callable[[str, str], HubHealth] = hub_check.answers,
) -> str:
    """Install or upgrade, and return, with a few words on it, when its pods run and the hub answers through its proxy.

    Safe to repeat after a kill at any moment. HubfleetError with the layer that is stuck; apply again goes on. `ask`
    asks the hub at an address (tests give another).
    """
    clock = clock or Clock()
    tell = _teller(release, say, cluster)
    footing.namespace(release, kube, tell, clock, cluster)
    values, hidden = _with_generated(release, kube, cluster)
    with watch.waiting("Kubernetes"):
        footing.apis(release, kube)
        footing.storage(release, kube, tell, clock)
        shares.storage_class(release, kube)
        shares.mount(release, kube, tell, clock, cluster)
    with watch.waiting("Helm"):
        _heal(release, kube, tell, clock)
        _replace(release, helm, kube, tell, clock)
    labels = footing.marks(release, cluster) | {DIGEST: release.digest}
    labels |= {CHART: release.chart.name, VERSION: version(release.chart)}
    tell(Kind.PROGRESS, f"installing the chart {release.chart}")
    mask = masker(hidden)
    with watch.waiting("Helm"), secret_keys.kept(release, kube):
        beginning = rollout.Beginning(release, kube, tell, clock, mask)
        with charting.ready(release.chart, values, helm, release.beside) as (chart, given):
            how: dict[str, Any] = {"secrets": hidden, "resource_definitions": release.resource_definitions}
            how["meanwhile"] = beginning.look
            helm.upgrade_install(release.name, release.namespace, chart, given, labels, **how)
    with watch.waiting("pods"):
        health = rollout.Rollout(release, kube, tell, clock, timeout=timeout, mask=mask, ask=ask).wait()
    if health is not None:
        return f"JupyterHub {health.version} answers"
    return "its pods run" if release.runs else "installed"


def remove(
    name: str,
    namespace: str,
    helm: Helm,
    kube: Kube,
    say: Say,
    watch: Watch,
    *,
    cluster: str,
    homes: bool,
    hooks: bool = True,
    clock: Clock | None = None,
    timeout: float = 300,
) -> None:
    """Uninstall, and return when its pods and load balancers are gone; with `homes` also every claim and volume of its
    namespace (home directories, the hub's database) and the namespace itself. In a namespace that hubfleet did not
    make, what is not of this release stays, and nobody waits for it. `hooks`: the chart may tidy up after itself on the
    cluster, which goes on."""

    def tell(text: str) -> None:
        say(Event(Kind.PROGRESS, cluster, f"release/{name}", text))

    there = kube.namespace(namespace)
    ours = there is None or there.labels.get(CLUSTER) == cluster
    with watch.waiting("Helm"):
        record = newest(kube).get((namespace, name))
        if homes or record is None:
            helm.uninstall(name, namespace, hooks=hooks)
        else:
            if not ours:
                claims.mark(
                    namespace, kube, {key: record.labels[key] for key in (CLUSTER, HUB) if key in record.labels}
                )
            claims.uninstall(name, namespace, helm, kube, hooks=hooks)
    with watch.waiting("Kubernetes"):
        of = "" if ours else name
        end = removal.Removal(kube, namespace, tell, clock or Clock(), timeout=timeout, release=of)
        end.kept_balancers()
        end.run(claims=homes)
        if homes:
            shares.clear(namespace, kube)
        if name == certificates.NAME:
            kube_certificates.without_manager(kube)
        if homes and there and ours:
            end.namespace()


def credentials(release: Release, kube: Kube) -> Credentials:
    """How to get into this hub now, from its values and the cluster's Secrets."""
    found = entries.address(release, kube)
    way_in = Credentials(release.url, f"http://{found}" if found else "", ())
    config = ("hub", "config")
    if at(release.jupyterhub, (*config, "JupyterHub", "authenticator_class")) != "shared-password":
        return way_in
    admins: Sequence[str] = at(release.jupyterhub, (*config, "Authenticator", "admin_users")) or ()
    made = kube.secret(release.namespace, SECRET) or {}
    password = {
        one.key: at(release.jupyterhub, one.path) or made.get(one.key, "") for one in (ADMIN_PASSWORD, USER_PASSWORD)
    }
    logins = [
        *(Login(admin, password[ADMIN_PASSWORD.key], True) for admin in admins),
        Login("ann", password[USER_PASSWORD.key], False),
    ]
    return replace(way_in, logins=tuple(login for login in logins if login.password))


def grafana_credentials(release: Release, kube: Kube) -> Credentials:
    """How to get into Grafana. No `logins` where its own values have the password from elsewhere, or there is none
    yet."""
    kept = (kube.secret(release.namespace, SECRET) or {}).get(grafana.PASSWORD.key, "")
    ours = at(release.values, ("admin", "existingSecret")) == SECRET
    user = str(at(release.values, ("env", "GF_SECURITY_ADMIN_USER")))
    return Credentials(release.url, "", (Login(user, kept, True),) if ours and kept else ())


def _heal(release: Release, kube: Kube, tell: Callable[[Kind, str], None], clock: Clock) -> None:
    """Takes away the record of a Helm that was killed: Helm would refuse to go on ("another operation is in progress")
    for ever. Only that record; the objects stay, and Helm takes on those that carry its annotations."""
    record = _pending(release, kube)
    if record is None:
        return
    tell(Kind.PROGRESS, f"Helm says {record.status}: looking whether somebody is at work")
    end = clock.now() + AT_WORK
    while record and clock.now() < end:
        clock.sleep(1.0)
        record = _pending(release, kube)
    if record:
        tell(Kind.NOTE, f"a Helm that was killed left the release {record.status}; going on from there")
        kube.delete("Secret", record.namespace, record.secret)


def _replace(release: Release, helm: Helm, kube: Kube, tell: Callable[[Kind, str], None], clock: Clock) -> None:
    """Where the release is of another chart, takes that away first; claims stay, also those that somebody else's chart
    made."""
    record = newest(kube).get((release.namespace, release.name))
    if record is None or record.status == UNINSTALLED:
        return
    before = record.labels.get(CHART, "")
    if CLUSTER not in record.labels:
        tell(Kind.NOTE, "taking over a release that hubfleet did not make")
        before, _ = helm.chart(release.name, release.namespace)
        claims.keep(release.name, release.namespace, helm, kube)
    if before not in ("", release.chart.name):
        tell(Kind.PROGRESS, f"taking the chart {before} away; homes and database stay")
        claims.uninstall(release.name, release.namespace, helm, kube)
        there = kube.namespace(release.namespace)
        of = release.name if there and CLUSTER not in there.labels else ""
        say = partial(tell, Kind.PROGRESS)
        removal.Removal(kube, release.namespace, say, clock, timeout=120, release=of).run(claims=False)


def _pending(release: Release, kube: Kube) -> Record | None:
    record = newest(kube).get((release.namespace, release.name))
    return record if record and (record.status.startswith("pending") or record.status == "uninstalling") else None


def _with_generated(release: Release, kube: Kube, cluster: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The values with every generated secret at its place, and the texts of all secrets in them."""
    if not release.generated:
        return release.values, _secrets(release)
    kept = {one: _kept(one, release, kube, cluster) for one in release.generated}
    values: Mapping[str, Any] = release.values
    for one, text in kept.items():
        values = put(values, one.path, text) if one.path else values
    return values, (*_secrets(release), *kept.values())


def _kept(one: Generated, release: Release, kube: Kube, cluster: str) -> str:
    """The secret as the cluster has it, made now if it has not. Of another release, this one may come before it."""
    alphabet = "0123456789abcdef" if one.hexadecimal else _ALPHABET
    fresh = {one.key: "".join(secrets.choice(alphabet) for _ in range(one.length))}
    if one.namespace in ("", release.namespace):
        return kube.add_to_secret(release.namespace, SECRET, fresh, footing.marks(release, cluster))[one.key]
    marks = {CLUSTER: cluster}
    kube.ensure_namespace(one.namespace, marks)
    return kube.add_to_secret(one.namespace, SECRET, fresh, marks)[one.key]


def with_stand_ins(release: Release) -> Mapping[str, Any]:
    """The values with a text of the right length for each secret that is yet to be made: to render and to check."""
    values: Mapping[str, Any] = release.values
    for one in release.generated:
        values = put(values, one.path, "x" * one.length) if one.path else values
    return values


def _secrets(release: Release) -> tuple[str, ...]:
    """The texts by which its secrets can be told; none by which a boolean could."""
    found = (at(release.values, path) for path in release.secret_paths)
    return tuple(text for one in found for text in _told_as(one) if text)


def _told_as(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ()
    digits, _, exponent = f"{Decimal(str(value)).normalize():e}".partition("e")
    return str(value), f"{digits}e{int(exponent):+03d}"  # as Go writes a large one (fmt's %v), and so Helm


def _teller(release: Release, say: Say, cluster: str) -> Callable[[Kind, str], None]:
    return lambda kind, text: say(Event(kind, cluster, f"release/{release.name}", text))
