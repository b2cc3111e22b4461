"""The ledger of nights against the true nights: verdict by verdict, unknown ones apart."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from scorecard.known import Lived
from scorecard.said import DAY

PLAIN, RELEARNING = "plain", "relearning"


@dataclass(slots=True)
class Agreement:
    """`table[group][true verdict][verdict]` in nights. `minutes`: nights by how far their lit minutes were off."""

    table: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    minutes: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)  # some of the plain nights that were judged wrongly


def agreement(nights: pl.DataFrame, world: Lived, most: int = 40) -> Agreement:
    """`nights`: rows of the store's table. A night that the ledger does not have is "missing"."""
    both = world.nights.select("lamp", "time", "verdict", "lit_minutes", "relearning", "cut_offs").join(
        nights.select("lamp", "time", said="verdict", said_minutes="lit_minutes"), on=["lamp", "time"], how="left"
    )
    both = both.with_columns(
        pl.col("said").fill_null("missing"),
        group=pl.when(pl.col("relearning") & ~_faulty(world)).then(pl.lit(RELEARNING)).otherwise(pl.lit(PLAIN)),
        off=(pl.col("said_minutes") - pl.col("lit_minutes")).abs().round(),
    )
    out = Agreement()
    for group, true, said, count in (
        both.group_by("group", "verdict", "said").len().sort("group", "verdict", "said").iter_rows()
    ):
        out.table.setdefault(group, {}).setdefault(true, {})[said] = count
    judged = both.filter((pl.col("group") == PLAIN) & ~pl.col("said").is_in(["unknown", "missing"]))
    out.minutes = dict(Counter(int(off) for off in judged["off"].drop_nulls().to_list()))
    odd = judged.filter(pl.col("said") != pl.col("verdict")).head(most)
    for row in odd.iter_rows(named=True):
        behind = ",".join(f.kind for f in world.faults if f.lamp == row["lamp"] and f.began <= row["time"] <= f.until)
        out.wrong.append(
            f"{row['time']:%Y-%m-%d} {row['lamp']}: true {row['verdict']} {row['lit_minutes']:.0f} min, "
            f"said {row['said']} {row['said_minutes'] or 0:.0f} min {behind}".rstrip()
        )
    return out


def _faulty(world: Lived) -> pl.Expr:
    """Nights on which something was wrong with the lamp: relearning is then a consequence, no excuse."""
    spells = (
        (pl.col("lamp") == fault.lamp) & pl.col("time").is_between(fault.began - DAY, fault.until)
        for fault in world.faults
        if fault.lamp is not None
    )
    return pl.any_horizontal(pl.lit(False), *spells)
