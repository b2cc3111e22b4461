"""One tick of the monitor: what is new → the nights it touches → rules → judge → inhibit → casebook.

A tick is a function of what is stored. It may be lost, repeated or run by two monitors: the cases are the same.
"""

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import polars as pl

from gateway.fleet import Fleet
from gateway.store import NIGHTS, Store
from gateway.telemetry import TIME
from monitor.case import Case, Repair
from monitor.fault import Episode
from monitor.inhibit import inhibit
from monitor.judge import judge
from monitor.nights import nights
from monitor.rules import RULES
from monitor.rules.rule import View
from monitor.samples import nameplates
from monitor.silence import GAPS, LAST, Hearing, silences
from monitor.trends import with_trends

log = logging.getLogger(__name__)

MEMORY_NIGHTS: Final = 120  # how far back rules may look
SETTLED_NIGHTS: Final = 100  # cases opened longer ago are not judged again
OVERLAP: Final = timedelta(minutes=2)  # gateways stamp a write before it is visible: look back a little
CHUNK_DAYS: Final = 8  # days of telemetry in memory at once while catching up
CURSOR: Final = "cursor"
FLEET: Final = "fleet"


class Book(Protocol):
    """What a tick needs of the casebook (monitor/casebook)."""

    def reconcile(
        self, episodes: Iterable[Episode], now: datetime, horizon: datetime, fleet: Fleet, remember: dict[str, bytes]
    ) -> Any: ...

    def recall(self, key: str) -> bytes | None: ...

    def repairs(self) -> Sequence[Repair]: ...

    def cases(self, *, open_only: bool = ...) -> list[Case]: ...


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did."""

    clock: datetime | None  # the world's time; None: nothing was ever heard
    arrivals: int = 0
    nights: int = 0
    changes: Any = None


@dataclass
class Watch:
    """The monitor's memory of one world: derived from store and casebook, kept only to be quick."""

    store: Store
    casebook: Book
    fleet: Fleet
    wall: Callable[[], datetime] | None = None  # None: the world has a clock of its own, its newest event time
    progress: Callable[[str, int, int], None] | None = None
    _ledger: pl.DataFrame = field(init=False)
    _hearing: Hearing = field(init=False)
    _cursor: datetime | None = field(init=False)
    _clock: datetime | None = field(init=False)
    _seen: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        self._fleet_told = False
        self._plates = nameplates(self.fleet)
        self._places = {c.id: (c.latitude, c.longitude) for c in self.fleet.communes.values()}
        self._counts = {name: len(lamps) for name, lamps in self.fleet.by_commune.items()}
        self._seen = pl.DataFrame(schema={"lamp": pl.String, "time": TIME})
        self._recall()

    def tick(self) -> Tick:
        """Judges what has come since the last tick. Raises StoreAway, CasebookError; then nothing was done."""
        arrivals = self._new_arrivals()
        clock = self._advance(arrivals)
        if clock is None:
            return Tick(None)
        touched = _touched_dates(arrivals)
        known = arrivals.filter(pl.col("lamp").is_in(self._plates["lamp"].implode()))
        hearing = self._hearing.hear(known, forget_before=clock - timedelta(days=SETTLED_NIGHTS))
        fresh = self._refresh(touched)
        view = self.view(clock)
        self._keep(view.nights, touched)
        episodes = self._judge(view, hearing, clock)
        newest = arrivals["time"].max() if arrivals.height else None
        cursor = newest if isinstance(newest, datetime) else self._cursor
        changes = self.casebook.reconcile(
            episodes, now=clock, horizon=clock - timedelta(days=SETTLED_NIGHTS), fleet=self.fleet,
            remember=self._remembered(hearing, cursor, clock) if arrivals.height else {},
        )  # fmt: skip
        # Only what the casebook has taken is remembered here: a failed tick is simply done again.
        self._hearing, self._cursor, self._clock = hearing, cursor, clock
        if cursor is not None:
            self._seen = (
                pl.concat([self._seen, arrivals.select("lamp", "time")])
                .unique()
                .filter(pl.col("time") > cursor - OVERLAP)
            )
        return Tick(clock, arrivals.height, fresh, changes)

    @property
    def ledger(self) -> pl.DataFrame:
        """The nights in memory, as rules see them (with nameplates)."""
        return self._ledger

    def view(self, clock: datetime) -> View:
        since = clock - timedelta(days=MEMORY_NIGHTS)
        table = self._ledger.join(self._plates.drop("commune"), on="lamp", how="inner").sort("lamp", "time")
        return View(
            nights=with_trends(table, self.casebook.repairs()),
            events=self.store.read("events", since=since),
            refused=self.store.read("quarantine", since=since, columns=["commune", "lamp", "time", "reason"]),
            now=clock,
        )

    def _remembered(self, hearing: Hearing, cursor: datetime | None, clock: datetime) -> dict[str, bytes]:
        """What is stored with the cases. The fleet file too, once: whoever reads the cases later needs its names."""
        told = {} if self._fleet_told else {FLEET: self.fleet.source.encode()}
        self._fleet_told = True
        return _state(hearing, cursor, clock) | told

    def _recall(self) -> None:
        self._hearing, self._cursor, self._clock = Hearing.nothing(), None, None
        remembered = self.casebook.recall(CURSOR)
        if remembered is not None:
            self._hearing, self._cursor, self._clock = _recalled(remembered)
        since = (self._clock or datetime(2000, 1, 1, tzinfo=UTC)) - timedelta(days=MEMORY_NIGHTS)
        self._ledger = self.store.read("nights", since=since)

    def _new_arrivals(self) -> pl.DataFrame:
        since = self._cursor - OVERLAP if self._cursor else None
        return self.store.read("arrivals", since=since).join(self._seen, on=["lamp", "time"], how="anti")

    def _advance(self, arrivals: pl.DataFrame) -> datetime | None:
        if self.wall is not None:
            return self.wall()
        newest = arrivals["received"].max() if arrivals.height else None
        if isinstance(newest, datetime) and (self._clock is None or newest > self._clock):
            return newest
        return self._clock

    def _judge(self, view: View, hearing: Hearing, clock: datetime) -> list[Episode]:
        horizon = clock - timedelta(days=SETTLED_NIGHTS)
        standing = [_episode(case) for case in self.casebook.cases(open_only=True) if case.opened_at < horizon]
        episodes = judge(RULES, view, standing)
        episodes += silences(hearing, self._places, self._counts, clock)
        kept = {(episode.kind, episode.subject, episode.since) for episode in standing}
        recent = [e for e in episodes if e.opened_at >= horizon or (e.kind, e.subject, e.since) in kept]
        return inhibit(recent)

    def _refresh(self, touched: list[datetime]) -> int:
        """Derives the nights of these dates anew, in memory."""
        rows = 0
        chunks = list(_spans(touched))
        for done, (first, last) in enumerate(chunks):
            if self.progress and len(chunks) > 1:
                self.progress("nights", done, len(chunks))
            # A day before for what a gap or a full battery began with, a day after for the dawn that ended it.
            samples = self.store.read("telemetry", first - timedelta(days=1), last + timedelta(days=2))
            derived = nights(samples, self._plates)
            derived = derived.filter(pl.col("time").is_between(pl.lit(first), pl.lit(last)))
            if derived.is_empty():
                continue
            self._ledger = (
                pl.concat([self._ledger, _fitted(derived)])
                .unique(["lamp", "time"], keep="last", maintain_order=True)
                .filter(pl.col("time") >= pl.col("time").max() - timedelta(days=MEMORY_NIGHTS))
            )
            rows += derived.height
        return rows

    def _keep(self, table: pl.DataFrame, touched: list[datetime]) -> None:
        """Stores the nights of these dates, with what the trends say of them, for pages and dashboards."""
        for first, last in _spans(touched):
            rows = table.filter(pl.col("time").is_between(pl.lit(first), pl.lit(last)))
            if rows.height:
                self.store.append("nights", _fitted(rows))


def _touched_dates(arrivals: pl.DataFrame) -> list[datetime]:
    """The dates whose rows may change: those of the samples, and the one before, whose night a morning may explain."""
    if arrivals.is_empty():
        return []
    spans = arrivals.select(
        first=pl.col("first").dt.truncate("1d") - pl.duration(days=1), last=pl.col("last").dt.truncate("1d")
    ).unique()
    dates: set[datetime] = set()
    for first, last in spans.iter_rows():
        for day in range((last - first).days + 1):
            dates.add(first + timedelta(days=day))
    return sorted(dates)


def _spans(dates: list[datetime]) -> Iterable[tuple[datetime, datetime]]:
    """Runs of neighbouring dates, at most CHUNK_DAYS long."""
    run: list[datetime] = []
    for date in dates:
        if run and (date - run[-1] > timedelta(days=1) or len(run) >= CHUNK_DAYS):
            yield run[0], run[-1]
            run = []
        run.append(date)
    if run:
        yield run[0], run[-1]


def _fitted(derived: pl.DataFrame) -> pl.DataFrame:
    """With exactly the columns of the table `nights`."""
    missing = [
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in NIGHTS.schema.items() if name not in derived.columns
    ]
    return derived.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in NIGHTS.schema.items())


def _episode(case: Case) -> Episode:
    return Episode(
        commune=case.commune, lamp=case.lamp, kind=case.kind, since=case.since, opened_at=case.opened_at,
        causes=case.causes, figures=case.figures, estimate=case.estimate, hidden_by=case.hidden_by,
        trace=case.trace or {},
    )  # fmt: skip


def _state(hearing: Hearing, cursor: datetime | None, clock: datetime) -> dict[str, bytes]:
    """The cursor and the hearing as bytes: Arrow IPC of three frames, kept in the casebook's own transaction."""
    out = io.BytesIO()
    state = pl.DataFrame({"cursor": [cursor], "clock": [clock]}, schema={"cursor": TIME, "clock": TIME})
    for frame in (state, hearing.last, hearing.gaps):
        part = io.BytesIO()
        frame.write_ipc(part, compression="zstd")
        out.write(len(part.getvalue()).to_bytes(8, "big") + part.getvalue())
    return {CURSOR: out.getvalue()}


def _recalled(remembered: bytes) -> tuple[Hearing, datetime | None, datetime | None]:
    source, frames = io.BytesIO(remembered), []
    while header := source.read(8):
        frames.append(pl.read_ipc(io.BytesIO(source.read(int.from_bytes(header, "big")))))
    state, last, gaps = frames
    cursor, clock = state.row(0)
    return Hearing(last.select(list(LAST)), gaps.select(list(GAPS))), cursor, clock
