"""Where charts come from, and in which versions."""

from __future__ import annotations

import re

from hubfleet.spec.models.fields import ChartVersion, Model, Text

_PART = r"[a-z0-9][a-z0-9._-]*"
OCI = re.compile(
    rf"(?P<repository>oci://{_PART}(:[0-9]+)?(/{_PART})*)/(?P<name>{_PART}):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})"
)
"""A chart in an OCI registry. Helm writes a version's + as _ in the tag."""


class ChartVersions(Model):
    """Versions of others' charts, where they are not to be those that this hubfleet was tried with."""

    jupyterhub: ChartVersion | None = None
    """Zero to JupyterHub's chart, of every hub that has it."""
    cert_manager: ChartVersion | None = None
    """cert-manager's chart, of certificates for hubs behind the entry."""
    traefik: ChartVersion | None = None
    """Traefik's chart, of the entry that hubs share."""
    jupyterhub_home_nfs: ChartVersion | None = None
    """The chart of jupyterhub-home-nfs, of homes that share a volume."""
    cluster_autoscaler: ChartVersion | None = None
    """The chart of Kubernetes' cluster-autoscaler, on clouds whose clusters come without one."""
    prometheus: ChartVersion | None = None
    """Prometheus' chart, of monitoring."""
    grafana: ChartVersion | None = None
    """Grafana's chart, of monitoring."""
    binderhub: ChartVersion | None = None
    """BinderHub's chart, of every binder hub that has it."""


class Charts(Model):
    """Where the charts of others come from."""

    mirror: Text | None = None
    """A folder that `hubfleet charts mirror` filled, from the folder of the file that names it: charts of repositories
    and registries come from there, and never from the network."""
    versions: ChartVersions = ChartVersions()
    """Other versions than those that this hubfleet was tried with."""
