"""What Neutron keeps for a cluster: found by name or description, made if it is not there, deleted if it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hubfleet_sandbox.cloud import CloudError

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object


class Neutron:
    """One project's networking API. `plural` is a kind as in its paths (`security-groups`). All methods may raise
    CloudError."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def find(self, plural: str, **query: str) -> list[Object]:
        """All that have these values."""
        found: list[Object] = self._ask("GET", f"{plural}?{urlencode(query)}")[_key(plural)]
        return found

    def make(self, plural: str, item: Object) -> Object:
        """A new one."""
        made: Object = self._ask("POST", plural, {_singular(plural): item})[_singular(plural)]
        return made

    def make_all(self, plural: str, items: list[Object]) -> None:
        """Several new ones, or none of them."""
        self._ask("POST", plural, {_key(plural): items})

    def ensure(self, plural: str, item: Object) -> Object:
        """The one of the item's name, made if there is none."""
        found = self.find(plural, name=item["name"])
        return found[0] if found else self.make(plural, item)

    def change(self, plural: str, identity: str, action: str, body: Object) -> None:
        """Do something to it."""
        self._ask("PUT", f"{plural}/{identity}/{action}", body)

    def delete(self, plural: str, **query: str) -> None:
        """Have none that has these values."""
        for found in self.find(plural, **query):
            try:
                self._ask("DELETE", f"{plural}/{found['id']}")
            except CloudError as error:
                if error.status != HTTPStatus.NOT_FOUND:  # else somebody was quicker
                    raise

    def _ask(self, method: str, path: str, body: Object | None = None) -> Object:
        answer: Object | None = self._cloud.request("network", method, f"/v2.0/{path}", body)
        return answer or {}


def _key(plural: str) -> str:
    return plural.replace("-", "_")


def _singular(plural: str) -> str:
    return _key(plural).removesuffix("s")
