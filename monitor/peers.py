"""The commune's lamps as each other's pyranometer: what sun they show together, and how each stands to it.

Only lamps that charge in bulk are asked: a full battery curtails its panel, and a curtailed panel says nothing of the
sun. Within one commune and day, power per nameplate watt = sun(slot) × gain(lamp); both are found by taking medians in
turn (Tukey's median polish), so that a few sick lamps cannot bend the sun.
"""

from typing import Final

import polars as pl

SLOT: Final = "15m"
MIN_PEERS: Final = 5  # a robust median needs five
MIN_ELEVATION: Final = 10.0  # degrees; below, walls and trees decide
FULL_MARGIN: Final = 0.018  # of the charge-end voltage: nearer than this the charger may be limiting
CURTAILED: Final = 1.07  # of Vmp: an MPPT charger that holds its panel higher is refusing power
_ROUNDS: Final = 3


def bulk(samples: pl.DataFrame) -> pl.Expr:
    """Whether a sample shows an unlimited charge: before the day's first approach to the end-of-charge voltage."""
    near_full = pl.col("bat_v") >= pl.col("charge_end") * (1 - FULL_MARGIN)
    return (
        (pl.col("elevation") > MIN_ELEVATION)
        & (pl.col("bat_a") > 0)
        & ~pl.col("dead")
        & (pl.col("pwm") | (pl.col("pv_v") < pl.col("vmp") * CURTAILED))
        & (near_full.cast(pl.Int32).cum_max().over("lamp", "date") == 0)
        & (pl.col("soc").fill_null(0) < 97)
    )


def compare(samples: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(per lamp and date: gain, gain_n slots, gain_spread, pv_v_bulk; per commune and slot: sun, peers).

    `gain` is 1 for the commune's median lamp of that day; `sun` is the median lamp's power per nameplate watt.
    Slots with fewer than five lamps in bulk are left out: not known is better than guessed.
    """
    rows = (
        samples.filter(bulk(samples))
        .with_columns(slot=pl.col("time").dt.truncate(SLOT))
        .group_by("commune", "date", "slot", "lamp")
        .agg(power=pl.col("pv_w").mean() / pl.col("panel_w").first(), pv_v=pl.col("pv_v").mean())
        .filter((pl.col("power") > 0.01) & (pl.len().over("commune", "slot") >= MIN_PEERS))
        .with_columns(gain=pl.lit(1.0), power=pl.col("power").log())
        .with_columns(gain=pl.lit(0.0))
    )
    for _ in range(_ROUNDS):  # in logarithms, where the product is a sum
        rows = (
            rows.with_columns(sun=(pl.col("power") - pl.col("gain")).median().over("commune", "slot"))
            .with_columns(gain=(pl.col("power") - pl.col("sun")).median().over("lamp", "date"))
        )  # fmt: skip
    lamps = (
        rows.group_by("commune", "date", "lamp")
        .agg(
            gain=pl.col("gain").first(),
            gain_n=pl.len().cast(pl.Int32),
            gain_spread=(pl.col("power") - pl.col("sun") - pl.col("gain")).abs().median(),
            pv_v_bulk=pl.col("pv_v").median(),
        )
        .with_columns(gain=(pl.col("gain") - pl.col("gain").median().over("commune", "date")).exp())
    )
    sun = (
        rows.group_by("commune", "slot")
        .agg(sun=pl.col("sun").first().exp(), peers=pl.len().cast(pl.Int32))
        .sort("commune", "slot")
    )
    return lamps, sun
