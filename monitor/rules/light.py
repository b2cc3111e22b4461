"""The symptoms that a passer-by sees: dark, goes out early, flickers, dim, burns by day."""

from typing import Final

import polars as pl

from monitor.beside import after, before
from monitor.fault import Kind
from monitor.nights import BURNING_MINUTES
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

FLICKER: Final = Threshold(
    4, "switchings a night", "a bad contact switches many times; motion boost changes the level, not on and off"
)
BURNING: Final = Threshold(
    BURNING_MINUTES, "min", "a storm darkens an hour; a welded relay or a dead dusk sensor burns on"
)
TOGETHER: Final = Threshold(0.25, "of the commune's lamps", "a storm at dusk lights them all; faults come one by one")
SERVED: Final = Threshold(
    0.95, "of the scheduled time lit", "from dusk to dawn, but for the edges of a controller that learns them"
)
DIM: Final = Threshold(0.82, "of its own usual power", "one LED string of three lost leaves 0.67; drivers vary by 5 %")


def find_dark(view: View) -> pl.DataFrame:
    flickering = (pl.col("switchings") >= FLICKER.value) & (pl.col("lit_minutes") > 0.2 * pl.col("scheduled_minutes"))
    bad = pl.col("out_at").is_not_null() & ~flickering
    good = pl.col("lit_run_at").is_not_null()
    lit_since_then = ~bad | (pl.col("lit_last") & (pl.col("lit_run_since") > pl.col("out_since")))
    # It may have died in the middle of the night before.
    since = pl.coalesce(before("gone_since"), "out_since")
    return view.nights.with_columns(since=since).filter(bad | good | flickering).with_columns(
        bad=pl.when(flickering).then(None).when(bad).then(True).otherwise(False),
        bad_at="out_at", good_since="lit_run_since", good_at=pl.when(lit_since_then).then("lit_run_at"),
    )  # fmt: skip


def tell_dark(row: Row) -> Told:
    lit_before = (row["lit_minutes"] or 0) > 30
    return Told(
        causes=ranked(driver=0.7, cable=0.2 if not lit_before else 0.12, controller=0.1),
        figures=figure("led_w", row["out_led_w"], "W", at=row["out_since"])
        + figure("target_pct", row["out_target"], "%")
        + figure("battery_v", row["out_v"], "V", limit=row["cut_off"])
        + figure("lit_min", row["lit_minutes"], "min")
        + figure("scheduled_min", row["scheduled_minutes"], "min"),
    )


def _over() -> pl.Expr:
    """Whether the lamp was heard after this night's end."""
    return (pl.col("last_time") > pl.col("night_last")) | after("first_time").is_not_null()


def find_early_off(view: View) -> pl.DataFrame:
    cut = pl.col("cut_at").is_not_null()
    # Gone with a good battery: one night may be a driver that just died; a second one after light again is a habit.
    gone_before = before("gone_since")
    gone = pl.col("gone_at").is_not_null() & gone_before.is_not_null()
    # Before the night is over its light proves nothing: a case closed in the small hours would open again at six.
    good = _over() & (pl.col("lit_minutes") >= SERVED.value * pl.col("scheduled_minutes"))
    return (
        view.nights.with_columns(cut=cut, since=pl.when(cut).then("cut_since").otherwise(gone_before), gone=gone)
        .filter(pl.col("cut") | pl.col("gone") | (good & pl.col("gone_at").is_null()))
        .with_columns(
            bad=pl.col("cut") | pl.col("gone"),
            bad_at=pl.when("cut").then("cut_at").otherwise("gone_at"),
            off_at=pl.when("cut").then("cut_since").otherwise("gone_since"),
            off_v=pl.when("cut").then("cut_v").otherwise("gone_v"),
            good_since="lit_run_since",
        )
        .with_columns(good_at=pl.when(~pl.col("bad")).then("night_end"))
    )


def tell_early_off(row: Row) -> Told:
    if row["cut"]:
        soiled = max(0.0, (row.get("soiling") or 0.0) - 0.05) * 4
        worn = max(0.0, 0.85 - (row.get("capacity") or 1.0)) * 4
        weak = max(0.0, 0.9 - (row.get("yield_ratio") or 1.0)) * 2
        # A panel that brings more than the neighbours' is not what failed: the battery is drained or does not hold.
        share, peers = row["pv_share"], row["peers_pv_share"]
        if share is not None and peers and share > 1.1 * peers:
            soiled, weak, worn = 0.0, 0.0, worn + 0.3
        causes = ranked(
            panel_lost=1.0 if (row["dead_n"] or 0) >= 4 else 0.0,
            charger_stuck=1.0 if (row["open_n"] or 0) >= 8 and not row.get("began_full") else 0.0,
            tap=1.0 if row.get("tap_w") is not None else 0.0,
            panel_soiled=soiled, panel_partial=weak, battery_worn=worn + 0.15, low_sun=0.1,
        )  # fmt: skip
    else:
        causes = ranked(profile=0.6, driver=0.25, controller=0.15)
    beside_peers = row["pv_share"] is not None and row["peers_pv_share"]
    return Told(
        causes=causes,
        figures=figure("out_at", row["off_at"])
        + figure("tap_w", row.get("tap_w"), "W")
        + figure("battery_v", row["off_v"], "V", at=row["off_at"], limit=row["cut_off"])
        + figure("lit_min", row["lit_minutes"], "min")
        + figure("scheduled_min", row["scheduled_minutes"], "min")
        + (figure("ratio_pct", 100 * row["pv_share"] / row["peers_pv_share"], "%") if beside_peers else ()),
    )


def find_flicker(view: View) -> pl.DataFrame:
    known = pl.col("switchings").is_not_null()
    bad = (pl.col("switchings") >= FLICKER.value) & pl.col("cut_at").is_null()
    good = (pl.col("switchings") < 2) & (pl.col("completeness") > 0.8) & _over()
    return view.nights.filter(known & (bad | good)).with_columns(
        bad=bad,
        since="night_first",
        bad_at="switch_at",
        good_since="night_first",
        good_at=pl.when(~bad).then("night_end"),
    )


def tell_flicker(row: Row) -> Told:
    return Told(
        causes=ranked(cable=0.5, driver=0.4, controller=0.1),
        figures=figure("switchings", row["switchings"], "", limit=FLICKER.value, at=row["time"])
        + figure("lit_min", row["lit_minutes"], "min"),
    )


def find_day_burning(view: View) -> pl.DataFrame:
    long = pl.col("burning_minutes") >= BURNING.value
    # A storm darkens the whole commune: who lights with the neighbours is not burning by day.
    together = long.mean().over("commune", "time") > TOGETHER.value
    bad = long & ~together
    good = (pl.col("burning_minutes").fill_null(0) < 10) & pl.col("unlit_day_at").is_not_null()
    return view.nights.with_columns(bad=bad).filter(pl.col("bad") | good).with_columns(
        since="burning_since", bad_at="burning_at", good_since="first_time",
        good_at=pl.when(~pl.col("bad")).then("unlit_day_at"),
    )  # fmt: skip


def tell_day_burning(row: Row) -> Told:
    return Told(
        causes=ranked(controller=0.8, clock_wrong=0.2),
        figures=figure("day_lit_min", row["burning_minutes"], "min", at=row["burning_since"], limit=BURNING.value),
    )


def find_dim(view: View) -> pl.DataFrame:
    known = pl.col("led_level_ratio").is_not_null() & (pl.col("led_n") >= 4)
    # Less light takes less from the battery; where the battery gives as much as ever, the sensor is dim, not the light.
    bad = (pl.col("led_level_ratio") < DIM.value) & ~pl.col("led_lies").fill_null(False)
    good = pl.col("led_level_ratio") > 0.93
    return view.nights.filter(known & (bad | good)).with_columns(
        bad=bad,
        since="night_first",
        bad_at="night_end",
        good_since="night_first",
        good_at=pl.when(~bad).then("night_end"),
    )


def tell_dim(row: Row) -> Told:
    return Told(
        causes=ranked(luminaire_string=0.6, driver=0.4),
        figures=figure("level_pct", 100 * row["led_level_ratio"], "%", limit=100 * DIM.value)
        + figure("led_w", row["led_ratio"] * row["luminaire_w"], "W"),
        estimate=None,
    )


RULES: Final = (
    Rule(
        Kind.DARK,
        "commanded from dusk for 25 minutes and three samples, no power into the luminaire, battery above reconnect",
        find_dark,
        tell_dark,
    ),
    Rule(
        Kind.EARLY_OFF,
        "commanded but unlit for 25 minutes and three samples: battery at its cut-off, or gone two nights running",
        find_early_off,
        tell_early_off,
        thresholds={"served": SERVED},
    ),
    Rule(
        Kind.FLICKER,
        "switched on and off within one night without a battery cut-off",
        find_flicker,
        tell_flicker,
        thresholds={"switchings": FLICKER},
    ),
    Rule(
        Kind.DIM,
        "power into the luminaire at the level in effect, against the lamp's own first weeks",
        find_dim,
        tell_dim,
        confirm=2,
        thresholds={"dim": DIM},
    ),
    Rule(
        Kind.DAY_BURNING,
        "power into the luminaire with the sun above 5°",
        find_day_burning,
        tell_day_burning,
        thresholds={"burning": BURNING, "together": TOGETHER},
    ),
)
