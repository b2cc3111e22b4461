"""Rows for the tables' tests: a few by hand, many by formula."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from gateway.store import TABLES
from gateway.telemetry import COLUMNS

# Recent, because InfluxDB measures its retention from the real clock; whole seconds, as lamps send them.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def row(table: str, minutes: float, lamp: str = "fatoma-07", commune: str = "fatoma", **fields: Any) -> dict[str, Any]:
    """One row with null in every field that is not given."""
    blank: dict[str, Any] = dict.fromkeys(TABLES[table].schema)
    key = dict.fromkeys(TABLES[table].key, "")
    return {**blank, **key, "commune": commune, "lamp": lamp, "time": at(minutes), **fields}


def frame(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(TABLES[table].schema), orient="row")


def telemetry(lamps: int, samples: int, since: datetime = NOON, minutes: float = 15, seed: int = 0) -> pl.DataFrame:
    """Samples of lamps in communes of twenty, ordered by lamp as a gateway's batch is."""
    random = np.random.default_rng(seed)
    n = lamps * samples
    index = np.repeat(np.arange(lamps), samples)
    start, step = int(since.timestamp()) * 1_000_000, int(minutes * 60_000_000)
    time = np.tile(start + step * np.arange(samples), lamps)
    schema = TABLES["telemetry"].schema
    columns = {
        "commune": [f"commune-{i // 20:02d}" for i in index],
        "lamp": [f"lamp-{i:04d}" for i in index],
        "time": time,
        "sent": time + step,
        "dt": np.full(n, minutes * 60),
        "boot": np.ones(n),
        "seq": np.tile(np.arange(samples), lamps),
        **{name: random.integers(0, 15_000, n) for name in COLUMNS},
        "rssi": random.integers(-110, -60, n),
        "up": np.tile(np.arange(samples) * 900, lamps),
        "fw": ["1.4.2"] * n,
    }
    return pl.DataFrame(columns).select(pl.col(name).cast(kind) for name, kind in schema.items())
