"""Which values of a release a plan may show: plans end in logs and under pull requests, where anybody reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import cast

from hubfleet.spec import KeyPath

HIDDEN = "(not shown: it may hold a secret)"
"""Stands in a plan for a value that somebody else gave a release, and of which nobody knows what it is."""
_SECRET_NAMES = ("password", "secret", "token", "key", "credential", "extraenv", "extrafiles")
"""Parts of names under which people keep secrets, also in clear."""
_HARMLESS_NAMES = {
    "name",
    "tag",
    "type",
    "capacity",
    "storage",
    "storageclass",
    "storageclassname",
    "authenticator_class",
    "admin_users",
    "allowed_users",
    "allowed_organizations",
    "allowed_groups",
    "hosts",
    "defaulturl",
    "pullpolicy",
    "matchnodepurpose",
    "pvcnametemplate",
    "homemountpath",
}
"""Keys of Zero to JupyterHub's chart, in small letters, that hold names and no secrets."""
_HARMLESS_MAPS = {"nodeselector", "image"}
_QUANTITY = re.compile(r"[0-9]{1,7}(\.[0-9]{1,3})?[A-Za-z]{0,2}")


def is_secret(path: tuple[str, ...], known: Collection[KeyPath]) -> bool:
    """By what the files say, or said; and by its name, for one that was written in clear."""
    # A list is compared as a whole: it is secret if anything in it is.
    return any(map(_named_secret, path)) or any(one[: len(path)] == path for one in known)


def sounds_secret(value: object) -> bool:
    """Whether there is a key in a list's maps that may name a secret."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value).items()
        return any(_named_secret(key) or sounds_secret(below) for key, below in entries)
    return isinstance(value, list) and any(map(sounds_secret, cast("list[object]", value)))


def harmless(path: tuple[str, ...], value: object) -> bool:
    """Whether a value that somebody else wrote, and that is not called like a secret, may be shown. In any text may be
    one (the address of a database, a program), so that only numbers and sizes are, and names under keys that hold just
    these."""
    if not value or isinstance(value, bool | int | float):
        return True
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return True
    known = path[-1].lower() in _HARMLESS_NAMES or any(key.lower() in _HARMLESS_MAPS for key in path[:-1])
    texts = cast("list[object]", value) if isinstance(value, list) else [value]
    return known and all(isinstance(one, str) for one in texts)


def _named_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_NAMES)
