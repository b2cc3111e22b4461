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
PWM_DROP_V: Final = 1.5  # a PWM charger that takes all holds its panel half a volt above the battery, cables included
HOURS: Final = tuple(range(7, 17))  # solar hours whose gains are kept apart: tilt, azimuth and trees have their hours
_ROUNDS: Final = 3


def taking() -> pl.Expr:
    """Whether the charger takes all that the panel gives, as far as its panel's voltage tells."""
    pulled_down = pl.col("pv_v") < pl.col("bat_v") + PWM_DROP_V
    return pl.when(pl.col("pwm")).then(pulled_down).otherwise(pl.col("pv_v") < pl.col("vmp") * CURTAILED)


def bulk(samples: pl.DataFrame) -> pl.Expr:
    """Whether a sample shows an unlimited charge: before the day's first approach to the end-of-charge voltage."""
    # Chargers end below the nameplate's voltage in the heat, NiMH by temperature: the day's own summit counts too.
    summit = pl.col("bat_v").max().over("row") - pl.col("charge_end") * 0.004
    near_full = (pl.col("bat_v") >= pl.col("end_v") * (1 - FULL_MARGIN)) | (
        (pl.col("bat_v") >= summit) & (pl.col("bat_v") >= pl.col("end_v") * 0.955)
    )
    return (
        (pl.col("elevation") > MIN_ELEVATION)
        & (pl.col("bat_a") > 0)
        & ~pl.col("dead")
        & taking()
        & (near_full.cast(pl.Int32).cum_max().over("row") == 0)
        & (pl.col("soc").fill_null(0) < 97)
    )


def compare(samples: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(per lamp and date: gain, gain_07…16, gain_n slots, gain_spread, pv_v_bulk; per commune and slot: sun, peers).

    `gain_HH` is the logarithm of the gain in one solar hour. `gain` is 1 for the commune's median lamp of that day;
    `sun` is the median lamp's power per nameplate watt,
    `clearness` the same per sine of the sun's height.
    Slots with fewer than five lamps in bulk are left out: not known is better than guessed.
    """
    rows = (
        samples.filter(bulk(samples))
        # Clocks err by seconds around the full quarter: the nearest one is meant.
        .with_columns(slot=pl.col("time").dt.round(SLOT))
        .group_by("row", "slot")
        .agg(
            pl.col("commune", "date", "lamp").first(),
            # A PWM charger holds its panel at the battery's voltage: its current tells the sun, its power the battery.
            power=pl.when(pl.col("pwm").first())
            .then(pl.col("pv_a").mean() / pl.col("imp").first())
            .otherwise(pl.col("pv_w").mean() / pl.col("panel_w").first()),
            pv_v=pl.col("pv_v").mean(),
            sent=pl.col("sent").max(),
            height=pl.col("elevation").mean().radians().sin(),
            hour=pl.col("solar_hour").first().floor().cast(pl.Int32),
        )
        .filter((pl.col("power") > 0.01) & (pl.len().over("commune", "slot") >= MIN_PEERS))
        # Early in the morning the sun gains a quarter within one slot: each by its height at the lamp's own moment.
        .with_columns(gain=pl.lit(0.0), power=(pl.col("power") / pl.col("height")).log())
    )
    for _ in range(_ROUNDS):  # in logarithms, where the product is a sum
        rows = (
            rows.with_columns(sun=(pl.col("power") - pl.col("gain")).median().over("commune", "slot"))
            .with_columns(gain=(pl.col("power") - pl.col("sun")).median().over("row"))
        )  # fmt: skip
    rows = rows.with_columns(apart=pl.col("power") - pl.col("sun"))
    centre = pl.col("gain").median().over("commune", "date")
    hourly = [
        pl.col("apart").filter(pl.col("hour") == hour).median().alias(f"gain_{hour:02}") for hour in HOURS
    ]  # fmt: skip
    lamps = (
        rows.group_by("row")
        .agg(
            pl.col("commune", "date", "lamp").first(),
            pl.col("gain").first(),
            *hourly,
            gain_n=pl.len().cast(pl.Int32),
            gain_spread=(pl.col("apart") - pl.col("gain")).abs().median(),
            pv_v_bulk=pl.col("pv_v").median(),
            gain_at=pl.col("sent").max(),
        )
        .with_columns(centre=centre)
        .with_columns(
            *[pl.col(f"gain_{hour:02}") - pl.col("centre") for hour in HOURS],
            gain=(pl.col("gain") - pl.col("centre")).exp(),
        )
        .drop("centre")
    )
    sun = (
        rows.group_by("commune", "slot")
        .agg(
            sun=pl.col("sun").first().exp() * pl.col("height").median(),
            clearness=pl.col("sun").first().exp(),
            peers=pl.len().cast(pl.Int32),
        )
        .sort("commune", "slot")
    )
    return lamps, sun
