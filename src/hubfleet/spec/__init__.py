"""The files as frozen models that keep the file, line and column of every value.

What belongs here: reading YAML, the models, every check that needs nothing but the files, JSON Schema, references to
secrets, the merge rule. What never will: the network, a cloud's own rules (those are the provider's), anything that
acts.

    cluster = load_cluster(path, provider_names, settings_of)   # every problem at once as InvalidFiles; needs no secret
    cluster = resolve(cluster, os.environ)                      # to plan and apply: every secret looked up
    values = merged(layers)                                     # Secrets stay Secrets on the way
    place = origin(cluster, layers, ("hub", "config"))          # which key of which file set it
    clear, secret_paths = reveal(values)                        # for Helm alone
"""

from hubfleet.spec.checking import doubts
from hubfleet.spec.fleets import FLEET_FILE, Fleet, Member, load_alone, load_cluster, load_fleet
from hubfleet.spec.layering import (
    Causes,
    How,
    Layer,
    Origin,
    merged,
    origin,
    own_values,
    stack,
    unless_said,
    with_own,
)
from hubfleet.spec.merging import merge, without_nulls
from hubfleet.spec.models import (
    Auth,
    Cluster,
    ControlPlane,
    Culling,
    GitHub,
    Homes,
    Hub,
    Ingress,
    Model,
    NodeCount,
    Pool,
    ProviderBlock,
    SharedPassword,
    Storage,
    Taint,
)
from hubfleet.spec.places import Level, Place, Places
from hubfleet.spec.problems import InvalidFiles, KeyPath, Position, Problem
from hubfleet.spec.reading import Document, read
from hubfleet.spec.resolving import as_written, resolve, without_secrets
from hubfleet.spec.schema import Of, json_schema
from hubfleet.spec.secrets import MissingSecret, Secret, reveal
from hubfleet.spec.sources import sources

__all__ = [
    "FLEET_FILE",
    "Auth",
    "Causes",
    "Cluster",
    "ControlPlane",
    "Culling",
    "Document",
    "Fleet",
    "GitHub",
    "Homes",
    "How",
    "Hub",
    "Ingress",
    "InvalidFiles",
    "KeyPath",
    "Layer",
    "Level",
    "Member",
    "MissingSecret",
    "Model",
    "NodeCount",
    "Of",
    "Origin",
    "Place",
    "Places",
    "Pool",
    "Position",
    "Problem",
    "ProviderBlock",
    "Secret",
    "SharedPassword",
    "Storage",
    "Taint",
    "as_written",
    "doubts",
    "json_schema",
    "load_alone",
    "load_cluster",
    "load_fleet",
    "merge",
    "merged",
    "origin",
    "own_values",
    "read",
    "resolve",
    "reveal",
    "sources",
    "stack",
    "unless_said",
    "with_own",
    "without_nulls",
    "without_secrets",
]
