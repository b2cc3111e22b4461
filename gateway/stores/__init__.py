"""Where the tables are kept: one URL chooses among memory, DuckDB and InfluxDB."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.store import Store
from gateway.stores.duckdb import DuckDBStore
from gateway.stores.memory import MemoryStore
from gateway.topic import check_part

EXPECTED: Final = (
    "expected memory:, duckdb:///FILE (four slashes for an absolute path) or influxdb[s]://TOKEN@HOST:PORT/ORG"
)


def open_store(url: str, world: str) -> Store:
    """The tables of one world. `{world}` in the URL is filled in; close the store after use.

    `memory:` is a new, empty store every time. `duckdb:///var/{world}.duckdb` is relative to where the process runs; a
    missing folder is made.

    Raises ValueError that says what was expected, and StoreAway when a DuckDB file cannot be opened.
    """
    check_part("world", world)
    filled = url.replace("{world}", world)
    parts = urlsplit(filled)
    match parts.scheme:
        case "memory" if filled == "memory:":
            return MemoryStore()
        case "duckdb" if filled.startswith("duckdb:///") and not filled.endswith("/"):
            return DuckDBStore(Path(filled.removeprefix("duckdb:///")), world)
    raise ValueError(f"store {_without_secrets(filled)!r}: {EXPECTED}")


def _without_secrets(url: str) -> str:
    scheme, at, rest = url.rpartition("@")
    return f"{scheme.split('://')[0]}://…@{rest}" if at else rest
