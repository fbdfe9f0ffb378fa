"""How the machine room lets others reach a workload cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ClusterAccess:
    """A workload cluster of this sandbox. `kubeconfig` is an administrator's; `number` is unique in the sandbox."""

    name: str
    number: int
    kubeconfig: Path
