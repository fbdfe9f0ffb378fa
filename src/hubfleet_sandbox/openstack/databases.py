"""The services' databases: made and seeded once, kept in the cache, copied into each sandbox."""

from __future__ import annotations

import json
import re
import secrets as random
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet_sandbox import cache as entries
from hubfleet_sandbox import processes
from hubfleet_sandbox.layout import SERVICE_PORTS, Layout
from hubfleet_sandbox.openstack import configuration, seed, services
from hubfleet_sandbox.openstack.configuration import Secrets

if TYPE_CHECKING:
    from hubfleet_sandbox.steps import Say

_NAME = "openstack-databases"
_MAKE = Path(__file__).parent / "inside" / "databases.py"
_RECORD = "seeded.json"
_KEPT = ("*.db", "*-keys", "images")
# Where a sandbox's own address or folder is written in a database: it is changed there in each copy.
_PLACES = (
    ("keystone", "endpoint", "url"),
    ("glance", "image_locations", "value"),
    ("nova_api", "cell_mappings", "database_connection"),
)


@dataclass(frozen=True)
class Seeded:
    """What is known of databases: the passwords and application credentials in them, and where they were made."""

    secrets: Secrets
    credentials: dict[str, dict[str, str]]
    state: str
    ports: int


def get(layout: Layout, venv: Path, say: Say) -> Path:
    """The folder of seeded databases, made (on this sandbox's ports) if the cache has none."""
    return entries.get(layout.cache, _NAME, _made_from(venv), lambda place: _make(place, layout, venv, say))


def there(cache: Path, venv: Path) -> bool:
    """Whether they are made already."""
    return entries.there(cache, _NAME, _made_from(venv))


def placed(layout: Layout) -> bool:
    """Whether this sandbox has its databases."""
    return (layout.openstack / _RECORD).exists()


def place(layout: Layout, source: Path, venv: Path) -> Seeded:
    """Copy the databases into the sandbox, put its addresses into them, and write the services' configuration."""
    seeded = read(source)
    shutil.rmtree(layout.openstack, ignore_errors=True)
    layout.openstack.mkdir(parents=True, mode=0o700)
    for path in _kept(source):
        _copy(path, layout.openstack / path.name)
    made = Layout(Path(seeded.state), layout.cache, layout.slot, seeded.ports)
    for database, table, column in _PLACES:
        _change(layout.openstack / f"{database}.db", table, column, _changes(made, layout))
    configuration.write(layout, venv, seeded.secrets)
    _write(layout.openstack, replace(seeded, state=str(layout.state), ports=layout.ports))  # last: now it is whole
    return seeded


def read(folder: Path) -> Seeded:
    """What is known of the databases in this folder."""
    found = json.loads((folder / _RECORD).read_text())
    return Seeded(Secrets(**found["secrets"]), found["credentials"], found["state"], found["ports"])


def _made_from(venv: Path) -> dict[str, bytes]:
    here = Path(__file__).parent
    names = ("catalogue.py", "configuration.py", "databases.py", "seed.py", "inside/databases.py")
    return {"venv": venv.name.encode(), **{name: (here / name).read_bytes() for name in names}}


def _make(target: Path, real: Layout, venv: Path, say: Say) -> None:
    # Under the sandbox's own state folder, so that `stop` finds the processes of a start that was killed here.
    layout = replace(real, state=real.state / "making")
    processes.stop(processes.marked(layout), grace=0)  # of a start that was killed here
    shutil.rmtree(layout.state, ignore_errors=True)
    secrets = Secrets(*(random.token_urlsafe(24) for _ in range(3)))
    try:
        _migrate(layout, venv, secrets, say)
        services.start(layout, venv, None, say)
        say("seeding")
        seed.identities(layout, secrets)
        seed.resources(layout, secrets)
        credentials = {
            name: seed.application_credential(layout, secrets, name, unrestricted=unrestricted)
            for name, unrestricted in (("sandbox", True), ("sandbox-restricted", False))
        }
    finally:
        processes.stop(processes.known(layout))
    for path in _kept(layout.openstack):
        _copy(path, target / path.name)
    _write(target, Seeded(secrets, credentials, str(layout.state), layout.ports))
    shutil.rmtree(layout.state)


def _migrate(layout: Layout, venv: Path, secrets: Secrets, say: Say) -> None:
    say("making databases")
    configuration.write(layout, venv, secrets)
    for keys in ("fernet-keys", "credential-keys"):
        (layout.openstack / keys).mkdir(mode=0o700)

    def make(service: services.Service) -> None:
        name = service.name
        more = [configuration.identity(layout), configuration.REGION] if name == "keystone" else []
        argv: list[str | Path] = [
            venv / "bin/python",
            "-W",
            "ignore",
            _MAKE,
            name,
            configuration.file(layout, name),
            *more,
        ]
        env = {"ADMIN_PASSWORD": secrets.admin}
        processes.run(argv, env=env, timeout=300, layout=layout, log=layout.logs / f"database-{name}.log")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, services.SERVICES))


def _kept(folder: Path) -> list[Path]:
    return sorted(path for pattern in _KEPT for path in folder.glob(pattern))


def _copy(source: Path, target: Path) -> None:
    """Folders as they are; a database whole, with what is still in its write-ahead log."""
    if source.is_dir():
        shutil.copytree(source, target)
        target.chmod(0o700)
        return
    target.touch(0o600)
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def _changes(made: Layout, layout: Layout) -> dict[str, str]:
    addresses = {f"{made.url(name)}/": f"{layout.url(name)}/" for name in SERVICE_PORTS}
    return {f"{made.state}/": f"{layout.state}/", **addresses}


def _change(database: Path, table: str, column: str, changes: dict[str, str]) -> None:
    """All in one pass: with neighbouring ports, what one change writes another would find."""
    any_of = re.compile("|".join(re.escape(old) for old in changes))
    connection = sqlite3.connect(database)
    with connection:
        for rowid, value in connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall():  # noqa: S608 (ours)
            new = any_of.sub(lambda found: changes[found[0]], str(value))
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, rowid))  # noqa: S608
    connection.close()


def _write(folder: Path, seeded: Seeded) -> None:
    path = folder / _RECORD
    path.touch(0o600)
    path.write_text(json.dumps(asdict(seeded)))
