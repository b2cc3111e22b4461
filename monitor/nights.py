"""The ledger of nights, and what each lamp's day and night looked like: one row per lamp and date.

A date is the daylight before a dusk and the night after it. Rows are derived from samples alone and can be derived
again at any time; late samples simply make a better row.
"""

from bisect import bisect_left
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import polars as pl

from gateway.telemetry import TIME
from monitor.beside import before
from monitor.controller import body, clock_offset
from monitor.peers import CURTAILED, compare
from monitor.samples import prepared
from monitor.sun import night_minutes
from monitor.wear import wear

SERVED_SHARE: Final = 0.99  # of the scheduled time lit: a night fully served (domain figures)
DARK_SHARE: Final = 0.02  # lit less than this of what was scheduled: the night was dark
ENOUGH: Final = 0.9  # of the night seen: a verdict may be given without doubt
HALF: Final = 0.7  # seen enough to call a night dark on what was seen, all of it unlit
RUN_MINUTES: Final = 25.0  # unlit or lit this long, and three samples: no transient
RUN_SAMPLES: Final = 3
BRIEF_MINUTES: Final = 100.0  # lit for less after dusk, then out for good: a driver dying, no timer
BURNING_MINUTES: Final = 90.0  # by day, before it is a fault: a storm darkens an hour
HIGH_SUN: Final = 15.0  # degrees; above it a panel that gives nothing is not in the shade of a wall
WAKING: Final = (-4.0, 30.0)  # degrees of sun at which a panel alone brings a controller back; in the dark none does
POWER_ON_GAP_MIN: Final = 90.0  # a longer gap before a restart near sunrise: the controller had no power
EVENING: Final = timedelta(
    hours=4
)  # before the solar midnight that begins a date: eight hours before its first daylight
EVENING_HOUR: Final = 17.25  # solar; what a panel brings afterwards does not matter
NEIGHBOURS: Final = 9  # samples: readings are carried on over at most eight missing ones
EPOCH: Final = pl.lit(0).cast(TIME)
SAMPLED: Final = (
    "commune", "lamp", "time", "sent", "dt", "boot", "pv_mv", "pv_ma", "bat_mv", "bat_ma", "bat_dc", "soc", "led_mw",
    "level", "target", "up",
)  # fmt: skip  # columns of the table `telemetry` that a night is derived from
DEEP: Final = 0.012  # of the cut-off voltage: this near to it the battery, not the driver, ended the light


def nights(
    telemetry: pl.DataFrame,
    plates: pl.DataFrame,
    span: tuple[datetime, datetime] | None = None,
    also: Collection[datetime] = (),
) -> pl.DataFrame:
    """One row per lamp (of `plates`) and date that the telemetry touches, whether the lamp was heard or not.

    telemetry: rows of the table `telemetry` (at least the columns SAMPLED), whole communes (peers are compared), sorted
    or not. span: the first and last date wanted; the telemetry should begin a day before and end a day after.
    also: dates that have rows although nobody of these lamps was heard.
    Columns: the table `nights` of gateway/store.py, and what the rules need (docs/rules.md).
    """
    around = prepared(_context(telemetry.select(SAMPLED), plates, span), plates)
    samples = around if span is None else around.filter(pl.col("date").is_between(pl.lit(span[0]), pl.lit(span[1])))
    dates = pl.concat([samples["date"].unique(), pl.Series("date", list(also), dtype=TIME)]).unique()
    if dates.is_empty():
        return pl.DataFrame(schema={"commune": pl.String, "lamp": pl.String, "time": TIME})
    found = _of_samples(samples, around)
    table = _grid(dates, plates)
    for part in found[:-2]:
        table = table.join(part.drop("row", strict=False), on=["lamp", "date"], how="left")
    for part in found[-2:]:
        table = table.join(part, on=["commune", "date"], how="left")
    return _verdicts(table).rename({"date": "time"}).sort("time", "commune", "lamp")


def _context(telemetry: pl.DataFrame, plates: pl.DataFrame, span: tuple[datetime, datetime] | None) -> pl.DataFrame:
    """Without the samples before the span that say nothing of its dates. What is known by its neighbours needs each
    lamp's last few; what lasts through a morning, a night's share of a run of darkness, begins in the evening before.
    """
    if span is None or plates.is_empty():
        return telemetry
    midnight = span[0] - timedelta(seconds=240.0 * float(plates["longitude"].to_numpy().max()))
    telemetry = telemetry if telemetry["time"].is_sorted() else telemetry.sort("time")
    first = bisect_left(telemetry["time"], midnight - EVENING)
    earlier = telemetry.slice(0, first)
    near = earlier.select("lamp").with_row_index("at").group_by("lamp").tail(NEIGHBOURS)["at"].sort()
    return pl.concat([earlier[near], telemetry.slice(first)])


def _of_samples(samples: pl.DataFrame, around: pl.DataFrame) -> list[pl.DataFrame]:
    """What the samples say of each lamp's dates, and, in the last two, of each commune's. `around`: the same samples
    and some before them."""
    gains, sun = compare(samples)
    peers_w = (
        samples.filter(pl.col("elevation") > HIGH_SUN)
        .group_by("commune", "date", "lamp")
        .agg(w=(pl.col("pv_w") / pl.col("panel_w")).mean())
        .group_by("commune", "date")
        .agg(peers_pv_share=pl.col("w").median(), peers_n=pl.len().cast(pl.Int32))
    )
    sun_day = (
        sun.with_columns(date=pl.col("slot").dt.truncate("1d"))
        .group_by("commune", "date")
        .agg(sun=pl.col("sun").max(), clearness=pl.col("clearness").median(), sun_slots=pl.len().cast(pl.Int32))
    )
    of_lamps = [_by_night(samples), _by_day(samples), _runs(samples), _power(around), wear(samples), body(samples)]
    of_lamps += [clock_offset(around), gains.drop("commune")]
    return [*of_lamps, peers_w, sun_day]


# The same few nights are asked for at every tick.
_night_minutes = lru_cache(maxsize=10_000)(night_minutes)


def _grid(dates: pl.Series, plates: pl.DataFrame) -> pl.DataFrame:
    """Every lamp on every date: a lamp that said nothing has a row too, and it says unknown."""
    places = plates.group_by("commune").agg(pl.col("latitude").mean(), pl.col("longitude").mean())
    lengths = places.join(dates.to_frame("date"), how="cross")
    lengths = lengths.with_columns(
        night_minutes=pl.Series(
            [
                _night_minutes(date, latitude, longitude)
                for date, latitude, longitude in lengths.select("date", "latitude", "longitude").iter_rows()
            ],
            dtype=pl.Float32,
        )
    )
    return plates.select("commune", "lamp", "profile_on").join(
        lengths.select("commune", "date", "night_minutes"), on="commune"
    )


def _nth(column: str, where: pl.Expr, n: int) -> pl.Expr:
    """The n-th value (from 1) of a column where a condition holds; null when there are fewer."""
    return pl.col(column).filter(where).slice(n - 1, 1).first()


def _by_night(samples: pl.DataFrame) -> pl.DataFrame:
    should = pl.col("commanded") & pl.col("on").is_not_null() & (pl.col("elevation") <= 5.0)
    lit = pl.col("on") & pl.col("commanded")
    minutes = pl.col("minutes")
    full_level = lit & (pl.col("level") >= 60)
    nominal_w = pl.col("luminaire_w") * pl.col("level") / 100.0
    edge = pl.col("elevation") < 0.0
    return samples.group_by("row").agg(
        pl.col("lamp", "date").first(),
        seen_minutes=minutes.filter(pl.col("night") & pl.col("on").is_not_null()).sum(),
        should_minutes=minutes.filter(should & ~pl.col("ragged") & (pl.col("night") | pl.col("on"))).sum(),
        lit_minutes=minutes.filter(lit & (pl.col("elevation") <= 5.0)).sum(),
        night_samples=pl.col("night").sum().cast(pl.Int32),
        led_wh=(pl.col("led_w") * minutes).filter(pl.col("elevation") <= 5.0).sum() / 60.0,
        led_ratio=(pl.col("led_w") / nominal_w).filter(full_level).median(),
        led_ratio_low=(pl.col("led_w") / nominal_w)
        .filter(lit & (pl.col("level") < 60) & (pl.col("level") > 0))
        .median(),
        led_n=full_level.sum().cast(pl.Int32),
        dusk_v=pl.col("bat_v").filter(edge & lit).slice(1, 3).median(),
        dawn_v=pl.col("bat_v").filter(edge & pl.col("night")).tail(4).median(),
        night_min_v=pl.col("bat_v").filter(pl.col("night")).min(),
        discharge_ah=-(pl.col("bat_a").clip(upper_bound=0) * minutes).filter(pl.col("elevation") <= 5.0).sum() / 60.0,
        lit_at=_nth("sent", lit & edge, RUN_SAMPLES),
        night_first=pl.col("time").filter(pl.col("night")).first(),
        night_end=pl.col("sent").filter(pl.col("night")).last(),
        night_last=pl.col("time").filter(pl.col("night")).last(),
    )


def _shown_by_day(samples: pl.DataFrame) -> pl.DataFrame:
    """Adds what each sample shows of the panel and the battery by day: high (sun), lost, open and alive (the panel),
    idle (the battery), burning (the light)."""
    high = pl.col("elevation") > HIGH_SUN
    idle_a = (pl.col("nominal_ah") * 0.004).clip(lower_bound=0.08)
    # A lost panel's terminals float near zero, or at the battery's voltage; a full battery's or stuck charger's panel
    # stands near open voltage, which a bypassed string makes as low: once full, a day tells no more.
    full = (pl.col("bat_v") >= pl.col("charge_end") * 0.95).cast(pl.Int8).cum_max().over("row") == 1
    lost = (pl.col("pv_v") < pl.col("voc") * 0.25) | ((pl.col("pv_v") < pl.col("voc") * 0.62) & ~full)
    # A panel lost at noon gave power in the morning: what counts is the day's last word.
    last = {name: pl.when(name).then("time").max().over("row").fill_null(EPOCH) for name in ("lost", "alive")}
    return samples.with_columns(
        high=high,
        lost=high & pl.col("dead") & lost,
        open=high & pl.col("dead") & (pl.col("pv_v") >= pl.col("voc") * 0.62),
        alive=high & ~pl.col("dead"),
        idle=pl.col("bat_a").abs() < idle_a,
        burning=(pl.col("elevation") > 5.0) & pl.col("on"),
    ).with_columns(
        lost=pl.col("lost") & (pl.col("time") > last["alive"]), alive=pl.col("alive") & (pl.col("time") > last["lost"])
    )


def _by_day(samples: pl.DataFrame) -> pl.DataFrame:
    minutes = pl.col("minutes")
    day, burning = pl.col("elevation") > 5.0, pl.col("burning")
    high, dead, alive, open_circuit, idle = (pl.col(name) for name in ("high", "lost", "alive", "open", "idle"))
    return (
        _shown_by_day(samples)
        .group_by("row")
        .agg(
            pl.col("lamp", "date").first(),
            day_samples=high.sum().cast(pl.Int32),
            pv_wh=(pl.col("pv_w").clip(lower_bound=0) * minutes).sum() / 60.0,
            pv_share=(pl.col("pv_w") / pl.col("panel_w")).filter(high).mean(),
            battery_in_wh=(pl.col("bat_v") * pl.col("bat_a").clip(lower_bound=0) * minutes).sum() / 60.0,
            charge_ah=(pl.col("bat_a").clip(lower_bound=0) * minutes).sum() / 60.0,
            dead_n=dead.sum().cast(pl.Int32),
            dead_since=pl.col("time").filter(dead).first(),
            dead_at=_nth("sent", dead, 4),
            dead_pv_v=pl.col("pv_v").filter(dead).median(),
            open_n=open_circuit.sum().cast(pl.Int32),
            refused_n=(
                high
                & ~pl.col("pwm")
                & (pl.col("pv_v") > pl.col("vmp") * CURTAILED)
                & (pl.col("bat_v") > pl.col("nominal_v"))
            )
            .sum()
            .cast(pl.Int32),
            open_since=pl.col("time").filter(open_circuit).first(),
            open_at=_nth("sent", open_circuit, 8),
            open_pv_v=pl.col("pv_v").filter(open_circuit).median(),
            alive_n=alive.sum().cast(pl.Int32),
            alive_at=_nth("sent", alive, 4),
            alive_since=pl.col("time").filter(alive).first(),
            battery_idle_n=(high & idle).sum().cast(pl.Int32),
            battery_idle_at=_nth("sent", high & idle, 4),
            battery_used_at=_nth("sent", high & ~idle, 4),
            bat_max_v=pl.col("bat_v").max(),
            bat_min_v=pl.col("bat_v").min(),
            bat_day_v=pl.col("bat_v").filter(high).median(),
            bat_day_spread=pl.col("bat_v").filter(high).std(),
            bat_max_c=pl.col("bat_c").max(),
            burning_minutes=minutes.filter(burning).sum(),
            burning_since=pl.col("time").filter(burning).first(),
            burning_at=pl.col("sent").filter(burning & ((minutes * burning).cum_sum() >= BURNING_MINUTES)).first(),
            unlit_day_at=_nth("sent", day & ~pl.col("on"), 4),
            evening_at=_nth("sent", pl.col("solar_hour") >= EVENING_HOUR, 1),
            soc_max=pl.col("soc").max(),
            boot_first=pl.col("boot").min(),
            boot_last=pl.col("boot").max(),
            first_time=pl.col("time").first(),
            last_time=pl.col("time").last(),
            last_sent=pl.col("sent").last(),
            samples=pl.len().cast(pl.Int32),
        )
    )


def _runs(samples: pl.DataFrame) -> pl.DataFrame:
    """Of each night's commanded samples: the unlit runs that are too long for a transient.

    With a battery that could have fed the light: `out` from the start of the night, `gone` after some light and until
    the end; with an empty one: `cut`.
    """
    commanded = samples.filter(pl.col("commanded") & (pl.col("elevation") <= 0.0) & pl.col("on").is_not_null())
    near_cut = pl.col("bat_v") <= pl.col("cut_off") * (1 + DEEP)
    runs = (
        commanded.with_columns(run=pl.col("on").rle_id().over("row"), near_cut=near_cut)
        .group_by("row", "run", maintain_order=True)
        .agg(
            pl.col("lamp", "date").first(),
            on=pl.col("on").first(),
            since=pl.col("time").first(),
            known=pl.col("sent").slice(RUN_SAMPLES - 1, 1).first(),
            minutes=pl.col("minutes").sum(),
            n=pl.len(),
            v=pl.col("bat_v").median(),
            v_max=pl.col("bat_v").max(),
            near_cut=pl.col("near_cut").any(),
            level=pl.col("target").median(),
            led_w=pl.col("led_w").median(),
            reconnect=pl.col("reconnect").first(),
            cut_off=pl.col("cut_off").first(),
        )
        .with_columns(pl.col("row").set_sorted())
        # What the battery said just before the light went out counts as much as what it said after.
        .with_columns(
            near_cut=pl.col("near_cut") | (before("near_cut", "row").fill_null(False)),
            lit_before=(pl.col("minutes") * pl.col("on")).cum_sum().over("row") - pl.col("minutes") * pl.col("on"),
            is_last=pl.col("run") == pl.col("run").max().over("row"),
        )
        .with_columns(empty=pl.col("near_cut") | (pl.col("v") < pl.col("reconnect")))
    )
    long = (pl.col("minutes") >= RUN_MINUTES) & (pl.col("n") >= RUN_SAMPLES)
    unlit = long & ~pl.col("on") & ~pl.col("empty")
    out = unlit & (pl.col("lit_before") < BRIEF_MINUTES)
    gone = unlit & (pl.col("lit_before") >= BRIEF_MINUTES) & pl.col("is_last")
    cut = long & ~pl.col("on") & pl.col("empty")
    lit = long & pl.col("on")
    return runs.group_by("row").agg(
        pl.col("lamp", "date").first(),
        out_since=pl.col("since").filter(out).first(),
        out_at=pl.col("known").filter(out).first(),
        out_v=pl.col("v").filter(out).first(),
        out_target=pl.col("level").filter(out).first(),
        out_led_w=pl.col("led_w").filter(out).first(),
        out_minutes=pl.col("minutes").filter(out).sum(),
        gone_since=pl.col("since").filter(gone).first(),
        gone_at=pl.col("known").filter(gone).first(),
        gone_v=pl.col("v").filter(gone).first(),
        gone_minutes=pl.col("minutes").filter(gone).sum(),
        cut_since=pl.col("since").filter(cut).first(),
        cut_at=pl.col("known").filter(cut).first(),
        cut_v=pl.col("v").filter(cut).first(),
        cut_minutes=pl.col("minutes").filter(cut).sum(),
        lit_run_at=pl.col("known").filter(lit).last(),
        lit_run_since=pl.col("since").filter(lit).last(),
        lit_last=pl.col("on").last(),
        switchings=(pl.len() - 1).cast(pl.Int32),
        switch_at=pl.col("known").max(),
    )


def _power(samples: pl.DataFrame) -> pl.DataFrame:
    """Hours without power: a gap that ends by a start of the controller at sunrise. No power, no light: that is known.

    A gap that a restart at another hour ends, or no restart, stays a gap: the lamp may have burned unheard.
    """
    restarts = (
        samples.select("lamp_no", "lamp", "date", "time", "sent", "boot", "up", "dt", "elevation", "solar_hour")
        .with_columns(
            before=before("time", "lamp_no"),
            before_dt=before("dt", "lamp_no"),
            before_boot=before("boot", "lamp_no"),
            before_date=before("date", "lamp_no"),
        )
        .filter(pl.col("before_boot").is_not_null() & (pl.col("boot") != pl.col("before_boot")))
        .with_columns(
            started=pl.coalesce(pl.col("sent") - pl.duration(seconds=pl.col("up")), pl.col("time")),
            ended=pl.col("before") + pl.duration(seconds=pl.col("before_dt")),
        )
        .with_columns(started=pl.max_horizontal("started", "ended"))
        .with_columns(gap_min=(pl.col("started") - pl.col("ended")).dt.total_seconds() / 60.0)
    )
    dead = restarts.filter(
        (pl.col("gap_min") > POWER_ON_GAP_MIN)
        & (pl.col("gap_min") < 20 * 60)
        & pl.col("elevation").is_between(*WAKING)
        & (pl.col("solar_hour") < 12.0)
    )
    by_restart = restarts.group_by("lamp", "date").agg(
        restarts=pl.len().cast(pl.Int32), restart_at=pl.col("sent").max()
    )
    by_dead = dead.group_by("lamp", date=pl.col("before_date")).agg(
        unpowered_minutes=pl.col("gap_min").sum(), unpowered_since=pl.col("ended").first(),
        unpowered_at=pl.col("sent").first(), powered_at=pl.col("started").last(),
    )  # fmt: skip
    return by_restart.join(by_dead, on=["lamp", "date"], how="full", coalesce=True)


def _verdicts(table: pl.DataFrame) -> pl.DataFrame:
    """The word for each night, from what was seen; unknown is never counted as lit nor as dark."""
    unpowered = pl.col("unpowered_minutes").fill_null(0).clip(upper_bound=pl.col("night_minutes"))
    seen = pl.col("seen_minutes").fill_null(0) + unpowered
    should_seen = pl.col("should_minutes").fill_null(0) + unpowered * pl.col("profile_on")
    missing = (pl.col("night_minutes") - seen).clip(lower_bound=0)
    lit = pl.col("lit_minutes").fill_null(0)
    unlit = (should_seen - lit).clip(lower_bound=0)
    share = lit / should_seen
    complete = pl.col("completeness") >= ENOUGH
    some = pl.col("completeness") >= HALF
    return (
        table.with_columns(
            completeness=(seen / pl.col("night_minutes")).clip(0, 1),
            scheduled_minutes=should_seen + missing * pl.col("profile_on"),
        )
        .with_columns(
            verdict=pl.when(should_seen < 30.0)
            .then(pl.lit("unknown"))
            .when((share < DARK_SHARE) & some)
            .then(pl.lit("dark"))
            .when((unlit > (1 - SERVED_SHARE) * pl.col("scheduled_minutes")) & (lit > 0))
            .then(pl.lit("partly"))
            .when(complete & (lit > 0))
            .then(pl.lit("lit"))
            .otherwise(pl.lit("unknown")),
            lit_minutes=lit,
        )
        .drop("profile_on")
    )
