"""The flavors that the file names, and whether nodes of Kubernetes can be made of them."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet import spec
from hubfleet.errors import Layer
from hubfleet.plan.preflight.facts import Facts, labels_of, number, place, some, unknown
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster
from hubfleet.tools.openstack import Flavor, Image

MINIMUM_VCPUS, MINIMUM_RAM = 2, 2048
"""The driver's (magnum-capi-helm 1.4 conf.py, minimum_flavor_vcpus and _ram, MiB)."""
ROOT_VOLUME = "boot_volume_size"


def findings(desired: MagnumCluster, facts: Facts, file: spec.Cluster) -> Iterator[Finding]:
    """Each flavor once, with its place in the file."""
    wished = {desired.control_plane_machine: place(file, "control_plane", "machine")}
    for pool in reversed(desired.every_pool):
        wished[pool.machine] = file.position("pools", pool.pool, "machine")
    root_volume = number(labels_of(desired, facts), ROOT_VOLUME) > 0
    for machine, origin in wished.items():
        found = flavor(machine, facts)
        if found is None:
            names = [one.name for one in facts.flavors]
            yield unknown("flavor", machine, names, Layer.OPENSTACK, origin, facts)
            continue
        if found.vcpus < MINIMUM_VCPUS or found.ram < MINIMUM_RAM:
            yield _too_small(found, facts, origin)
        if found.disk == 0 and not root_volume:
            yield _without_disk(found, origin)
        if len(facts.images) == 1:
            yield from _image_on(found, facts.images[0], origin, root_volume=root_volume)


def flavor(machine: str, facts: Facts) -> Flavor | None:
    """The flavor of this name or id."""
    return next((flavor for flavor in facts.flavors if machine in (flavor.name, flavor.id)), None)


def _too_small(found: Flavor, facts: Facts, origin: spec.Position) -> Finding:
    large = [one.name for one in facts.flavors if one.vcpus >= MINIMUM_VCPUS and one.ram >= MINIMUM_RAM]
    return Finding(
        Layer.DRIVER,
        f"the flavor {found.name} is too small for a node of Kubernetes",
        f"it has {found.vcpus} vCPU and {found.ram} MiB; {MINIMUM_VCPUS} and {MINIMUM_RAM} are the least",
        f"choose a larger one: {some(large)}" if large else "ask the cloud's operators for a larger flavor",
        origin=origin,
    )


def _without_disk(found: Flavor, origin: spec.Position) -> Finding:
    """Magnum 23 api/attr_validator.py:200."""
    return Finding(
        Layer.MAGNUM,
        f"the flavor {found.name} has no disk, and its nodes would have no root volume",
        f"neither the template nor the file sets the label {ROOT_VOLUME}",
        f"choose a flavor with a disk, or set `labels: {{{ROOT_VOLUME}: 40}}` (GiB, a volume for each node)",
        origin=origin,
    )


def _image_on(found: Flavor, image: Image, origin: spec.Position, *, root_volume: bool) -> Iterator[Finding]:
    """Nova refuses to boot an image that wants more than the flavor has; a root volume is large enough by itself."""
    short = [
        f"{has} {unit} of {what}; the image needs {needs}"
        for what, unit, has, needs in (
            ("memory", "MiB", found.ram, image.min_ram),
            ("disk", "GiB", found.disk, 0 if root_volume or not found.disk else image.min_disk),
        )
        if has < needs
    ]
    if short:
        yield Finding(
            Layer.OPENSTACK,
            f"the flavor {found.name} is too small for the template's image {image.name}",
            f"it has {' and '.join(short)}",
            "choose a larger flavor",
            origin=origin,
        )
