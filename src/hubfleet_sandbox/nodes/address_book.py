"""Who has which address of a sandbox's load balancers: a file each, so that clusters take from one book."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESSES = 150
"""How many there are: see Layout.service_address."""


@dataclass(frozen=True)
class Lease:
    """Address `number` is a Service's (its uid). `node` answers for it, while its machine's process is `process`."""

    number: int
    cluster: str
    service: str
    node: int | None = None
    process: int | None = None


class AddressBook:
    """The book in this folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, cluster: str, service: str) -> Lease | None:
        """The lease of a Service."""
        return next((lease for lease in self._all() if (lease.cluster, lease.service) == (cluster, service)), None)

    def take(self, cluster: str, service: str, preferred: int | None = None) -> Lease | None:
        """A lease of the preferred number if it is free, else of the first free one; None if none is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in (*([] if preferred is None else [preferred]), *range(ADDRESSES)):
            lease = Lease(number, cluster, service)
            try:
                with (self._folder / str(number)).open("x") as file:
                    json.dump(asdict(lease), file)
            except FileExistsError:
                continue
            return lease
        return None

    def write(self, lease: Lease) -> None:
        """Record a change of a lease."""
        new = self._folder / f".{lease.number}"
        new.write_text(json.dumps(asdict(lease)))
        new.rename(self._folder / str(lease.number))

    def give_back(self, lease: Lease) -> None:
        """End a lease."""
        (self._folder / str(lease.number)).unlink(missing_ok=True)

    def _all(self) -> Iterator[Lease]:
        for path in self._folder.glob("[0-9]*"):
            try:
                yield Lease(**json.loads(path.read_text()))
            except (FileNotFoundError, json.JSONDecodeError):  # another cluster's, written or removed just now
                continue
