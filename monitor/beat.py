"""A beat: some communes whose nights are kept in memory, derived and judged together.

A watch does only what is new: of the communes that were heard it derives the dates that can have changed, and their
beats are judged again from the first of these dates on. What comes out is what judging everything from the first sample
on would give; beats keep it small enough to be done at once.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from gateway.fleet import Fleet
from gateway.store import NIGHTS, Store
from monitor.case import Repair
from monitor.day import places
from monitor.fault import Episode
from monitor.judge import CONTEXT_DATES, Forgotten, Judge
from monitor.nights import SAMPLED, nights
from monitor.rules import RULES
from monitor.rules.rule import View
from monitor.samples import nameplates
from monitor.sun import with_sun
from monitor.trends import NEEDED, REMEMBERED, TRENDS, Trends

log = logging.getLogger(__name__)

BEAT_LAMPS: Final = 2_000  # in memory at once, with all that is derived from their samples
CHUNK_DAYS: Final = 8  # days of their telemetry in memory at once while catching up
# From this solar hour on a date's samples say nothing new of the date before: the panel's night, whose middle shows the
# lamp's clock, is known by then.
SETTLED_HOUR: Final = 15
LEARN_DAYS: Final = 60  # of old nights in memory at once, of what they show
ONE_DAY: Final = timedelta(days=1)
_ROW: Final = ["time", "lamp"]


@dataclass(slots=True)
class Beat:
    communes: tuple[str, ...]
    plates: pl.DataFrame  # of its lamps, see monitor.samples.nameplates
    ledger: pl.DataFrame  # columns of the table `nights`, in order of time
    episodes: list[Episode] = field(default_factory=list)  # as last judged
    judged: bool = False  # whether `episodes` are of what the ledger says
    unwritten: pl.DataFrame = field(init=False)  # rows of the ledger that the store does not have yet
    trends: Trends = field(init=False)
    judge: Judge = field(init=False)
    recent: pl.DataFrame | None = None  # the last dates' rows of the ledger, with all that the rules look at

    def __post_init__(self) -> None:
        self.trends = Trends(self.plates)
        self.judge = Judge(RULES)
        self.unwritten = self.ledger.clear()


def beats(fleet: Fleet, ledger: pl.DataFrame) -> list[Beat]:
    """The fleet's communes in beats of about BEAT_LAMPS, each with its rows of `ledger` (the table `nights`)."""
    groups: list[list[str]] = [[]]
    lamps = 0
    for commune, members in fleet.by_commune.items():
        if lamps + len(members) > BEAT_LAMPS and groups[-1]:
            groups.append([])
            lamps = 0
        groups[-1].append(commune)
        lamps += len(members)
    plates = nameplates(fleet).sort("lamp")
    return [
        Beat(
            tuple(group),
            plates.filter(pl.col("commune").is_in(group)),
            ledger.filter(pl.col("lamp").is_in(plates.filter(pl.col("commune").is_in(group))["lamp"].implode())).sort(
                _ROW
            ),
        )
        for group in groups
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What rules may look at beside the nights, and what a judge must know from before; see monitor.rules.rule.View."""

    events: pl.DataFrame
    refused: pl.DataFrame
    repairs: Sequence[Repair]
    standing: Mapping[str, Sequence[Episode]]  # by commune
    now: datetime


def derive(
    beat: Beat,
    store: Store,
    touched: Mapping[datetime, Collection[str]],
    heard: Collection[datetime],
    floor: datetime,
) -> tuple[pl.DataFrame, int]:
    """The beat's ledger with the rows of these dates and communes derived anew, without rows before `floor`; and how
    many rows were derived. On dates in `heard` every lamp has a row, heard or not."""
    parts = []
    whole = set(beat.communes)
    for first, last, communes in rounds({date: whole.intersection(names) for date, names in touched.items()}):
        plates = beat.plates if communes == whole else beat.plates.filter(pl.col("commune").is_in(list(communes)))
        # A day before for what a gap began with, a day after for the dawn that ended the last night.
        samples = store.read(
            "telemetry", first - ONE_DAY, last + 2 * ONE_DAY, lamps=plates["lamp"].to_list(), columns=SAMPLED
        )
        derived = nights(samples, plates, (first, last), [date for date in heard if first <= date <= last])
        parts.append(as_stored(derived))
    ledger = beat.ledger if not parts else _replaced(beat.ledger, pl.concat(parts))
    return (ledger.filter(pl.col("time") >= floor) if forgets(ledger, floor) else ledger), sum(
        part.height for part in parts
    )


def learn(beat: Beat, store: Store, until: datetime, repairs: Sequence[Repair]) -> None:
    """What the stored nights before `until` show is learnt, however long ago they were."""
    extent = store.extent("nights")
    since = extent[0] if extent else until
    while since < until:
        end = min(since + LEARN_DAYS * ONE_DAY, until)
        rows = store.read("nights", since, end, lamps=beat.plates["lamp"].to_list(), columns=[*_ROW, *NEEDED])
        beat.trends.learn(rows.sort(_ROW), end, repairs)
        since = end
    beat.trends.learn(beat.ledger.clear(), until, repairs)


def forgets(ledger: pl.DataFrame, floor: datetime) -> bool:
    """Whether a ledger has rows before `floor`."""
    return ledger.height > 0 and ledger["time"][0] < floor


def look(beat: Beat, ledger: pl.DataFrame, since: datetime | None, seen: Seen) -> None:
    """Judges a beat by this ledger, which becomes its own. since: the first date on which it differs from the one
    before; None: all of it is judged anew."""
    beat.judged = False  # until all of this is done
    if since is not None and beat.recent is not None and beat.trends.can_follow(since):
        try:
            _look(beat, ledger, since, seen)
        except Forgotten as missing:
            log.info("what was said of %s is not remembered: its beat is judged anew", missing)
    if not beat.judged:
        _look(beat, ledger, None, seen)


def _look(beat: Beat, ledger: pl.DataFrame, since: datetime | None, seen: Seen) -> None:
    settled = _first_of(ledger["time"], since)
    rows = ledger.slice(settled).rechunk()
    # The ledger is wide: a join with the nameplates would copy all of it.
    plates = beat.plates.drop("commune", "lamp")[places(rows["lamp"], beat.plates["lamp"])]
    trends = beat.trends.follow(rows, seen.repairs, anew=since is None)
    rows = rows.drop(TRENDS).hstack(plates).hstack(trends)
    if since is not None and beat.recent is not None:
        rows = pl.concat([beat.recent.filter(pl.col("time") < since), rows.select(beat.recent.columns)])
    view = View(nights=rows.sort("lamp", "time"), events=seen.events, refused=seen.refused, now=seen.now)
    standing = [episode for commune in beat.communes for episode in seen.standing.get(commune, ())]
    dates = rows["time"].unique().sort().to_list()
    # What a rule says of a date may rest on whether the next one has come.
    earlier = None if since is None else max((date for date in dates if date < since), default=since)
    remember = dates[-REMEMBERED - 1] if len(dates) > REMEMBERED else None
    beat.episodes = beat.judge.judge(view, standing, since=earlier, remember=remember)
    beat.ledger = pl.concat([ledger.slice(0, settled), as_stored(rows.slice(_first_of(rows["time"], since)))])
    kept = dates[-(REMEMBERED + 1 + CONTEXT_DATES) :]
    beat.recent = rows.filter(pl.col("time") >= kept[0]) if kept else None
    beat.judged = True


def _first_of(moments: pl.Series, since: datetime | None) -> int:
    """The place of the first moment that is not before `since`; they are in order."""
    return 0 if since is None else bisect_left(moments, since)


def touched_by(
    arrivals: pl.DataFrame, before: pl.DataFrame, plates: pl.DataFrame
) -> tuple[pl.DataFrame, set[datetime]]:
    """Which rows of the ledger these arrivals may change (commune, date), and the dates that were heard of.

    before: lamp and `last`, the newest sample known before these arrivals.
    """
    reports = arrivals.join(plates.select("lamp", "latitude", "longitude"), on="lamp").join(
        before.select("lamp", known="last"), on="lamp", how="left", maintain_order="left"
    )
    reports = reports.with_columns(known=pl.col("known").fill_null(pl.col("first")))
    dates = {name: _dates(reports, name) for name in ("first", "last", "known")}
    reports = reports.with_columns(**{f"{name}_date": date for name, date in dates.items()})
    solar = pl.col("known") + pl.duration(microseconds=pl.col("longitude") * 240e6)
    onward = pl.col("known") < pl.col("first")
    settled = (
        onward
        & (pl.col("known_date") == pl.col("first_date"))
        & (solar - pl.col("known_date") >= timedelta(hours=SETTLED_HOUR))
    )
    begin = pl.when(settled).then("first_date").otherwise(pl.col("first_date") - ONE_DAY)
    spans = reports.select("commune", "last_date", "first_date", begin=begin).unique()
    touched = spans.select("commune", date=pl.datetime_ranges("begin", "last_date", "1d")).explode("date")
    # What ended the samples so far was the edge of what was known; it is no longer.
    touched = pl.concat([touched, reports.filter(onward).select("commune", date="known_date")]).unique()
    heard = spans.select(date=pl.datetime_ranges("first_date", "last_date", "1d")).explode("date")
    return touched, set(heard["date"].unique())


def _dates(reports: pl.DataFrame, moment: str) -> pl.Series:
    return with_sun(reports.select("latitude", "longitude", time=moment))["date"]


def by_date(touched: pl.DataFrame) -> dict[datetime, set[str]]:
    found: dict[datetime, set[str]] = defaultdict(set)
    for commune, date in touched.select("commune", "date").iter_rows():
        found[date].add(commune)
    return found


def rounds(touched: Mapping[datetime, set[str]]) -> Iterable[tuple[datetime, datetime, set[str]]]:
    """Spans of neighbouring dates with their communes, at most CHUNK_DAYS long.

    Dates are put together where that makes few communes be derived in vain: one lamp's backlog of a week is no reason
    to look at everybody's week.
    """
    run: list[datetime] = []
    communes: set[str] = set()
    for date in sorted(date for date, names in touched.items() if names):
        both = communes | touched[date]
        apart = len(both) > 2 + 1.2 * min(len(communes), len(touched[date]))
        if run and (date - run[-1] > ONE_DAY or len(run) >= CHUNK_DAYS or apart):
            yield run[0], run[-1], communes
            run, both = [], touched[date]
        run.append(date)
        communes = set(both)
    if run:
        yield run[0], run[-1], communes


def as_stored(table: pl.DataFrame) -> pl.DataFrame:
    """With exactly the columns of the table `nights`."""
    has = table.schema
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in NIGHTS.schema.items() if name not in has]
    others = [pl.col(name).cast(dtype) for name, dtype in NIGHTS.schema.items() if has.get(name, dtype) != dtype]
    return table.with_columns(*missing, *others).select(list(NIGHTS.schema))


def of_dates(ledger: pl.DataFrame, dates: Collection[datetime]) -> pl.DataFrame:
    """The ledger's rows of these dates."""
    if not dates:
        return ledger.clear()
    return ledger.slice(_first_of(ledger["time"], min(dates))).filter(pl.col("time").is_in(list(dates)))


def changed(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Those rows that are not in `before` as they are."""
    return rows.join(before, on=rows.columns, how="anti", nulls_equal=True)


def _replaced(ledger: pl.DataFrame, derived: pl.DataFrame) -> pl.DataFrame:
    """The ledger with these rows in the place of those of the same lamp and time; in order."""
    settled = _first_of(ledger["time"], min(derived["time"].unique(), default=None))
    young = ledger.slice(settled)
    others = young.join(derived.select(_ROW), on=_ROW, how="anti")
    rows = (pl.concat([others, derived]) if others.height else derived).sort(_ROW)
    return pl.concat([ledger.slice(0, settled), rows])
