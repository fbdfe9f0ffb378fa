"""What of a cluster or a hub cannot be carried over, and why. Pure but for the look whether a credential is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hubfleet.importing.checkout import ClusterThere, HubThere, Values
from hubfleet.importing.unnesting import part
from hubfleet.spec import Places, Problem

ORIGINALS = "2i2c"
"""Folder, in a cluster's, with what hubfleet does not read itself, as it was."""
_NOT_READ = {
    "support": "hubfleet does not take over the support chart (Prometheus, Grafana, ingress, cert-manager): what runs "
    "goes on, and is yours to keep up with its own tools",
    "metadata": "is for 2i2c's own accounting, and means nothing to hubfleet",
    "tenancy": "means nothing to hubfleet",
}
_HOMES = (
    "home directories are on an NFS volume of the umbrella chart: on upstream's chart each user would find a new and "
    "empty home. Keep the umbrella chart (--chart keep), or mount that volume in `singleuser.storage` before you apply"
)
_UPSTREAM_HAS_NOT = {
    "jupyterhub-home-nfs": _HOMES,
    "nfs": _HOMES,
    "binderhub-service": "upstream's chart has no BinderHub beside the hub",
    "dask-gateway": "upstream's chart has no Dask Gateway beside the hub",
    "jupyterhub-groups-exporter": "upstream's chart has no exporter of groups beside the hub",
}
_UNKNOWN = "hubfleet does not know what this means"


def of_cluster(cluster: ClusterThere) -> Iterator[Problem]:
    """What is not of one hub."""
    entry = cluster.entry
    for key, what in _NOT_READ.items():
        if getattr(entry, key) is not None:
            yield cluster.problem(what, f"its files are kept in {ORIGINALS}" if key == "support" else "", key)
    for key in entry.model_extra or {}:
        yield cluster.problem(_UNKNOWN, "", key)
    if entry.provider != "kubeconfig":
        what = f"hubfleet has no provider for {entry.provider} yet: the cluster is taken as it is, by a kubeconfig"
        yield cluster.problem(what, "", "provider")
    credential = entry.settings.get("file" if entry.provider == "kubeconfig" else "key")
    if credential and not (cluster.folder / str(credential)).is_file():
        yield cluster.problem(f"the credential {credential} was not there", "", entry.provider)


def of_hub(cluster: ClusterThere, hub: HubThere) -> Iterator[Problem]:
    """Keys of a hub that hubfleet has nothing for."""
    entry, at = hub.entry, hub.at
    if entry.uptime_check is not None:
        what = "hubfleet watches no hub from outside"
        yield cluster.problem(what, "keep the check where it is made", *at, "uptime_check")
    if entry.domain_override_file is not None:
        what = f"the domain in {entry.domain_override_file} is not read: `domain` here is {entry.domain}"
        yield cluster.problem(what, "write the real one, if people may know it", *at, "domain_override_file")
    for key in entry.model_extra or {}:
        yield cluster.problem(_UNKNOWN, "", *at, key)


def of_rest(cluster: ClusterThere, hub: HubThere) -> Iterator[Problem]:
    """What is for the umbrella chart, or other parts of it, where that is left for upstream's."""
    if hub.entry.chart_override is not None:
        what = f"{hub.entry.chart_override} changes the umbrella chart, which this hub does not have any more"
        yield cluster.problem(what, "see whether its versions matter to you", *hub.at, "chart_override")
    for values in hub.files:
        for depth in range(len(hub.inside)):
            for key, value in _entries(part(values.tree, hub.inside[:depth])):
                if key != hub.inside[depth] and _entries(value) != [("enabled", False)]:  # which takes nothing away
                    yield from _of_part(cluster, values, (*hub.inside[:depth], key))


def of_missing(cluster: ClusterThere, hub: HubThere, *, keeps: bool) -> Iterator[Problem]:
    """Values files that are not there, or not read."""
    for index, one in enumerate(hub.files):
        if one.missing:
            here = f"put it into {cluster.folder.name}, and take away the # before its name"
            remedy = here if keeps else "import again with it, or say what it said"
            if one.name.endswith(".jsonnet"):
                remedy = "render it, and name the result in `values_files`"
            place = (*hub.at, "helm_chart_values_files", index)
            yield cluster.problem(f"{one.name} {one.missing}", remedy, *place)


def of_login(cluster: ClusterThere, hub: HubThere, *, keeps: bool) -> Problem:
    """That no file says how people log in."""
    gone = ", ".join(one.name for one in hub.files if one.missing)
    what = f"no file says how people log in to {hub.entry.name}{gone and f' (perhaps {gone} does)'}"
    if keeps:
        remedy = "see hub.config.JupyterHub.authenticator_class of the chart"
        return cluster.problem(f"{what}: the chart's own default holds", remedy, *hub.at)
    remedy = "choose the way that they know, in `auth`, before you apply"
    return cluster.problem(f"{what}: it is a shared password now", remedy, *hub.at)


def _of_part(cluster: ClusterThere, values: Values, path: tuple[str, ...]) -> Iterator[Problem]:
    if values.document is not None:
        what = _UPSTREAM_HAS_NOT.get(path[-1], "is for the umbrella chart, which this hub does not have any more")
        yield Places(values.document).at(path).problem(what, f"it is kept in {original(cluster, values.file)}")


def original(cluster: ClusterThere, file: Path) -> str:
    """Where the original of a file is kept, from the cluster's new folder."""
    return f"{ORIGINALS}/{inside(file, cluster.folder)}"


def inside(file: Path, folder: Path) -> str:
    """The file's path in the folder, or in `shared` if it is not there."""
    try:
        return file.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return f"shared/{file.name}"


def _entries(tree: Any) -> list[tuple[str, Any]]:
    """Of a map; [] of what is none."""
    return [*cast("Mapping[str, Any]", tree).items()] if isinstance(tree, Mapping) else []
