"""The cluster template, its image, the key pair and the volume types: what Magnum's driver makes a cluster of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.plan.preflight.facts import TRUE, Facts, ambiguous, labels_of, place, template_of, unknown, usable
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.tools.magnum import Template


@dataclass(frozen=True)
class Known:
    """What is known of a version of the driver's chart, and whence."""

    trouble: str
    source: str


CHARTS = {
    "0.14.0": Known("pools did not scale by themselves with it; 0.10.1 and 0.16.0 do", "2i2c-org/infrastructure#5601"),
}
"""Versions of the chart openstack-cluster (capi-helm-charts) with known trouble. The version is the template's label
capi_helm_chart_version alone; one of the cluster's is ignored (magnum-capi-helm 1.4 driver.py, _get_chart_version)."""


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    """What is only needed to make a cluster."""
    origin = place(file, "template")
    matching = [one for one in usable(facts) if desired.template in (one.name, one.uuid)]
    if not matching:
        names = [one.name for one in usable(facts)]
        yield unknown("cluster template", desired.template, names, Layer.MAGNUM, origin, facts)
    elif len(matching) > 1:
        ids = [one.uuid for one in matching]
        yield ambiguous("cluster template", desired.template, ids, Layer.MAGNUM, origin)
    if (template := template_of(desired, facts)) is not None:
        yield from _template(template, desired, origin)
        yield from _image(template, facts, origin)
        yield from _labels(template, desired, facts, file)
    if desired.keypair not in facts.keypairs:
        yield unknown(
            *("key pair", desired.keypair, facts.keypairs, Layer.OPENSTACK, place(file, "keypair"), facts),
            why=f"; a key pair belongs to a user (here {facts.token.user}), and nobody else of the project sees it",
            advice="; make one with `openstack keypair create --public-key ~/.ssh/id_ed25519.pub NAME`",
        )
    yield from _volume_types(desired, facts)


def _template(template: Template, desired: MagnumCluster, origin: spec.Position) -> Iterator[Finding]:
    if template.driver and "capi_helm" not in template.driver:
        yield Finding(
            Layer.DRIVER,
            f"the template {template.name} is of Magnum's driver {template.driver}",
            "hubfleet is made for the Cluster API driver (k8s_capi_helm_v1); those of Heat are gone from Magnum 23",
            "choose a template of the other driver: openstack coe cluster template show NAME",
            origin=origin,
        )
    if template.hidden:
        yield Finding(
            Layer.MAGNUM,
            f"the site hides the template {template.name}",
            "mostly since a newer one is there; it may go soon",
            "see `openstack coe cluster template list`",
            fatal=False,
            origin=origin,
        )
    if desired.control_plane_nodes > 1 and not template.load_balancer:
        yield Finding(
            Layer.MAGNUM,
            f"the template {template.name} has no load balancer for the control plane",
            "Magnum then takes a control plane of one node only (Magnum 23 api/attr_validator.py:175)",
            "choose another template, or `control_plane: {nodes: 1}`",
            origin=origin,
        )


def _image(template: Template, facts: Facts, origin: spec.Position) -> Iterator[Finding]:
    what, operators = f"the image {template.image} of the template {template.name}", "choose another template; the site"
    count = len(facts.images)
    if count == 0:
        why = "Glance shows this project none of that name"
        yield Finding(Layer.OPENSTACK, f"{what} is not there", why, f"{operators} has to mend this one", origin=origin)
        return
    if count > 1:
        why, do = f"{count} images have this name", f"{operators} has to name it by its UUID"
        yield Finding(Layer.OPENSTACK, f"{what} is not the only one", why, do, origin=origin)
        return
    image = facts.images[0]
    if image.status != "active":
        do = f"{operators} has to mend this one"
        yield Finding(Layer.OPENSTACK, f"{what} cannot be used", f"it is {image.status}", do, origin=origin)
    if lacking := [name for name in ("kube_version", "os_distro") if not image.properties.get(name)]:
        yield Finding(
            Layer.DRIVER,
            f"{what} lacks the properties {' and '.join(lacking)}",
            "the driver reads them and fails without (magnum-capi-helm 1.4 driver.py:567 and :588)",
            f"{operators} has to set them: openstack image set --property kube_version=v1.33.2 {template.image}",
            origin=origin,
        )


def _labels(template: Template, desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    labels, origin = labels_of(desired, facts), place(file, "template")
    if known := CHARTS.get(template.chart):
        yield Finding(
            Layer.CHART,
            f"the template {template.name} is of version {template.chart} of the driver's chart",
            f"{known.trouble} ({known.source})",
            "choose another template; the chart's version cannot be chosen otherwise",
            fatal=False,
            origin=origin,
        )
    frozen, core = labels.get("max_node_count", ""), desired.default_pool
    if frozen:
        yield Finding(
            Layer.DRIVER,
            f"pool {core.pool} can never have more than {frozen} nodes",
            f"the template {template.name} has the label max_node_count, which stands over the group's own maximum",
            "choose another template, or be content",
            fatal=frozen.isdigit() and core.nodes.min > int(frozen),
            origin=file.position("pools", core.pool, "nodes"),
        )
    if labels.get("kube_dashboard_enabled", "true").strip().lower() in TRUE:
        yield Finding(
            Layer.MAGNUM,
            "Magnum will say CREATE_IN_PROGRESS for ever, though the cluster works",
            "it waits for the dashboard, which the driver adds by itself and whose chart is gone"
            " (zonca/jupyterhub-deploy-kubernetes-jetstream#104)",
            "set `labels: {kube_dashboard_enabled: false}`",
            fatal=False,
            origin=place(file, "labels"),
        )


def _volume_types(desired: MagnumCluster, facts: Facts) -> Iterator[Finding]:
    if not facts.volume_types:
        yield Finding(
            Layer.OPENSTACK,
            f"{facts.cloud} has no volume type",
            "Magnum's driver makes a storage class of each, and fails where there is none",
            "ask the cloud's operators for a volume type",
        )
    labels = labels_of(desired, facts)
    for label in ("boot_volume_type", "etcd_blockdevice_volume_type"):
        wish = labels.get(label)
        if wish and facts.volume_types and wish not in facts.volume_types:
            yield Finding(
                Layer.OPENSTACK,
                f"{facts.cloud} has no volume type named {wish}, which the label {label} asks for",
                f"there are: {', '.join(facts.volume_types)}",
                "change the label, in the file or by another template",
            )
