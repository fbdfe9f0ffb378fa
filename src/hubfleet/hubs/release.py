"""One Helm release, complete: all that is needed to install it, and the digest by which a change is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hubfleet.spec import KeyPath, Layer, reveal
from hubfleet.spec.merging import cuts
from hubfleet.spec.trees import map_at


@dataclass(frozen=True)
class Inner:
    """A hub's chart inside of a chart around it."""

    name: str
    """Zero to JupyterHub's, or `lite`."""
    key: KeyPath
    """Where among the values around it its own are."""
    folder: str
    """Where its files are among those of the chart around it: "charts/jupyterhub/"."""


@dataclass(frozen=True)
class Chart:
    """A chart: `path` of a folder or an archive, or `name` and `version` in the repository at `repository` (an https
    address, or oci:// and a registry)."""

    name: str
    version: str
    repository: str | None = None
    path: Path | None = None
    content: str = ""
    """Digest of a folder's files, or of an archive, so that a chart that changed there is a changed release; "" from a
    repository."""
    sha256: str = ""
    """Of the archive in the repository; "" where it is not pinned."""
    mirrored: Path | None = None
    """Where the archive is in a mirror: then it comes from nowhere else."""
    inner: Inner | None = None
    """The hub's chart that is in it, where it is somebody's own chart around that."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def inside(self) -> KeyPath:
        """Where among its values those of Zero to JupyterHub are: BinderHub has it as a sub-chart, and so have charts
        that sites make for themselves."""
        return self.inner.key if self.inner else ("jupyterhub",) if self.name == "binderhub" else ()


SECRET = "hubfleet"  # noqa: S105 (its name)
"""Name of the Secret, in a release's namespace, with the secrets that hubfleet made for it."""


@dataclass(frozen=True)
class Generated:
    """A random secret that is made once, kept in the cluster in `SECRET` of the release's namespace under `key`, and
    set in the values at `path`; () where the chart is told of that Secret instead. `length` characters: letters and
    digits, or hexadecimal digits."""

    key: str
    path: tuple[str, ...]
    length: int = 32
    namespace: str = ""
    """Where it is kept, if that is another release's namespace: both know it."""
    hexadecimal: bool = False

    def below(self, inside: KeyPath) -> Generated:
        """The same in values of which those that it is for are a part."""
        return replace(self, path=(*map(str, inside), *self.path))


@dataclass(frozen=True)
class Entry:
    """What has the address of hubs that share one: our own load balancer (a Service), or what somebody else's
    controller tells: at the hub's Ingress (`name` is its class, "" for whichever; `namespace` the hub's), or at a
    Gateway."""

    kind: Literal["Service", "Ingress", "Gateway"]
    namespace: str
    name: str
    own: bool = False
    """The hub's own values ask for it, and see to its certificate."""


@dataclass(frozen=True)
class Share:
    """Homes that a server of ours has: the Service through which nodes reach it, and the folder of the hub there."""

    service: str
    namespace: str
    folder: str


@dataclass(frozen=True)
class Release:
    """A Helm release: a hub's, or one of the platform that serves them all. `values` are finished (Helm merges nothing
    but the chart's own defaults) and hold secrets in clear: never print them; `secret_paths` says which. Each release
    has a namespace of its own."""

    name: str
    namespace: str
    chart: Chart
    values: Mapping[str, Any] = field(repr=False)
    source: KeyPath
    """The key of the cluster file that it is made from."""
    layers: tuple[Layer, ...] = field(default=(), repr=False, compare=False)
    """What `values` were merged of, weakest first: for the question where one comes from."""
    hub: str = ""
    """The hub that it is; "" for one of the platform."""
    secret_paths: frozenset[tuple[str | int, ...]] = frozenset()
    generated: tuple[Generated, ...] = ()
    url: str = ""
    """Where people find it: https://DOMAIN; "" where they do not."""
    hub_url: str = ""
    """Where its JupyterHub is, if that is elsewhere: behind a BinderHub."""
    offloads: bool = False
    """Something before its load balancer speaks https for it."""
    entry: Entry | None = None
    """Through what people reach it; None where it has a load balancer of its own, or needs none."""
    resource_definitions: bool = True
    """Whether Helm is to install those of the chart's `crds` folder, where they are not there."""
    runs: bool = True
    """It has pods or a Service, for which somebody is to wait. Not where its objects only tell another release what to
    do."""
    share: Share | None = None
    """Where the homes of its users are; None where each has a volume, or there are none."""
    xfs_class: str = ""
    """A storage class of its claim, which hubfleet makes: like that of `storage_classes`, with XFS and its quotas. "":
    it needs none."""
    apis: frozenset[str] = frozenset()
    """APIs that the cluster must have already, "GROUP/VERSION", of which the chart makes objects."""
    storage_classes: frozenset[str] = frozenset()
    """Of the claims that it makes; "" is the cluster's default class."""
    beside: tuple[Mapping[str, Any], ...] = ()
    """Objects that belong to it and that its chart does not make."""
    needs: frozenset[str] = field(default_factory=lambda: frozenset({"cluster"}))

    def revealed(self) -> Release:
        """The same, where its values still have `Secret`s: these in clear, and known by their paths."""
        values, secret = reveal(self.values)
        return replace(self, values=values, secret_paths=self.secret_paths | secret)

    @property
    def encrypts(self) -> bool:
        """People reach it by https."""
        return self.url.startswith("https://")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which people reach it: a BinderHub has two."""
        urls = filter(None, (self.url, self.hub_url))
        return tuple(dict.fromkeys(url.partition("://")[2] for url in urls))

    @property
    def certified(self) -> bool:
        """The entry speaks https for it, with certificates of a cert-manager."""
        return self.entry is not None and not self.entry.own and self.encrypts and not self.offloads

    @property
    def door(self) -> str:
        """Where its JupyterHub is, as the load balancer itself is to be asked."""
        url = self.hub_url or self.url
        return url.replace("https://", "http://", 1) if self.offloads else url

    @property
    def jupyterhub(self) -> Mapping[str, Any]:
        """Those of its values that Zero to JupyterHub has."""
        return map_at(self.values, self.chart.inside)

    @property
    def subject(self) -> str:
        """For people."""
        return subject(self.hub, self.name)

    @property
    def digest(self) -> str:
        """32 hex digits over chart and values (generated secrets apart, they never change): equal digests, equal
        releases. It fits into a label's value."""
        chart = [self.chart.name, self.chart.version, self.chart.repository, self.chart.content]
        made_from = [self.name, self.namespace, *chart, self.values, *cuts(self.values), *self.beside]
        return hashlib.sha256(json.dumps(made_from, sort_keys=True, default=str).encode()).hexdigest()[:32]


def subject(hub: str, name: str) -> str:
    """A release for people: "hub main (release main)", or "release hubfleet-labeller" for one of the platform."""
    return f"hub {hub} (release {name})" if hub else f"release {name}"
