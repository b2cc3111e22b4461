"""Which reports of a lamp have not come, and when to ask for them again. Pure: no I/O, `now` is the world's clock.

Brokers acknowledge before their disk does, and radios lose what nobody acknowledged, so the numbering of the reports
is what counts: a hole in `seq` that stays open is asked back, newest night first, at a bounded rate; what the lamp
cannot have any more is given up, and written down as lost. Asking for what has come meanwhile does no harm.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import polars as pl


@dataclass(frozen=True, slots=True)
class Patience:
    """The rates and limits of asking back."""

    open_for: timedelta = timedelta(minutes=10)  # a hole younger than this is a report on its way
    spacing: timedelta = timedelta(minutes=1)  # between two requests to one lamp
    first_pause: timedelta = timedelta(minutes=10)  # before the same is asked again; tripled each time …
    last_pause: timedelta = timedelta(hours=24)  # … up to this
    tries: int = 8  # heard and not answered so often: the lamp does not have it
    kept: timedelta = timedelta(days=30)  # how long a lamp keeps its reports
    newcomer: int = 96  # a lamp first heard of at a lower number has just started: the reports before are missing too
    range: int = 500  # reports in one request
    widest: int = 43_200  # a jump beyond a report a minute for 30 days is a new numbering, not a loss
    gaps: int = 1_000  # for each lamp and boot; beyond it neighbours are joined
    boots: int = 500  # of each lamp, the newest


PATIENCE: Final = Patience()


@dataclass(frozen=True, slots=True)
class Run:
    """Reports `first`…`last` of one boot came without a hole, the last at `received`; `time` is their first sample."""

    lamp: str
    boot: int
    first: int
    last: int
    time: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """Reports `first`…`last` of one boot of a lamp: to be asked for, or to be written down as lost."""

    lamp: str
    boot: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Gap:
    first: int
    last: int
    time: datetime  # of the report after it: its reports are older
    noticed: datetime
    tries: int = 0
    asked: datetime | None = None


@dataclass(slots=True)
class _Boot:
    """Everything from `base` to `top` has come but the gaps, which are disjoint and in order."""

    base: int
    top: int
    time: datetime
    gaps: list[_Gap] = field(default_factory=list)


@dataclass(slots=True)
class _Lamp:
    heard: datetime
    asked: datetime | None = None
    boots: dict[int, _Boot] = field(default_factory=dict)


class GapTracker:
    def __init__(self, patience: Patience = PATIENCE) -> None:
        self._patience = patience
        self._lamps: dict[str, _Lamp] = {}

    def came(self, run: Run) -> None:
        """In any order, as often as you like."""
        lamp = self._lamps.setdefault(run.lamp, _Lamp(run.received))
        lamp.heard = max(lamp.heard, run.received)
        boot = lamp.boots.get(run.boot)
        if boot is None:
            # Of a lamp that is new to us the past is not missed: it would be the whole month that it keeps.
            witnessed = run.first < self._patience.newcomer or any(number < run.boot for number in lamp.boots)
            base = 0 if witnessed else run.first
            boot = lamp.boots[run.boot] = _Boot(base, base - 1, run.time)
            self._forget_boots(lamp)
        if run.first > boot.top + 1:
            self._open(boot, boot.top + 1, run.first - 1, run)
        boot.top = max(boot.top, run.last)
        boot.time = max(boot.time, run.time)
        _cut(boot.gaps, run.first, run.last)

    def forget(self, missing: Missing) -> None:
        """These are not waited for any more: they are written down as lost."""
        lamp = self._lamps.get(missing.lamp)
        if lamp is not None and missing.boot in lamp.boots:
            _cut(lamp.boots[missing.boot].gaps, missing.first, missing.last)

    def missing(self) -> list[Missing]:
        """All that is waited for."""
        return [Missing(name, number, gap.first, gap.last) for name, _, number, _, gap in self._gaps()]

    def due(self, now: datetime, most: int) -> list[Missing]:
        """What to ask for now, at most `most` requests and one for each lamp, newest first. Counts as asked."""
        patience = self._patience
        ready = [
            (gap.time, name, number, gap)
            for name, lamp, number, _, gap in self._gaps()
            if (lamp.asked is None or now - lamp.asked >= patience.spacing) and self._ripe(gap, lamp, now)
        ]
        ready.sort(key=lambda found: (found[0], found[3].last), reverse=True)
        asks: list[Missing] = []
        asked: set[str] = set()
        for _, name, number, gap in ready:
            if len(asks) >= most:
                break
            if name in asked:
                continue
            asked.add(name)
            lamp = self._lamps[name]
            lamp.asked = now
            gaps = lamp.boots[number].gaps
            gaps[gaps.index(gap)] = replace(gap, tries=gap.tries + 1, asked=now)
            asks.append(Missing(name, number, gap.first, gap.last))
        return asks

    def hopeless(self, now: datetime) -> list[Missing]:
        """What no lamp will send any more: too old, or asked for often enough of a lamp that was heard since."""
        patience = self._patience
        return [
            Missing(name, number, gap.first, gap.last)
            for name, lamp, number, _, gap in self._gaps()
            if gap.time < now - patience.kept
            or (gap.tries >= patience.tries and self._answered(gap, lamp) and self._rested(gap, now))
        ]

    def _ripe(self, gap: _Gap, lamp: _Lamp, now: datetime) -> bool:
        patience = self._patience
        if now - gap.noticed < patience.open_for or gap.time < now - patience.kept or gap.tries >= patience.tries:
            return False
        return self._answered(gap, lamp) and self._rested(gap, now)

    def _answered(self, gap: _Gap, lamp: _Lamp) -> bool:
        """Whether the lamp was heard since it was asked: asking a silent lamp twice is of no use."""
        return gap.asked is None or lamp.heard > gap.asked

    def _rested(self, gap: _Gap, now: datetime) -> bool:
        if gap.asked is None:
            return True
        tripled: int = 3 ** (gap.tries - 1)
        return now - gap.asked >= min(self._patience.first_pause * tripled, self._patience.last_pause)

    def _gaps(self) -> Iterator[tuple[str, _Lamp, int, _Boot, _Gap]]:
        for name, lamp in self._lamps.items():
            for number, boot in lamp.boots.items():
                for gap in boot.gaps:
                    yield name, lamp, number, boot, gap

    def _open(self, boot: _Boot, first: int, last: int, run: Run) -> None:
        """A gap above all others, in pieces of one request each, the newest complete."""
        if last - first >= self._patience.widest:
            return
        size = self._patience.range
        pieces = [
            _Gap(max(first, end - size + 1), end, run.time, run.received) for end in range(last, first - 1, -size)
        ]
        boot.gaps.extend(reversed(pieces))
        while len(boot.gaps) > self._patience.gaps:
            low, high = boot.gaps[0], boot.gaps[1]
            boot.gaps[:2] = [replace(high, first=low.first)]

    def _forget_boots(self, lamp: _Lamp) -> None:
        while len(lamp.boots) > self._patience.boots:
            oldest = min(lamp.boots, key=lambda number: lamp.boots[number].time)
            del lamp.boots[oldest]


def _cut(gaps: list[_Gap], first: int, last: int) -> None:
    """Takes `first`…`last` out of the gaps."""
    low = bisect_left(gaps, first, key=lambda gap: gap.last)
    high = bisect_right(gaps, last, key=lambda gap: gap.first)
    if low >= high:
        return
    rest = []
    if gaps[low].first < first:
        rest.append(replace(gaps[low], last=first - 1))
    if gaps[high - 1].last > last:
        rest.append(replace(gaps[high - 1], first=last + 1))
    gaps[low:high] = rest


def runs(arrivals: pl.DataFrame) -> Iterable[Run]:
    """Rows of the `arrivals` table as runs, the oldest first within each boot."""
    ordered = arrivals.sort("lamp", "boot", "seq")
    new = (pl.col("seq") - pl.col("seq").shift(1)).over("lamp", "boot") > 1
    grouped = (
        ordered.with_columns(new.fill_null(False).cum_sum().over("lamp", "boot").alias("run"))
        .group_by("lamp", "boot", "run", maintain_order=True)
        .agg(
            pl.col("seq").first().alias("first"),
            pl.col("seq").last().alias("last"),
            pl.col("first").first().alias("time"),
            pl.col("received").max(),
        )
    )
    return [Run(*row) for row in grouped.select("lamp", "boot", "first", "last", "time", "received").iter_rows()]
