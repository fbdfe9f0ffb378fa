"""Jetstream2: a cloud with Magnum, and what is usual there."""

from __future__ import annotations

from hubfleet.provider import Rates
from hubfleet.provider.magnum import MagnumProvider, MagnumSettings
from hubfleet.spec.models import ControlPlane, Size


class Jetstream2Settings(MagnumSettings):
    """The block `jetstream2`."""

    control_plane: ControlPlane = ControlPlane(machine="m3.quad", nodes=1)
    network: str | None = "auto_allocated_network"
    """Name or UUID of the network that nodes are on."""


RATES = Rates(
    unit="SU",
    per_core={"m3.": 1, "r3.": 2, "g3.": 2},
    source="docs.jetstream-cloud.org/general/access and /general/instance-flavors, read 2026-11-22",
)
"""Service units of an ACCESS allocation, charged while a machine is there. GPUs were 4 a vCPU in earlier years."""

MACHINES = {
    name: Size(cores=cores, memory=f"{memory}Gi")
    for name, cores, memory in (
        ("m3.tiny", 1, 3),
        ("m3.small", 2, 6),
        ("m3.quad", 4, 15),
        ("m3.medium", 8, 30),
        ("m3.large", 16, 60),
        ("m3.xl", 32, 125),
        ("m3.2xl", 64, 250),
        ("m3.3xl", 128, 500),
        ("r3.large", 64, 500),
        ("r3.xl", 128, 1000),
        ("g3.small", 4, 15),
        ("g3.medium", 8, 30),
        ("g3.large", 16, 60),
        ("g3.xl", 32, 120),
    )
}
"""As in docs.jetstream-cloud.org/general/instance-flavors; g3.xl had 125 GB once (issue 97 of those docs)."""

provider = MagnumProvider(
    name="jetstream2",
    summary="Jetstream2 (NSF ACCESS): clusters of Magnum, paid from an allocation",
    settings=Jetstream2Settings,
    # The dashboard's chart is gone from where the driver looks for it, and Magnum would wait for it for ever
    # (zonca/jupyterhub-deploy-kubernetes-jetstream#104).
    labels={"kube_dashboard_enabled": "false"},
    rates=RATES,
    machines=MACHINES,
)
