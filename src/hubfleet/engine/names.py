"""The names under which people reach hubs: which DNS records have to be there, and what their certificates lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hubfleet.checks import names as judged
from hubfleet.checks.pods import Trouble
from hubfleet.engine import entries
from hubfleet.errors import CloudError
from hubfleet.hubs import Release
from hubfleet.hubs.platform import entry
from hubfleet.tools import dns
from hubfleet.tools.dns import Found
from hubfleet.tools.kube import Kube
from hubfleet.tools.kube_certificates import Certificate, certificates


@dataclass(frozen=True)
class HostName:
    """A name of a hub, of Grafana or a registry (`hub` is ""), and the DNS record that has to be there for it: `type`
    (A, AAAA, CNAME) and `address`, both "" while there is no address. `dns`: what is wrong with where the name leads as
    this machine sees it ("does not resolve"), "" if nothing is, or nobody could be asked. `certificate`: why the entry
    has none for it; None if it has, or is to have none."""

    hub: str
    host: str
    type: str
    address: str
    dns: str = ""
    certificate: Trouble | None = None

    @property
    def record(self) -> str:
        """For people: "hub.example.org  A  192.0.2.7"."""
        return f"{self.host}  {self.type}  {self.address}" if self.address else f"{self.host}  (no address yet)"

    @property
    def astray(self) -> str:
        """Where DNS does not lead it here: that, and what it has to have, in one line."""
        return f"{self.host} {self.dns}: DNS has to have {self.record}"

    @property
    def trouble(self) -> str:
        """What its certificate lacks, in one line; "" if nothing."""
        if self.certificate is None:
            return ""
        return f"{self.certificate.what}: {self.certificate.why}; {self.certificate.remedy}"


def look(releases: Sequence[Release], kube: Kube) -> tuple[HostName, ...]:
    """Those of these hubs, in their order."""
    return seen(releases, lambda release: entries.address(release, kube), made(releases, kube))


def made(releases: Sequence[Release], kube: Kube) -> tuple[Certificate, ...] | None:
    """The cluster's certificates, where one of these hubs is to have some; None where they cannot be read, of which
    nobody's work is to fail."""
    with suppress(CloudError):
        return certificates(kube) if any(one.certified for one in releases) else ()
    return None


def seen(
    releases: Sequence[Release], at: Callable[[Release], str], certificates: Sequence[Certificate] | None
) -> tuple[HostName, ...]:
    """The same, by what was read before: the address of each, and the cluster's certificates."""
    named = [(release, host, at(release)) for release in releases for host in release.hosts]
    told = dns.addresses({name for _, host, address in named for name in (host, address) if name})
    return tuple(_name(release, host, address, told, certificates) for release, host, address in named)


def _name(
    release: Release, host: str, address: str, told: Mapping[str, Found], certificates: Sequence[Certificate] | None
) -> HostName:
    wrong = judged.astray(address, told[host], told.get(address))
    found = HostName(release.hub, host, judged.record(address), address, wrong)
    if not release.certified or certificates is None:
        return found
    places = {release.namespace, entry.NAME}  # an Ingress has its own beside it, a Gateway all of its listeners'
    mine = [one for one in certificates if one.namespace in places]
    led = bool(told[host]) and told.get(address) is not None and not wrong
    return replace(found, certificate=judged.uncertified(host, address, wrong, led, mine))
