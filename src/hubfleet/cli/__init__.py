"""The command line: the only floor that prints, reads argv and exits.

What belongs here: options, questions, and turning events, plans and errors into lines. What never will: deciding or
doing anything; each verb calls one function of `fleet`.
"""

from hubfleet.cli.app import main

__all__ = ["main"]
