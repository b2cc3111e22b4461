"""What only many dates together show: each lamp's own usual gain, and how far it has fallen from it.

All of it is derived from the ledger, in the order of its dates and never from later ones; so what was "learnt" survives
a restart, and learning begins anew after a repair that people report.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from monitor.capacity import with_battery
from monitor.case import Repair
from monitor.learnt import FEWEST_DATES, LEARNING_DATES, first_median
from monitor.outlook import with_outlook
from monitor.peers import HOURS, MIN_PEERS

MIN_SLOTS: Final = 2  # quarters of an hour in bulk; fewer tell nothing of the date

TRENDS: Final = ("yield_ratio", "soiling", "capacity", "autonomy", "dark_risk")  # columns of the table `nights`
CLEANEST: Final = 0.04  # log, above its usual place among the neighbours: more is their dirt, not its own cleanness
STEP_SPAN: Final = timedelta(days=4)
ONE_HOUR: Final = 0.06  # log; what a shadow may take of a date of which one hour is known
MANY_HOURS: Final = 4
SHADE_DATES: Final = 5  # of an hour's latest values: a shadow that stays shows in most of them
JUMP_DATES: Final = 6  # in which a step has had its one great fall
SUDDEN: Final = 0.85  # of a step falls within two dates; dirt takes a week for it
SUNNY: Final = 0.6  # of the clearness that one date in five of the last month surpassed
CLEARNESS_DATES: Final = 30
GAINS: Final = tuple(f"gain_{hour:02}" for hour in HOURS)
NEEDED: Final = (
    "commune", "lamp", "time", "clearness", "gain_n", *GAINS, "pv_v_bulk", "full_n", "soc_max", "bat_max_v",
    "rest_dusk_v", "rest_dawn_v", "dusk_a", "dawn_a",
    "refused_n", "idle_night_v", "resistance", "drawn_ah", "cut_ah", "charge_ah", "discharge_ah",
    "led_ratio", "led_balance", "charge_balance", "unexplained_high_w", "unexplained_low_w", "soc_leaps",
    "offset_min", "chemistry", "cells", "nominal_ah", "nominal_v",
    "luminaire_w", "cut_off", "dead_n", "samples", "spacing_min",
)  # fmt: skip  # of the ledger, for what follows


def with_trends(nights: pl.DataFrame, repairs: Sequence[Repair] = ()) -> pl.DataFrame:
    """Adds yield_ratio, soiling and what the slow rules need. `nights` ordered by lamp and time, nameplates joined."""
    ledger = nights.drop(TRENDS, strict=False)
    # Few of the ledger's columns are looked at: each step copies what it is given.
    table = _with_life(ledger.select(NEEDED), repairs)
    table = _with_panel(table)
    table = with_battery(table)
    table = _with_balances(table)
    table = with_outlook(table)
    return ledger.hstack(table.drop(*NEEDED, "life"))


def _with_life(nights: pl.DataFrame, repairs: Sequence[Repair]) -> pl.DataFrame:
    """`life` numbers the stays of each lamp between its reported repairs, in the order of the table: what was learnt
    before a repair is not compared with what comes after."""
    if not repairs:
        return nights.with_columns(life=pl.col("lamp").rle_id().set_sorted())
    marks = pl.DataFrame(
        {"lamp": [repair.lamp for repair in repairs], "time": [repair.at for repair in repairs]},
        schema={"lamp": pl.String, "time": nights.schema["time"]},
    ).with_columns(pl.col("time").dt.truncate("1d"))
    marks = marks.group_by("lamp", "time").agg(repaired=pl.len())
    marked = nights.join(marks, on=["lamp", "time"], how="left", maintain_order="left")
    life = pl.col("repaired").fill_null(0).cum_sum().over("lamp")
    return marked.with_columns(life=pl.struct("lamp", life).rle_id().set_sorted()).drop("repaired")


def _with_panel(table: pl.DataFrame) -> pl.DataFrame:
    one = ["life"]
    # Haze and cloud scatter the light: a lamp half in the shade of a tree then loses less than on a clear day. Only
    # dates as clear as the month's better ones are compared.
    table = table.with_columns(usual_clearness=_usual_clearness(table))
    table = table.with_columns(sunny=pl.col("clearness") >= SUNNY * pl.col("usual_clearness"))
    known = (pl.col("gain_n").fill_null(0) >= MIN_SLOTS) & pl.col("sunny").fill_null(False)
    # The usual gain of each solar hour: the median of the first dates that had one.
    usual = {name: f"{name}_usual" for name in GAINS}
    table = table.with_columns(
        first_median(pl.when(known).then(pl.col(name)), one).alias(usual[name]) for name in GAINS
    )
    hourly = table.select(
        "commune", "time", *[pl.when(known).then(pl.col(name) - pl.col(usual[name])).alias(name) for name in GAINS]
    )
    # What an hour shows of most lamps is the sky's or the season's, and nobody's own.
    place = ["commune", "time"]
    hourly = hourly.select(
        pl.col(name)
        - pl.when(pl.col(name).count().over(place) >= MIN_PEERS).then(pl.col(name).median().over(place)).otherwise(0.0)
        for name in GAINS
    )
    apart = _median_across(hourly)
    table = table.with_columns(apart=apart, best=_best(hourly))
    # Where most of a commune moves together it is the sky or the season, not the lamp.
    together = pl.when(pl.col("apart").count().over("commune", "time") >= MIN_PEERS).then(
        pl.col("apart").median().over("commune", "time")
    )
    table = table.with_columns(apart=pl.col("apart") - together, best=pl.col("best") - together)
    seen = table.select(*one, "time", "apart", "best").hstack(hourly).filter(pl.col("apart").is_not_null())
    seen = _with_shade(seen, one)
    seen = seen.with_columns(
        level=pl.col("apart").rolling_median(3, min_samples=1).over(one),
        calm=pl.col("apart").rolling_median(7, min_samples=FEWEST_DATES).over(one),
        before=pl.col("apart").shift(2).rolling_median(7, min_samples=FEWEST_DATES).over(one),
        # A lamp in the shade of a tree swings with every haze; what is usual for it proves nothing.
        noise=pl.col("apart").shift(2).rolling_std(20, min_samples=5).over(one),
        lately=pl.max_horizontal(pl.col("apart"), pl.col("apart").shift(1)).over(one),
        nth=pl.col("apart").cum_count().over(one),
        best_level=pl.col("best").rolling_median(3, min_samples=2).over(one),
        # Between the date before the last and this one: a string that breaks at noon shows half of it on that date.
        # Over a longer gap dirt does as much: a step is one where both sides of it were seen.
        jump=pl.when(pl.col("time") - pl.col("time").shift(2) <= STEP_SPAN)
        .then(pl.col("apart") - pl.col("apart").shift(2))
        .rolling_min(JUMP_DATES, min_samples=1)
        .over(one),
    ).with_columns(
        # The cleanest it usually gets: a maximum would count every lucky week as its own. What it was while its usual
        # gain was still being learnt was measured against something else.
        clean=pl.when(pl.col("nth") > LEARNING_DATES)
        .then("calm")
        .rolling_quantile(0.9, interpolation="linear", window_size=90, min_samples=1)
        .over(one)
        .clip(0.0, CLEANEST)
        .fill_null(0.0),
        step=pl.col("lately") - pl.col("before"),
    )
    # What falls a little every day is no step, however fast it falls.
    seen = seen.with_columns(step=pl.when(pl.col("jump") <= SUDDEN * pl.col("step")).then("step")).with_columns(
        fallen=pl.col("level") - pl.col("clean"),
        worst_step=pl.col("step").rolling_min(30, min_samples=1).over(one),
        slope=(pl.col("calm") - pl.col("calm").shift(7)).over(one) / 7.0,
    )
    table = table.drop("apart", "best").join(seen, on=[*one, "time"], how="left", maintain_order="left")
    loss = (1.0 - pl.col("fallen").exp()).clip(0.0, 1.0)
    return table.with_columns(
        yield_ratio=pl.col("fallen").exp().cast(pl.Float32), loss=loss, soiling=loss.cast(pl.Float32)
    ).drop(*usual.values())  # fmt: skip


def _median_across(table: pl.DataFrame) -> pl.Series:
    """For each row the median of its columns' values, null where there is none; polars' lists take tenfold."""
    values = np.sort(table.to_numpy(order="c"), axis=1)  # null becomes NaN, which sorts last
    count = np.count_nonzero(~np.isnan(values), axis=1)
    rows = np.arange(len(values))
    low, high = values[rows, np.maximum(count - 1, 0) // 2], values[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return pl.Series(np.where(count > 0, (low + high) / 2, np.nan)).fill_nan(None)


def _best(hourly: pl.DataFrame) -> pl.Series:
    """Per date the hour that lost least (log): dirt takes its share of every one. Null where the first is the only
    one known: with the season a roof or a tree takes it or lets it go."""
    values = hourly.to_numpy(order="c")
    hours = (~np.isnan(values)).sum(axis=1)
    ordered = np.sort(np.where(np.isnan(values), -np.inf, values), axis=1)
    # Of many hours the second best: an hour of which little is learnt may say anything. Of one hour alone, part may be
    # a shadow's.
    best = np.where(hours >= MANY_HOURS, ordered[:, -2], ordered[:, -1]) + np.where(hours == 1, ONE_HOUR, 0.0)
    told = (hours > 1) | ((hours == 1) & np.isnan(values[:, 0]))
    return pl.Series(np.where(told, best, np.nan)).fill_nan(None)


def _with_shade(seen: pl.DataFrame, one: list[str]) -> pl.DataFrame:
    """Adds `shade`, the loss (log) of the two neighbouring hours that lately lost most, against their usual and against
    the date's other hours; `new_shade`, the same and less than before as well; `shade_hour`, the first of the two.

    Each hour keeps its own latest values: those of the afternoon show on dull days only. An hour after which none is
    known stands alone.
    """
    lost = seen.with_columns(pl.max_horizontal(name, pl.col(name) - pl.col("apart")) for name in GAINS)
    now = lost.select(pl.col(name).rolling_median(SHADE_DATES, min_samples=2).over(one) for name in GAINS).to_numpy()
    before = lost.select(
        pl.col(name)
        .shift(SHADE_DATES)
        .rolling_median(LEARNING_DATES, min_samples=FEWEST_DATES)
        .over(one)
        .fill_null(0.0)
        for name in GAINS
    ).to_numpy()
    pairs, new = _pairs(now), _pairs(np.maximum(now, now - before))
    hour = np.where(np.isnan(new), np.inf, new).argmin(axis=1) + float(HOURS[0])
    return seen.drop(GAINS).with_columns(
        shade=pl.Series(np.fmin.reduce(pairs, axis=1)).fill_nan(None),
        new_shade=pl.Series(np.fmin.reduce(new, axis=1)).fill_nan(None),
        shade_hour=pl.Series(np.where(np.isnan(new).all(axis=1), np.nan, hour)).fill_nan(None),
    )


def _pairs(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Of each hour and the next the lesser loss; the hour's own where the next is not known."""
    following = np.column_stack([values[:, 1:], np.full(len(values), np.nan)])
    return np.where(np.isnan(values), np.nan, np.fmax(values, following))


def _usual_clearness(table: pl.DataFrame) -> pl.Series:
    """For each row: the upper fifth of its commune's clearness over the month before it."""
    dates = (
        table.group_by("commune", "time")
        .agg(pl.col("clearness").first())
        .sort("commune", "time")
        .with_columns(
            usual=pl.col("clearness")
            .rolling_quantile(0.8, interpolation="linear", window_size=CLEARNESS_DATES, min_samples=FEWEST_DATES)
            .over("commune")
        )
    )
    return table.join(dates, on=["commune", "time"], how="left", maintain_order="left")["usual"]


LIES: Final = 0.12  # of the light's usual power: less is a driver's drift
LIES_ALIKE: Final = 0.1  # between what the light's figure lost and what the balance lost
TAPPED_W: Final = 1.5  # W that leave the battery at night and are not the lamp's own [K]
TAPPED_DATES: Final = 10  # that it is remembered: a lamp that goes out early shows no low light
TAPPED_ALIKE: Final = 0.6  # at low light of what it is at full light: a lying sensor shows a third


def _with_balances(table: pl.DataFrame) -> pl.DataFrame:
    one = ["life"]
    volts = pl.col("pv_v_bulk")
    place = ["commune", "time"]
    change = pl.col("offset_change_min")
    return table.with_columns(
        led_balance_ratio=pl.col("led_balance") / first_median(pl.col("led_balance"), one),
        charge_balance_ratio=pl.col("charge_balance") / first_median(pl.col("charge_balance"), one),
        led_level_ratio=pl.col("led_ratio") / first_median(pl.col("led_ratio"), one),
        offset_change_min=pl.col("offset_min") - first_median(pl.col("offset_min"), one),
        pv_v_ratio=volts / first_median(volts, one),
        soc_leaps_more=pl.col("soc_leaps") - first_median(pl.col("soc_leaps").cast(pl.Float64), one),
        high_w=pl.col("unexplained_high_w") - first_median(pl.col("unexplained_high_w"), one),
        low_w=pl.col("unexplained_low_w") - first_median(pl.col("unexplained_low_w"), one),
    ).with_columns(
        # Somebody's own load takes as much at any level; a current sensor that lies errs in proportion.
        tap_w=pl.when((pl.col("low_w") > TAPPED_W) & (pl.col("low_w") > TAPPED_ALIKE * pl.col("high_w")))
        .then(pl.min_horizontal("low_w", "high_w"))
        .forward_fill(TAPPED_DATES)
        .over("life"),
        # The light's figure fell and nothing else did: what the battery gives is as it was, and the balance fell alike.
        led_lies=((pl.col("led_level_ratio") - pl.col("led_balance_ratio")).abs() < LIES_ALIKE)
        & ((pl.col("led_level_ratio") - 1.0).abs() > LIES),
        # The season moves every lamp's dusk against the grid of its samples alike.
        offset_change_min=change
        - pl.when(change.count().over(place) >= MIN_PEERS).then(change.median().over(place)).otherwise(0.0),
    )
