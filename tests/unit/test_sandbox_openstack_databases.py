import json
import sqlite3
import stat
from pathlib import Path

import pytest

from hubfleet_sandbox.layout import Layout
from hubfleet_sandbox.openstack import databases

VENV = Path("/venv")
MADE = Layout(Path("/made/making"), Path("/cache"), slot=1, ports=20000)


def table(path: Path, name: str, column: str, values: list[str]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {name} ({column} TEXT)")
        connection.executemany(f"INSERT INTO {name} VALUES (?)", [(value,) for value in values])
    connection.close()


def rows(path: Path, name: str, column: str) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[0] for row in connection.execute(f"SELECT {column} FROM {name} ORDER BY rowid")]
    connection.close()
    return found


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    folder = tmp_path / "cached"
    (folder / "fernet-keys").mkdir(parents=True)
    (folder / "fernet-keys" / "0").write_text("key")
    endpoints = [f"{MADE.url('keystone')}/v3", f"{MADE.url('glance')}/", f"{MADE.url('nova')}/v2.1"]
    table(folder / "keystone.db", "endpoint", "url", endpoints)
    table(folder / "glance.db", "image_locations", "value", ["file:///made/making/openstack/images/1"])
    cells = ["none:///", "sqlite:////made/making/openstack/nova.db"]
    table(folder / "nova_api.db", "cell_mappings", "database_connection", cells)
    secrets = {"admin": "a", "services": "s", "user": "u"}
    credentials = {"sandbox": {"id": "1", "secret": "x"}}
    record = {"secrets": secrets, "credentials": credentials, "state": str(MADE.state), "ports": MADE.ports}
    (folder / "seeded.json").write_text(json.dumps(record))
    return folder


def sandbox(tmp_path: Path, ports: int) -> Layout:
    return Layout(tmp_path / "state", tmp_path / "cache", slot=2, ports=ports)


# 20001: what one change writes is what the next one would look for.
@pytest.mark.parametrize("ports", [20000, 20001, 19999, 30000])
def test_a_copy_of_the_databases_has_the_addresses_of_its_sandbox(tmp_path: Path, cached: Path, ports: int) -> None:
    layout = sandbox(tmp_path, ports)
    databases.place(layout, cached, VENV)
    wanted = [f"http://127.0.0.1:{ports}/v3", f"http://127.0.0.1:{ports + 1}/", f"http://127.0.0.1:{ports + 2}/v2.1"]
    assert rows(layout.openstack / "keystone.db", "endpoint", "url") == wanted
    images = rows(layout.openstack / "glance.db", "image_locations", "value")
    assert images == [f"file://{layout.state}/openstack/images/1"]
    cells = rows(layout.openstack / "nova_api.db", "cell_mappings", "database_connection")
    assert cells == ["none:///", f"sqlite:///{layout.state}/openstack/nova.db"]


def test_the_cached_databases_stay_as_they_were_made(tmp_path: Path, cached: Path) -> None:
    before = rows(cached / "keystone.db", "endpoint", "url")
    databases.place(sandbox(tmp_path, 30000), cached, VENV)
    assert rows(cached / "keystone.db", "endpoint", "url") == before


def test_what_was_not_yet_in_the_database_file_itself_is_copied_too(tmp_path: Path, cached: Path) -> None:
    with sqlite3.connect(cached / "keystone.db") as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO endpoint VALUES ('http://127.0.0.1:20005/v1')")
        writer.commit()
        layout = sandbox(tmp_path, 30000)
        databases.place(layout, cached, VENV)
    writer.close()
    assert rows(layout.openstack / "keystone.db", "endpoint", "url")[-1] == "http://127.0.0.1:30005/v1"


def test_nobody_else_can_read_keys_databases_and_passwords(tmp_path: Path, cached: Path) -> None:
    layout = sandbox(tmp_path, 30000)
    databases.place(layout, cached, VENV)
    for path in layout.openstack.iterdir():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or path.name == "cinder-policy.yaml", path.name
    assert stat.S_IMODE(layout.openstack.stat().st_mode) == 0o700


def test_placing_is_done_when_all_of_it_is_there(tmp_path: Path, cached: Path) -> None:
    layout = sandbox(tmp_path, 30000)
    assert not databases.placed(layout)
    seeded = databases.place(layout, cached, VENV)
    assert databases.placed(layout)
    assert seeded.secrets.user == "u"
    assert databases.read(layout.openstack).ports == 30000
