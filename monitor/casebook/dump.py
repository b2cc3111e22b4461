"""A world's casebook as lines of JSON, one file per table, and back into any database: what leaves SQLite may enter
PostgreSQL.

A folder holds `TABLE.jsonl` for every table and `casebook.json`, written last: without it the dump is not whole.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, LargeBinary, Table, insert, select

from monitor.casebook.book import Casebook
from monitor.casebook.schema import TABLES, UtcTime

FORMAT: Final = 1
MANIFEST: Final = "casebook.json"
CHUNK: Final = 1_000  # rows


class DumpDamaged(Exception):
    """The folder is no whole dump; the message says what is wrong. Nothing was restored from it."""


class WorldThere(Exception):
    """The casebook holds this world already, and stays as it is."""


def dump(casebook: Casebook, folder: Path) -> dict[str, int]:
    """Writes the world's rows into the folder, which is made; returns how many of each table. One moment's state, also
    while a monitor is at work. Raises FileExistsError when a dump is there already, OSError when the disk is full.
    """
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} holds a casebook already: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)

    def work(connection: Connection) -> dict[str, int]:
        if connection.dialect.name == "postgresql":  # SQLite's transactions see one moment by themselves
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return {table.name: _dump_table(connection, casebook.world, table, _file(folder, table)) for table in TABLES}

    rows = casebook.transactions.read(work)
    files = {table.name: {"rows": rows[table.name], "sha256": _digest(_file(folder, table))} for table in TABLES}
    unfinished = folder / f"{MANIFEST}.part"
    manifest = {"format": FORMAT, "world": casebook.world, "tables": files}
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)
    return rows


def restore(folder: Path, casebook: Casebook) -> dict[str, int]:
    """Puts a dump into the casebook's world, all of it or nothing; returns the rows of each table.

    The world may be another one than it was. Raises DumpDamaged and WorldThere.
    """
    check(folder)

    def work(connection: Connection) -> dict[str, int]:
        if _holds(connection, casebook.world):
            raise WorldThere(f"the casebook holds world {casebook.world} already")
        return {
            table.name: _restore_table(connection, casebook.world, table, _file(folder, table))
            for table in reversed(TABLES)  # what others refer to first
        }

    return casebook.transactions.write(work)


def check(folder: Path) -> None:
    """Raises DumpDamaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["tables"]
    except FileNotFoundError:
        raise DumpDamaged(f"{folder} holds no whole casebook: {MANIFEST} is not there") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DumpDamaged(f"{folder / MANIFEST} cannot be read: {error!r}") from None
    if version != FORMAT or set(files) != {table.name for table in TABLES}:
        raise DumpDamaged(f"{folder} is of another version of trezor (format {version}, tables {', '.join(files)})")
    for table in TABLES:
        path = _file(folder, table)
        if not path.exists() or _digest(path) != files[table.name]["sha256"]:
            raise DumpDamaged(f"{path} {'was changed or is cut short' if path.exists() else 'is missing'}")


def is_empty(casebook: Casebook) -> bool:
    """Whether nothing is known of this world."""
    return not casebook.transactions.read(lambda connection: _holds(connection, casebook.world))


def _holds(connection: Connection, world: str) -> bool:
    return any(
        connection.execute(select(table.c.world).where(table.c.world == world).limit(1)).first() for table in TABLES
    )


def _dump_table(connection: Connection, world: str, table: Table, path: Path) -> int:
    columns = [column for column in table.columns if column.name != "world"]
    query = select(*columns).where(table.c.world == world).order_by(*table.primary_key.columns)
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        for row in connection.execution_options(yield_per=CHUNK).execute(query).mappings():
            values = {name: _plain(value) for name, value in row.items()}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
            rows += 1
    return rows


def _restore_table(connection: Connection, world: str, table: Table, path: Path) -> int:
    rows = 0
    for chunk in _chunks(path):
        values = [{"world": world, **_typed(table, row, path)} for row in chunk]
        connection.execute(insert(table), values)
        rows += len(chunk)
    return rows


def _chunks(path: Path) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            chunk.append(json.loads(line))
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _typed(table: Table, row: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A column that an older dump lacks is null; one that only the dump has would be lost, and is an error."""
    strange = set(row) - set(table.columns.keys())
    if strange:
        raise DumpDamaged(f"{path} was written by a newer version of trezor: it has {', '.join(sorted(strange))}")
    return {column.name: _value(column, row.get(column.name)) for column in table.columns if column.name != "world"}


def _value(column: "Column[Any]", value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcTime):
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if isinstance(column.type, LargeBinary) else value


def _file(folder: Path, table: Table) -> Path:
    return folder / f"{table.name}.jsonl"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
