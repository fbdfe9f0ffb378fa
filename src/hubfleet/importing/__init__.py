"""Fleets that another tool keeps, as a fleet of hubfleet's files.

What belongs here: reading the other tool's files, and saying what becomes of each key. What never will: asking a cloud,
or changing what is imported.
"""

from hubfleet.importing.checkout import Checkout, read
from hubfleet.importing.translating import ChartsFrom, Imported, translate

__all__ = ["ChartsFrom", "Checkout", "Imported", "read", "translate"]
