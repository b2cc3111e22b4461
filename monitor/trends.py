"""What only many dates together show: each lamp's own usual gain, and how far it has fallen from it.

All of it is derived from the ledger, in the order of its dates and never from later ones; so what was "learnt" survives
a restart, and learning begins anew after a repair that people report.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from monitor.case import Repair
from monitor.outlook import TO_CUT, with_outlook
from monitor.peers import HOURS, MIN_PEERS

LEARNING_DATES: Final = 14  # with a gain: what the lamp is like when new, or after a repair
FEWEST_DATES: Final = 4  # before that nothing is compared
MIN_SLOTS: Final = 2  # quarters of an hour in bulk; fewer tell nothing of the date

TRENDS: Final = ("yield_ratio", "soiling", "capacity", "autonomy", "dark_risk")  # columns of the table `nights`
STEP_SPAN: Final = timedelta(days=6)
JUMP_DATES: Final = 6  # in which a step has had its one great fall
SUDDEN: Final = 0.85  # of a step falls within two dates; dirt takes a week for it
SUNNY: Final = 0.6  # of the clearness that one date in five of the last month surpassed
CLEARNESS_DATES: Final = 30
GAINS: Final = tuple(f"gain_{hour:02}" for hour in HOURS)
NEEDED: Final = (
    "commune", "lamp", "time", "clearness", "gain_n", *GAINS, "pv_v_bulk", "full_n", "soc_max", "bat_max_v",
    "rest_dusk_v", "rest_dawn_v", "idle_night_v", "resistance", "drawn_ah", "cut_ah", "charge_ah", "discharge_ah",
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
    table = _with_battery(table)
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
        _first_median(pl.when(known).then(pl.col(name)), one).alias(usual[name]) for name in GAINS
    )
    hourly = table.select(pl.when(known).then(pl.col(name) - pl.col(usual[name])).alias(name) for name in GAINS)
    table = table.with_columns(
        apart=_median_across(hourly), hours=pl.sum_horizontal(hourly.select(pl.all().is_not_null()))
    )
    table = table.with_columns(**_shade(hourly, table["apart"]))
    # Where most of a commune moves together it is the sky or the season, not the lamp.
    together = pl.when(pl.col("apart").count().over("commune", "time") >= MIN_PEERS).then(
        pl.col("apart").median().over("commune", "time")
    )
    table = table.with_columns(apart=pl.col("apart") - together)
    seen = table.filter(pl.col("apart").is_not_null()).select(*one, "time", "apart", "pair", "pair_apart", "pair_hour")
    seen = seen.with_columns(
        level=pl.col("apart").rolling_median(3, min_samples=1).over(one),
        calm=pl.col("apart").rolling_median(7, min_samples=FEWEST_DATES).over(one),
        before=pl.col("apart").shift(2).rolling_median(7, min_samples=FEWEST_DATES).over(one),
        # A lamp in the shade of a tree swings with every haze; what is usual for it proves nothing.
        noise=pl.col("apart").shift(2).rolling_std(20, min_samples=5).over(one),
        lately=pl.max_horizontal(pl.col("apart"), pl.col("apart").shift(1)).over(one),
        lately_best=pl.min_horizontal(pl.col("apart"), pl.col("apart").shift(1)).over(one),
        nth=pl.col("apart").cum_count().over(one),
        shade=pl.col("pair").rolling_median(3, min_samples=3).over(one),
        shade_before=pl.col("pair").shift(3).rolling_median(7, min_samples=FEWEST_DATES).over(one),
        shade_apart=pl.col("pair_apart").rolling_median(3, min_samples=3).over(one),
        shade_hours=(
            pl.col("pair_hour").rolling_max(3, min_samples=3) - pl.col("pair_hour").rolling_min(3, min_samples=3)
        ).over(one),
        # Between the date before the last and this one: a string that breaks at noon shows half of it on that date.
        jump=(pl.col("apart") - pl.col("apart").shift(2)).rolling_min(JUMP_DATES, min_samples=1).over(one),
    ).with_columns(
        # The cleanest it usually gets: a maximum would count every lucky week as its own.
        clean=pl.col("calm")
        .rolling_quantile(0.9, interpolation="linear", window_size=90, min_samples=1)
        .over(one)
        .clip(lower_bound=0.0),
        # A step is one only where both sides of it were seen: over a longer gap dirt does as much.
        step=pl.when(pl.col("time") - pl.col("time").shift(2).over(one) <= STEP_SPAN).then(
            pl.col("lately") - pl.col("before")
        ),
    )
    # What falls a little every day is no step, however fast it falls.
    seen = seen.with_columns(step=pl.when(pl.col("jump") <= SUDDEN * pl.col("step")).then("step")).with_columns(
        fallen=pl.col("level") - pl.col("clean"),
        worst_step=pl.col("step").rolling_min(30, min_samples=1).over(one),
        slope=(pl.col("calm") - pl.col("calm").shift(7)).over(one) / 7.0,
    )
    table = table.drop("apart", "pair", "pair_apart", "pair_hour").join(
        seen, on=[*one, "time"], how="left", maintain_order="left"
    )
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


def _shade(hourly: pl.DataFrame, apart: pl.Series) -> dict[str, pl.Series]:
    """Per date: `pair`, the loss (log) of the two neighbouring hours that lost most; `pair_apart`, how far it lies
    below the date's median; `pair_hour`, which two. Null where no two neighbours are known."""
    values = hourly.to_numpy(order="c")
    pairs = np.maximum(values[:, :-1], values[:, 1:])  # both of them are at least so low
    known = ~np.isnan(pairs).all(axis=1)
    low = np.where(known, np.nanmin(np.where(np.isnan(pairs), np.inf, pairs), axis=1), np.nan)
    hour = np.where(np.isnan(pairs), np.inf, pairs).argmin(axis=1).astype(np.float64) + HOURS[0]
    return {
        "pair": pl.Series(low).fill_nan(None),
        "pair_apart": pl.Series(low - apart.cast(pl.Float64).fill_null(np.nan).to_numpy()).fill_nan(None),
        "pair_hour": pl.Series(np.where(known, hour, np.nan)).fill_nan(None),
    }


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


def _scatter(value: pl.Expr, one: list[str]) -> pl.Expr:
    """Per life: the standard deviation of single values, by the median step between neighbours (of a normal
    distribution 0.954 times its deviation)."""
    steps = value.diff().abs().over(one)
    return (steps.rolling_median(LEARNING_DATES, min_samples=FEWEST_DATES) / 0.954).over(one).forward_fill().over(one)


def _first_median(value: pl.Expr, one: list[str]) -> pl.Expr:
    """Per life: the median of the first LEARNING_DATES values, at each date of those seen so far."""
    return pl.map_batches([value, *map(pl.col, one)], _learnt_median, return_dtype=pl.self_dtype())


def _learnt_median(columns: Sequence[pl.Series]) -> pl.Series:
    """A table of the medians of each life's first n values, looked up by how many each date has behind it."""
    value, life = columns[0], columns[1].to_numpy()
    if value.is_empty():
        return value
    known = value.is_not_null().to_numpy()
    begins = np.concatenate([[True], life[1:] != life[:-1]])
    no = np.cumsum(begins) - 1  # which life, counted from 0
    count = np.cumsum(known)
    nth = count - (count - known)[begins][no]
    learning = known & (nth <= LEARNING_DATES)
    nth = np.minimum(nth, LEARNING_DATES)
    first = np.full((no[-1] + 1, LEARNING_DATES), np.nan, dtype=value.to_numpy().dtype)
    first[no[learning], nth[learning] - 1] = value.to_numpy()[learning]
    medians = np.full((no[-1] + 1, LEARNING_DATES + 1), np.nan, dtype=first.dtype)
    for n in range(FEWEST_DATES, LEARNING_DATES + 1):
        ordered = np.sort(first[:, :n], axis=1)
        low, high = ordered[:, (n - 1) // 2], ordered[:, n // 2]
        medians[:, n] = low + (high - low) / 2
    return pl.Series(medians[no, nth]).fill_nan(None)


# Open-circuit voltage of one cell at rest by state of charge (0…1): LFP as measured on three real nodes, lead gel and
# NiMH as published by makers. Only its shape is used: each lamp's own first weeks set its scale.
OCV: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "lfp": (
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0),
        (3.00, 3.21, 3.24, 3.28, 3.283, 3.29, 3.305, 3.327, 3.333, 3.35),
    ),
    "gel": ((0.0, 0.25, 0.5, 0.75, 1.0), (1.94, 2.00, 2.05, 2.10, 2.14)),
    "nimh": ((0.0, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0), (1.10, 1.18, 1.21, 1.24, 1.27, 1.30, 1.33, 1.38)),
}
# A worn battery's curve is steeper than a new one's read at the same depth. Fitted on two plants' open worlds: without
# it a battery at 0.50 of its capacity reads 0.33.
SHAPE: Final = 0.65
AT_FIRST: Final = 0.95  # of nameplate: what a battery in service holds in the weeks by which it is measured [K]
SAGGING: Final = 0.5  # of a cell's voltage, below the lamp's usual dusk
LEAST_DRAWN: Final = 0.05  # of the nameplate: what is cut off earlier was not full, or is no matter of capacity
RETURNED: Final = 0.85  # of what the night took: less, and a controller that says full is wrong
LIES: Final = 0.12  # of the light's usual power: less is a driver's drift
LIES_ALIKE: Final = 0.1  # between what the light's figure lost and what the balance lost
TAPPED_W: Final = 1.5  # W that leave the battery at night and are not the lamp's own [K]
TAPPED_DATES: Final = 10  # that it is remembered: a lamp that goes out early shows no low light
TAPPED_ALIKE: Final = 0.6  # at low light of what it is at full light: a lying sensor shows a third
RECOVERED_SHARE: Final = 0.1  # of the nominal voltage above the cut-off, at rest after it
CAPACITY_DATES: Final = 7
CAPACITIES: Final = np.linspace(1.15, 0.15, 101)  # share of nameplate, candidates


def _with_battery(table: pl.DataFrame) -> pl.DataFrame:
    """capacity (share of nameplate), its spread capacity_pm, and steps of voltage and resistance against the usual."""
    one = ["life"]
    usual_v, usual_r = pl.col("usual_v"), pl.col("usual_r")
    table = table.with_columns(
        usual_v=_first_median(pl.col("rest_dusk_v"), one), usual_r=_first_median(pl.col("resistance"), one)
    ).with_columns(
        dusk_step_v=_beyond_the_commune(pl.col("rest_dusk_v") - usual_v),
        # A lamp that goes out at once shows its resistance on the first night only.
        resistance_ratio=(pl.col("resistance") / usual_r).forward_fill(10).over("lamp"),
        sag_v=pl.col("resistance").forward_fill(10).over("lamp") * pl.col("luminaire_w") / pl.col("nominal_v"),
        # Only a night that began full tells the depth.
        # The controller's own estimate counts only where the voltage never says full (NiMH).
        began_full=(pl.col("full_n").fill_null(0) > 0)
        | (
            (pl.col("chemistry") == "nimh")
            & (pl.col("soc_max").fill_null(0) >= 97)
            & (pl.col("charge_ah") >= RETURNED * pl.col("discharge_ah").shift(1).over(one)).fill_null(True)
        ),
        # The summit of days that ended full: in the rains others do not reach it.
        max_v_change=pl.col("bat_max_v") - _first_median(pl.when(pl.col("full_n") > 0).then(pl.col("bat_max_v")), one),
        # What the day brought of what the night before took.
        fed=pl.col("charge_ah") / pl.col("discharge_ah").shift(1).over(one),
        # Dusk varies with the hour at which the battery was full; dawn tells the depth.
        fall_v=usual_v - pl.col("rest_dawn_v"),
    )
    table = table.drop("usual_v", "usual_r")
    # Cut off on a night that began full: the battery itself has measured what it holds.
    # One that recovers high above its cut-off was not empty: its resistance pulled it down.
    recovered = pl.col("idle_night_v") > pl.col("cut_off") + RECOVERED_SHARE * pl.col("nominal_v")
    # Nor one that sags at dusk already, with nothing drawn: a cell is missing.
    sagging = (pl.col("dusk_step_v") < -SAGGING * pl.col("nominal_v") / pl.col("cells")) | (
        pl.col("cut_ah") < LEAST_DRAWN * pl.col("nominal_ah")
    )
    cut = (
        pl.col("cut_ah").is_not_null()
        & (pl.col("full_n").fill_null(0) > 0)
        & ~recovered.fill_null(False)
        & ~sagging.fill_null(False)
    )
    until_cut = pl.when(cut).then(
        pl.col("cut_ah") / (pl.col("nominal_ah") * pl.col("chemistry").replace_strict(TO_CUT))
    )
    # Another depth, or another end of charge, than in the first weeks is another part of the curve: not comparable.
    usual_ah = _first_median(pl.when(pl.col("began_full")).then(pl.col("drawn_ah")), one)
    enough = (
        (pl.col("drawn_ah") > 0.08 * pl.col("nominal_ah"))
        & ((pl.col("drawn_ah") / usual_ah - 1.0).abs() < 0.25).fill_null(True)
        & (pl.col("max_v_change").abs() < 0.02 * pl.col("nominal_v")).fill_null(True)
    )
    fit = pl.col("began_full") & ((enough & pl.col("fall_v").is_not_null()) | cut)
    rows = table.filter(fit).select(
        *one, "commune", "time", "chemistry", "cells", "nominal_ah", "drawn_ah", "fall_v", until_cut=until_cut
    )
    estimates = []
    for (chemistry,), group in rows.group_by("chemistry"):
        estimates.append(_depths(group, str(chemistry), one))
    if not estimates:
        return table.with_columns(
            pl.lit(None, dtype=pl.Float32).alias("capacity"), pl.lit(None, dtype=pl.Float64).alias("capacity_pm"),
            pl.lit(None, dtype=pl.Float64).alias("capacity_noise"),
            pl.lit(None, dtype=pl.Float64).alias("capacity_once"),
            pl.lit(0, dtype=pl.UInt32).alias("capacity_n"),
        )  # fmt: skip
    # A long night, a feast's lighting profile or a cold week sinks every battery of a commune alike: that is no wear.
    alike = ["commune", "chemistry", "time"]
    together = pl.when(pl.col("once").count().over(alike) >= 4).then(pl.col("once").median().over(alike)).otherwise(1.0)
    found = (
        pl.concat(estimates)
        .sort("life", "time")
        .with_columns(pl.col("life").set_sorted())
        .with_columns(
            once=pl.coalesce(
                "until_cut", AT_FIRST * (pl.col("once") / pl.min_horizontal(together, pl.lit(1.1))) ** SHAPE
            )
        )
        .with_columns(
            capacity=pl.col("once").rolling_median(CAPACITY_DATES, min_samples=1).over(one).cast(pl.Float32),
            capacity_pm=(pl.col("once").rolling_std(CAPACITY_DATES, min_samples=2).over(one)),
            capacity_n=pl.col("once").is_not_null().cum_sum().over(one),
            capacity_once=pl.col("once"),
            # How much one night's estimate of this lamp scatters, from night to night: a step counts once. A cut-off
            # is wrong, and counts not at all.
            capacity_noise=_scatter(pl.when(pl.col("until_cut").is_null()).then(pl.col("once")), one),
        )
    )
    return table.join(
        found.select(*one, "time", "capacity", "capacity_pm", "capacity_n", "capacity_noise", "capacity_once"),
        on=[*one, "time"], how="left",
        maintain_order="left",
    )  # fmt: skip


def _beyond_the_commune(step: pl.Expr) -> pl.Expr:
    """A fall that the commune's batteries of the same kind share is a dull day or a long night, no battery's fault."""
    alike = ["commune", "chemistry", "time"]
    shared = pl.when(step.count().over(alike) >= MIN_PEERS).then(step.median().over(alike)).otherwise(0.0)
    return step - pl.min_horizontal(shared, pl.lit(0.0))


def _depths(rows: pl.DataFrame, chemistry: str, one: list[str]) -> pl.DataFrame:
    """For each night: the capacity at which drawing `drawn_ah` lowers the resting voltage by `fall_v`."""
    socs, volts = OCV[chemistry]
    drawn = (rows["drawn_ah"] / rows["nominal_ah"]).to_numpy()
    # Of the curve, V per cell, by what was drawn as a share of the capacity; the first reading is not at 100 %.
    # Straight between the points where either end passes a point of the curve.
    points = np.unique(np.concatenate([[0.0], (1.0 - np.array(socs)) / 0.97, (1.0 - np.array(socs)) / 0.12]))
    falls = np.interp(1.0 - 0.12 * points, socs, volts) - np.interp(1.0 - 0.97 * points, socs, volts)
    nominal = np.interp(drawn, points, falls)
    measured = (rows["fall_v"] / rows["cells"]).to_numpy()
    frame = rows.with_columns(scale=pl.Series(measured / np.maximum(nominal, 1e-4)))
    usual = frame.select(_first_median(pl.col("scale"), one).alias("usual"))["usual"].to_numpy()
    usual = np.clip(usual, 0.5, 2.5)
    target = measured / usual
    once = np.empty_like(target)
    for start in range(0, len(target), 2048):  # so many at once that the candidates stay in the processor's cache
        some = slice(start, start + 2048)
        candidates = np.interp(drawn[some, None] / CAPACITIES, points, falls)  # [nights, candidates]
        once[some] = CAPACITIES[np.abs(candidates - target[some, None]).argmin(axis=1)]
    return frame.select(*one, "time", "commune", "chemistry", "until_cut").with_columns(
        once=pl.Series(np.where(np.isnan(target), np.nan, once)).fill_nan(None)
    )


def _with_balances(table: pl.DataFrame) -> pl.DataFrame:
    one = ["life"]
    volts = pl.col("pv_v_bulk")
    place = ["commune", "time"]
    change = pl.col("offset_change_min")
    return table.with_columns(
        led_balance_ratio=pl.col("led_balance") / _first_median(pl.col("led_balance"), one),
        charge_balance_ratio=pl.col("charge_balance") / _first_median(pl.col("charge_balance"), one),
        led_level_ratio=pl.col("led_ratio") / _first_median(pl.col("led_ratio"), one),
        offset_change_min=pl.col("offset_min") - _first_median(pl.col("offset_min"), one),
        pv_v_ratio=volts / _first_median(volts, one),
        soc_leaps_more=pl.col("soc_leaps") - _first_median(pl.col("soc_leaps").cast(pl.Float64), one),
        high_w=pl.col("unexplained_high_w") - _first_median(pl.col("unexplained_high_w"), one),
        low_w=pl.col("unexplained_low_w") - _first_median(pl.col("unexplained_low_w"), one),
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
