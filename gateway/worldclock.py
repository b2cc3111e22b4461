"""What time it is in a world: the wall clock where lamps live, the newest event time where they are replayed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from gateway.telemetry import Report

WITNESSES: Final = 3  # lamps that must have reached a time before it is believed: one wrong clock drags nobody


class WorldClock(Protocol):
    def hear(self, lamp: str, report: Report) -> None:
        """Takes note of a report that was accepted, or refused for its time alone."""

    def now(self) -> datetime | None:
        """The world's time, None while nothing is known."""


class LiveClock:
    """The living world: its time is the wall clock's, whatever lamps say."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def hear(self, lamp: str, report: Report) -> None:
        """Nothing to learn."""

    def now(self) -> datetime:
        return self._clock()


class EventClock:
    """The newest sample time that at least `min(3, lamps)` different lamps have reached; it never goes back.

    While fewer lamps have spoken it is the earliest of their newest times, which may still step back: a first lamp
    whose clock is a day ahead must not set the world's time for good. `start` is where the world's time was when the
    gateway last ran (the newest `received` of its store).
    """

    def __init__(self, lamps: int, start: datetime | None = None) -> None:
        self._needed = max(1, min(WITNESSES, lamps))
        self._now: float | None = start.timestamp() if start else None
        self._ahead: dict[str, float] = {}  # newest time of the lamps that are ahead of the world: always few

    def hear(self, lamp: str, report: Report) -> None:
        time = float(report.last)
        if self._now is not None and time <= self._now:
            return
        if time <= self._ahead.get(lamp, 0.0):
            return
        ahead = {**self._ahead, lamp: time}  # replaced, not changed: other threads ask for the time meanwhile
        if len(ahead) >= self._needed:
            self._now = now = sorted(ahead.values())[-self._needed]
            ahead = {name: newest for name, newest in ahead.items() if newest > now}
        self._ahead = ahead

    def now(self) -> datetime | None:
        ahead = self._ahead
        if self._now is not None:
            return datetime.fromtimestamp(self._now, UTC)
        return datetime.fromtimestamp(min(ahead.values()), UTC) if ahead else None
