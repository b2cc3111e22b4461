"""What the panel's figures show, with the commune's other lamps as the measure of the sun."""

from typing import Final

import numpy as np
import polars as pl

from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

DEAD: Final = Threshold(
    4, "samples", "an hour at 15 minutes with the sun above 15°: no shade covers a whole panel so long"
)
PEERS: Final = Threshold(0.06, "of nameplate", "the neighbours must be charging: a storm is no theft")
STEP: Final = Threshold(0.16, "of the output", "under it: bird dirt, neighbours washed, a hazy morning")
AT_ONCE: Final = Threshold(0.25, "of the output", "no dirt takes it within two dates: so much needs no second proof")
BYPASSED: Final = Threshold(0.85, "of its usual voltage in bulk", "one of three strings is a third; heat takes a tenth")
SHADED: Final = Threshold(
    0.35,
    "of the output at the same two hours",
    "more than before and than at the day's other hours: what is built or grows nearby takes the direct sun",
)
LIFTED: Final = Threshold(0.25, "of the output at any two hours", "less, and the shade is gone")
LEARNT: Final = Threshold(10, "sunny dates", "in the first days a washing here and there moves everything")
SWING: Final = Threshold(2.5, "times its own scatter", "lamps half in the shade swing with every haze")
SOILED: Final = Threshold(
    0.15, "of the output", "villagers wash what looks dirty, at about 14 %; below, washing does not pay the walk"
)
BEYOND: Final = Threshold(
    0.12, "of the output", "against the neighbours: what the season does to all is no lamp's fault"
)
EVERY_HOUR: Final = Threshold(0.07, "of the output", "in the hour that lost least: shade has its hours")
CLEAN: Final = Threshold(0.06, "of the output", "washed, within the estimate's error")
SHADE_HOURS: Final = 0.4  # of a day's sun in the three or four hours that a shade takes [K]
ABRUPT: Final = Threshold(0.5, "of the loss", "dirt takes weeks to do what a broken string does at once")


def find_panel_lost(view: View) -> pl.DataFrame:
    enough = (pl.col("peers_n") >= 3) & (pl.col("peers_pv_share") > PEERS.value)
    bad = (pl.col("dead_n") >= DEAD.value) & enough
    good = (pl.col("dead_n") == 0) & (pl.col("alive_n") >= DEAD.value)
    return view.nights.filter(bad | good).with_columns(
        bad=bad, since="dead_since", bad_at="dead_at", good_since="alive_since", good_at=pl.when(~bad).then("alive_at")
    )


def tell_panel_lost(row: Row) -> Told:
    return Told(
        causes=ranked(theft=0.4, cable=0.6),
        figures=figure("pv_a", 0.0, "A", at=row["dead_since"])
        + figure("pv_v", row["dead_pv_v"], "V")
        + figure("peers_charge_w", row["peers_pv_share"] * row["panel_w"], "W")
        + figure("sun_hours", row["dead_n"] * 0.25, "h"),
        estimate=1.0,
    )


def _abrupt() -> pl.Expr:
    """A step worth the name is behind the loss; a smaller one may be a washing among the neighbours."""
    step = pl.col("worst_step")
    return (step <= ABRUPT.value * pl.col("fallen")) & (step <= float(np.log(1 - STEP.value)))


def find_partial(view: View) -> pl.DataFrame:
    known = pl.col("fallen").is_not_null()
    step = float(np.log(1 - STEP.value))
    swing = -SWING.value * pl.col("noise").fill_null(0.1)
    learnt = pl.col("nth") >= LEARNT.value
    bad = (pl.col("step") <= pl.min_horizontal(pl.lit(step), swing)) & (pl.col("fallen") <= step) & learnt
    # … and not told by the day's first hour alone: with the season a roof or a tree takes it.
    bad = bad & pl.col("best_level").is_not_null()
    # A new wall, a new tree: the same hours day after day, while the others are as they were.
    shaded = (pl.col("new_shade") < float(np.log(1 - SHADED.value))).fill_null(False)
    # A bypassed string takes its share of the voltage; dirt, shade and a bad contact take none.
    bypassed = (~pl.col("pwm") & (pl.col("pv_v_ratio") < BYPASSED.value) & (pl.col("gain_n") >= 2)).fill_null(False)
    sure = (bad & (pl.col("step") <= float(np.log(1 - AT_ONCE.value)))).fill_null(False) | bypassed
    lifted = pl.col("shade").fill_null(0.0) > float(np.log(1 - LIFTED.value))
    good = (pl.col("loss") < CLEAN.value) & ~shaded & lifted & ~bypassed
    bad = bad.fill_null(False) | shaded | bypassed
    return view.nights.filter((known | bypassed) & (bad | good)).with_columns(
        shaded=shaded,
        sure=sure,
        bad=bad,
        since="time",
        bad_at="gain_at",
        good_since="time",
        good_at=pl.when(~bad).then("gain_at"),
    )


def tell_partial(row: Row) -> Told:
    volts = row["pv_v_ratio"]
    bypass = 1.0 if volts is not None and volts < BYPASSED.value else 0.0
    # Where too few neighbours charge to tell the loss, the missing voltage tells it.
    loss = row["loss"] if row["loss"] is not None else 1.0 - volts
    if row["shaded"] and loss < STEP.value:
        lost = 1.0 - float(np.exp(row["shade"]))
        return Told(
            causes=ranked(shade=0.9, dirt=0.1),
            figures=figure("loss_pct", 100 * lost, "%", limit=100 * SHADED.value, at=row["time"])
            + figure("solar_hour", row["shade_hour"], "h"),
            estimate=round(lost * SHADE_HOURS, 3),
        )
    return Told(
        causes=ranked(diode=bypass, string=0.4 * (1 - bypass), shade=0.25 * (1 - bypass), cable=0.25),
        figures=figure("loss_pct", 100 * loss, "%", limit=100 * STEP.value, at=row["time"])
        + figure("pv_v", row["pv_v_bulk"], "V"),
        estimate=round(loss, 3),
    )


def find_soiled(view: View) -> pl.DataFrame:
    known = pl.col("fallen").is_not_null()
    # … in its every hour: what takes one hour of the morning is a shadow that wanders with the season.
    beyond = (pl.col("level") < -BEYOND.value) & (pl.col("best_level") < -EVERY_HOUR.value)
    bad = (pl.col("loss") >= SOILED.value) & ~_abrupt() & (pl.col("slope") < -0.001) & beyond
    good = pl.col("loss") < CLEAN.value
    return view.nights.filter(known & (bad | good)).with_columns(
        bad=bad, since="time", bad_at="gain_at", good_since="time", good_at=pl.when(~bad).then("gain_at")
    )


def tell_soiled(row: Row) -> Told:
    rate = max(0.0, -(row["slope"] or 0.0))
    return Told(
        causes=ranked(dust=0.85, shade=0.15),
        figures=figure("loss_pct", 100 * row["loss"], "%", limit=100 * SOILED.value, at=row["time"])
        + figure("loss_pct_day", 100 * rate or None, "%/d"),
        estimate=round(row["loss"], 3),
    )


RULES: Final = (
    Rule(
        Kind.PANEL_LOST,
        "no panel current and a dead panel voltage with the sun above 15°, while the neighbours charge",
        find_panel_lost,
        tell_panel_lost,
        thresholds={"dead": DEAD, "peers": PEERS},
    ),
    Rule(
        Kind.PANEL_PARTIAL,
        "bulk power against the neighbours fell at once, against the lamp's own usual gain at the same hours",
        find_partial,
        tell_partial,
        confirm=2,
        clear=2,
        thresholds={
            "step": STEP,
            "at once": AT_ONCE,
            "learnt": LEARNT,
            "swing": SWING,
            "shaded": SHADED,
            "lifted": LIFTED,
            "bypassed": BYPASSED,
            "clean": CLEAN,
        },
    ),
    Rule(
        Kind.PANEL_SOILED,
        "bulk power against the neighbours falls slowly, against the lamp's own usual gain at the same hours",
        find_soiled,
        tell_soiled,
        confirm=3,
        clear=2,
        thresholds={"soiled": SOILED, "beyond": BEYOND, "every hour": EVERY_HOUR, "clean": CLEAN, "abrupt": ABRUPT},
    ),
)
