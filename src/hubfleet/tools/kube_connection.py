"""A kubeconfig -> a client that logs in as it says. Of lightkube only this: its models would cost start-up time, and it
cannot ask for metadata alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet.errors import CloudError, Layer

if TYPE_CHECKING:
    import httpx2
    from lightkube.config.kubeconfig import SingleConfig


_READING = threading.Lock()
"""lightkube's models are msgspec's, and msgspec 0.22 crashes the process when two threads are the first that read one:
the other finds a description of the model that is half made."""


def connect(
    kubeconfig: Path | str, context: str | None, timeout: float, transport: httpx2.BaseTransport | None = None
) -> tuple[httpx2.Client, str]:
    """A client for the API server, and its address. CloudError where file, text or context are of no use; nothing is
    asked yet. `timeout` in seconds for each request."""
    import httpx2
    from lightkube.config.client_adapter import Client, ConnectionParams
    from lightkube.core.exceptions import ConfigError
    from yaml import MarkedYAMLError, YAMLError

    what = str(kubeconfig) if isinstance(kubeconfig, Path) else "the cluster's kubeconfig"
    try:
        config = _chosen(what, kubeconfig, context)
        client = Client(config, ConnectionParams(timeout=httpx2.Timeout(timeout), transport=transport))
    except (
        *(ConfigError, YAMLError, httpx2.InvalidURL),
        *(OSError, AssertionError, AttributeError, KeyError, TypeError, ValueError),
    ) as error:
        # A YAML error's own text quotes the file, which holds credentials.
        said = error.problem if isinstance(error, MarkedYAMLError) else error
        why = f"{type(error).__name__}: {said}"
        raise _unusable(f"{what} cannot be used", why, "check it with: kubectl --kubeconfig FILE get nodes") from error
    return client, config.cluster.server


def _chosen(what: str, kubeconfig: Path | str, context: str | None) -> SingleConfig:
    import yaml
    from lightkube.config.kubeconfig import KubeConfig

    text = kubeconfig.read_text(encoding="utf-8") if isinstance(kubeconfig, Path) else kubeconfig
    parsed: dict[str, Any] = yaml.safe_load(text)
    if not parsed:
        raise ValueError("it is empty")
    file = kubeconfig if isinstance(kubeconfig, Path) else None
    with _READING:
        configs = KubeConfig.from_dict(parsed, file)  # pyright: ignore[reportUnknownMemberType] (its own annotation)
    if context is not None and context not in configs.contexts:
        has = ", ".join(sorted(configs.contexts)) or "none"
        raise _unusable(
            f"{what} has no context {context!r}", f"it has: {has}", "give one of these, or another kubeconfig"
        )
    config = configs.get(context_name=context)
    if config is None:
        raise _unusable(f"{what} has no current context", "", "give a context")
    return config


def _unusable(what: str, why: str, remedy: str) -> CloudError:
    return CloudError(what, why=why, remedy=remedy, layer=Layer.CREDENTIAL)
