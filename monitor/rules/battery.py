"""What the battery's figures show."""

from typing import Final

import polars as pl

from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

IDLE: Final = Threshold(0.9, "of the day's samples", "a battery that neither charges nor discharges all day long is not there")


def find_battery_lost(view: View) -> pl.DataFrame:
    night_before = pl.col("unpowered_minutes").shift(1).over("lamp") > 60
    idle_share = pl.col("battery_idle_n") / pl.col("day_samples")
    bad = (pl.col("battery_idle_n") >= 4) & (idle_share >= IDLE.value) & night_before
    good = (pl.col("day_samples") >= 4) & (idle_share < 0.5)
    return view.nights.with_columns(
        unpowered_since_before=pl.col("unpowered_since").shift(1).over("lamp"),
        unpowered_minutes_before=pl.col("unpowered_minutes").shift(1).over("lamp"),
        bad=bad, since=pl.col("unpowered_since").shift(1).over("lamp"), bad_at="battery_idle_at",
        good_since="first_time", good_at=pl.when(~bad).then("battery_used_at"),
    ).filter(bad | good)  # fmt: skip


def tell_battery_lost(row: Row) -> Told:
    return Told(
        causes=ranked(theft=0.4, cable=0.35, fuse=0.25),
        figures=figure("unpowered_min", row["unpowered_minutes_before"], "min", at=row["unpowered_since_before"])
        + figure("battery_v", row["bat_day_v"], "V")
        + figure("charge_ah", row["charge_ah"], "Ah"),
        estimate=0.0,
    )


RULES: Final = (
    Rule(
        Kind.BATTERY_LOST,
        "no battery current all day, and the controller had no power in the night before",
        find_battery_lost,
        tell_battery_lost,
        thresholds={"idle": IDLE},
    ),
)
