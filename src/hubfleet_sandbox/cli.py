"""The command line: `hubfleet sandbox ...`, and `hubfleet-sandbox ...` where there is no hubfleet."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hubfleet_sandbox import layout as layouts
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.faults.cli import fault
from hubfleet_sandbox.options import state_option, there

_INTERRUPTED = 130


class _Group(click.Group):
    """Shows what a person can act on, and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except SandboxError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("interrupted: run the command again to go on, or `hubfleet sandbox stop`", err=True)
            sys.stdout.flush()
            os._exit(_INTERRUPTED)  # steps under way are threads, which an ordinary exit would wait for
        finally:
            signal.signal(signal.SIGTERM, before)


@click.group(cls=_Group)
def main() -> None:
    """A Jetstream2 in miniature on this machine: real OpenStack APIs, real Kubernetes, real nodes."""


_ports_option = click.option(
    "--ports", type=click.IntRange(1024, 65000), help="First of its 500 TCP ports [default: chosen]."
)
_node_boot_option = click.option(
    "--node-boot",
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="Every node takes at least that long to boot [default: as before, at first 0].",
)
_install_option = click.option("--install", is_flag=True, help="Install Debian packages that are missing.")


@main.command()
@state_option
@_ports_option
@_node_boot_option
@_install_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
def start(state: Path, ports: int | None, node_boot: float | None, *, install: bool, as_json: bool) -> None:
    """Bring the cloud up; what runs already is left alone, what died is started again."""
    from hubfleet_sandbox import slots

    with slots.changing(state):
        _start(state, ports, node_boot, install=install, as_json=as_json)


@main.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(state: Path, *, as_json: bool) -> None:
    """Say what runs, where, and what in it is simulated. Exit code 1 if it does not run, or not whole."""
    from hubfleet_sandbox import report
    from hubfleet_sandbox import status as statuses

    found = statuses.read(layouts.load(state), state)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        report.show(found)
    if found.state != "running":
        sys.exit(1)


@main.command()
@state_option
@click.option("--shell", type=click.Choice(["sh", "fish"]), default="sh", help="Whose syntax [default: sh].")
def env(state: Path, shell: str) -> None:
    """Print what makes a shell's openstack, helm and kubectl speak to this cloud: eval "$(hubfleet sandbox env)"."""
    from hubfleet_sandbox import shells

    click.echo(shells.exports(there(state), shell), nl=False)


@main.command()
@state_option
def stop(state: Path) -> None:
    """End the cloud with all that is on it: no process, mount, network, control group is left. Its logs stay."""
    from hubfleet_sandbox import slots

    with slots.changing(state):
        _stop(state)


@main.command()
@state_option
@_ports_option
@_node_boot_option
@_install_option
def reset(state: Path, ports: int | None, node_boot: float | None, *, install: bool) -> None:
    """Stop, and start anew with an empty cloud."""
    from hubfleet_sandbox import settings, slots

    with slots.changing(state):
        before = layouts.load(state)
        if node_boot is None and before:
            node_boot = settings.read(before).node_boot
        _stop(state)
        _start(state, ports, node_boot, install=install, as_json=False)


main.add_command(fault)


def _start(state: Path, ports: int | None, node_boot: float | None, *, install: bool, as_json: bool) -> None:
    from hubfleet_sandbox import lifecycle, needs, slots
    from hubfleet_sandbox.steps import Progress

    progress = Progress(quiet=False)
    layout = slots.find(state, layouts.default_cache(), ports)
    if lifecycle.started(layout):
        progress.line(f"the sandbox in {state} runs; looking after it")
    lacking = needs.missing(layout, building=not lifecycle.cached(layout.cache).all)
    if install and lacking:
        needs.install(lacking, progress.line, layout.cache)
        lacking = needs.missing(layout, building=not lifecycle.cached(layout.cache).all)
    if lacking:
        raise needs.refusal(lacking)
    lifecycle.mend(state, layouts.default_cache(), ports, progress, node_boot)
    seconds = round(time.monotonic() - progress.began, 1)
    exports = f'eval "$(hubfleet sandbox env{_option(state)})"'
    progress.line(f"the sandbox runs. Next: {exports}; openstack coe cluster template list")
    if as_json:
        click.echo(json.dumps({"state": str(state), "seconds": seconds, "steps": progress.seconds}))


def _stop(state: Path) -> None:
    from hubfleet_sandbox import lifecycle, slots
    from hubfleet_sandbox.steps import Progress

    progress, layout = Progress(), layouts.load(state)
    if layout is None:
        slots.forget(state)
        progress.line(f"there is no sandbox in {state}: nothing to stop")
        return
    lifecycle.stop(layout, progress.line)
    progress.line(f"stopped; nothing of it is left but {layout.logs}")


def _option(state: Path) -> str:
    return "" if state == layouts.default_state() else f" --state {state}"
