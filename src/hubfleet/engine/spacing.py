"""How long after a request the next one may go out, so that two Helm upgrades of one release do not meet."""

from __future__ import annotations

from hubfleet.engine.run import Clock

LEAST, FIRST, MOST = 2.0, 6.0, 60.0
"""Seconds. `FIRST` as long as nothing is known of the site."""


class Spacing:
    """Learns from how long an upgrade takes, and from conflicts."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._last = clock, float("-inf")
        self.seconds = FIRST
        self.conflicts = 0

    def learn(self, upgrade: float) -> None:
        """An upgrade took that many seconds."""
        self.seconds = min(MOST, max(LEAST, 1.5 * upgrade + 1.0))

    def learn_at_least(self, upgrade: float) -> None:
        """An upgrade took about that many seconds: never space closer than that from now on."""
        self.seconds = max(self.seconds, min(MOST, 1.5 * upgrade + 1.0))

    def conflict(self) -> None:
        """Two upgrades met: ours, or somebody else's."""
        self.conflicts += 1
        self.seconds = min(MOST, 2 * self.seconds)

    @property
    def one_at_a_time(self) -> bool:
        """After two conflicts each request waits until the last one's nodes are there."""
        return self.conflicts >= 2

    def sent(self) -> None:
        """A request went out."""
        self._last = self._clock.now()

    def wait(self) -> None:
        """Until the next may go out."""
        self._clock.sleep(self._last + self.seconds - self._clock.now())
