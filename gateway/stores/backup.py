"""A world's tables as Parquet files, one per table, and back into any store: what leaves InfluxDB may enter DuckDB.

A folder holds `TABLE.parquet` for every table and `backup.json`, written last: without it the backup is not whole.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq

from gateway.store import TABLES, Store, Table, WriteRefused
from gateway.stores.frames import empty

FORMAT: Final = 1
MANIFEST: Final = "backup.json"
CHUNK_ROWS: Final = 50_000  # about 10 MB of telemetry in memory
FIRST_SPAN: Final = timedelta(days=1)
SHORTEST_SPAN: Final = timedelta(minutes=1)
LONGEST_SPAN: Final = timedelta(days=7)  # after a gap, a dense week still fits in memory

Progress = Callable[[str, int, float], None]
"""Called with the table, its rows so far, and the share of it done (0…1)."""


class BackupDamaged(Exception):
    """The folder is no whole backup; the message says what is wrong with which file. Nothing was restored from it."""


@dataclass
class Restored:
    """How many rows of each table went into the store, and which it refused for ever, in its words."""

    rows: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def quiet(table: str, rows: int, share: float) -> None:
    """Progress for nobody."""


def dump(store: Store, folder: Path, progress: Progress = quiet) -> dict[str, int]:
    """Writes all tables into the folder, which is made; returns the rows of each. Rows that come in meanwhile with a
    time before what was already read are not in it: back up again later, or stop the gateway.

    Raises FileExistsError when a backup is there already, StoreAway, and OSError when the disk is full.
    """
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} holds a backup already: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    for table in TABLES.values():
        path = folder / f"{table.name}.parquet"
        rows = _dump_table(store, table, path, progress)
        files[table.name] = {"rows": rows, "sha256": _digest(path)}
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps({"format": FORMAT, "tables": files}, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)
    return {name: file["rows"] for name, file in files.items()}


def restore(folder: Path, store: Store, progress: Progress = quiet) -> Restored:
    """Appends all rows of a backup to the store; rows with the same key and time are replaced, others stay.

    The whole backup is checked before the first row is written. Doing it again after an interruption is harmless.
    Raises BackupDamaged and StoreAway. Rows that the store refuses for ever (beyond its retention) are counted.
    """
    tables = _checked(folder)
    done = Restored()
    for name, expected in tables.items():
        table = TABLES[name]
        done.rows[name] = done.refused[name] = seen = 0
        with pq.ParquetFile(folder / f"{name}.parquet") as file:
            for batch in file.iter_batches(CHUNK_ROWS):
                rows = _as_table(table, pl.from_arrow(batch))
                refused = _append(store, name, rows, done.reasons)
                seen += len(rows)
                done.refused[name] += refused
                done.rows[name] += len(rows) - refused
                progress(name, seen, seen / expected)
        progress(name, seen, 1.0)
    return done


def _dump_table(store: Store, table: Table, path: Path, progress: Progress) -> int:
    schema = empty(table).to_arrow().schema
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece, share in _pieces(store, table):
            writer.write_table(piece.to_arrow().cast(schema))
            rows += len(piece)
            progress(table.name, rows, share)
    progress(table.name, rows, 1.0)
    return rows


def _pieces(store: Store, table: Table) -> Iterator[tuple[pl.DataFrame, float]]:
    """All rows in order of time, in pieces of about CHUNK_ROWS: spans of time that grow where rows are rare."""
    extent = store.extent(table.name)
    if extent is None:
        return
    first, last = extent
    since, span = first, FIRST_SPAN
    while since <= last:
        until = min(_later(since, span), _later(last, timedelta(microseconds=1)))
        piece = store.read(table.name, since, until)
        if len(piece) > CHUNK_ROWS and span > SHORTEST_SPAN:
            span = max(span / 2, SHORTEST_SPAN)
            continue
        if not piece.is_empty():
            yield piece, (until - first) / (_later(last, timedelta(microseconds=1)) - first)
        if len(piece) < CHUNK_ROWS // 4:
            span = min(span * 2, LONGEST_SPAN)
        since = until


def _later(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def _checked(folder: Path) -> dict[str, int]:
    """Rows per table of a whole backup. Tables that this version does not know are an error: they would be lost."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["tables"]
    except FileNotFoundError:
        raise BackupDamaged(f"{folder} holds no whole backup: {MANIFEST} is not there") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(f"{folder / MANIFEST} cannot be read: {error!r}") from None
    if version != FORMAT or not set(files) <= set(TABLES):
        raise BackupDamaged(f"{folder} is of another version of trezor (format {version}, tables {', '.join(files)})")
    for name, file in files.items():
        path = folder / f"{name}.parquet"
        if not path.exists() or _digest(path) != file["sha256"]:
            raise BackupDamaged(f"{path} {'was changed or is cut short' if path.exists() else 'is missing'}")
    return {name: file["rows"] for name, file in files.items()}


def _as_table(table: Table, rows: pl.DataFrame | pl.Series) -> pl.DataFrame:
    """Columns that an older backup lacks are null; those that only it has are gone."""
    assert isinstance(rows, pl.DataFrame)
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in table.schema.items()
    )


def _append(store: Store, table: str, rows: pl.DataFrame, reasons: list[str]) -> int:
    """How many of these rows, ordered by time, the store refuses; the others are in it.

    Refused are, as a rule, the rows that are too old. So: find by halves the newest refused row, and when samples of
    what is before it are refused as well, so is all of it; otherwise look there again.
    """
    try:
        store.append(table, rows)
        return 0
    except WriteRefused as error:
        reasons.append(f"{table}: {error}")
    bad, good = 0, len(rows)  # rows[bad:] is refused, rows[good:] is in the store
    while good - bad > 1:
        middle = (bad + good) // 2
        if _taken(store, table, rows[middle:good]):
            good = middle
        else:
            bad = middle
    older = rows[:bad]
    if not any(_taken(store, table, older[i : i + 1]) for i in {0, bad // 2, bad - 1} if bad):
        return bad + 1
    return 1 + _append(store, table, older, reasons)


def _taken(store: Store, table: str, rows: pl.DataFrame) -> bool:
    try:
        store.append(table, rows)
    except WriteRefused:
        return False
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
