"""`hubfleet` itself: its verbs, each loaded when it is called; the one place where errors become exit codes."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import NoReturn

import click

from hubfleet.errors import HubfleetError, Interrupted, Layer

_GOES_ON = "run the same command again: it goes on where it stopped"
EXIT_CODES = """\b
Exit codes:
  0  done               3  --exit-code found something
  1  failed             4  refused for safety
  2  the command line   5  the cloud or the cluster refused us,
     or a file is wrong    or cannot be reached
130  interrupted; the same command again goes on"""


@dataclass(frozen=True)
class _Verb:
    place: str
    help: str


VERBS = {
    "validate": _Verb("hubfleet.cli.files:validate", "Every problem of the files, with file and line."),
    "show": _Verb("hubfleet.cli.showing:show", "What a hub's chart gets, and which line set each value."),
    "schema": _Verb("hubfleet.cli.files:schema", "The JSON Schema of cluster files, for editors."),
    "plan": _Verb("hubfleet.cli.acting:plan", "What apply would do, and what stands in its way."),
    "apply": _Verb("hubfleet.cli.applying:apply", "Make clusters and hubs as the files say; again is safe."),
    "status": _Verb("hubfleet.cli.looking:status", "Infrastructure, pools, nodes, releases, hubs answering."),
    "scale": _Verb("hubfleet.cli.scaling:scale", "Give a pool another number of nodes now."),
    "upgrade": _Verb("hubfleet.cli.upgrading:upgrade", "Another Kubernetes, one minor after another."),
    "check": _Verb("hubfleet.cli.checking:check", "Whether hubs work, as a user would find; pools too."),
    "destroy": _Verb("hubfleet.cli.acting:destroy", "Remove the hubs and the cluster."),
    "audit": _Verb("hubfleet.cli.auditing:audit", "What clusters that are gone left in the cloud; delete it."),
    "credentials": _Verb("hubfleet.cli.access:credentials", "A fresh kubeconfig, or how to log in to a hub."),
    "rotate": _Verb("hubfleet.cli.rotating:rotate", "A new application credential for the cluster itself."),
    "kubectl": _Verb("hubfleet.cli.access:kubectl", "kubectl with a fresh kubeconfig of the cluster."),
    "helm": _Verb("hubfleet.cli.access:helm", "helm with a fresh kubeconfig of the cluster."),
    "charts": _Verb("hubfleet.cli.charts:charts", "Which charts there are; copies of them for closed networks."),
    "import": _Verb("hubfleet.cli.importing:import_", "A fleet of another tool's (2i2c's), as a fleet of ours."),
    "sandbox": _Verb("hubfleet_sandbox.cli:main", "A Jetstream2 in miniature on this machine, to try and to test."),
}


class Verbs(click.Group):
    """Knows the verbs by name and line of help, and imports one only to run it: `hubfleet --help` must be quick."""

    def invoke(self, ctx: click.Context) -> object:
        """As click does. With --json, an error is a line of JSON on standard output as well."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Abort, click.exceptions.Exit, BrokenPipeError, SystemExit):
            raise  # click's own
        except BaseException as raised:  # noqa: BLE001 (whatever it is, nobody shall see a traceback)
            error = _told(raised)
        if ctx.meta.get("hubfleet.json"):
            from hubfleet.cli.documents import error_line

            click.echo(error_line(error))
        raise error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """In the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """Import the verb's module."""
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module, _, name = verb.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a verb that is not there."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no verb {args[0]!r}.{hint} (hubfleet --help lists them)", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        """From the table, without importing anything."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="hubfleet", message="%(prog)s %(version)s")
def hubfleet() -> None:
    """JupyterHubs for research communities: one file, any cloud, one command.

    \b
    A first hub, on this machine, in a sandbox:
      hubfleet sandbox start
      eval "$(hubfleet sandbox env)"
      hubfleet apply examples/first-hub

    PATH is a cluster file or a fleet's, or a folder with a cluster.yaml or fleet.yaml; the current folder if left out.
    """


def main() -> None:
    """The console script. Prints errors on standard error and exits with their code; never shows a traceback."""
    gc.set_threshold(100_000, 20, 20)  # trees of values have no cycles: looking for some is a tenth of `validate`
    atexit.register(gc.freeze)  # and looking once more at the very end, among all that is there, another tenth
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal goes, and nohup did not say otherwise
        signal.signal(signal.SIGHUP, _end)
    # pydantic would look through every installed package for plug-ins: 0.03 s of each verb.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        result = hubfleet.main(standalone_mode=False, prog_name="hubfleet")
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (HubfleetError, KeyboardInterrupt, click.exceptions.Abort) as raised:
        told = _told(raised)
        click.echo("\n".join([str(told), *getattr(told, "__notes__", ())]), err=True)
        sys.exit(told.exit_code)


def _told(error: BaseException) -> HubfleetError:
    """Any error as one of ours."""
    match error:
        case HubfleetError():
            return error
        case KeyboardInterrupt() | click.exceptions.Abort():
            return Interrupted("interrupted", remedy=_GOES_ON)
        case OSError():
            return HubfleetError(str(error), remedy="mend it, then run the same command again", layer=Layer.HERE)
        case _:
            return _mistake(error)


def _end(number: int, _: object) -> NoReturn:
    """Of SIGTERM and SIGHUP: programs that run are ended, private files go, the journal says so."""
    raise Interrupted(f"ended by {signal.Signals(number).name}", remedy=_GOES_ON)


def _mistake(error: BaseException) -> HubfleetError:
    """What hubfleet did not foresee. The traceback is kept for a report, where only this person can read it."""
    import traceback

    from hubfleet import fleet
    from hubfleet.fleet.locking import state_folder

    file = state_folder() / "mistake.txt"
    fleet.write_private(file, "".join(traceback.format_exception(error)))
    remedy = f"please report it, with {file}; the same command again may go on"
    return HubfleetError(f"a mistake of hubfleet's: {type(error).__name__}: {error}", remedy=remedy)
