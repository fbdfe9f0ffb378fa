"""What becomes of each cluster and hub: the files of a fleet, and what could not be carried over. Pure but for the look
into the clusters' folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from hubfleet.errors import UsageError
from hubfleet.hubs import openness
from hubfleet.importing import pages, telling, unnesting
from hubfleet.importing.checkout import CHART_FILE, Checkout, ClusterThere, HubThere, Values
from hubfleet.spec import InvalidFiles, Places, Problem, Secret, merge
from hubfleet.spec.models.fields import is_name

_CHARTS = "../../charts"
"""From a cluster's folder in the fleet."""


class ChartsFrom(StrEnum):
    """Which chart the hubs have."""

    KEEP = "keep"
    """The umbrella chart that they have, copied beside the fleet."""
    UPSTREAM = "upstream"
    """Zero to JupyterHub's own, with the part of the values that is for it."""


@dataclass(frozen=True)
class CopiedChart:
    """A chart's folder, and a Chart.yaml that takes the place of its own."""

    folder: Path
    override: Path | None = None


@dataclass(frozen=True)
class Member:
    """A cluster: its `name` in the fleet, its `folder` there, and its hubs' names."""

    name: str
    folder: str
    hubs: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """A fleet to be written. `files`: by path from its folder, a text, or a file to be copied. `notes`: what could not
    be carried over, each with the place where it stands in what was imported."""

    clusters: tuple[Member, ...]
    files: Mapping[str, str | Path] = field(repr=False)
    charts: Mapping[str, CopiedChart]
    notes: tuple[Problem, ...]
    chart: ChartsFrom


def translate(checkout: Checkout, chart: ChartsFrom | None = None) -> Imported:
    """The fleet that these clusters become. `chart`: left out, the umbrella charts are kept where they are there.
    InvalidFiles for what cannot be told; UsageError where charts are to be kept that are not there."""
    how = chart or (ChartsFrom.KEEP if checkout.charts else ChartsFrom.UPSTREAM)
    if how is ChartsFrom.KEEP and checkout.charts is None:
        remedy = "give a whole checkout, with helm-charts beside config, or --chart upstream"
        raise UsageError("the charts that are to be kept are not there", remedy=remedy)
    source = checkout.charts if how is ChartsFrom.KEEP else None
    done = [_Translation(cluster, source) for cluster in checkout.clusters]
    members = tuple(one.run() for one in done)
    if problems := dict.fromkeys(problem for one in done for problem in one.problems):
        raise InvalidFiles(tuple(problems))
    files: dict[str, str | Path] = {"fleet.yaml": pages.fleet(), ".gitignore": pages.IGNORED}
    charts: dict[str, CopiedChart] = {}
    for one in done:
        files |= one.files
        charts |= one.charts
    if source is not None and (licence := source.parent / "LICENSE").is_file():
        files["charts/LICENSE"] = licence
    notes = dict.fromkeys(note for one in done for note in one.notes)
    return Imported(members, files, charts, tuple(notes), how)


class _Translation:
    """One cluster on its way: collects files, charts to copy, notes. `charts`: the folder of the umbrella charts, if
    they are kept."""

    def __init__(self, cluster: ClusterThere, charts: Path | None) -> None:
        self.cluster, self.source = cluster, charts
        self.place = f"clusters/{cluster.folder.resolve().name}"
        self.files: dict[str, str | Path] = {}
        self.charts: dict[str, CopiedChart] = {}
        self.notes: list[Problem] = []
        self.problems: list[Problem] = []
        self.names: dict[tuple[Path, tuple[str, ...]], str] = {}

    def run(self) -> Member:
        """Everything of the cluster."""
        entry = self.cluster.entry
        name = self._name()
        self.notes += telling.of_cluster(self.cluster)
        hubs_here = [hub for hub in self.cluster.hubs if self._fits(hub)]
        top = [*self.notes]
        hubs = {hub.entry.name: self._hub(hub) for hub in hubs_here}
        self._originals()
        access = pages.Access(entry.provider, entry.settings, entry.provider_url or "", telling.ORIGINALS)
        self.files[f"{self.place}/cluster.yaml"] = pages.cluster(name, access, top, hubs)
        return Member(name, self.place, tuple(hubs))

    def _name(self) -> str:
        """The cluster's, as hubfleet takes it."""
        name = self.cluster.entry.name
        other = name if is_name(name) else f"cluster-{name}"
        if not is_name(other):
            remedy = "use at most 40 lower-case letters, digits and -"
            self.problems.append(self.cluster.problem(f"no cluster of hubfleet's can be called {name}", remedy, "name"))
        elif other != name:
            what = f"a name of hubfleet's begins with a letter: the cluster is called {other} here"
            self.notes.append(self.cluster.problem(what, "", "name"))
        return other

    def _fits(self, hub: HubThere) -> bool:
        name = hub.entry.name
        if is_name(name) and name != "default" and not name.startswith(("kube-", "hubfleet-")):
            return True
        what = f"no hub of hubfleet's can be called {name}, and a namespace cannot be renamed: the hub is left out"
        remedy = "make a hub of another name, and move the homes"
        self.notes.append(self.cluster.problem(what, remedy, *hub.at, "name"))
        return False

    def _hub(self, hub: HubThere) -> pages.HubPage:
        keeps = self.source is not None
        merged = _for_jupyterhub(hub)
        chosen = unnesting.part(merged, ("hub", "config", "JupyterHub", "authenticator_class"))
        found = openness.lets_in(merged)
        notes = [*self._told(hub, opened=found[1] if found else "", chosen=bool(chosen))]
        self.notes += notes
        files = [(self._kept(one) if keeps else self._unnested(hub, one), one) for one in hub.files]
        chart = self._chart(hub)
        return pages.HubPage(
            title=hub.entry.display_name or "",
            domain=hub.entry.domain,
            ring="staging" if "staging" in hub.entry.name else "production",
            way="in an encrypted file" if isinstance(chosen, Secret) else str(chosen) if chosen else "",
            in_values=bool(chosen) or keeps,
            opened=found[1] if found else "",
            chart=f"{_CHARTS}/{chart}" if chart else "",
            computed=self._computed(hub, chart) if chart else "",
            files=tuple(
                (name, "" if name else f"{one.name} {one.missing}") for name, one in files if name or one.missing
            ),
            notes=tuple(notes),
        )

    def _told(self, hub: HubThere, *, opened: str, chosen: bool) -> Iterator[Problem]:
        """What could not be carried over of a hub, or is to be looked at."""
        keeps = self.source is not None
        yield from telling.of_hub(self.cluster, hub)
        if not keeps:
            yield from telling.of_rest(self.cluster, hub)
        yield from telling.of_missing(self.cluster, hub, keeps=keeps)
        if opened:
            what = f"anybody on the internet may log in to {hub.entry.name}, as before: {opened}"
            yield self.cluster.problem(what, "if that is not meant, take `open: true` away and mend it", *hub.at)
        if not chosen:
            yield telling.of_login(self.cluster, hub, keeps=keeps)

    def _chart(self, hub: HubThere) -> str:
        """The name of its umbrella chart, which is to be copied; "" if it is not kept."""
        if self.source is None:
            return ""
        name = hub.entry.helm_chart
        for needed in dict.fromkeys((name, "basehub")):  # daskhub is made from basehub, beside it
            if not (self.source / needed / CHART_FILE).is_file():
                what, remedy = (
                    f"there is no chart {needed} in {self.source}",
                    "give a whole checkout, or --chart upstream",
                )
                self.problems.append(self.cluster.problem(what, remedy, *hub.at, "helm_chart"))
            self.charts[needed] = CopiedChart(self.source / needed)
        if hub.entry.chart_override is None:
            return name
        override = self.cluster.folder / hub.entry.chart_override
        if not override.is_file():
            what = f"there is no file {override}"
            self.problems.append(self.cluster.problem(what, "check the path", *hub.at, "chart_override"))
        own = f"{name}-{self.cluster.folder.resolve().name}-{hub.entry.name}"
        self.charts[own] = CopiedChart(self.source / name, override)
        return own

    def _computed(self, hub: HubThere, chart: str) -> str:
        """The command that renders what the umbrella chart computes for this hub."""
        entry = self.cluster.entry
        variables = {
            "CLUSTER_NAME": entry.name,
            "HUB_NAME": hub.entry.name,
            "HUB_DOMAIN": hub.entry.domain,
            "PROVIDER": entry.provider,
            "ACCOUNT_ID": entry.settings.get({"gcp": "project", "aws": "account"}.get(entry.provider, "")),
        }
        to = f"{self.place}/{hub.entry.name}.computed.yaml"
        return pages.render_command(f"charts/{chart}/values.jsonnet", variables, to)

    def _kept(self, values: Values) -> str:
        """The name of a values file of which nothing is changed; "" if it is not there."""
        if values.document is None:
            return ""
        name = self._named(values.file, ())
        text = values.document.text
        quoted = text if values.encrypted else unnesting.kept(values.document)
        self.files[f"{self.place}/{name}"] = values.file if quoted == text else quoted
        return name

    def _unnested(self, hub: HubThere, values: Values) -> str:
        """The name of a new file with what of a values file is for Zero to JupyterHub; "" where nothing is."""
        inside = unnesting.part(values.tree, hub.inside)
        if values.document is None or inside == {}:
            return ""
        if not isinstance(inside, Mapping):
            self._no_map(hub, values, values.document, null=inside is None)
            return ""
        name = self._named(values.file, hub.inside)
        original = telling.original(self.cluster, values.file)
        if values.encrypted:
            header = pages.header(f"The secrets of {original}, which stays as sops encrypted it.")
            back = "../" * name.count("/")  # a reference counts from the folder of its file
            text = unnesting.referring(values.tree, hub.inside, back + original, header)
        else:
            header = pages.header(f"What is below {'.'.join(hub.inside)} in {original}.")
            text = unnesting.unnested(values.document, hub.inside, header)
        self.files[f"{self.place}/{name}"] = text
        return name

    def _no_map(self, hub: HubThere, values: Values, document: Any, *, null: bool) -> None:
        """A null takes away what files before it say, which a file of its own cannot."""
        before = hub.files[: hub.files.index(values)]
        if null and not any(unnesting.part(one.tree, hub.inside) for one in before):
            return
        what = "takes away all that the files before it say" if null else "is no map"
        place = Places(document).at(hub.inside)
        self.problems.append(place.problem(what, "take it out, or give it keys"))

    def _named(self, file: Path, inside: tuple[str, ...]) -> str:
        """The name of a values file in the cluster's folder, each its own."""
        if (file, inside) not in self.names:
            own = telling.inside(file, self.cluster.folder)
            if own.startswith(f"{telling.ORIGINALS}/"):
                own = own.replace("/", "-")
            taken, name, number = {*self.names.values(), "cluster.yaml"}, own, 2
            while name in taken:
                name, number = f"{number}-{own}", number + 1
            self.names[file, inside] = name
        return self.names[file, inside]

    def _originals(self) -> None:
        """Every file of the cluster that is not carried over as it is."""
        kept = {file.resolve() for file, inside in self.names if not inside}
        there = (one for one in sorted(self.cluster.folder.rglob("*")) if one.is_file())
        named = (one.file for hub in self.cluster.hubs for one in hub.files if one.file.is_file())
        for file in dict.fromkeys([*there, *named]):
            if file.resolve() not in kept:
                self.files[f"{self.place}/{telling.original(self.cluster, file)}"] = file


def _for_jupyterhub(hub: HubThere) -> dict[str, Any]:
    """A hub's values for Zero to JupyterHub, of all its files merged."""
    found = unnesting.part(merge(*(one.tree for one in hub.files)), hub.inside)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
