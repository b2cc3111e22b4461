"""What many nights show of a battery: its capacity by their depth or by its own cut-off, steps of voltage and ohm."""

from typing import Final

import numpy as np
import polars as pl

from monitor.learnt import first_median, scatter
from monitor.outlook import TO_CUT
from monitor.peers import MIN_PEERS

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
REFUSED: Final = 2  # samples: the panel held above its best point, in high sun
SAME_NIGHT: Final = 0.15  # of the usual Ah: another depth is another part of the curve
RESISTANCE_DATES: Final = 9
LEAPED: Final = 2.5  # times the steady one: no error of reading
TAKEN: Final = 0.6  # of what the night took, before the charger refused more: both sensors err
RETURNED: Final = 0.85  # of what the night took: less, and a controller that says full is wrong
RECOVERED_SHARE: Final = 0.1  # of the nominal voltage above the cut-off, at rest after it
CAPACITY_DATES: Final = 7
CAPACITIES: Final = np.linspace(1.15, 0.15, 101)  # share of nameplate, candidates


def with_battery(table: pl.DataFrame) -> pl.DataFrame:
    """capacity (share of nameplate), its spread capacity_pm, and steps of voltage and resistance against the usual."""
    one = ["life"]
    usual_v, usual_r = pl.col("usual_v"), pl.col("usual_r")
    # One night's resistance is a few steps of a coarse voltage; its error must not pass for depth.
    steady = pl.col("resistance").rolling_median(RESISTANCE_DATES, min_samples=1).over(one).forward_fill().over(one)
    error = pl.when(pl.col("resistance").fill_null(0.0) < LEAPED * steady).then(
        pl.col("resistance").fill_null(0.0) - steady
    )
    table = (
        table.with_columns(
            rest_dusk_v=pl.col("rest_dusk_v") + (pl.col("dusk_a") * error).fill_null(0.0),
            rest_dawn_v=pl.col("rest_dawn_v") + (pl.col("dawn_a") * error).fill_null(0.0),
        )
        .with_columns(usual_v=first_median(pl.col("rest_dusk_v"), one), usual_r=first_median(pl.col("resistance"), one))
        .with_columns(
            dusk_step_v=_beyond_the_commune(pl.col("rest_dusk_v") - usual_v),
            # A lamp that goes out at once shows its resistance on the first night only.
            resistance_ratio=(pl.col("resistance") / usual_r).forward_fill(10).over("lamp"),
            sag_v=pl.col("resistance").forward_fill(10).over("lamp") * pl.col("luminaire_w") / pl.col("nominal_v"),
            # Only a night that began full tells the depth.
            # The controller's own estimate counts only where the voltage never says full (NiMH).
            # A charger that refuses the sun has a full battery, if it had charged it before.
            began_full=(pl.col("full_n").fill_null(0) > 0)
            | (
                (pl.col("refused_n").fill_null(0) >= REFUSED)
                & (pl.col("charge_ah") >= TAKEN * pl.col("discharge_ah").shift(1).over(one)).fill_null(False)
            )
            | (
                (pl.col("chemistry") == "nimh")
                & (pl.col("soc_max").fill_null(0) >= 97)
                & (pl.col("charge_ah") >= RETURNED * pl.col("discharge_ah").shift(1).over(one)).fill_null(True)
            ),
            # The summit of days that ended full: in the rains others do not reach it.
            max_v_change=pl.col("bat_max_v")
            - first_median(pl.when(pl.col("full_n") > 0).then(pl.col("bat_max_v")), one),
            # What the day brought of what the night before took.
            fed=pl.col("charge_ah") / pl.col("discharge_ah").shift(1).over(one),
            # Dusk varies with the hour at which the battery was full; dawn tells the depth.
            fall_v=usual_v - pl.col("rest_dawn_v"),
        )
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
    usual_ah = first_median(pl.when(pl.col("began_full")).then(pl.col("drawn_ah")), one)
    enough = (
        (pl.col("drawn_ah") > 0.08 * pl.col("nominal_ah"))
        & ((pl.col("drawn_ah") / usual_ah - 1.0).abs() < SAME_NIGHT).fill_null(True)
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
            capacity_noise=scatter(pl.when(pl.col("until_cut").is_null()).then(pl.col("once")), one),
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
    usual = frame.select(first_median(pl.col("scale"), one).alias("usual"))["usual"].to_numpy()
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
