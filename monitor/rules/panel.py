"""What the panel's figures show, with the commune's other lamps as the measure of the sun."""

from typing import Final

import polars as pl

from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

DEAD: Final = Threshold(4, "samples", "an hour at 15 minutes with the sun above 15°: no shade stands so long over a whole panel")
PEERS: Final = Threshold(0.06, "of nameplate", "the neighbours must be charging: a storm is no theft")


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


RULES: Final = (
    Rule(
        Kind.PANEL_LOST,
        "no panel current and a dead panel voltage with the sun above 15°, while the neighbours charge",
        find_panel_lost,
        tell_panel_lost,
        thresholds={"dead": DEAD, "peers": PEERS},
    ),
)
