"""The baseline: plain thresholds per lamp and day, as people write them into a dashboard or an IoT platform.

No neighbours, no sun, no memory but an average, no inhibition. Each threshold is a reasonable one for this fleet; a
condition opens a case on the first day that it holds and closes it on the first day that it does not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from gateway.fleet import Fleet
from gateway.store import Store
from monitor.samples import nameplates
from scorecard.said import DAY, Said

CHUNK: Final = 8 * DAY
NOON: Final = timedelta(hours=12)
AVERAGE_DAYS: Final = 14
DAY_HOURS: Final = (8, 16)  # UTC, which is Mali's time
NIGHT_HOURS: Final = (20, 4)
SILENT_INTERVALS: Final = 2.5
LEAST_SILENCE_S: Final = 3600.0
DAY_AT: Final = "day_at"


@dataclass(frozen=True, slots=True)
class Threshold:
    """`bad` over the columns of `daily`; `at` the column with the time from which a person could see it."""

    kind: str
    says: str
    bad: pl.Expr
    at: str = "night_at"


_C: Final = pl.col
THRESHOLDS: Final = (
    Threshold("dark", "LED zero for 90 % of the night although commanded", _C("unlit_share") >= 0.9),
    Threshold("early_off", "LED zero for 10–90 % of the commanded night", _C("unlit_share").is_between(0.1, 0.9)),
    Threshold("flicker", "six or more switchings in a night", _C("switchings") >= 6),
    Threshold("dim", "LED power under 75 % of what its level means", _C("led_ratio") < 0.75),
    Threshold("day_burning", "LED on between 9 and 15 h", _C("burning_n") >= 2, DAY_AT),
    Threshold("panel_lost", "no panel current above 0.1 A from 8 to 16 h", _C("pv_a_max") < 0.1, DAY_AT),
    Threshold("panel_soiled", "daily energy under 60 % of its own average", _C("energy") < 0.6 * _C("usual"), DAY_AT),
    Threshold("battery_worn", "battery under 95 % of its nominal voltage", _C("bat_v_min") < 0.95 * _C("nominal_v")),
    Threshold("battery_lost", "no battery current all day", _C("bat_a_max") < 0.05, DAY_AT),
    Threshold("charger_stuck", "battery 3 % above end of charge", _C("bat_v_max") > 1.03 * _C("charge_end"), DAY_AT),
    Threshold("hot", "battery above 55 °C", _C("bat_c_max") > 55.0, DAY_AT),
    Threshold("sensor_faulty", "impossible temperature", (_C("bat_c_max") > 80.0) | (_C("bat_c_min") < -20.0), DAY_AT),
    Threshold("restart_loop", "more than five restarts a day", _C("boots") > 5, DAY_AT),
)  # fmt: skip


def naive_cases(store: Store, fleet: Fleet) -> list[Said]:
    """All cases of plain thresholds over a world's store, oldest first."""
    extent = store.extent("telemetry")
    if extent is None:
        return []
    plates = nameplates(fleet).select("lamp", "luminaire_w", "nominal_v", "charge_end")
    days = pl.concat([daily(samples, plates) for samples in _chunks(store, *extent)]).sort("lamp", "date")
    days = days.with_columns(usual=pl.col("energy").shift(1).rolling_mean(AVERAGE_DAYS, min_samples=5).over("lamp"))
    cases = [case for threshold in THRESHOLDS for case in _episodes(days, threshold)]
    cases += _silences(store.read("arrivals"))
    cases += _moves(store.read("events"))
    cases += _clocks(store.read("arrivals"))
    return sorted(cases, key=lambda case: (case.known_at, case.subject, case.kind))


def _chunks(store: Store, first: datetime, last: datetime) -> Iterator[pl.DataFrame]:
    """Whole dates, noon to noon."""
    begin = first.replace(hour=0, minute=0, second=0, microsecond=0) - NOON
    while begin <= last:
        samples = store.read("telemetry", begin, begin + CHUNK)
        if samples.height:
            yield samples
        begin += CHUNK


def daily(telemetry: pl.DataFrame, plates: pl.DataFrame) -> pl.DataFrame:
    """One row per lamp and date: the night after that date's noon, the daylight before it ends (the next forenoon)."""
    hour = pl.col("time").dt.hour()
    day = hour.is_between(DAY_HOURS[0], DAY_HOURS[1] - 1)
    night = (hour >= NIGHT_HOURS[0]) | (hour < NIGHT_HOURS[1])
    led = pl.col("led_mw") / 1000.0
    lit = led > 1.0
    should = night & (pl.col("target") > 0)
    full = night & (pl.col("level") >= 95) & lit
    return (
        telemetry.join(plates, on="lamp", how="inner")
        .sort("lamp", "time")
        .with_columns(date=(pl.col("time") - NOON).dt.truncate("1d"))
        .group_by("commune", "lamp", "date", maintain_order=True)
        .agg(
            unlit_share=(~lit).filter(should).mean(),
            switchings=(lit != lit.shift(1)).filter(should).sum(),
            led_ratio=(led / pl.col("luminaire_w")).filter(full).median(),
            burning_n=(lit & hour.is_between(9, 14)).sum(),
            pv_a_max=(pl.col("pv_ma") / 1000.0).filter(day).max(),
            energy=(pl.col("pv_mv") / 1000.0 * pl.col("pv_ma") / 1000.0 * pl.col("dt") / 3600.0).sum(),
            bat_v_min=(pl.col("bat_mv") / 1000.0).min(),
            bat_v_max=(pl.col("bat_mv") / 1000.0).max(),
            bat_a_max=(pl.col("bat_ma") / 1000.0).abs().filter(day).max(),
            bat_c_max=(pl.col("bat_dc") / 10.0).max(),
            bat_c_min=(pl.col("bat_dc") / 10.0).min(),
            boots=pl.col("boot").n_unique(),
            night_at=pl.col("sent").filter(should).last(),
            day_at=pl.col("sent").filter(day).last(),
            any_at=pl.col("sent").last(),
            nominal_v=pl.col("nominal_v").first(),
            charge_end=pl.col("charge_end").first(),
        )
    )


def _episodes(days: pl.DataFrame, threshold: Threshold) -> Iterator[Said]:
    rows = days.select("commune", "lamp", "date", at=pl.coalesce(threshold.at, "any_at"), bad=threshold.bad)
    rows = rows.filter(pl.col("bad").is_not_null() & pl.col("at").is_not_null())
    rows = rows.with_columns(run=pl.col("bad").rle_id().over("lamp"), after=pl.col("at").shift(-1).over("lamp"))
    runs = rows.filter(pl.col("bad")).group_by("commune", "lamp", "run", maintain_order=True)
    found = runs.agg(since=pl.col("date").first() + NOON, known_at=pl.col("at").first(), until=pl.col("after").last())
    for row in found.iter_rows(named=True):
        yield Said(
            threshold.kind, row["commune"], row["lamp"], row["since"], row["known_at"], row["until"],
            evidence=threshold.says,
        )  # fmt: skip


def _silences(arrivals: pl.DataFrame) -> Iterable[Said]:
    """No message for longer than 2.5 usual intervals, at least an hour."""
    words = arrivals.select("commune", "lamp", "received", seconds=pl.col("samples") * pl.col("dt")).sort(
        "lamp", "received"
    )
    words = words.with_columns(
        deadline=pl.max_horizontal(pl.col("seconds").median().over("lamp") * SILENT_INTERVALS, LEAST_SILENCE_S),
        again=pl.col("received").shift(-1).over("lamp"),
    )
    end = arrivals["received"].max()
    silent = (pl.coalesce("again", pl.lit(end)) - pl.col("received")).dt.total_seconds() > pl.col("deadline")
    for row in words.filter(silent).iter_rows(named=True):
        known_at = row["received"] + timedelta(seconds=row["deadline"])
        yield Said(
            "silent", row["commune"], row["lamp"], row["received"], known_at, row["again"], evidence="no message"
        )


def _moves(events: pl.DataFrame) -> Iterable[Said]:
    for row in events.filter(pl.col("event").is_in(["tilt", "door_open"])).iter_rows(named=True):
        yield Said(
            "moved", row["commune"], row["lamp"], row["time"], row["received"], row["time"] + DAY, evidence=row["event"]
        )


def _clocks(arrivals: pl.DataFrame) -> Iterable[Said]:
    """A report from the future; a clock that is behind looks like a late report to a plain threshold."""
    ahead = arrivals.filter((pl.col("last") - pl.col("received")).dt.total_minutes() > 10).sort("lamp", "received")
    spans = ahead.group_by("commune", "lamp", maintain_order=True).agg(
        first=pl.col("received").first(), last=pl.col("received").last()
    )
    for row in spans.iter_rows(named=True):
        yield Said(
            "clock_wrong",
            row["commune"],
            row["lamp"],
            row["first"],
            row["first"],
            row["last"],
            evidence="report from the future",
        )
