"""What somebody who acts on a cluster takes along."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.engine.leases import Hold
from hubfleet.engine.run import Clock
from hubfleet.events import Say, Watch


@dataclass(frozen=True)
class Way:
    """What somebody who acts needs: whom to tell, where waiting is counted, the clock, for how long (seconds), and the
    hold that keeps other writers away (None: nobody else is there, in tests)."""

    say: Say
    watch: Watch
    clock: Clock
    timeout: float
    hold: Hold | None = None
