"""What several verbs of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from hubfleet_sandbox.layout import Layout


def _state(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path:
    return (value or layouts.default_state()).absolute()


state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HUBFLEET_SANDBOX_STATE",
    callback=_state,
    help="Folder of this sandbox; another folder is another sandbox.",
)


def there(state: Path) -> Layout:
    """The layout of the sandbox in this folder; SandboxError if there is none."""
    layout = layouts.load(state)
    if layout is None:
        raise SandboxError(f"there is no sandbox in {state}", remedy="`hubfleet sandbox start` makes one")
    return layout
