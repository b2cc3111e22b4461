"""The row before and the row after of the same lamp, in frames whose rows are ordered by lamp and then by time.

A window (`over`) says the same of a frame in any order, and gathers every lamp's rows for it: of thousands of lamps
with a few rows each, that takes ten times as long as looking at the neighbouring row.
"""

import polars as pl


def before(column: str | pl.Expr, same: str = "lamp") -> pl.Expr:
    """What the row before says, null in the first row of each lamp (or of whatever else has to be the `same`)."""
    return _shifted(column, same, 1)


def after(column: str | pl.Expr, same: str = "lamp") -> pl.Expr:
    """What the row after says, null in the last row of each lamp."""
    return _shifted(column, same, -1)


def _shifted(column: str | pl.Expr, same: str, rows: int) -> pl.Expr:
    value = pl.col(column) if isinstance(column, str) else column
    return pl.when(pl.col(same) == pl.col(same).shift(rows)).then(value.shift(rows))
