"""What is coming: a commune's weak sun, and the lamps that will not last the next nights."""

from typing import Final

import polars as pl

from monitor.beside import before
from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

LOW: Final = Threshold(
    0.6, "of the month's better days", "the worst five days of the rains stay at 0.6, of the dry season at 0.8"
)
DARK_DAY: Final = Threshold(0.4, "of the month's better days", "one such day leaves every battery half a night short")
CLEAR: Final = Threshold(
    0.85, "W per Wp and sine of the sun's height", "a clear day of any commune, until it has shown its own"
)
UNFILLED: Final = Threshold(0.5, "of the lamps", "haze that still fills the batteries is nobody's concern")
TOGETHER: Final = Threshold(0.2, "of the lamps at risk", "lamps fail one by one; four of twenty are the sky's")
BRIGHT: Final = Threshold(0.75, "of the month's better days", "batteries fill again")
OWN_LOSS: Final = 0.13  # of the panel's output, and
OWN_WEAR: Final = 0.72  # of nameplate: a lamp's own reasons to be at risk
RISK: Final = Threshold(
    0.25, "probability within three nights", "a visit in vain costs less than a dark night: two in three come true"
)
SAFE: Final = Threshold(0.06, "probability within three nights", "hysteresis")


def find_low_sun(view: View) -> pl.DataFrame:
    """Commune-wide: one row per commune and date; `lamp` is null."""
    # Lamps that are at risk for a reason of their own say nothing of the sky.
    own = pl.col("tap_w").is_not_null() | (pl.col("loss") > OWN_LOSS) | (pl.col("capacity") < OWN_WEAR)
    healthy = ~own.fill_null(False) & (pl.col("dead_n").fill_null(0) == 0)
    days = (
        view.nights.group_by("commune", "time")
        .agg(
            share=(pl.col("clearness") / pl.col("usual_clearness").fill_null(CLEAR.value)).first(),
            unfilled=(pl.col("full_n").fill_null(0) == 0).mean(),
            last_sent=pl.col("last_sent").max(),
            first_time=pl.col("first_time").min(),
            at_risk=(healthy & (pl.col("dark_risk").fill_null(0.0) >= RISK.value)).mean(),
        )
        .filter(pl.col("share").is_not_null())
        .sort("commune", "time")
    )
    low = (pl.col("share") < LOW.value) & (pl.col("unfilled") >= UNFILLED.value)
    # Two such days in a row, or one that is as dark as two.
    dark = pl.col("share") < DARK_DAY.value
    many = pl.col("at_risk") >= TOGETHER.value
    bad = (pl.col("low") & (dark | before("low", "commune").fill_null(False))) | many
    good = (pl.col("share") > BRIGHT.value) & ~many
    # The day before is looked at before days that say neither are left out.
    return days.with_columns(low=low).with_columns(bad=bad).filter(pl.col("bad") | good).with_columns(
        lamp=pl.lit(None, dtype=pl.String), since="first_time", bad_at="last_sent", good_since="first_time",
        good_at=pl.when(~pl.col("bad")).then("last_sent"),
    )  # fmt: skip


def tell_low_sun(row: Row) -> Told:
    return Told(
        causes=ranked(dust=0.5, cloud=0.5),
        figures=figure("ratio_pct", 100 * row["share"], "%", at=row["time"], limit=100 * LOW.value),
    )


def find_dark_risk(view: View) -> pl.DataFrame:
    """Known at dusk, when the day has brought what it could. A warning that came true ends with the cut-off."""
    known = pl.col("dark_risk").is_not_null() & pl.col("evening_at").is_not_null()
    cut = pl.col("cut_at").is_not_null()
    cut_before = before("cut_at").is_not_null()
    bad = (pl.col("dark_risk") >= RISK.value) & ~cut_before
    good = (pl.col("dark_risk") <= SAFE.value) | cut | cut_before
    put_right = pl.when(cut).then(pl.max_horizontal("cut_at", "evening_at")).when(~pl.col("bad")).then("evening_at")
    return view.nights.with_columns(bad=bad).filter(known & (pl.col("bad") | good)).with_columns(
        since="evening_at", bad_at="evening_at", good_since="evening_at", good_at=put_right
    )  # fmt: skip


def tell_dark_risk(row: Row) -> Told:
    return Told(
        causes=ranked(
            panel_lost=1.0 if (row["dead_n"] or 0) >= 4 else 0.0,
            # A panel at its open voltage beside a full battery is no charger's fault.
            charger_stuck=1.0 if (row["open_n"] or 0) >= 8 and not row["began_full"] else 0.0,
            tap=1.0 if row["tap_w"] is not None else 0.0,
            panel_soiled=max(0.0, (row["soiling"] or 0.0) - 0.05) * 4,
            battery_worn=max(0.0, 0.85 - (row["capacity"] or 1.0)) * 4,
            low_sun=0.2,
        ),
        figures=figure("dark_probability_pct", 100 * row["dark_risk"], "%", limit=100 * RISK.value)
        + figure("tap_w", row["tap_w"], "W")
        + figure("autonomy_nights", row["autonomy"], "nights")
        + figure("charge_ah", row["charge_ah"], "Ah")
        + figure("discharge_ah", row["discharge_ah"], "Ah"),
    )


RULES: Final = (
    Rule(
        Kind.LOW_SUN,
        "the commune's charging lamps together show far less sun than on the better days of the last month",
        find_low_sun,
        tell_low_sun,
        thresholds={
            "low": LOW,
            "dark day": DARK_DAY,
            "clear": CLEAR,
            "unfilled": UNFILLED,
            "together": TOGETHER,
            "bright": BRIGHT,
        },
    ),
    Rule(
        Kind.DARK_RISK,
        "what the battery still holds, less what each night takes more than the day brings, reaches the cut-off",
        find_dark_risk,
        tell_dark_risk,
        thresholds={"risk": RISK, "safe": SAFE},
    ),
)
