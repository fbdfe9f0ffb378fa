"""Begins and ends faults: into the book, out of it, and what has to be done to the site with it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hubfleet_sandbox import faults, processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.faults import Book, Fault, helm_locks, quotas
from hubfleet_sandbox.kubernetes import programs
from hubfleet_sandbox.kubernetes.api import Client
from hubfleet_sandbox.openstack import services, venv

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout

RESTART = "magnum-restart"


def begin(layout: Layout, fault: Fault) -> Fault:
    """The fault is on when this returns; with its number. SandboxError if the site does not run."""
    if fault.kind == quotas.KIND:
        chosen = tuple(name for name in quotas.RESOURCES if fault.service in ("", name))
        fault = replace(fault, kept=quotas.limits(layout, chosen), times=1)
    book = faults.book(layout)
    made = book.add(fault)
    if made.kind == quotas.KIND:  # after it is in the book: else a kill just now would leave nothing to put back
        quotas.use_up(layout, tuple(made.kept))
        book.strike(made, f"nothing is left of {quotas.told(made.kept)}")
    if made.kind == helm_locks.KIND:
        _lock(layout)
    if made.kind == RESTART:
        _restart(layout, book, made)
    return next(fault for fault in book.faults() if fault.id == made.id)


def clear(layout: Layout, numbers: tuple[int, ...]) -> None:
    """End these, all if none is named. SandboxError if there is no such fault, or it cannot be undone."""
    book = faults.book(layout)
    known = {fault.id: fault for fault in book.faults()}
    if strangers := set(numbers) - known.keys():
        listed = ", ".join(map(str, sorted(known))) or "none"
        raise SandboxError(f"there is no fault {min(strangers)}", why=f"there are: {listed}")
    ended = [known[number] for number in numbers or known]
    for fault in reversed(ended):  # a later one has kept what an earlier one left
        if fault.kind == quotas.KIND:
            quotas.restore(layout, fault.kept)
        book.remove({fault.id})
    if any(fault.kind == helm_locks.KIND for fault in ended):
        _lock(layout)


def described(fault: Fault) -> str:
    """One line for people: what it does, to what, how often so far."""
    where = " ".join(filter(None, (fault.service, fault.method, fault.path)))
    whom = " ".join(filter(None, (fault.cluster, fault.group and f"group {fault.group}")))
    what = [
        str(fault.status) if fault.status else "",
        f"for {where}" if where else "",
        f"of {whom}" if whom else "",
        f"{fault.seconds:g} s" if fault.seconds else "",
        f"after {fault.after}" if fault.after else "",
        f"probability {fault.probability:g}, seed {fault.seed}" if fault.probability < 1 else "",
    ]
    struck = f"struck {fault.done}{f' of {fault.times}' if fault.times else ''} times"
    return " ".join(filter(None, (f"{fault.kind}:", *what, f"({struck})")))


def _lock(layout: Layout) -> None:
    client = Client(layout.management_kubeconfig)
    try:
        helm_locks.step(client, faults.book(layout))
    finally:
        client.close()


def _restart(layout: Layout, book: Book, fault: Fault) -> None:
    magnum = processes.find(layout, "magnum")
    if magnum:
        processes.stop([magnum], grace=0)
    book.strike(fault, f"killed Magnum{f', away for {fault.seconds:g} s' if fault.seconds else ''}")
    time.sleep(fault.seconds or 0)

    def say(_: str) -> None:
        pass

    services.start(layout, venv.get(layout.cache, say), programs.get(layout.cache, say), say, ("magnum",))
