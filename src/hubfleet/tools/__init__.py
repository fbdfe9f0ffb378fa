"""The doors: the only code that touches the world outside this process, one module a program or an API.

What belongs here: one call, its answer parsed into frozen data, its failure turned into an error that names the layer.
What never will: a decision.
"""
