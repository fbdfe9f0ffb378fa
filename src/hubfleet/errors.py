"""How hubfleet fails. Every error has an exit code, and says what happened, why (as far as known) and what to do now.

HubfleetError               1   a step failed
├── UsageError              2   the command line is wrong
├── InvalidFiles            2   (in `spec`) a file is wrong; carries every problem found
├── Refused                 4   it would be unsafe
├── CloudError              5   the cloud or the cluster refused us, or cannot be reached
└── Interrupted           130   stopped by the person; apply again goes on
"""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """Where a failure is, from the outside in: what the operator at 2 a.m. wants to know first."""

    FILE = "file"
    CREDENTIAL = "credential"
    QUOTA = "quota"
    NETWORK = "network"
    OPENSTACK = "OpenStack"
    MAGNUM = "Magnum"
    DRIVER = "Magnum's driver"
    CLUSTER_API = "Cluster API"
    KUBERNETES = "Kubernetes API"
    NODE = "node"
    SCHEDULER = "scheduler"
    STORAGE = "storage"
    HELM = "Helm"
    CHART = "chart"
    HUB = "hub"
    PROXY = "proxy"
    SERVER = "user's server"
    KERNEL = "kernel"
    BINDER = "BinderHub"
    REGISTRY = "registry"
    HERE = "this machine"


class HubfleetError(Exception):
    """The root. `what` happened, `why`, what to do now (`remedy`), and in which `layer`; never holds a secret."""

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "", layer: Layer | None = None) -> None:
        super().__init__(what)
        self.what, self.why, self.remedy, self.layer = what, why, remedy, layer

    def __str__(self) -> str:
        head = f"{self.layer}: {self.what}" if self.layer else self.what
        parts = [head, self.why and f"  why: {self.why}", self.remedy and f"  do:  {self.remedy}"]
        return "\n".join(part for part in parts if part)


class UsageError(HubfleetError):
    """The command line asks for something that does not make sense."""

    exit_code = 2


class Refused(HubfleetError):
    """hubfleet could do it, and will not without a stronger word: it would delete, replace or take over something."""

    exit_code = 4


class CloudError(HubfleetError):
    """The cloud or the cluster said no, or did not answer. `status` is the HTTP status where there was one; `again` the
    seconds after which it wants to be asked again, if it says so."""

    exit_code = 5

    def __init__(
        self, what: str, *, why: str = "", remedy: str = "", layer: Layer | None = None, status: int | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, layer=layer)
        self.status = status
        self.again = 0.0


class Interrupted(HubfleetError):
    """Ctrl-C, or a deadline of the caller's."""

    exit_code = 130
