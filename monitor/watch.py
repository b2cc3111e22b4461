"""One tick of the monitor: what is new → the nights it touches → rules → judge → inhibit → casebook.

A tick is a function of what is stored. It may be lost, repeated or run by two monitors: the cases are the same.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import polars as pl

from gateway.fleet import Fleet
from gateway.store import Store
from gateway.telemetry import TIME
from monitor.beat import (
    CHUNK_DAYS,
    Beat,
    Seen,
    beats,
    by_date,
    changed,
    derive,
    forgets,
    learn,
    look,
    of_dates,
    touched_by,
)
from monitor.case import Case, Repair
from monitor.fault import Episode
from monitor.inhibit import inhibit
from monitor.news import News
from monitor.remembered import CURSOR, FLEET, pack, unpack
from monitor.samples import nameplates
from monitor.silence import GAPS, LAST, Hearing, silences

log = logging.getLogger(__name__)

MEMORY_NIGHTS: Final = 120  # how far back rules may look, at least …
FORGOTTEN_NIGHTS: Final = 7  # … and so many together are forgotten: what is learnt of the oldest is then learnt anew
SETTLED_NIGHTS: Final = 100  # cases opened longer ago are not judged again
OVERLAP: Final = timedelta(minutes=2)  # gateways stamp a write before it is visible: look back a little
AT_ONCE: Final = 2  # beats looked at at once: what one of them cannot spread over the processors, two can
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)


class Book(Protocol):
    """What a tick needs of the casebook (monitor/casebook)."""

    def reconcile(
        self, episodes: Iterable[Episode], now: datetime, horizon: datetime, fleet: Fleet, remember: dict[str, bytes]
    ) -> Any: ...

    def recall(self, key: str) -> bytes | None: ...

    def repairs(self) -> Sequence[Repair]: ...

    def cases(self, *, since: datetime | None = ..., opened_before: datetime | None = ...) -> list[Case]: ...


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
    _beats: list[Beat] = field(init=False)
    _news: News = field(init=False)
    _stale: set[str] = field(init=False)  # communes of which something else than samples is new
    _anew: set[str] = field(init=False)  # communes to be judged from their first night on
    _hearing: Hearing = field(init=False)
    _cursor: datetime | None = field(init=False)
    _clock: datetime | None = field(init=False)
    _seen: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        self._fleet_told = False
        self._plates = nameplates(self.fleet)
        self._lamps = self._plates["lamp"]
        self._commune = {lamp.id: lamp.commune for lamp in self.fleet.lamps.values()}
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
        reports = arrivals.filter(pl.col("lamp").is_in(self._lamps.implode()))
        horizon = clock - timedelta(days=SETTLED_NIGHTS)
        hearing = self._hearing.hear(reports, forget_before=horizon)
        kept, ended = self._cases_before(horizon)
        fresh = self._look(reports, kept, clock)
        found = [episode for beat in self._beats for episode in beat.episodes]
        found += silences(hearing, self._places, self._counts, clock)
        standing = {(episode.kind, episode.subject, episode.since) for episode in kept}
        known = {(episode.kind, episode.subject, episode.since) for episode in found}
        # What is no longer in the nights in memory hides what it hid.
        found += [e for e in ended if (e.kind, e.subject, e.since) not in known]
        episodes = [
            e for e in inhibit(found, clock) if e.opened_at >= horizon or (e.kind, e.subject, e.since) in standing
        ]
        newest = arrivals["time"].max() if arrivals.height else None
        cursor = newest if isinstance(newest, datetime) else self._cursor
        changes = self.casebook.reconcile(
            episodes, now=clock, horizon=horizon, fleet=self.fleet,
            remember=self._remembered(hearing, cursor, clock) if arrivals.height else {},
        )  # fmt: skip
        # Only what the casebook has taken is remembered here: a failed tick is simply done again.
        self._hearing, self._cursor, self._clock = hearing, cursor, clock
        self._fleet_told = self._fleet_told or arrivals.height > 0
        if cursor is not None:
            self._seen = (
                pl.concat([self._seen, arrivals.select("lamp", "time")])
                .unique()
                .filter(pl.col("time") > cursor - OVERLAP)
            )
        return Tick(clock, arrivals.height, fresh, changes)

    @property
    def ledger(self) -> pl.DataFrame:
        """The nights in memory, with what the trends say of them: columns of the table `nights`."""
        return pl.concat([beat.ledger for beat in self._beats]).sort("lamp", "time")

    def _look(self, arrivals: pl.DataFrame, kept: Sequence[Episode], clock: datetime) -> int:
        """Derives the rows that can have changed and judges their communes anew; returns how many rows."""
        since = clock - timedelta(days=MEMORY_NIGHTS)
        oldest = arrivals["first"].min() if arrivals.height else None
        repairs = self.casebook.repairs()
        # Kept until they are judged: if this tick fails, the next one does it.
        self._stale |= self._news.read(self.store, since, oldest if isinstance(oldest, datetime) else None, clock)
        self._stale |= self._news.quiet(self._clock, clock)
        self._anew |= self._news.note(repairs, kept, self._commune)
        touched, heard = touched_by(arrivals, self._hearing.last, self._plates)
        dates = by_date(touched)
        known = {date for beat in self._beats for date in beat.ledger["time"].unique()}
        for date in heard - known:  # a date that begins has a row of every lamp, heard or not
            dates[date] = set(self.fleet.communes)
        floor = _floor(max(heard | known, default=clock))
        dates = {date: names for date, names in dates.items() if date >= floor}
        seen = Seen(self._news.events, self._news.refused, repairs, self._news.standing, clock)
        todo = [beat for beat in self._beats if self._concerned(beat, dates, floor)]
        fresh = 0

        def work(beat: Beat) -> int:
            before = of_dates(beat.ledger, dates)
            ledger, rows = derive(beat, self.store, dates, heard, floor)
            anew = not beat.judged or forgets(beat.ledger, floor) or not self._anew.isdisjoint(beat.communes)
            if forgets(beat.ledger, floor):
                beat.trends.learn(beat.ledger, floor, repairs)
            mine = {date for date, names in dates.items() if not names.isdisjoint(beat.communes)}
            look(beat, ledger, None if anew else min(mine, default=max(known, default=None)), seen)
            new = changed(of_dates(beat.ledger, dates), before)
            # Kept until it is written: if the store is away, the next tick does it.
            beat.unwritten = pl.concat([beat.unwritten, new]).unique(["lamp", "time"], keep="last")
            return rows

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done, (beat, rows) in enumerate(zip(todo, pool.map(work, todo), strict=True)):
                if self.progress and len(dates) > CHUNK_DAYS:
                    self.progress("nights", done + 1, len(todo))
                if beat.unwritten.height:
                    self.store.append("nights", beat.unwritten)
                    beat.unwritten = beat.unwritten.clear()
                self._stale -= {*beat.communes}
                self._anew -= {*beat.communes}
                fresh += rows
        return fresh

    def _concerned(self, beat: Beat, dates: Mapping[datetime, set[str]], floor: datetime) -> bool:
        """Whether there is anything new about this beat."""
        news = self._stale.union(self._anew, *dates.values())
        unfinished = not beat.judged or beat.unwritten.height > 0
        return unfinished or forgets(beat.ledger, floor) or not news.isdisjoint(beat.communes)

    def _remembered(self, hearing: Hearing, cursor: datetime | None, clock: datetime) -> dict[str, bytes]:
        """What is stored with the cases. The fleet file too, once: whoever reads the cases later needs its names."""
        told = {} if self._fleet_told else {FLEET: self.fleet.source.encode()}
        return _state(hearing, cursor, clock) | told

    def _recall(self) -> None:
        self._hearing, self._cursor, self._clock = Hearing.nothing(), None, None
        remembered = self.casebook.recall(CURSOR)
        if remembered is not None:
            self._hearing, self._cursor, self._clock = _recalled(remembered)
        since = _floor(self._clock or datetime(2000, 1, 1, tzinfo=UTC)) - timedelta(days=FORGOTTEN_NIGHTS)
        self._beats = beats(self.fleet, self.store.read("nights", since=since))
        repairs = self.casebook.repairs()
        for beat in self._beats:
            learn(beat, self.store, since, repairs)
        self._news, self._stale, self._anew = News(), set(), set()

    def _new_arrivals(self) -> pl.DataFrame:
        since = self._cursor - OVERLAP if self._cursor else None
        # InfluxDB shows a row field by field while it is written: what is there in part is read whole the next time,
        # for it is not yet seen. (A time that was not there became the year 0, and the monitor died of it.)
        arrivals = self.store.read("arrivals", since=since).drop_nulls()
        return arrivals.join(self._seen, on=["lamp", "time"], how="anti")

    def _advance(self, arrivals: pl.DataFrame) -> datetime | None:
        if self.wall is not None:
            return self.wall()
        newest = arrivals["received"].max() if arrivals.height else None
        if isinstance(newest, datetime) and (self._clock is None or newest > self._clock):
            return newest
        return self._clock

    def _cases_before(self, horizon: datetime) -> tuple[list[Episode], list[Episode]]:
        """Cases that began before what is judged again: those open, which go on until the memory shows their end, and
        those that ended since."""
        cases = self.casebook.cases(opened_before=horizon, since=horizon)
        return [_episode(case) for case in cases if case.until is None], [
            _episode(case) for case in cases if case.until
        ]


def _floor(newest: datetime) -> datetime:
    """The first date that is remembered. It moves once a week, for all monitors on the same date."""
    date = newest - timedelta(days=MEMORY_NIGHTS)
    return date - timedelta(days=(date - _MONDAY).days % FORGOTTEN_NIGHTS)


def _episode(case: Case) -> Episode:
    return Episode(
        commune=case.commune, lamp=case.lamp, kind=case.kind, since=case.since, opened_at=case.opened_at,
        causes=case.causes, figures=case.figures, estimate=case.estimate, hidden_by=case.hidden_by,
        trace=case.trace or {}, until=case.until, closed_at=case.until,
    )  # fmt: skip


def _state(hearing: Hearing, cursor: datetime | None, clock: datetime) -> dict[str, bytes]:
    """The cursor and the hearing, kept in the casebook's own transaction."""
    state = pl.DataFrame({"cursor": [cursor], "clock": [clock]}, schema={"cursor": TIME, "clock": TIME})
    return {CURSOR: pack(state, hearing.last, hearing.gaps)}


def _recalled(remembered: bytes) -> tuple[Hearing, datetime | None, datetime | None]:
    state, last, gaps = unpack(remembered)
    cursor, clock = state.row(0)
    return Hearing(last.select(list(LAST)), gaps.select(list(GAPS))), cursor, clock
