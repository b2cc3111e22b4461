"""Every message's fate, without I/O: accepted into a batch of rows, or refused into the quarantine with a reason."""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import polars as pl

from gateway import topic as topics
from gateway.fleet import Fleet
from gateway.store import ARRIVALS, EVENTS, QUARANTINE, STATUS, TELEMETRY, Table
from gateway.telemetry import Event, Report, Status, check, check_clock, decode, rows
from gateway.topic import Rejected, Topic

KEEP_BYTES: Final = 2 * 1024  # of a refused payload; its true size is kept beside it
KEEP_TOPIC: Final = 256
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)  # ahead of this is no clock
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that belongs to the world, with its bytes in case the store refuses them."""

    topic: Topic
    message: Report | Event | Status
    payload: bytes

    @property
    def rows(self) -> int:
        return self.message.samples if isinstance(self.message, Report) else 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A message for the quarantine; commune and lamp are '' where they are not known."""

    topic: str
    commune: str
    lamp: str
    reason: str
    payload: bytes
    whole: bool = False  # keep all of the payload: nothing was wrong with it
    ahead: Report | None = None  # a report whose only mistake is a time beyond the world's

    @property
    def rows(self) -> int:
        return 1


class Intake:
    """The fleet at one world's door. Raises nothing, whatever comes."""

    def __init__(self, fleet: Fleet, world: str) -> None:
        self._fleet = fleet
        self._world = world
        self._known: dict[str, Topic] = {}  # only topics of lamps in the fleet: as bounded as the fleet is

    def take(self, topic: str, payload: bytes, content_type: str | None, now: datetime) -> Accepted | Refused:
        """`now`: the time against which a lamp's clock is held."""
        place = self._known.get(topic) or self._place(topic)
        if isinstance(place, Rejected):
            return self._refuse(topic, payload, place.reason)
        message = _read(place.kind, payload, content_type)
        if isinstance(message, Rejected):
            return Refused(topic, place.commune, place.lamp, message.reason, payload)
        wrong = _wrong(message, now)
        if wrong is not None:
            ahead = message if isinstance(message, Report) and check(message, LATEST) is None else None
            return Refused(topic, place.commune, place.lamp, wrong.reason, payload, ahead=ahead)
        return Accepted(place, message, payload)

    def _place(self, text: str) -> Topic | Rejected:
        topic = Topic.parse(text)
        if isinstance(topic, Rejected):
            return topic
        if topic.world != self._world:
            return Rejected(f"world {topic.world!r}, this gateway keeps {self._world!r}")
        lamp = self._fleet.lamps.get(topic.lamp)
        if lamp is None:
            return Rejected(f"lamp {topic.lamp!r} is not in the fleet")
        if lamp.commune != topic.commune:
            return Rejected(f"lamp {topic.lamp!r} belongs to commune {lamp.commune!r}, not {topic.commune!r}")
        if topic.kind not in (topics.TELEMETRY, topics.STATUS, topics.EVENT):
            return Rejected(f"kind {topic.kind!r} is not a lamp's to send")
        self._known[text] = topic
        return topic

    def _refuse(self, topic: str, payload: bytes, reason: str) -> Refused:
        """Who it was, as far as a malformed or foreign topic tells."""
        parts = topic.split("/")
        commune = parts[1] if len(parts) == 4 and parts[1] in self._fleet.communes else ""
        lamp = parts[2] if len(parts) == 4 and parts[2] in self._fleet.lamps else ""
        return Refused(topic, commune, lamp, reason, payload)


def _read(kind: str, payload: bytes, content_type: str | None) -> Report | Event | Status | Rejected:
    if kind == topics.TELEMETRY:
        return decode(payload, content_type, Report)
    if kind == topics.STATUS:
        return decode(payload, content_type, Status)
    return decode(payload, content_type, Event)


def _wrong(message: Report | Event | Status, now: datetime) -> Rejected | None:
    if isinstance(message, Report):
        return check(message, now)
    return check_clock(message.t, message.t, now) if isinstance(message, Event) else None


def as_text(payload: bytes, most: int = KEEP_BYTES) -> str:
    """A payload for a person's eyes, `most` characters: as UTF-8 where that is printable, else in hexadecimal."""
    kept = payload[:most]
    try:  # a cut character at the end is not a mistake of the lamp's
        text = codecs.getincrementaldecoder("utf-8")().decode(kept, final=len(kept) == len(payload))
    except UnicodeDecodeError:
        return kept.hex()[:most]
    return text if all(c.isprintable() or c in "\n\r\t" for c in text) else kept.hex()[:most]


@dataclass(frozen=True, slots=True)
class Entry:
    """A message's fate with the two times of its receipt: the world's, and the wall clock's."""

    fate: Accepted | Refused
    received: datetime
    wall: datetime


class Batch:
    """Messages that are written together and then acknowledged together. Frames are built once, when asked for."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def accepted(self) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.fate, Accepted)]

    @cached_property
    def refused(self) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.fate, Refused)]

    @cached_property
    def reports(self) -> list[tuple[Topic, Report, Entry]]:
        return [
            (entry.fate.topic, entry.fate.message, entry)
            for entry in self.entries
            if isinstance(entry.fate, Accepted) and isinstance(entry.fate.message, Report)
        ]

    def frames(self, writing: datetime, stamps: "Stamps") -> Iterator[tuple[str, pl.DataFrame]]:
        """Tables with their rows in the order of writing; `arrivals` comes last, for it announces the others.

        `writing` is the wall clock at this attempt: whoever reads what is new by `arrivals.time` must not find
        rows dated before the store could show them.
        """
        yield from self._tables.items()
        if self.reports:
            first = stamps.take(writing, len(self.reports))
            index = pl.int_range(len(self.reports), dtype=pl.Int64)
            times = (pl.lit(first, ARRIVALS.schema["time"]) + pl.duration(microseconds=index)).alias("time")
            yield ARRIVALS.name, self._arrivals.with_columns(times).select(ARRIVALS.schema.keys())

    def halves(self) -> tuple["Batch", "Batch"]:
        """To find, in few steps, the one message that a store refuses."""
        middle = len(self.entries) // 2
        return Batch(self.entries[:middle]), Batch(self.entries[middle:])

    @cached_property
    def _tables(self) -> Mapping[str, pl.DataFrame]:
        tables = {
            TELEMETRY.name: rows((topic, report) for topic, report, _ in self.reports) if self.reports else None,
            EVENTS.name: _frame(EVENTS, [_event_row(e) for e in self.accepted if _says(e, Event)]),
            STATUS.name: _frame(STATUS, [_status_row(e) for e in self.accepted if _says(e, Status)]),
            QUARANTINE.name: _frame(QUARANTINE, [_quarantine_row(e) for e in self.refused]),
        }
        return {name: frame for name, frame in tables.items() if frame is not None}

    @cached_property
    def _arrivals(self) -> pl.DataFrame:
        reports = [report for _, report, _ in self.reports]
        return pl.DataFrame(
            {
                "commune": [topic.commune for topic, _, _ in self.reports],
                "lamp": [topic.lamp for topic, _, _ in self.reports],
                "received": [entry.received for _, _, entry in self.reports],
                "first": [report.t * 1_000_000 for report in reports],
                "last": [report.last * 1_000_000 for report in reports],
                "dt": [report.dt for report in reports],
                "boot": [report.boot for report in reports],
                "seq": [report.seq for report in reports],
                "samples": [report.samples for report in reports],
                "bytes": [len(entry.fate.payload) for _, _, entry in self.reports],
            },
            schema={
                name: pl.Int64() if name in ("first", "last") else dtype
                for name, dtype in ARRIVALS.schema.items()
                if name != "time"
            },
        ).with_columns(pl.col("first", "last").cast(ARRIVALS.schema["first"]))


class Stamps:
    """Times that strictly grow within a process, so that no two rows share one: a row would replace the other."""

    def __init__(self) -> None:
        self._next: datetime | None = None

    def take(self, now: datetime, count: int = 1) -> datetime:
        """The first of `count` stamps, one microsecond apart, none before `now`."""
        first = now if self._next is None else max(now, self._next)
        self._next = first + count * MICROSECOND
        return first


def _says(entry: Entry, kind: type[Event] | type[Status]) -> bool:
    return isinstance(entry.fate, Accepted) and isinstance(entry.fate.message, kind)


def _event_row(entry: Entry) -> tuple[object, ...]:
    assert isinstance(entry.fate, Accepted)
    assert isinstance(entry.fate.message, Event)
    topic, event = entry.fate.topic, entry.fate.message
    time = datetime.fromtimestamp(event.t, UTC)
    return topic.commune, topic.lamp, event.event, time, entry.received


def _status_row(entry: Entry) -> tuple[object, ...]:
    assert isinstance(entry.fate, Accepted)
    assert isinstance(entry.fate.message, Status)
    return entry.fate.topic.commune, entry.fate.topic.lamp, entry.received, entry.fate.message.state


def _quarantine_row(entry: Entry) -> tuple[object, ...]:
    fate = entry.fate
    assert isinstance(fate, Refused)
    text = as_text(fate.payload, 2 * len(fate.payload)) if fate.whole else as_text(fate.payload)
    return fate.commune, fate.lamp, entry.wall, fate.topic[:KEEP_TOPIC], fate.reason, len(fate.payload), text


def _frame(table: Table, records: list[tuple[object, ...]]) -> pl.DataFrame | None:
    return pl.DataFrame(records, schema=dict(table.schema), orient="row") if records else None
