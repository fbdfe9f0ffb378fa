"""The models of the files (DESIGN section 2). Frozen; unknown keys are forbidden.

Only shapes and checks of single values here; checks across values are in `spec.checking`. The text below a field is
what the JSON Schema and docs/reference/cluster-file.md say of it.
"""

from hubfleet.spec.models.auth import Auth, GitHub, SharedPassword
from hubfleet.spec.models.clusters import Cluster, ClusterFile, ControlPlane, Ingress, ProviderBlock, Storage
from hubfleet.spec.models.fields import PATTERNS, Model
from hubfleet.spec.models.fleets import Defaults, FleetDefaults, FleetFile, HubDefaults
from hubfleet.spec.models.hubs import Culling, Homes, Hub, ValuesFile
from hubfleet.spec.models.pools import NodeCount, Pool, Taint, as_text

__all__ = [
    "PATTERNS",
    "Auth",
    "Cluster",
    "ClusterFile",
    "ControlPlane",
    "Culling",
    "Defaults",
    "FleetDefaults",
    "FleetFile",
    "GitHub",
    "Homes",
    "Hub",
    "HubDefaults",
    "Ingress",
    "Model",
    "NodeCount",
    "Pool",
    "ProviderBlock",
    "SharedPassword",
    "Storage",
    "Taint",
    "ValuesFile",
    "as_text",
]
