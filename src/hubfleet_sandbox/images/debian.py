"""A root file system of Debian (or Ubuntu) packages, from the mirror that this machine is configured for.

The packages are unpacked and their maintainers' scripts do not run (mmdebstrap's variant "extract"): 25 s instead of
67, and nothing of a package runs as root here. What those scripts would have made and is needed is made by `settle`.
"""

from __future__ import annotations

import platform
import shlex
from pathlib import Path

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError

_NEEDED = (Path(__file__).with_name("packages.txt")).read_text().split()
_UNREAD = (
    *(f"usr/share/{name}" for name in ("doc", "man", "info", "locale", "lintian", "bug")),
    *("etc/apt", "var/cache", "var/lib/apt", "tmp", "boot"),
)
_HANDED_ON = ("Proxy", "CAInfo", "CAPath", "Verify-Peer", "Retries", "Timeout")
_MERGED = "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr"  # /bin is /usr/bin, if the release has it so
USER, USER_ID = "jovyan", 1000


def sources() -> list[str]:
    """The machine's own package sources of its own release, as one-line entries: `deb URI SUITE COMPONENT`.

    Other makers' repositories are left out, so that two machines of one release make the same image.
    """
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    wanted = (release, f"{release}-updates", f"{release}-security")
    words = ["--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    listed = processes.run(["apt-get", "indextargets", *words], timeout=30).splitlines()
    found = [f"deb {line}" for line in dict.fromkeys(listed) if release and line.split(" ")[1] in wanted]
    if not found:
        why = f"apt knows no repository of the release {release or '(unnamed)'!r}"
        raise SandboxError("no source of Debian packages", why=why, remedy="add one to /etc/apt/sources.list.d")
    return found


def unpack(root: Path, log: Path) -> None:
    """Make the folder `root` from the packages."""
    listing = root.with_suffix(".list")
    listing.write_text("\n".join(sources()) + "\n")
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    flags = ["--mode=root", "--variant=extract", "--format=directory", f"--include={','.join(_NEEDED)}", _MERGED]
    flags += [f"--aptopt={option}" for option in _options()]
    bound = ["setpriv", "--pdeathsig", "KILL"]  # it must not go on when we are killed
    argv: list[str | Path] = [*bound, "mmdebstrap", *flags, suite, root, listing]
    processes.run(argv, timeout=1800, log=log)
    listing.unlink()


def settle(root: Path) -> None:
    """Do what the packages' scripts would have done: users, certificates, the linker's cache. Remove the unread."""
    for name in ("passwd", "group"):
        master = (root / f"usr/share/base-passwd/{name}.master").read_text()
        (root / "etc" / name).write_text(master)
    with (root / "etc/passwd").open("a") as file:
        file.write(f"{USER}:x:{USER_ID}:{USER_ID}::/home/{USER}:/bin/bash\n")
    with (root / "etc/group").open("a") as file:
        file.write(f"{USER}:x:{USER_ID}:\n")
    trusted = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text("".join(path.read_text() for path in trusted))
    (root / "usr/bin/which").symlink_to("which.debianutils")
    processes.run(["ldconfig", "-r", root], timeout=60)
    for name in _UNREAD:
        processes.run(["rm", "-rf", root / name], timeout=60)
    for name in ("tmp", "var/tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(0o1777)


def _options() -> list[str]:
    """apt's own settings for how to reach a mirror: proxies, certificates, patience."""
    lines = processes.run(["apt-config", "dump", "Acquire"], timeout=30).splitlines()
    settings = (line.rstrip(";").partition(" ") for line in lines)
    named = {name: "".join(shlex.split(value)) for name, _, value in settings}
    return [f'{name} "{value}";' for name, value in named.items() if value and name.rpartition("::")[2] in _HANDED_ON]
