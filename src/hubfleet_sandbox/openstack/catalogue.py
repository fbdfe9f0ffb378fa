"""What the cloud offers, in the shape of Jetstream2's: flavors, images, cluster templates, quotas, names."""

from __future__ import annotations

from dataclasses import dataclass

PROJECT = "TRA000001"  # an allocation's, as ACCESS names them
USER = "jetuser"
ROLES = ("member", "reader", "load-balancer_member")
KEYPAIR = "deploy"
EXTERNAL_NETWORK = "public"
EXTERNAL_SUBNET = "203.0.113.0/24"  # TEST-NET-3: routed nowhere
USER_NETWORK = "auto_allocated_network"
USER_SUBNET = "auto_allocated_subnet"
USER_ROUTER = "auto_allocated_router"
USER_RANGE = "10.1.0.0/24"


@dataclass(frozen=True)
class Flavor:
    """A size of machine. `memory` in MB, `disk` in GB."""

    name: str
    cores: int
    memory: int
    disk: int


# docs.jetstream-cloud.org, "Instance flavors".
FLAVORS = (
    Flavor("m3.tiny", 1, 3 * 1024, 20),
    Flavor("m3.small", 2, 6 * 1024, 20),
    Flavor("m3.quad", 4, 15 * 1024, 20),
    Flavor("m3.medium", 8, 30 * 1024, 60),
    Flavor("m3.large", 16, 60 * 1024, 60),
    Flavor("m3.xl", 32, 125 * 1024, 60),
    Flavor("m3.2xl", 64, 250 * 1024, 60),
    Flavor("g3.small", 4, 15 * 1024, 60),
    Flavor("g3.medium", 8, 30 * 1024, 60),
    Flavor("g3.large", 16, 60 * 1024, 60),
    Flavor("g3.xl", 32, 125 * 1024, 60),
)


@dataclass(frozen=True)
class Template:
    """A public cluster template and the image it uses."""

    name: str
    image: str
    kubernetes: str
    chart: str
    """Version of the `openstack-cluster` chart: the site's choice, and only the site's."""

    @property
    def labels(self) -> dict[str, str]:
        """The site's labels: autoscaling on, the defunct dashboard off."""
        return {
            "auto_healing_enabled": "true",
            "auto_scaling_enabled": "true",
            "capi_helm_chart_version": self.chart,
            "kube_dashboard_enabled": "false",
            "octavia_provider": "ovn",
        }


TEMPLATES = (
    Template("kubernetes-1-32-jammy", "ubuntu-jammy-kube-v1.32.8", "v1.32.8", "0.16.0"),
    Template("kubernetes-1-33-jammy", "ubuntu-jammy-kube-v1.33.2", "v1.33.2", "0.16.0"),
    Template("kubernetes-1-34-jammy", "ubuntu-jammy-kube-v1.34.4", "v1.34.4", "0.16.0"),
    Template("kubernetes-1-34-jammy-0.14.0", "ubuntu-jammy-kube-v1.34.4", "v1.34.4", "0.14.0"),
)

TEMPLATE_FLAVOR = "m3.small"
"""The templates' default for control planes and workers."""

# A small research allocation's.
COMPUTE_QUOTA = {"cores": 150, "instances": 25, "ram": 600 * 1024, "key_pairs": 100}
VOLUME_QUOTA = {"volumes": 10, "gigabytes": 1000, "snapshots": 10, "backups": 10, "backup_gigabytes": 1000}
NETWORK_QUOTA = {"floatingip": 10, "network": 10, "subnet": 20, "router": 10, "port": 500, "security_group": 100}
