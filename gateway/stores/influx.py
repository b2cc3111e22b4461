"""The store of the service: InfluxDB 1.x, 2.x or 3 Core. Line protocol in, InfluxQL out; one code for all versions.

A world has two databases, because retention belongs to a database: `WORLD` for what expires, `WORLD_kept` for what
stays. Tags are the key columns. InfluxDB merges points where a store must replace rows, so a value that becomes null
is deleted before the row is written.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

import polars as pl

from gateway.store import StoreAway, Table
from gateway.stores.frames import chosen, conform, empty, table_of, utc
from gateway.stores.influx_buckets import Bucket, drop, prepare
from gateway.stores.influx_http import Address, Http, Series
from gateway.stores.line_protocol import MARKER, anchor, lines

MAX_LAMPS_IN_QUERY: Final = 200  # more are picked from the answer here: a longer condition costs the server more
FRAME_ROWS: Final = 100_000
DELETES_PER_REQUEST: Final = 200
NO_DELETE_SINCE: Final = 3  # major version
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class InfluxStore:
    """Implements `gateway.store.Store`. Durable: the server answers 204 after its write-ahead log is synced.

    Opening asks nothing of the server; the databases are made at the first verb, and again should they vanish.
    """

    def __init__(self, address: Address, world: str) -> None:
        self._http = Http(address)
        self._expiring = Bucket(world, address.raw_days)
        self._kept = Bucket(f"{world}_kept", None)
        self._lock = Lock()
        self._major: int | None = None  # of the server's version, None = not prepared

    def append(self, table: str, frame: pl.DataFrame) -> None:
        kept = table_of(table)
        rows = conform(kept, frame)
        if rows.is_empty():
            return
        if self._prepared() < NO_DELETE_SINCE:
            self._clear(kept, rows)
        try:
            self._http.write(self._bucket(kept), lines(kept, rows).to_list())
        except StoreAway:
            self._major = None  # perhaps the database is gone: look at the next attempt
            raise

    def read(
        self,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        lamps: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        kept = table_of(table)
        names = chosen(kept, columns)
        if lamps is not None and not lamps:
            return empty(kept).select(names)
        fields = [name for name in kept.fields if name in names]
        where = _where(since, until, lamps)
        rows = self._select(kept, fields, f"{where} GROUP BY {_quoted(kept.key)}")
        if lamps is not None:
            rows = rows.filter(pl.col("lamp").is_in(list(lamps)))
        return rows.sort("time", *kept.key).select(names)

    def latest(self, table: str) -> pl.DataFrame:
        kept = table_of(table)
        rest = f"{_where(None, None, None)} GROUP BY {_quoted(kept.key)} ORDER BY time DESC LIMIT 1"
        return self._select(kept, kept.fields, rest).sort(kept.key)

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        kept = table_of(table)
        where = _where(None, None, None)
        first, last = (self._select(kept, [], f"{where} ORDER BY time {way} LIMIT 1") for way in ("ASC", "DESC"))
        return None if first.is_empty() or last.is_empty() else (first["time"][0], last["time"][0])

    def drop(self) -> None:
        with self._lock:
            drop(self._http, (self._expiring, self._kept))
            self._major = None

    def close(self) -> None:
        self._http.close()

    def _bucket(self, table: Table) -> str:
        return (self._kept if table.keep_days is None else self._expiring).name

    def _prepared(self) -> int:
        """The server's major version, after the databases are there."""
        with self._lock:
            if self._major is None:
                self._major = prepare(self._http, (self._expiring, self._kept))
            return self._major

    def _select(self, table: Table, fields: Sequence[str], rest: str) -> pl.DataFrame:
        """Rows with key, time and these fields (others null), in the server's order: every row, whatever it lacks."""
        wanted = list(dict.fromkeys([anchor(table), MARKER, *fields]))
        return self._ask(table, f'SELECT {_quoted(wanted)} FROM "{table.name}" {rest}')

    def _ask(self, table: Table, text: str) -> pl.DataFrame:
        self._prepared()
        try:
            return _frame(table, self._http.query(self._bucket(table), text))
        except StoreAway as error:
            if "not found" in str(error):
                self._major = None  # somebody dropped the database: it is made anew at the next attempt
            raise

    def _clear(self, table: Table, rows: pl.DataFrame) -> None:
        """Deletes stored rows in which a field has a value that the new row has not: a write would leave it there.

        Asks only for the fields in which the new rows have nulls; of a field that nobody measures there is nothing.
        """
        absent = [name for name in table.fields if rows[name].null_count()]
        if not absent:
            return
        rows = rows.filter(pl.any_horizontal(pl.col(absent).is_null()))
        where = _where(rows["time"][0], rows["time"][-1] + _MICROSECOND, rows["lamp"].unique().to_list())
        stored = self._ask(table, f'SELECT {_quoted(absent)} FROM "{table.name}" {where} GROUP BY {_quoted(table.key)}')
        name_of_row = [*table.key, "time"]
        stale = stored.join(rows, on=name_of_row, suffix=" new").filter(
            pl.any_horizontal(pl.col(name).is_not_null() & pl.col(f"{name} new").is_null() for name in absent)
        )
        deletes = [
            f'DELETE FROM "{table.name}" WHERE time = {_nanoseconds(row["time"])} AND '
            + " AND ".join(f'"{name}" = {_text(row[name])}' for name in table.key)
            for row in stale.select(name_of_row).iter_rows(named=True)
        ]
        for i in range(0, len(deletes), DELETES_PER_REQUEST):
            self._ask(table, ";".join(deletes[i : i + DELETES_PER_REQUEST]))


def _where(since: datetime | None, until: datetime | None, lamps: Sequence[str] | None) -> str:
    # Without bounds of time some versions stop at the present, and a lamp's clock may be ahead.
    conditions = [f"time >= {_nanoseconds(utc(since)) if since else -(2**63) + 2}"]
    conditions.append(f"time < {_nanoseconds(utc(until)) if until else 2**63 - 2}")
    if lamps is not None and len(lamps) <= MAX_LAMPS_IN_QUERY:
        conditions.append("(" + " OR ".join(f'"lamp" = {_text(lamp)}' for lamp in lamps) + ")")
    return "WHERE " + " AND ".join(conditions)


def _frame(table: Table, answer: Iterable[Series]) -> pl.DataFrame:
    """The answer as a frame with all of the table's columns, null where the query did not ask."""
    raw = {name: _RAW[type(kind)] for name, kind in table.schema.items()}
    gathered: dict[str, list[Any]] = {name: [] for name in raw}
    frames = [empty(table)]

    def settle() -> None:
        columns = (pl.Series(name, gathered[name], dtype=kind, strict=False) for name, kind in raw.items())
        frames.append(pl.DataFrame(columns).select(pl.col(name).cast(kind) for name, kind in table.schema.items()))
        for values in gathered.values():
            values.clear()

    for series in answer:
        found = dict(zip(series.columns, zip(*series.values, strict=True), strict=True))
        n = len(series.values)
        for name, values in gathered.items():
            if name in found:
                values.extend(found[name])
            else:
                values.extend([series.tags.get(name, "") if name in table.key else None] * n)
        if len(gathered["time"]) >= FRAME_ROWS:
            settle()
    settle()
    return pl.concat(frames)


# What JSON says, before the table's own type: moments are integers of microseconds there.
_RAW: Final[dict[type[pl.DataType], pl.DataType]] = {
    pl.String: pl.String(),
    pl.Boolean: pl.Boolean(),
    pl.Int32: pl.Int64(),
    pl.Int64: pl.Int64(),
    pl.Float32: pl.Float64(),
    pl.Float64: pl.Float64(),
    pl.Datetime: pl.Int64(),
}


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
