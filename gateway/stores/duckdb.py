"""The embedded store: one DuckDB file, for one process. Each world is a schema in it.

Measured with 200 lamps x 365 nights x 96 samples on two cores: a table without primary key, where the rows that a batch
replaces are deleted by a join within its span of time, takes 600 000 rows/s into 236 MB; the same with a primary key
and INSERT OR REPLACE 250 000 rows/s into 804 MB. Nothing else enforces one row per key and time, so every write goes
through `append`. `make bench` measures today's code.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Final

import duckdb
import polars as pl

from gateway.store import TABLES, StoreAway, Table
from gateway.stores.frames import chosen, conform, table_of, utc

SQL_TYPES: Final[dict[type[pl.DataType], str]] = {
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float32: "FLOAT",
    pl.Float64: "DOUBLE",
    # Without zone, always UTC: DuckDB's type with zone needs an extension that it would fetch from the network.
    pl.Datetime: "TIMESTAMP",
}
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # Folding the write-ahead log into the file every 64 MB instead of 16 is a third less work per row (measured), for
    # a little more to read again after a crash.
    "checkpoint_threshold": "64MB",
}

_BROKEN: Final = (
    duckdb.IOException,
    duckdb.TransactionException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.ConnectionException,
    duckdb.OutOfMemoryException,
)


class DuckDBStore:
    """Implements `gateway.store.Store`. A commit is in DuckDB's write-ahead log, synced, before it returns."""

    def __init__(self, path: Path, world: str) -> None:
        """Raises StoreAway when the file cannot be opened: taken by another process, no right to write, no disk."""
        self.path = path
        self._schema = f'"world:{world}"'  # the prefix: a schema must not be called like its file
        self._lock = RLock()  # one writer at a time; also guards the connection below
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._tables_made = False
        with self._cursor() as cursor:
            for table in TABLES.values():
                self._forget_expired(cursor, table)

    def append(self, table: str, frame: pl.DataFrame) -> None:
        kept = table_of(table)
        rows = conform(kept, frame)
        if rows.is_empty():
            return
        same = " AND ".join(f'old."{name}" = new."{name}"' for name in ("time", *kept.key))
        with self._lock, self._cursor() as cursor:
            cursor.register("new", _without_zone(rows))
            cursor.begin()
            cursor.execute(
                f"DELETE FROM {self._name(kept)} old USING new WHERE old.time BETWEEN ? AND ? AND {same}",
                [_naive(rows["time"][0]), _naive(rows["time"][-1])],
            )
            cursor.execute(f"INSERT INTO {self._name(kept)} BY NAME SELECT * FROM new")
            cursor.commit()

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
        conditions: list[str] = ["true"]
        values: list[object] = []
        if since is not None:
            conditions.append("time >= ?")
            values.append(_naive(utc(since)))
        if until is not None:
            conditions.append("time < ?")
            values.append(_naive(utc(until)))
        if lamps is not None:
            conditions.append("lamp IN (SELECT unnest(?::VARCHAR[]))")
            values.append(list(lamps))
        return self._query(
            f"SELECT {_quoted(names)} FROM {self._name(kept)} WHERE {' AND '.join(conditions)}"
            f" ORDER BY time, {_quoted(kept.key)}",
            values,
            pl.Schema({name: kept.schema[name] for name in names}),
        )

    def latest(self, table: str) -> pl.DataFrame:
        kept = table_of(table)
        key, name = _quoted(kept.key), self._name(kept)
        newest = f"SELECT {key}, max(time) AS time FROM {name} GROUP BY {key}"
        return self._query(
            f"SELECT {_quoted(list(kept.schema))} FROM {name} SEMI JOIN ({newest}) USING ({key}, time) ORDER BY {key}",
            [],
            pl.Schema(kept.schema),
        )

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        span = self._query(
            f"SELECT min(time) AS first, max(time) AS last FROM {self._name(table_of(table))}",
            [],
            pl.Schema({"first": TABLES[table].schema["time"], "last": TABLES[table].schema["time"]}),
        )
        first, last = span.row(0)
        return None if first is None else (first, last)

    def drop(self) -> None:
        with self._lock, self._cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {self._schema} CASCADE")
            cursor.execute("CHECKPOINT")
            self._tables_made = False

    def close(self) -> None:
        """A file that holds no world any more is removed with its last one."""
        with self._lock:
            if self._connection is None:
                return
            worlds = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'telemetry'"
            row = self._connection.execute(worlds).fetchone() if not self._tables_made else None
            self._connection.close()
            self._connection = None
            if row == (0,):
                self.path.unlink(missing_ok=True)

    def _name(self, table: Table) -> str:
        return f'{self._schema}."{table.name}"'

    def _query(self, sql: str, values: list[object], schema: pl.Schema) -> pl.DataFrame:
        with self._cursor() as cursor:
            found = pl.from_arrow(cursor.sql(sql, params=values).to_arrow_table())
        assert isinstance(found, pl.DataFrame)
        return found.select(
            pl.col(name).dt.replace_time_zone("UTC") if isinstance(kind, pl.Datetime) else pl.col(name).cast(kind)
            for name, kind in schema.items()
        )

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one verb of one thread. What goes wrong with file, lock or disk comes out as StoreAway."""
        try:
            with closing(self._open().cursor()) as cursor:
                yield cursor
        except _BROKEN as error:
            if "conflict" not in str(error).lower():
                # After a failed write to disk DuckDB refuses everything until the file is opened anew.
                with self._lock:
                    if self._connection is not None:
                        self._connection.close()
                        self._connection = None
            raise StoreAway(_remedy(self.path, str(error))) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                try:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise StoreAway(
                        f"{self.path}: the folder cannot be made ({error}); choose another --store"
                    ) from error
                self._connection = duckdb.connect(str(self.path), config=_CONFIG)
                self._tables_made = False
            if not self._tables_made:
                self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
                for table in TABLES.values():
                    columns = [f'"{name}" {SQL_TYPES[type(kind)]}' for name, kind in table.schema.items()]
                    self._connection.execute(f"CREATE TABLE IF NOT EXISTS {self._name(table)} ({', '.join(columns)})")
                    for column in columns:  # a file of an older version lacks some
                        self._connection.execute(f"ALTER TABLE {self._name(table)} ADD COLUMN IF NOT EXISTS {column}")
                self._tables_made = True
            return self._connection

    def _forget_expired(self, cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Rows stay `keep_days` before the newest of their table: a store reads no clock, and a replay has its own."""
        if table.keep_days is not None:
            name = self._name(table)
            cursor.execute(
                f"DELETE FROM {name} WHERE time < (SELECT max(time) FROM {name}) - to_days({table.keep_days})"
            )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _without_zone(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        pl.col(name).dt.replace_time_zone(None) for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)
    )


def _remedy(path: Path, error: str) -> str:
    if "lock on file" in error:
        return (
            f"{path} is in use by another process: DuckDB serves one at a time. Ask the running station's page, "
            f"stop it, or keep this world in InfluxDB (--store influxdb://…). ({error})"
        )
    if "not a valid DuckDB" in error:
        return f"{path} is no DuckDB file: move it away or choose another --store. ({error})"
    if "conflict" in error.lower():
        return f"{path}: somebody else in this process wrote the same rows just now. ({error})"
    return f"{path} cannot be read or written: look at its rights and the free disk space (df -h). ({error})"
