"""Where the tables are kept: one URL chooses among memory, DuckDB and InfluxDB."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.store import Store
from gateway.stores.duckdb import DuckDBStore
from gateway.stores.influx import InfluxStore
from gateway.stores.influx_http import SCHEMES, Address, without_secrets
from gateway.stores.memory import MemoryStore
from gateway.topic import check_part

FILE: Final = "duckdb:///"
EXPECTED: Final = (
    "expected memory:, duckdb:///FILE (four slashes for an absolute path) or influxdb[s]://TOKEN@HOST:PORT/ORG"
)


def open_store(url: str, world: str) -> Store:
    """The tables of one world. `{world}` in the URL is filled in; close the store after use.

    `memory:` is a new, empty store every time. `duckdb:///var/{world}.duckdb` is relative to where the process runs; a
    missing folder is made. `influxdb[s]://…` is read by `gateway.stores.influx_http.Address`; its server may be away.

    Raises ValueError that says what was expected, and StoreAway when a DuckDB file cannot be opened.
    """
    check_part("world", world)
    filled = url.replace("{world}", world)
    scheme = urlsplit(filled).scheme
    if filled == "memory:":
        return MemoryStore()
    if filled.startswith(FILE) and not filled.endswith("/"):
        return DuckDBStore(Path(filled.removeprefix(FILE)), world)
    if scheme in SCHEMES:
        return InfluxStore(Address.parse(filled), world)
    raise ValueError(f"store {without_secrets(filled)!r}: {EXPECTED}")
