"""What a date says of the battery itself: inner resistance, voltage at rest, Ah drawn from a full charge."""

from typing import Final

import polars as pl

from monitor.beside import before

STEP_SHARE: Final = 0.015  # of the nameplate Ah, in A: a change of current smaller than this tells no resistance …
STEP_OF_LIGHT: Final = 0.4  # … unless it is so much of what the luminaire draws: large batteries feed small lights
STEP_MINUTES: Final = 35.0  # between two samples: the state of charge has not moved yet
EVENING_HOUR: Final = 20.2  # solar; two hours after dusk
EDGE_HOURS: Final = 1.6  # after dusk, and before dawn: where the night's first and last voltage are read
SETTLING_MIN: Final = 40.0  # after dusk: the surface charge of the day is going


def wear(samples: pl.DataFrame) -> pl.DataFrame:
    """Per lamp and date: resistance (ohm), idle_night_v (V, unlit), rest_dusk_v and rest_dawn_v (V, load taken out by
    the night's own resistance), dusk_a and dawn_a (A, what flowed meanwhile), drawn_ah, full_n (samples near the end
    of charge), cut_ah (Ah drawn from dusk until the battery ended the light; null when it did not).

    `samples`: see monitor.samples.prepared.
    """
    key = "row"
    steps = (
        samples.with_columns(
            dv=pl.col("bat_v") - before("bat_v", "lamp_no"),
            di=pl.col("bat_a") - before("bat_a", "lamp_no"),
            cut=pl.col("commanded") & ~pl.col("on"),
            step_min=(pl.col("time") - before("time", "lamp_no")).dt.total_seconds() / 60.0,
        )
        .filter(
            (
                pl.col("di").abs()
                > pl.min_horizontal(
                    STEP_SHARE * pl.col("nominal_ah"), STEP_OF_LIGHT * pl.col("luminaire_w") / pl.col("nominal_v")
                )
            )
            & (pl.col("step_min") <= STEP_MINUTES)
            & (pl.col("elevation") < -2.0)
            # At dusk the surface charge of the day goes with the first load, and looks like resistance.
            & ~pl.col("solar_hour").is_between(12.0, EVENING_HOUR)
            # An empty battery recovers by half a volt when it is cut off: no resistance either.
            & ~(pl.col("cut") | before("cut", "lamp_no")).fill_null(False)
        )
        .with_columns(ohm=pl.col("dv") / pl.col("di"))
        .group_by(key)
        .agg(
            resistance=pl.col("ohm").median(),
            # What is taken out of the voltage at rest must not be a small step's error.
            rest_ohm=pl.col("ohm").filter(pl.col("di").abs() > STEP_SHARE * pl.col("nominal_ah")).median(),
            resistance_n=pl.len().cast(pl.Int32),
        )
        .filter(pl.col("resistance").is_between(0.0, 3.0))
    )
    night = samples.filter(pl.col("elevation") <= -2.0).join(steps.select(key, "rest_ohm"), on=key, how="left")
    night = night.with_columns(
        rest=pl.col("bat_v") - pl.col("bat_a") * pl.col("rest_ohm").fill_null(0.0),
        drawn=-(pl.col("bat_a").clip(upper_bound=0.0) * pl.col("minutes")).cum_sum().over(key) / 60.0,
        since_dusk=(pl.col("time") - pl.col("time").min().over(key)).dt.total_seconds() / 60.0,
        until_dawn=(pl.col("time").max().over(key) - pl.col("time")).dt.total_seconds() / 60.0,
    )
    lit = pl.col("on")
    cut = ~lit & pl.col("commanded") & (pl.col("bat_v") < pl.col("reconnect"))
    first_cut = pl.col("time").filter(cut).min()
    idle = ~lit & (pl.col("bat_a").abs() < 0.02 * pl.col("nominal_ah"))
    by_night = night.group_by(key).agg(
        idle_night_v=pl.col("bat_v").filter(idle).median(),
        rest_dusk_v=pl.col("rest")
        .filter(lit & pl.col("since_dusk").is_between(SETTLING_MIN, EDGE_HOURS * 60))
        .median(),
        rest_dawn_v=pl.col("rest").filter(lit & (pl.col("until_dawn") <= EDGE_HOURS * 60)).median(),
        dusk_a=pl.col("bat_a").filter(lit & pl.col("since_dusk").is_between(SETTLING_MIN, EDGE_HOURS * 60)).median(),
        dawn_a=pl.col("bat_a").filter(lit & (pl.col("until_dawn") <= EDGE_HOURS * 60)).median(),
        drawn_ah=pl.col("drawn").max(),
        cut_ah=pl.col("drawn").filter(pl.col("time") <= first_cut).max(),
    )
    near_full = pl.col("bat_v") >= pl.col("end_v") * 0.985
    by_day = (
        samples.filter(pl.col("elevation") > 5.0)
        .group_by(key)
        .agg(
            full_n=near_full.sum().cast(pl.Int32),
            full_since=pl.col("time").filter(near_full).first(),
            full_at=pl.col("sent").filter(near_full).slice(2, 1).first(),
            full_hour=pl.col("solar_hour").filter(near_full).first(),
            over_v=(pl.col("bat_v") - pl.col("charge_end")).max(),
            over_n=(pl.col("bat_v") > pl.col("charge_end") * 1.03).sum().cast(pl.Int32),
            over_at=pl.col("sent").filter(pl.col("bat_v") > pl.col("charge_end") * 1.03).slice(2, 1).first(),
            over_since=pl.col("time").filter(pl.col("bat_v") > pl.col("charge_end") * 1.03).first(),
        )
    )
    found = samples.group_by(key).agg(pl.col("lamp", "date").first())
    for part in (by_night, by_day, steps):
        found = found.join(part, on=key, how="left")
    return found
