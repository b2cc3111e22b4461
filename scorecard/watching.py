"""A world through the real intake, store, asking back, watch, casebook and notifier, in steps of event time.

Everything that a station does except MQTT itself. Nothing here knows what really happened.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from firmware_sim.radio import Message
from gateway.askback import AskBack
from gateway.fleet import Fleet
from gateway.intake import Batch, Entry, Intake, Stamps
from gateway.store import Store
from gateway.telemetry import Report, Resend, decode
from gateway.topic import Rejected, Topic
from monitor.casebook import Casebook
from monitor.notify import Notifier
from monitor.watch import Tick, Watch
from scorecard.said import Said, said_of

STEP: Final = timedelta(days=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Lamps(Protocol):
    """What the judging side may ask of the lamps."""

    start: datetime

    def messages(self) -> Iterator[Message]: ...

    def again(self, topic: Topic, request: Resend, now: datetime) -> list[Message]: ...


@dataclass
class Follower:
    """Remembers when each case could first be seen, and tells its alerts, tick by tick."""

    casebook: Casebook
    fleet: Fleet
    notifier: Notifier
    _before: datetime | None = None
    _seen: dict[int, tuple[datetime | None, datetime]] = field(default_factory=dict)

    def follow(self, tick: Tick) -> None:
        if tick.clock is None:
            return
        for case in tick.changes.changed if tick.changes else ():
            if case.hidden_by is None and not case.withdrawn_at:
                self._seen.setdefault(case.id, (self._before, tick.clock))
        self.notifier.round(tick.clock)
        self._before = tick.clock

    def said(self) -> list[Said]:
        """Every case, hidden and withdrawn ones too, oldest first."""
        told = Counter(alert.case for alert in self.casebook.alerts() if alert.told_at)
        cases = sorted(self.casebook.cases(withdrawn=True), key=lambda case: (case.opened_at, case.id))
        return [
            said_of(case, self.fleet, self._known_at(case.id, case.opened_at), told[case.id], case.id in self._seen)
            for case in cases
        ]

    def _known_at(self, case: int, opened_at: datetime) -> datetime:
        """The evidence sufficed at `opened_at`; where its data came late, not before the tick without them."""
        before, appeared = self._seen.get(case, (None, opened_at))
        return min(max(opened_at, before or opened_at), max(appeared, opened_at))


def follower(casebook: Casebook, fleet: Fleet, alerts: Path) -> Follower:
    """`alerts`: the folder into which the notifier writes; no transport is used, for there is no environment."""
    return Follower(casebook, fleet, Notifier(casebook, alerts, {}))


@dataclass(frozen=True, slots=True)
class Watched:
    said: list[Said]
    arrivals: int
    asked_again: int  # requests for reports that had not come
    ticks: int


def live_through(
    lamps: Lamps,
    world: str,
    fleet: Fleet,
    store: Store,
    casebook: Casebook,
    alerts: Path,
    step: timedelta = STEP,
    at: Callable[[datetime], None] | None = None,
) -> Watched:
    """Feeds the messages in the order of arrival and ticks once every `step`; `at` is told how far it is."""
    door = _Door(lamps, world, fleet, store)
    watch = Watch(store, casebook, fleet)
    following = follower(casebook, fleet, alerts)
    arrivals = ticks = 0
    for until, messages in steps(lamps.messages(), lamps.start, step):
        door.take(messages, until)
        tick = watch.tick()
        following.follow(tick)
        arrivals, ticks = arrivals + tick.arrivals, ticks + 1
        if at is not None:
            at(until)
    return Watched(following.said(), arrivals, door.asked, ticks)


def moment(at_us: int) -> datetime:
    """The time of a simulated message."""
    return EPOCH + timedelta(microseconds=at_us)


def steps(messages: Iterator[Message], start: datetime, step: timedelta) -> Iterator[tuple[datetime, list[Message]]]:
    """The messages that came before each of start + step, start + 2 step, …; the last one holds what is left."""
    until = start + step
    some: list[Message] = []
    for message in messages:
        while moment(message.at) >= until:
            yield until, some
            until, some = until + step, []
        some.append(message)
    yield until, some


class _Clock:
    """The world's time at the door: it moves from step to step."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def hear(self, lamp: str, report: Report) -> None:
        """Nothing to learn: the simulation knows the time."""

    def now(self) -> datetime:
        return self.time


class _Door:
    """The gateway's own parts in one thread: intake, batch, store, asking back."""

    def __init__(self, lamps: Lamps, world: str, fleet: Fleet, store: Store) -> None:
        self._lamps = lamps
        self._store = store
        self._intake = Intake(fleet, world)
        self._stamps = Stamps()
        self._clock = _Clock(lamps.start)
        self._answers: list[Message] = []
        self._askback = AskBack(store, fleet, world, self._clock.now, self._clock, self._ask)

    @property
    def asked(self) -> int:
        return self._askback.asked

    def take(self, messages: list[Message], until: datetime) -> None:
        """Makes them durable, dated as written at `until`; then asks back what misses, which comes with the next."""
        entries = [self._entry(message) for message in (*self._answers, *messages)]
        self._answers, self._clock.time = [], until
        for table, frame in Batch(entries).frames(until, self._stamps):
            self._store.append(table, frame)
        self._askback.look()

    def _entry(self, message: Message) -> Entry:
        received = moment(message.at)
        fate = self._intake.take(message.topic, message.payload, message.content_type, received)
        return Entry(fate, received, received)

    def _ask(self, topic: str, payload: bytes, content_type: str) -> bool:
        place, request = Topic.parse(topic), decode(payload, content_type, Resend)
        if isinstance(place, Rejected) or isinstance(request, Rejected):
            raise ValueError(f"the gateway asked what no lamp understands: {topic}")
        self._answers += self._lamps.again(place, request, self._clock.time)
        return True
