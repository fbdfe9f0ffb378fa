"""The models of the files (DESIGN section 2). Frozen; unknown keys are forbidden.

Only shapes and checks of single values here; checks across values are in `spec.checking`. The text below a field is
what the JSON Schema and docs/reference/cluster-file.md say of it.
"""

from hubfleet.spec.models.auth import (
    LTI,
    Auth,
    CILogon,
    GenericOAuth,
    GitHub,
    Globus,
    Google,
    GoogleGroups,
    IdentityProvider,
    Native,
    SharedPassword,
)
from hubfleet.spec.models.binders import (
    GHCR,
    Account,
    ArtifactRegistry,
    AzureRegistry,
    Builds,
    DockerHub,
    ElasticRegistry,
    Images,
    InCluster,
    OtherRegistry,
    Quay,
    Registry,
    Repositories,
)
from hubfleet.spec.models.charts import Charts, ChartVersions
from hubfleet.spec.models.clusters import Cluster, ClusterFile, ControlPlane, Ingress, ProviderBlock, Storage
from hubfleet.spec.models.fields import PATTERNS, Model
from hubfleet.spec.models.fleets import Defaults, FleetDefaults, FleetFile, HubDefaults
from hubfleet.spec.models.hubs import (
    Culling,
    Homes,
    Hub,
    ImageChoice,
    Pages,
    Placeholders,
    Profile,
    Service,
    ValuesFile,
)
from hubfleet.spec.models.monitoring import Grafana, Monitoring, Prometheus
from hubfleet.spec.models.pools import NodeCount, Pool, Size, Taint, as_text

__all__ = [
    "GHCR",
    "LTI",
    "PATTERNS",
    "Account",
    "ArtifactRegistry",
    "Auth",
    "AzureRegistry",
    "Builds",
    "CILogon",
    "ChartVersions",
    "Charts",
    "Cluster",
    "ClusterFile",
    "ControlPlane",
    "Culling",
    "Defaults",
    "DockerHub",
    "ElasticRegistry",
    "FleetDefaults",
    "FleetFile",
    "GenericOAuth",
    "GitHub",
    "Globus",
    "Google",
    "GoogleGroups",
    "Grafana",
    "Homes",
    "Hub",
    "HubDefaults",
    "IdentityProvider",
    "ImageChoice",
    "Images",
    "InCluster",
    "Ingress",
    "Model",
    "Monitoring",
    "Native",
    "NodeCount",
    "OtherRegistry",
    "Pages",
    "Placeholders",
    "Pool",
    "Profile",
    "Prometheus",
    "ProviderBlock",
    "Quay",
    "Registry",
    "Repositories",
    "Service",
    "SharedPassword",
    "Size",
    "Storage",
    "Taint",
    "ValuesFile",
    "as_text",
]
