"""The screen of `status`."""

from __future__ import annotations

import time
from collections.abc import Iterable

import click

from hubfleet.engine.expiry import Expiry
from hubfleet.engine.names import HostName
from hubfleet.fleet import Status
from hubfleet.fleet.journal import Last
from hubfleet.fleet.state import HubState, Pool


def status_lines(seen: Status) -> Iterable[str]:
    """Cluster, pools with their nodes, hubs, the last run."""
    yield click.style(f"{_mark(seen.well)} {seen.cluster}", bold=True) + f"  {seen.infrastructure}"
    if seen.exists:
        yield f"  {seen.api}"
    for pool in seen.pools:
        yield from _pool(pool)
    for one in seen.platform:
        yield f"  {_mark(one.well)} {one.name:<18} {one.why or 'runs'}{_release(one.release)}"
    yield from (f"      {said}" for name in seen.names if not name.hub for said in _lacks(name))
    for hub in seen.hubs:
        yield _hub(hub)
        yield from (f"      {said}" for name in seen.names if name.hub == hub.name for said in _lacks(name))
    yield from map(_ends, seen.credentials)
    if seen.last is not None:
        yield f"  {_last(seen.last)}"


def _pool(pool: Pool) -> Iterable[str]:
    wanted = f"{pool.wanted} of {pool.machine}" if pool.machine else ""
    yield f"  pool {pool.name:<12} {wanted:<24} {pool.state}".rstrip()
    if len(pool.nodes) < pool.least:
        yield f"    {_mark(False)} {len(pool.nodes)} of {pool.least} nodes are there"
    if pool.why:
        yield f"      {pool.why}"
    for node in pool.nodes:
        yield f"    {_mark(node.ready)} {node.name}  {node.kubelet}{'' if node.ready else f'  {node.why}'}"


def _hub(hub: HubState) -> str:
    where = f"{hub.url}{f'  at {hub.address}' if hub.address else ''}"
    said = ", ".join(filter(None, [f"JupyterHub {hub.version}" if hub.answers else "", hub.why]))
    return f"  {_mark(hub.answers)} hub {hub.name:<10} {where}  {said}{_release(hub.release)}"


def _lacks(name: HostName) -> Iterable[str]:
    """Of a name: what its certificate lacks, or that DNS does not lead here."""
    if name.trouble:
        yield f"{_mark(False)} {name.trouble}"
    elif name.dns:
        yield click.style(f"! {name.astray}", fg="yellow")


def _release(word: str) -> str:
    return f"  (release {word})" if word else ""


def _ends(one: Expiry) -> str:
    when = "does not end" if one.days is None else f"{one.days} days left"
    return click.style(f"  ! {one.what}: {when}; {one.remedy}", fg="yellow") if one.remedy else f"  {one.what}: {when}"


def _last(last: Last) -> str:
    ago = time.time() - last.when
    when = f"{ago:.0f} s" if ago < 120 else f"{ago / 60:.0f} min" if ago < 7200 else f"{ago / 3600:.0f} h"
    how = "done" if last.well else last.text if last.ended else f"not ended (killed, or at it: {last.text})"
    return f"last {last.verb} {when} ago: {how}"


def _mark(well: bool) -> str:
    return click.style("✓", fg="green") if well else click.style("✗", fg="red")
