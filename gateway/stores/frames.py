"""What every store does to frames, so that all of them hold and give back the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from gateway.store import TABLES, Table


def table_of(name: str) -> Table:
    """The table of that name. Raises ValueError that lists the names there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise ValueError(f"no table {name!r}; there are {', '.join(TABLES)}") from None


def conform(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as the table holds it: its columns and types in order, ordered by time then key, the last row where a
    key and time occur twice, and null for what is no number (NaN, infinity): "not measured".

    Raises ValueError when columns lack or are too many, or a key or time is null: that is a mistake in our own code.
    """
    if set(frame.columns) != set(table.schema):
        missing, extra = set(table.schema) - set(frame.columns), set(frame.columns) - set(table.schema)
        raise ValueError(f"frame for {table.name}: lacks {sorted(missing)}, does not know {sorted(extra)}")
    name_of_row = ("time", *table.key)
    types = frame.schema
    frame = frame.select(
        name if types[name] == kind else pl.col(name).cast(kind) for name, kind in table.schema.items()
    )
    if nameless := [name for name in name_of_row if frame[name].null_count()]:
        raise ValueError(f"frame for {table.name}: null in {', '.join(nameless)}, which name a row")
    if floats := [name for name, kind in table.schema.items() if kind.is_float()]:
        frame = frame.with_columns(pl.when(pl.col(floats).is_finite()).then(pl.col(floats)))
    return frame.unique(subset=name_of_row, keep="last", maintain_order=True).sort(name_of_row)


def chosen(table: Table, columns: Sequence[str] | None) -> list[str]:
    """The columns to give back, in the order asked for. Raises ValueError on an unknown one."""
    if columns is None:
        return list(table.schema)
    if unknown := [name for name in columns if name not in table.schema]:
        raise ValueError(f"table {table.name} has no {', '.join(unknown)}; it has {', '.join(table.schema)}")
    return list(columns)


def empty(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(table.schema))


def utc(bound: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a time without zone: it would be a guess."""
    if bound.tzinfo is None:
        raise ValueError(f"{bound} has no time zone; stores speak UTC")
    return bound.astimezone(UTC)
