"""`make bench`, `make bench-fleet`, `make bench-pools`: figures, each with its target, on this machine; what they mean
is in docs/explanation/figures.md.

    python -m benchmarks first-hub [--cold]           the command line, a sandbox, a hub on it; about a minute
    python -m benchmarks fleet [--large]              files of 171 hubs, or 10,000; a minute, or three
    python -m benchmarks hubs [--hubs 20]             many hubs on one cluster, of which none changed; five minutes
    python -m benchmarks jetstream2 [--pools 1,4,8]   clusters of many pools, against a plain loop; half an hour

Each prints one table; `--json FILE` writes the same for programs, `--state DIR` uses a
sandbox that runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from benchmarks import first_hub, fleet, hubs, jetstream2
from benchmarks.figures import Circumstances, Figures
from benchmarks.running import sandbox


def main() -> None:
    """Measure and print, also what was measured before something failed."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _stopped)
    figures = Figures(Circumstances.now())
    try:
        if options.what == "first-hub":
            first_hub.run(figures, options.state, cold=options.cold)
        elif options.what == "fleet":
            fleet.run(figures, large=options.large)
        elif options.what == "hubs":
            with sandbox(options.state, os.environ) as there:
                hubs.run(figures, there, options.hubs, options.runs)
        else:
            with sandbox(options.state, os.environ, "--node-boot", f"{jetstream2.BOOT:g}") as there:
                bench = jetstream2.Bench(
                    there, figures, options.pools, options.runs, options.plans, with_loop=not options.no_loop
                )
                bench.run()
    finally:
        print(figures.table())
        if options.json:
            options.json.write_text(figures.json() + "\n")


def _stopped(*_: object) -> None:
    """By an exception, so that everything is cleaned up; a second signal does not stop that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("stopped")


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    common.add_argument("--state", type=Path, metavar="DIR", help="a sandbox that runs; else one is started")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    hub = what.add_parser("first-hub", parents=[common], help="the command line, a sandbox, a hub on it")
    hub.add_argument("--cold", action="store_true", help="also from nothing, with an empty cache (ten minutes more)")
    files = what.add_parser("fleet", parents=[common], help="a fleet's files, without a cluster (helm on the PATH)")
    files.add_argument("--large", action="store_true", help="also with 1,000 clusters and 10,000 hubs")
    many = what.add_parser("hubs", parents=[common], help="many hubs on one cluster, of which none changed")
    many.add_argument("--hubs", type=_positive, default=20, help="how many [20]")
    many.add_argument("--runs", type=_positive, default=5, help="of what changes nothing [5]")
    pools = what.add_parser("jetstream2", parents=[common], help="clusters of many pools")
    pools.add_argument("--pools", type=_numbers, default=(1, 4, 8), help="how many, as 1,4,8")
    pools.add_argument("--runs", type=_positive, default=2, help="of hubfleet, for each [2]")
    pools.add_argument("--plans", type=_positive, default=7, help="for each [7]")
    pools.add_argument("--no-loop", action="store_true", help="hubfleet alone, which takes a third of the time")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({_positive(one) for one in text.split(",")}))


if __name__ == "__main__":
    main()
