"""The door to Helm, the program: releases go in with values on standard input, answers come out as frozen data.

Its cache, configuration and data are kept apart from the user's own, so that neither disturbs the other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock

from hubfleet.errors import HubfleetError, Layer
from hubfleet.tools import charts, helm_errors, process

OLDEST = (3, 13)
"""`helm upgrade --labels`, by which a release carries its digest, came with Helm 3.13."""
_NOT_HELMS = ("HELM_", "KUBECONFIG", "SOPS_")
"""Beginnings of environment variables that Helm does not get: the user's own settings of it, keys of sops."""
_GET_IT = "install Helm 3.13 or newer (https://helm.sh/docs/intro/install/), or set HUBFLEET_HELM to its path"


def find(environment: Mapping[str, str] = os.environ) -> Path:
    """The helm program: HUBFLEET_HELM, or the one on PATH. HubfleetError if there is none."""
    named = environment.get("HUBFLEET_HELM")
    found = shutil.which(named or "helm", path=environment.get("PATH"))
    if found is None:
        what = f"HUBFLEET_HELM is {named}, which is no program" if named else "the program helm is not there"
        raise HubfleetError(what, why="hubfleet installs charts with it", remedy=_GET_IT, layer=Layer.HERE)
    return Path(found)


class Helm:
    """Helm on one cluster. `timeout` is for each call, in seconds."""

    def __init__(
        self,
        kubeconfig: Path | None,
        context: str | None = None,
        *,
        cache: Path | None = None,
        program: Path | None = None,
        timeout: float = 300,
        run: process.Run = process.run,
    ) -> None:
        self.program = program or find()
        self._kubeconfig, self._context, self._timeout, self._process = kubeconfig, context, timeout, run
        self._cache = cache or charts.cache()

    def version(self) -> str:
        """Its version: "3.19.5". HubfleetError if it is older than hubfleet needs."""
        said = self._run("version", "--template={{.Version}}", timeout=30).strip()
        numbers = re.match(r"v(\d+)\.(\d+)", said)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
            what = f"{self.program} is Helm {said or 'of an unknown version'}"
            raise HubfleetError(what, why="hubfleet needs 3.13 or newer", remedy=_GET_IT, layer=Layer.HERE)
        return said.removeprefix("v")

    def upgrade_install(
        self,
        release: str,
        namespace: str,
        chart: Path,
        values: Mapping[str, Any],
        labels: Mapping[str, str],
        *,
        secrets: Sequence[str] = (),
        resource_definitions: bool = True,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Install or upgrade, and return when the API server has everything; nothing is waited for but the chart's
        hooks. `labels` are put on the release, beside those that it has. `values` reach Helm on standard input, never
        in its arguments; `secrets` among them are masked in errors. `resource_definitions`: with those of the chart's
        folder `crds`. `meanwhile` is called again and again while Helm waits, and ends that by raising something."""
        pairs = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        less = () if resource_definitions else ("--skip-crds",)
        on_release = ("--labels", pairs) if labels else ()
        words = ("upgrade", "--install", release, str(chart), "--namespace", namespace, "--values", "-")
        how = ("--reset-values", "--history-max", "5", *on_release, "--timeout", f"{self._timeout:.0f}s", *less)
        given: dict[str, Any] = {"stdin": json.dumps(values), "secrets": secrets, "meanwhile": meanwhile}
        self._cluster(*words, *how, timeout=self._timeout + 30, **given)

    def template(
        self,
        release: str,
        namespace: str,
        chart: Path,
        values: Mapping[str, Any],
        *,
        kubernetes: str = "v1.34.0",
        secrets: Sequence[str] = (),
    ) -> str:
        """The manifests that would be applied to a cluster of that version of Kubernetes, as YAML, after a check
        against the chart's schema (`helm_errors.BadValues`). Asks no cluster."""
        words = (
            "template",
            release,
            str(chart),
            "--namespace",
            namespace,
            "--values",
            "-",
            "--kube-version",
            kubernetes,
        )
        return self._run(*words, stdin=json.dumps(values), timeout=60, secrets=secrets)

    def uninstall(self, release: str, namespace: str, *, hooks: bool = True) -> None:
        """Uninstall; what belonged to it goes in the background, after the chart's hooks. A release that is not there
        is fine."""
        words = ("uninstall", release, "--namespace", namespace, "--ignore-not-found")
        how = ("--timeout", f"{self._timeout:.0f}s", *(() if hooks else ("--no-hooks",)))
        self._cluster(*words, *how, timeout=self._timeout + 30)

    def rollback(self, release: str, namespace: str, revision: int) -> None:
        """Make the release what that revision was, with its labels; nothing is waited for but the chart's hooks."""
        words = ("rollback", release, str(revision), "--namespace", namespace, "--history-max", "5")
        self._cluster(*words, "--timeout", f"{self._timeout:.0f}s", timeout=self._timeout + 30)

    def values(self, release: str, namespace: str) -> Mapping[str, Any]:
        """The values that the release was last given. They hold secrets."""
        words = ("get", "values", release, "--namespace", namespace, "--output", "json")
        found: Mapping[str, Any] | None = json.loads(self._cluster(*words))
        return found or {}

    def chart(self, release: str, namespace: str) -> tuple[str, str]:
        """Name and version of the chart that the release was last made from."""
        words = ("get", "metadata", release, "--namespace", namespace, "--output", "json")
        found: Mapping[str, Any] = json.loads(self._cluster(*words))
        return str(found["chart"]), str(found["version"])

    def manifest(self, release: str, namespace: str) -> str:
        """The objects that the release consists of, as YAML. They hold secrets."""
        return self._cluster("get", "manifest", release, "--namespace", namespace)

    def pull(self, repository: str, name: str, version: str, sha256: str = "") -> Path:
        """The chart's archive from a repository (an https address, or oci:// and a registry), fetched once and kept in
        the cache.

        With `sha256` (hex) its content is checked, each time. Threads and processes may ask for the same one.
        """
        archive = charts.archive(repository, name, version, self._cache)
        archive.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{archive}.lock", timeout=self._timeout):
            if not archive.exists():
                self._fetch(repository, name, version, archive)
            if sha256 and charts.sha256(archive) != sha256:
                archive.unlink()
                raise HubfleetError(
                    f"the chart {name} {version} from {repository} is not the one that is pinned",
                    why="its SHA-256 differs",
                    remedy="run the same command again; if it says so again, somebody changed the chart: do not use it",
                    layer=Layer.CHART,
                )
        return archive

    def _fetch(self, repository: str, name: str, version: str, archive: Path) -> None:
        work = archive.parent / f".{archive.stem}.part"
        shutil.rmtree(work, ignore_errors=True)  # of a run that was killed; the lock is ours
        work.mkdir()  # Helm does not make it
        which = (f"{repository}/{name}",) if repository.startswith("oci://") else (name, "--repo", repository)
        self._run("pull", *which, "--version", version, "--destination", str(work), timeout=self._timeout)
        (fetched,) = work.glob("*.tgz")  # of a registry it is called after the tag, where a + is a _
        fetched.replace(archive)
        work.rmdir()

    def _cluster(self, *words: str, timeout: float | None = None, **how: Any) -> str:
        if self._kubeconfig is None:
            raise RuntimeError("this Helm was made without a cluster")
        context = ("--kube-context", self._context) if self._context else ()
        where = ("--kubeconfig", str(self._kubeconfig), *context)
        return self._run(*words, *where, timeout=timeout or self._timeout, **how)

    def _run(self, *words: str, timeout: float, stdin: str | None = None, **how: Any) -> str:
        try:
            argv = [str(self.program), *words]
            return self._process(argv, input=stdin, env=self._environment(), timeout=timeout, **how).stdout
        except process.ProcessFailed as error:
            raise helm_errors.explained(words, error) from error

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_HELMS)}
        home = self._cache / "home"
        return kept | {
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }
