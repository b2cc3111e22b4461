"""Plays a recording through real MQTT into a world of its own, with the original spacing divided by the speed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from firmware_sim.network import SECOND
from firmware_sim.position import Acknowledged, PositionError, State, load, save
from firmware_sim.publish import AHEAD, Publisher
from firmware_sim.radio import Message
from firmware_sim.recording import Recording
from gateway.options import Broker
from gateway.topic import RESEND, check_part

SAVE_EVERY_S: Final = 1.0
PROGRESS_EVERY_S: Final = 0.2
TURN_S: Final = 0.1
FAREWELL_S: Final = 5.0
LATE_S: Final = 2.0  # behind its schedule by more than this, a replay says so


@dataclass(slots=True)
class Controls:
    """What people do to a running replay; set from signal handlers and keys."""

    paused: bool = False
    stopped: bool = False
    continued: bool = False  # the process itself was stopped (Ctrl-Z) and goes on


@dataclass(frozen=True, slots=True)
class Progress:
    count: int  # messages acknowledged
    share: float  # of the whole, 0…1
    at: int  # µs of the recording
    rate: float  # messages per second
    left_s: float | None  # None: not known yet
    late_s: float  # behind the schedule of this speed
    paused: bool
    trouble: str = ""  # what to tell people of a broker that is away


class Pace:
    """When each moment of the recording is due, in ticks (s). Pauses move the schedule. No speed: at once."""

    def __init__(self, speed: float | None, first: int, now: float) -> None:
        if speed is not None and speed <= 0:
            raise ValueError(f"speed {speed} must be above 0")
        self.speed = speed
        self._first = first
        self._begun = now

    def due(self, at: int) -> float:
        return self._begun + ((at - self._first) / SECOND / self.speed if self.speed else 0.0)

    def wait(self, at: int, now: float) -> float:
        """Seconds until it is due; negative when late, 0 at full speed."""
        return self.due(at) - now if self.speed else 0.0

    def shift(self, seconds: float) -> None:
        self._begun += seconds


class Replay:
    """One recording into one world. The same replay again changes nothing: rows are keyed by lamp and time.

    The position is written to `state` after acknowledgement, so a killed replay goes on with `resume` and loses none.
    """

    def __init__(
        self,
        recording: Recording,
        world: str,
        broker: Broker,
        *,
        speed: float | None,
        state: Path,
        since: int | None = None,
        until: int | None = None,
        resume: bool = False,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`since` and `until` in µs. Raises PositionError when `resume` finds the state of another replay."""
        span = recording.span() or (0, 0)
        self._recording = recording
        self._broker = broker
        self._speed = speed
        self._path = state
        self._ticks = ticks
        self._world = check_part("world", world)
        self._state = State(
            recording=recording.path.name, rows=recording.rows, first=span[0], last=span[1], world=world,
            since=since, until=until,
        )  # fmt: skip
        if resume:
            self._state = self._resumed(load(state))
        self._acknowledged = Acknowledged(self._state.row)
        self._pace: Pace | None = None
        self._publisher: Publisher | None = None
        self._begun = self._beaten = self._saved = self._shown = ticks()
        self._began_at = self._at = self._next = state_begin(self._state)

    @property
    def row(self) -> int:
        """The first row of the recording that is not known to be acknowledged."""
        return self._acknowledged.row

    @property
    def done(self) -> bool:
        return self._state.done

    @property
    def late_s(self) -> float:
        """Behind the schedule of its speed, s: for how long the next message has been due."""
        return max(0.0, -self._wait())

    def run(self, controls: Controls, report: Callable[[Progress], None] = lambda _: None) -> int:
        """Plays to the end or to `controls.stopped`; returns how many messages were acknowledged.

        Waits for a broker that is away. Raises BrokerRefuses.
        """
        if self._state.done:
            return 0
        self._publisher = publisher = Publisher(self._broker, f"{self._world}-replay", clock=self._ticks)
        publisher.on_acknowledged = self._acknowledged.add
        self._begun = self._beaten = self._saved = self._shown = self._ticks()
        try:
            self._play(publisher, controls, report)
        finally:
            publisher.close()
            self.save()
        report(self._progress(controls))
        return publisher.acknowledged

    def _wait(self) -> float:
        """Seconds until the next message is due; negative when late."""
        if self._pace is None or self._state.done:
            return 0.0
        return self._pace.wait(self._next, self._ticks())

    def save(self) -> None:
        """Puts the position on disk, durable on return."""
        row = self._acknowledged.row
        self._state = msgspec.structs.replace(self._state, row=row, done=row >= self._recording.rows)
        save(self._path, self._state)

    def _play(self, publisher: Publisher, controls: Controls, report: Callable[[Progress], None]) -> None:
        state = self._state
        expected = state.row
        for row, message in self._recording.messages(state.row, state.since, state.until):
            self._skip(expected, row)
            expected = row + 1
            if not self._until_due(message.at, publisher, controls, report):
                break
            self._at = message.at
            translated = _into(self._world, message)
            if translated is None:
                self._acknowledged.add(row)
                continue
            publisher.send(translated, row, received=message.at)
            if row % 200 == 0:
                self._beat(0.0, publisher, controls, report)
            while publisher.waiting >= AHEAD and not controls.stopped:
                self._beat(TURN_S, publisher, controls, report)
        else:
            self._skip(expected, self._recording.rows)
            while publisher.waiting and not controls.stopped:
                self._beat(TURN_S, publisher, controls, report)
        # Stopped: what is under way is waited for, but not for ever.
        end = self._ticks() + FAREWELL_S
        while publisher.waiting and self._ticks() < end:
            publisher.turn(TURN_S)

    def _skip(self, first: int, end: int) -> None:
        """Rows outside --from and --to need no acknowledgement."""
        for row in range(first, end):
            self._acknowledged.add(row)

    def _until_due(self, at: int, publisher: Publisher, controls: Controls, report: Callable[[Progress], None]) -> bool:
        """Waits for the moment of a message; False when the replay is to stop."""
        if self._pace is None:
            self._pace = Pace(self._speed, at, self._ticks())
            self._began_at = at
        self._next = at
        while not controls.stopped:
            if controls.paused:
                self._beat(TURN_S, publisher, controls, report)
                continue
            wait = self._pace.wait(at, self._ticks())
            if wait <= 0:
                return True
            self._beat(min(wait, TURN_S), publisher, controls, report)
        return False

    def _beat(
        self, timeout: float, publisher: Publisher, controls: Controls, report: Callable[[Progress], None]
    ) -> None:
        """One turn of the connections, and what is due around it: pauses, position, progress."""
        publisher.turn(timeout)
        now = self._ticks()
        if (controls.paused or controls.continued) and self._pace is not None:
            self._pace.shift(now - self._beaten)
            controls.continued = False
        self._beaten = now
        if now - self._saved >= SAVE_EVERY_S:
            self._saved = now
            self.save()
        if now - self._shown >= PROGRESS_EVERY_S:
            self._shown = now
            report(self._progress(controls))

    def _progress(self, controls: Controls) -> Progress:
        state = self._state
        first = state_begin(state)
        last = state.last if state.until is None else min(state.last, state.until)
        publisher = self._publisher
        count, trouble = (publisher.acknowledged, publisher.trouble) if publisher else (0, "")
        elapsed = max(self._ticks() - self._begun, 1e-9)
        at = self._at
        left: float | None = None
        if self._speed and self._pace is not None:
            wait = self._wait()
            at = max(at, self._next - round(max(0.0, wait) * self._speed * SECOND))  # between two messages
            left = max(0.0, (last - at) / SECOND / self._speed)
        elif at > self._began_at:
            left = elapsed * (last - at) / (at - self._began_at)
        share = 1.0 if state.done else min(1.0, (at - first) / max(last - first, 1))
        return Progress(count, share, at, count / elapsed, left, self.late_s, controls.paused, trouble)

    def _resumed(self, found: State | None) -> State:
        wanted = self._state
        if found is None:
            raise PositionError(f"nothing to resume: {self._path} does not exist")
        if (found.rows, found.first, found.last) != (wanted.rows, wanted.first, wanted.last):
            raise PositionError(
                f"{self._path} belongs to another recording ({found.recording}): replay without --resume"
            )
        if found.world != wanted.world:
            raise PositionError(f"{self._path} belongs to the world {found.world}: replay without --resume")
        if (wanted.since, wanted.until) not in ((None, None), (found.since, found.until)):
            raise PositionError(
                f"{self._path} was begun with another --from or --to: leave them out, or do without --resume"
            )
        return found


def state_begin(state: State) -> int:
    return state.first if state.since is None else max(state.first, state.since)


def _into(world: str, message: Message) -> Message | None:
    """The message as a lamp of that world would say it; None for the gateway's own words."""
    _, _, rest = message.topic.partition("/")
    if not rest or rest.rpartition("/")[2] == RESEND:
        return None
    return message._replace(topic=f"{world}/{rest}", qos=max(1, message.qos))
