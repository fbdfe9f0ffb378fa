"""The contract between hubfleet and a cloud: a provider describes and never runs.

It turns its block of the cluster file and the pools into data. Engines act on that data, so that a cloud is tested by
files in and files out. What belongs here: descriptions, traits, the Protocol. What never will: a cloud's name, or
anything that touches the world. The rules a provider keeps are in docs/reference/provider-contract.md.
"""

from hubfleet.provider.contract import (
    CONTRACT,
    Autoscaler,
    Description,
    ExistingCluster,
    MagnumCluster,
    MagnumPool,
    Provider,
    Rates,
    Traits,
)

__all__ = [
    "CONTRACT",
    "Autoscaler",
    "Description",
    "ExistingCluster",
    "MagnumCluster",
    "MagnumPool",
    "Provider",
    "Rates",
    "Traits",
]
