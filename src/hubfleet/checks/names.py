"""Whether a hub's names lead to it, and have certificates: what DNS and cert-manager said, in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from hubfleet.checks.pods import Trouble
from hubfleet.errors import Layer
from hubfleet.tools.dns import Found
from hubfleet.tools.kube_certificates import Certificate

_WAITS = re.compile(r"^Waiting for \S+ challenge propagation: ")
_FETCHES = re.compile(rf"{_WAITS.pattern}failed to perform self check GET request '(\S+)/[^/]+': (?:Get \"\S+\": )?")
_REFUSED = re.compile(r"^Error accepting (?:authorization|challenge): acme: (?:authorization error for \S+ )?")
_LONGEST = 400
"""Characters of somebody else's words."""


def record(address: str) -> str:
    """The type of the DNS record that leads to an address, which is an IP or a name; "" where there is none."""
    if not address:
        return ""
    try:
        return "AAAA" if ip_address(address).version == 6 else "A"
    except ValueError:
        return "CNAME"


def astray(address: str, found: Found, wanted: Found) -> str:
    """What is wrong with where DNS leads a name, in words; "" if nothing is, or nobody could be asked. `wanted`: what
    it says of the address."""
    if found is None or not address:
        return ""
    if not found:
        return "does not resolve"
    if wanted is None or {*found} & {*wanted}:
        return ""
    return f"resolves to {', '.join(found)}, and not to {address}"


def uncertified(host: str, address: str, wrong: str, led: bool, made: Iterable[Certificate]) -> Trouble | None:
    """Why a name has no certificate; None if it has. `wrong`: what `astray` said; `led`: DNS is known to be right."""
    mine = [one for one in made if host in one.hosts]
    if any(one.ready for one in mine):
        return None
    what = f"{host} has no certificate yet"
    if not mine:
        why, remedy = "cert-manager has not been asked for one yet, or is not there", "hubfleet status; hubfleet apply"
        return Trouble(Layer.KUBERNETES, what, why, remedy)
    one = mine[0]
    remedy = (
        _point(host, address, wrong, led) if one.asked or wrong else "cert-manager is at it: look again in a minute"
    )
    if one.again is not None:
        at_once = f"hubfleet kubectl -n {one.namespace} delete certificate {one.name}"
        remedy += f"; cert-manager tries again at {one.again:%Y-%m-%d %H:%M} UTC, at once after: {at_once}"
    return Trouble(Layer.NETWORK, what, _words(one.why) or "its order was not answered yet", remedy)


def _point(host: str, address: str, wrong: str, led: bool) -> str:
    if wrong:
        return f"{host} {wrong}: have its DNS record point to {address}"
    if led:
        return f"DNS is right: can {address} be reached at port 80 from the internet?"
    return f"does the DNS record of {host} point to {address}?"


def _words(said: str) -> str:
    """Without what only developers of cert-manager read."""
    said = _FETCHES.sub(r"cert-manager itself cannot fetch \1/…: ", said)
    said = _WAITS.sub("cert-manager itself does not get the proof: ", said)
    said = _REFUSED.sub("the authority says: ", said)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
