"""Make one service's databases: `databases.py SERVICE CONFIG-FILE [URL REGION]` (the last for Keystone).

Keystone's first user, admin, gets the password in the variable ADMIN_PASSWORD.

Keystone, Glance, Nova and Cinder run their migrations. Magnum's and Neutron's do not run on SQLite ("No support for
ALTER of constraints in SQLite dialect"), so their tables are made from their models, as their own unit tests do.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any


def _keystone(config: str, url: str, region: str) -> None:
    os.environ["OS_BOOTSTRAP_PASSWORD"] = os.environ["ADMIN_PASSWORD"]
    for command in (
        ["db_sync"],
        ["fernet_setup", "--keystone-user", "root", "--keystone-group", "root"],
        ["credential_setup", "--keystone-user", "root", "--keystone-group", "root"],
        ["bootstrap", "--bootstrap-region-id", region]
        + [word for interface in ("public", "internal", "admin") for word in (f"--bootstrap-{interface}-url", url)],
    ):
        importlib.import_module("keystone.conf").CONF.clear()  # keystone-manage is made for one command a process
        importlib.import_module("keystone.cmd.cli").main(["keystone-manage", "--config-file", config, *command])


def _glance(config: str) -> None:
    sys.argv = ["glance-manage", "--config-file", config, "db_sync"]
    importlib.import_module("glance.cmd.manage").main()


def _nova(config: str) -> None:
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
    manage = importlib.import_module("nova.cmd.manage")  # first: it settles what nobody may have settled before
    importlib.import_module("nova.config").parse_args(["nova-manage", "--config-file", config])
    importlib.import_module("nova.objects").register_all()
    conf = importlib.import_module("nova.conf").CONF
    cells, main = manage.CellV2Commands(), conf.database.connection
    manage.ApiDbCommands().sync()
    cells.map_cell0(main.replace("nova.db", "nova_cell0.db"))
    manage.DbCommands().sync()
    cells.create_cell(name="cell1", database_connection=main, transport_url="fake://")


def _cinder(config: str) -> None:
    sys.argv = ["cinder-manage", "--config-file", config, "db", "sync"]
    importlib.import_module("cinder.cmd.manage").main()


def _neutron(config: str) -> None:
    importlib.import_module("neutron.db.migration.models.head")
    _create_all("neutron", config, importlib.import_module("neutron_lib.db.model_base").BASEV2.metadata)


def _magnum(config: str) -> None:
    _create_all("magnum", config, importlib.import_module("magnum.db.sqlalchemy.models").Base.metadata)


def _create_all(service: str, config: str, metadata: Any) -> None:
    parser = importlib.import_module("configparser").RawConfigParser()
    parser.read(config)
    engine = importlib.import_module("sqlalchemy").create_engine(parser["database"]["connection"])
    metadata.create_all(engine)
    sys.stdout.write(f"{service}: {len(metadata.tables)} tables\n")


if __name__ == "__main__":
    makers: dict[str, Callable[..., None]] = {
        "keystone": _keystone,
        "glance": _glance,
        "nova": _nova,
        "cinder": _cinder,
        "neutron": _neutron,
        "magnum": _magnum,
    }
    makers[sys.argv[1]](*sys.argv[2:])
