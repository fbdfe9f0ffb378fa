"""What goes wrong in a sandbox on request: `hubfleet sandbox fault`.

What belongs here: which faults there are, how they are asked for, and those that are something done to the site (a
lock taken, a quota lowered, Magnum killed). What never will: what a service or the machine room does while a fault is
on, which is theirs (`openstack.inside.fault_middleware`, `machine_room.obstacles`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox.openstack.inside.fault_book import Book, Fault

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout

__all__ = ["Book", "Fault", "book"]


def book(layout: Layout) -> Book:
    """The book of this sandbox's faults. It goes when the sandbox is stopped."""
    return Book(layout.state)
