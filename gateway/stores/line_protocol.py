"""A frame as InfluxDB's line protocol, by polars expressions: text for millions of rows without a loop over them.

Rules of escaping: "Line protocol reference" of InfluxData's documentation. Key columns become tags, the others fields;
moments that are fields become integers of microseconds. The time of a row is written in nanoseconds, the one precision
that every version of the server understands the same way: 1.6 takes "us" for nanoseconds and says nothing.
"""

from typing import Final

import polars as pl

from gateway.store import Table, WriteRefused

# InfluxDB knows no row without a field. A row whose first field is null carries this one instead, so that every row
# can be found by asking for these two.
MARKER: Final = "row"


def anchor(table: Table) -> str:
    """The field that, with MARKER, every row has."""
    return table.fields[0]


def lines(table: Table, rows: pl.DataFrame) -> pl.Series:
    """One line per row, without line feeds at their ends. Null fields are left out.

    Raises WriteRefused for a key that the protocol cannot say (a line feed, or a backslash at its end).
    """
    for name in table.key:
        if rows[name].str.contains(r"[\r\n]|\\$").any():
            raise WriteRefused(f"{table.name}: InfluxDB cannot hold a {name} with a line feed or a final backslash")
    first, *others = table.fields
    text = pl.concat_str(
        pl.lit(table.name),
        *(_tag(name) for name in table.key),
        pl.lit(" "),
        pl.coalesce(_field(first, table.schema[first], comma=False), pl.lit(f"{MARKER}=true")),
        *(_field(name, table.schema[name], comma=True) for name in others),
        pl.lit(" ") + pl.col("time").to_physical().cast(pl.String) + pl.lit("000"),
        ignore_nulls=True,
    )
    return rows.select(text.alias("line"))["line"]


def _tag(name: str) -> pl.Expr:
    escaped = pl.col(name)
    for sign in ",= ":
        escaped = escaped.str.replace_all(sign, "\\" + sign, literal=True)
    # An empty tag cannot be said; a tag that is not there reads as empty.
    return pl.when(pl.col(name) != "").then(pl.lit(f",{name}=") + escaped)


def _field(name: str, kind: pl.DataType, comma: bool) -> pl.Expr:
    """The field's text, null where the value is."""
    start = pl.lit(f"{',' if comma else ''}{name}=")
    match kind:
        case pl.String():
            escaped = pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
            return start + pl.lit('"') + escaped + pl.lit('"')
        case pl.Float32() | pl.Float64() | pl.Boolean():
            return start + pl.col(name).cast(pl.String)
    return start + pl.col(name).to_physical().cast(pl.String) + pl.lit("i")
