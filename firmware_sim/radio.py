"""What of the lamps' reports arrives at the broker, and when: late, doubled, overtaken, lost, after outages.

samples of the plant ─► Packer ─► Radio ─► messages in the order of their true sending times
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple, Protocol

import numpy as np
import polars as pl

from firmware_sim.network import DAY, MINUTE, NEVER, SECOND, Coverage, Network, Outage, draw, lamp_key, micros
from firmware_sim.packing import Integers, Made, Packer
from firmware_sim.presence import Presence
from gateway.telemetry import CBOR_TYPE, JSON_TYPE, VERSION, Event, Resend, Status, encode
from gateway.topic import EVENT, STATUS, TELEMETRY, Topic

KEEP_US: Final = 30 * DAY  # a lamp keeps its reports this long, sent or not
BACKLOG_SPACING_US: Final = 800_000  # one report after the other on a village's share of a 2G cell
RECONNECT_US: Final = 2 * MINUTE  # lamps come back at random within this, not all at once


class Message(NamedTuple):
    """One MQTT message at the moment it reaches the broker: `at` in µs since 1970 UTC, true time."""

    at: int
    topic: str
    payload: bytes
    content_type: str | None
    qos: int
    retain: bool


class Stretch(Protocol):
    """Some simulated time, complete up to `until` (true time)."""

    @property
    def samples(self) -> pl.DataFrame:
        """As Packer.push takes them."""

    @property
    def events(self) -> pl.DataFrame:
        """lamp, time (by the lamp's clock), true_time, event."""

    @property
    def until(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch put together by hand."""

    samples: pl.DataFrame
    events: pl.DataFrame
    until: datetime


class Archive:
    """The thirty days of reports that every lamp keeps in its memory, to be sent again when asked."""

    def __init__(self) -> None:
        self._reports: dict[str, dict[tuple[int, int], Made]] = {}

    def keep(self, made: Iterable[Made]) -> None:
        for report in made:
            self._reports.setdefault(report.lamp, {})[report.boot, report.seq] = report

    def forget(self, before: int) -> None:
        """Drops what was made before this true time (µs)."""
        for reports in self._reports.values():
            old = [key for key, report in reports.items() if report.made < before]
            for key in old:
                del reports[key]

    def find(self, lamp: str, boot: int, first: int, last: int, now: int) -> list[Made]:
        """The reports `first`…`last` of a start, oldest first, as far as kept and already made at `now` (µs)."""
        reports = self._reports.get(lamp, {})
        wanted = (
            range(first, last + 1)
            if last - first < len(reports)
            else sorted(seq for start, seq in reports if start == boot and first <= seq <= last)
        )
        found = (reports.get((boot, seq)) for seq in wanted)
        return [report for report in found if report is not None and now - KEEP_US <= report.made <= now]


@dataclass(slots=True)
class _Line:
    """One lamp's way to the broker."""

    topic: str  # without the kind
    key: int
    phase: int  # µs: its own place within the village's minute
    free: int = 0  # µs: its next report cannot go before


class Radio:
    """Turns a plant's chunks into messages. Same seed, same bytes, whatever the size of the chunks.

    From `live_from` on, reports have the interval `live_minutes`: a time-lapse in six-hourly reports goes over into a
    live fleet without losing a sample. With `keep`, reports go into `archive` for the lamps to answer `resend`.
    """

    def __init__(
        self,
        lamps: Mapping[str, str],
        world: str,
        seed: int,
        network: Network,
        outages: Sequence[Outage] = (),
        *,
        live_from: datetime | None = None,
        live_minutes: int = 15,
        keep: bool = False,
    ) -> None:
        """`lamps`: commune by lamp, for every lamp that may occur in the samples."""
        self.network = network
        self.archive = Archive() if keep else None
        self._seed = seed
        self._live_from = micros(live_from) if live_from else NEVER
        self._live = replace(network, report_minutes=live_minutes)
        self._content_type = JSON_TYPE if network.encoding == "json" else CBOR_TYPE
        self._packer = Packer(self._interval_s, self._content_type)
        self._coverage = Coverage(lamps, network, outages, seed)
        self._presence = Presence(lamps, self._coverage, self._keeps_connection)
        self._lines = {lamp: self._line(world, commune, lamp) for lamp, commune in lamps.items()}
        self._told = 0  # µs: up to here messages have been handed out
        self._waiting: list[tuple[int, str, int, Message]] = []  # a heap by time, then topic, then order of making
        self._count = 0

    def messages(self, chunks: Iterable[Stretch]) -> Iterator[Message]:
        """Every message, in the order of its true sending time, as soon as no earlier one can come any more."""
        for chunk in chunks:
            yield from self.push(chunk)
        yield from self.finish()

    def push(self, chunk: Stretch) -> list[Message]:
        """The messages that are sent before the end of this chunk."""
        made = self._packer.push(chunk.samples)
        until = micros(chunk.until)
        self._send(made)
        for lamp, at, state in self._presence.follow(chunk.samples, until):
            payload = encode(Status(v=VERSION, state=state), JSON_TYPE)
            self._put(at, f"{self._lines[lamp].topic}/{STATUS}", payload, JSON_TYPE, retain=True)
        self._send_events(chunk.events)
        if self.archive is not None:
            self.archive.keep(made)
            self.archive.forget(until - KEEP_US)
        return self._hand_out(until)

    def finish(self) -> list[Message]:
        """What is still open or under way; nothing may be pushed afterwards."""
        made = self._packer.flush()
        self._send(made)
        if self.archive is not None:
            self.archive.keep(made)
        return self._hand_out(NEVER)

    def absent(self, at: int) -> frozenset[str]:
        """The lamps that could not be reached at this true time (µs), as far as what has been pushed shows."""
        return self._presence.absent(at)

    def content_type(self, report: Made) -> str | None:
        """CBOR on a kept connection goes without: 19 bytes in each report for what its first byte says as well."""
        return None if self._content_type == CBOR_TYPE and self._keeps_connection(report.made) else self._content_type

    def again(self, topic: Topic, request: Resend, now: int) -> list[Message]:
        """What a lamp answers to `resend` at this true time (µs): the reports it still has, oldest first."""
        if self.archive is None or topic.lamp not in self._lines:
            return []
        found = self.archive.find(topic.lamp, request.boot, request.from_, request.to, now)
        address = f"{self._lines[topic.lamp].topic}/{TELEMETRY}"
        return [Message(now, address, report.payload, self.content_type(report), 1, False) for report in found]

    def _line(self, world: str, commune: str, lamp: str) -> _Line:
        topic = str(Topic(world, commune, lamp, TELEMETRY)).rpartition("/")[0]
        key = lamp_key(lamp)
        return _Line(topic, key, int(draw(self._seed, 1, key) * MINUTE))

    def _interval_s(self, true: Integers) -> Integers:
        return np.where(true < self._live_from, self.network.report_minutes * 60, self._live.report_minutes * 60)

    def _keeps_connection(self, at: int) -> bool:
        return (self.network if at < self._live_from else self._live).keeps_connection

    def _put(self, at: int, topic: str, payload: bytes, content_type: str | None, retain: bool = False) -> None:
        if at >= NEVER:
            return
        self._count += 1
        at = max(at, self._told)
        heapq.heappush(self._waiting, (at, topic, self._count, Message(at, topic, payload, content_type, 1, retain)))

    def _hand_out(self, until: int) -> list[Message]:
        out = []
        while self._waiting and self._waiting[0][0] < until:
            out.append(heapq.heappop(self._waiting)[3])
        self._told = max(self._told, until)
        return out

    def _send(self, made: list[Made]) -> None:
        if not made:
            return
        network = self.network
        keys = np.array([self._lines[report.lamp].key for report in made], dtype=np.uint64)
        boots = np.array([report.boot for report in made], dtype=np.int64)
        seqs = np.array([report.seq for report in made], dtype=np.int64)
        wait, lost, doubled, later, overtaken, held = (
            draw(self._seed, purpose, keys, boots, seqs) for purpose in range(2, 8)
        )
        waits = (-np.log1p(-wait) * network.jitter_s * SECOND).astype(np.int64).tolist()
        # A doubled or overtaken report comes back after seconds to an hour: acknowledgement time-outs of modems.
        laters, helds = ((np.exp(u * 6.5) * 5 * SECOND).astype(np.int64).tolist() for u in (later, held))
        chances = zip((lost < network.loss).tolist(), (doubled < network.duplicate).tolist(),
                      (overtaken < network.reorder).tolist(), strict=True)  # fmt: skip
        for i, (report, (is_lost, is_doubled, is_overtaken)) in enumerate(zip(made, chances, strict=True)):
            line = self._lines[report.lamp]
            at = self._arrival(report.lamp, line, report.made + line.phase + waits[i])
            if is_lost or at >= NEVER:
                continue
            content_type = self.content_type(report)
            topic = f"{line.topic}/{TELEMETRY}"
            copies = [at + helds[i] if is_overtaken else at]
            if is_doubled:
                copies.append(copies[0] + laters[i])
            for copy in copies:
                self._put(self._coverage.back_at(report.lamp, copy), topic, report.payload, content_type)

    def _arrival(self, lamp: str, line: _Line, wish: int) -> int:
        """When a report that is ready at `wish` goes: with network, and behind the lamp's older reports."""
        at = self._coverage.back_at(lamp, wish)
        if at >= NEVER:
            return NEVER
        if at != wish:
            at += int(draw(self._seed, 8, line.key, at) * RECONNECT_US)  # the same for the whole backlog of an outage
        at = max(at, line.free)
        again = self._coverage.back_at(lamp, at)
        if again != at:
            return self._arrival(lamp, line, again)
        line.free = at + BACKLOG_SPACING_US
        return at

    def _send_events(self, events: pl.DataFrame) -> None:
        rows = events.select(
            "lamp", "event", pl.col("time").dt.epoch("s"), pl.col("true_time").dt.epoch("us")
        ).iter_rows()
        for lamp, event, t, true in rows:
            line = self._lines[lamp]
            at = self._coverage.back_at(lamp, true + 2 * SECOND)
            payload = encode(Event(v=VERSION, t=t, event=event), self._content_type)
            self._put(at, f"{line.topic}/{EVENT}", payload, self._content_type)
