"""What would be done: desired and observed state in, ordered steps out. Pure.

What belongs here: comparing, deciding, refusing what would touch data. What never will: a request, a clock, a file.
"""

from hubfleet.plan.steps import Action, Change, Finding, Plan, Step

__all__ = ["Action", "Change", "Finding", "Plan", "Step"]
