"""The gateway: hears lamps over MQTT and acknowledges a message only when the store has said that it is durable.

The network thread (link.py) keeps the connection alive and puts messages into a queue; the writing thread takes them
through the intake into batches, appends those, and acknowledges. The broker holds whatever is not acknowledged, so the
queue is bounded by the receive maximum, and killing this process at any moment loses nothing.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from gateway.askback import AskBack
from gateway.fleet import Fleet
from gateway.intake import Accepted, Batch, Entry, Intake, Stamps
from gateway.link import Heard, Link
from gateway.options import Broker
from gateway.resend import PATIENCE, Patience
from gateway.store import Store
from gateway.telemetry import Report
from gateway.topic import EVENT, RESEND, STATUS, TELEMETRY, wildcard
from gateway.worldclock import EventClock, WorldClock
from gateway.write import Writer

log = logging.getLogger(__name__)

SESSION_S: Final = 7 * 24 * 3600
# Mosquitto deals an absent replica its share too: one that never comes back must not hold a share for a week.
REPLICA_SESSION_S: Final = 3600
KINDS: Final = (TELEMETRY, STATUS, EVENT)
OWN: Final = f"/{RESEND}"  # what the gateway says itself comes back to it through `+`
UNHEARD: Final = timedelta(days=800)  # so far ahead may a played world begin of which nothing is known yet


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is written: at the first of these."""

    messages: int = 2_000
    rows: int = 25_000
    age_s: float = 0.5
    quiet_s: float = 0.02  # nothing more has come: what we have is what there is
    window: int = 4_000  # what the broker hands out unacknowledged: one batch fills while another is written


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the start of this process. Messages = accepted + refused; one that is delivered again counts again."""

    messages: int
    accepted: int
    refused: int
    rows: int
    batches: int
    bytes: int
    resends_asked: int
    reports_lost: int
    queued: int  # heard, not yet acknowledged
    lag_s: float  # how long the oldest of those has been waiting
    last_written: datetime | None
    connected: bool
    store_away: str  # why, '' while it is there


class Gateway:
    """`start()`, then it works by itself until `stop()`.

    One gateway alone (no `suffix`) subscribes plainly: after a restart Mosquitto 2.0 remembers a session's plain
    subscriptions and forgets its shared ones, so that what lamps say before we are back would be acknowledged and
    thrown away. Several gateways, each with a `suffix` of its own, share the load by a shared subscription; what a
    restart of the broker then loses is asked back. `shared=False` is for the embedded broker, which shared
    subscriptions kill and which keeps messages in order within one subscription only: it is asked for everything by
    one filter, for an event of a played world must not come days before its neighbours' reports.

    `clock` is the wall clock, `world_clock` the world's. Missing reports are looked for every `look_every_s` and asked
    back with `patience`.
    """

    def __init__(
        self,
        broker: Broker,
        store: Store,
        fleet: Fleet,
        world: str,
        clock: Callable[[], datetime],
        world_clock: WorldClock,
        *,
        suffix: str = "",
        shared: bool = True,
        limits: Limits = Limits(),
        look_every_s: float = 10.0,
        patience: Patience = PATIENCE,
    ) -> None:
        self._world_clock = world_clock
        self._played = isinstance(world_clock, EventClock)
        self._limits = limits
        self._intake = Intake(fleet, world)
        self._stamps = Stamps()
        self._stopping = threading.Event()
        self._writer = Writer(store, clock, self._stamps, self._stopping)
        self._queue: SimpleQueue[Heard | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"gateway-{world}", daemon=True)
        prefix = f"$share/{broker.share}/" if suffix else ""
        kinds = KINDS if shared else ("+",)
        self.link = Link(
            broker,
            f"gateway-{world}{'-' + suffix if suffix else ''}",
            [prefix + wildcard(world, kind) for kind in kinds],
            limits.window,
            REPLICA_SESSION_S if suffix else SESSION_S,
            clock,
            self._hear,
        )
        self._askback = AskBack(
            store,
            fleet,
            world,
            clock,
            world_clock,
            self.link.publish,
            suffix=suffix,
            period_s=look_every_s,
            patience=patience,
        )
        self._heard = 0
        self._done = 0
        self._last_heard = time.monotonic()
        self._waiting_since: float | None = None

    def start(self) -> None:
        """Returns at once; the broker and the store may come later."""
        self._thread.start()
        self.link.start()
        self._askback.start()

    def stop(self, timeout_s: float = 15.0) -> None:
        """Writes what is being written, and leaves the rest with the broker, unacknowledged."""
        self._stopping.set()
        self._queue.put(None)
        self._askback.stop(timeout_s)
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self.link.stop()

    def wait_idle(self, quiet_s: float, timeout_s: float | None = None) -> bool:
        """Waits until nothing has come for `quiet_s` and all is acknowledged; False when stopped or out of time."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._stopping.is_set():
            left = quiet_s - self.idle_s()
            if left <= 0:
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self._stopping.wait(min(max(left, 0.01), 0.2))
        return False

    def idle_s(self) -> float:
        """Seconds since the last message came; 0 while one is not acknowledged or the broker is not there."""
        busy = self._heard != self._done or not self.link.connected
        return 0.0 if busy else time.monotonic() - self._last_heard

    def counters(self) -> Counters:
        waiting = self._waiting_since
        counts = self._writer.counts
        return Counters(
            messages=counts.accepted + counts.refused,
            accepted=counts.accepted,
            refused=counts.refused,
            rows=counts.rows,
            batches=counts.batches,
            bytes=counts.bytes,
            resends_asked=self._askback.asked,
            reports_lost=self._askback.lost,
            queued=self._heard - self._done,
            lag_s=0.0 if waiting is None else time.monotonic() - waiting,
            last_written=self._writer.last_written,
            connected=self.link.connected,
            store_away=self._writer.store_away,
        )

    def _hear(self, message: Heard) -> None:
        self._heard += 1
        self._last_heard = time.monotonic()
        self._queue.put(message)

    def _work(self) -> None:
        """The writing thread."""
        while not self._stopping.is_set():
            heard: list[Heard] = []
            try:
                batch = self._gather(heard)
                if heard and (not len(batch) or self._writer.write(batch)):
                    self.link.acknowledge(heard)
            except Exception:  # a mistake of ours must not end the thread; not acknowledged, its messages come again
                log.exception("a batch of %d messages failed; the broker delivers them again", len(heard))
                self._stopping.wait(1.0)
                self.link.restart()
            self._done += len(heard)
            self._waiting_since = None

    def _gather(self, heard: list[Heard]) -> Batch:
        """The next batch: full, old enough, or all that the broker hands out for now. Fills `heard` on the way."""
        limits = self._limits
        most = min(limits.messages, limits.window)
        entries: list[Entry] = []
        rows = 0
        deadline = time.monotonic() + 1.0  # nothing at all: look whether to stop
        wait = 1.0
        while len(heard) < most and rows < limits.rows:
            try:
                message = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except Empty:
                break
            if message is None:
                break
            if not heard:
                self._waiting_since = time.monotonic()
                deadline = self._waiting_since + limits.age_s
            heard.append(message)
            if message.topic.endswith(OWN):
                continue
            entry = self._judge(message)
            entries.append(entry)
            rows += entry.fate.rows
            wait = min(limits.quiet_s, deadline - time.monotonic())
        return Batch(entries)

    def _judge(self, message: Heard) -> Entry:
        # A played world may lie in the future of this machine: the time of the first receipt counts, or else its own.
        recorded = message.recorded if self._played else None
        now = recorded or max(message.wall, self._world_clock.now() or message.wall + UNHEARD)
        fate = self._intake.take(message.topic, message.payload, message.content_type, now)
        if not isinstance(fate, Accepted):
            if fate.ahead is not None:  # when enough lamps say so, the world has moved on, and they are right
                self._world_clock.hear(fate.lamp, fate.ahead)
            return Entry(fate, message.wall, self._stamps.take(message.wall))
        if isinstance(fate.message, Report):
            self._world_clock.hear(fate.topic.lamp, fate.message)
        # A replay's own word first: played twice, nothing may have come at another time.
        return Entry(fate, recorded or self._world_clock.now() or message.wall, message.wall)
