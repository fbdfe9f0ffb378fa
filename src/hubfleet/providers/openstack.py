"""Any OpenStack with Magnum and its Cluster API driver (magnum-capi-helm)."""

from __future__ import annotations

from hubfleet.provider.magnum import MagnumProvider, MagnumSettings

provider = MagnumProvider(
    name="openstack",
    summary="any OpenStack cloud with Magnum and its Cluster API driver (magnum-capi-helm)",
    settings=MagnumSettings,
    labels={},
)
