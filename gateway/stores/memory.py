"""The store's contract in one screen: frames in a dictionary, gone with the process. For tests and trials."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from threading import Lock

import polars as pl

from gateway.store import Table
from gateway.stores.frames import chosen, conform, empty, table_of, utc


class MemoryStore:
    """Implements `gateway.store.Store`; "durable" means for as long as this object lives."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sorted: dict[str, pl.DataFrame] = {}
        self._new: dict[str, list[pl.DataFrame]] = {}

    def append(self, table: str, frame: pl.DataFrame) -> None:
        rows = conform(table_of(table), frame)
        with self._lock:
            self._new.setdefault(table, []).append(rows)

    def read(
        self,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        lamps: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        names = chosen(table_of(table), columns)
        rows = self._rows(table)
        first = 0 if since is None else bisect_left(rows["time"], utc(since))
        end = len(rows) if until is None else bisect_left(rows["time"], utc(until))
        rows = rows.slice(first, max(0, end - first))
        if lamps is not None:
            rows = rows.filter(pl.col("lamp").is_in(list(lamps)))
        return rows.select(names)

    def latest(self, table: str) -> pl.DataFrame:
        key = table_of(table).key
        return self._rows(table).unique(subset=key, keep="last", maintain_order=True).sort(key)

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        rows = self._rows(table)
        return (rows["time"][0], rows["time"][-1]) if len(rows) else None

    def drop(self) -> None:
        with self._lock:
            self._sorted.clear()
            self._new.clear()

    def close(self) -> None:
        """Nothing to release."""

    def _rows(self, name: str) -> pl.DataFrame:
        """All rows in order. New ones are merged when somebody looks: many appends between two reads cost one sort."""
        table = table_of(name)
        with self._lock:
            rows = self._sorted.get(name, empty(table))
            if new := self._new.pop(name, None):
                rows = _merged(table, rows, new)
                self._sorted[name] = rows
            return rows


def _merged(table: Table, rows: pl.DataFrame, new: list[pl.DataFrame]) -> pl.DataFrame:
    # Rows before the oldest new one stay as they are: live data touch only the tail.
    oldest = min(frame["time"][0] for frame in new if len(frame)) if any(len(frame) for frame in new) else None
    if oldest is None:
        return rows
    cut = bisect_left(rows["time"], oldest)
    name_of_row = ("time", *table.key)
    tail = pl.concat([rows.slice(cut), *new]).unique(subset=name_of_row, keep="last", maintain_order=True)
    return pl.concat([rows.slice(0, cut), tail.sort(name_of_row)])
