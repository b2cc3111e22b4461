"""Samples as a plant gives them, made without physics: the radio does not care what the numbers mean."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from firmware_sim.radio import Chunk
from gateway.telemetry import TIME

NO_EVENTS = pl.DataFrame(schema={"lamp": pl.String, "time": TIME, "true_time": TIME, "event": pl.String})


START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def fleet(communes: int = 2, each: int = 3) -> dict[str, str]:
    """Commune by lamp."""
    names = ("fatoma", "konna", "sio", "soye", "socoura", "kounari", "dialloube", "korombana", "ouro-modi", "bassirou")
    return {f"{name}-{nth:02d}": name for name in names[:communes] for nth in range(1, each + 1)}


def frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows with their missing columns filled in and the plant's types."""
    usual: dict[str, object] = {
        "commune": "fatoma", "lamp": "fatoma-01", "dt": 900, "boot": 1, "pv_mv": 18_000, "pv_ma": 3_000,
        "bat_mv": 13_300, "bat_ma": -2_300, "bat_dc": 305, "soc": 80, "led_mw": 0, "level": 0, "target": 0,
        "rssi": -80, "up": 100, "fw": "1.4.2",
    }  # fmt: skip
    full = [{**usual, "true_time": row["time"], **row} for row in rows]
    types = {name: pl.Int32 for name in usual if name not in ("commune", "lamp", "fw")}
    schema = {"commune": pl.String, "lamp": pl.String, "time": TIME, "true_time": TIME, **types, "fw": pl.String}
    return pl.DataFrame(full, schema=schema, orient="row").select(
        "commune", "lamp", "time", "true_time", "dt", "boot", *list(types)[2:-2], "rssi", "up", "fw"
    )


def days(
    lamps: Mapping[str, str], count: int, *, dt: int = 900, start: datetime = START, seed: int = 0, hours: int = 24
) -> Iterator[Chunk]:
    """A chunk for each stretch of `hours`: every lamp every `dt` seconds, numbers drawn from the seed."""
    rng = np.random.default_rng(seed)
    steps = hours * 3600 // dt
    for nth in range(count):
        begin = start + timedelta(hours=hours * nth)
        times = [begin + timedelta(seconds=dt * step) for step in range(steps)]
        size = steps * len(lamps)
        light = np.array([time.hour < 6 or time.hour >= 18 for time in times])
        night = np.tile(light, len(lamps))
        columns = {
            "commune": np.repeat(list(lamps.values()), steps).tolist(),
            "lamp": np.repeat(list(lamps), steps).tolist(),
            "time": times * len(lamps),
            "true_time": times * len(lamps),
            "dt": [dt] * size,
            "boot": [3] * size,
            "pv_mv": np.where(night, 0, rng.integers(17_000, 19_000, size)),
            "pv_ma": np.where(night, 0, rng.integers(0, 5_200, size)),
            "bat_mv": rng.integers(12_900, 14_300, size),
            "bat_ma": np.where(night, rng.integers(-2_600, -700, size), rng.integers(0, 5_500, size)),
            "bat_dc": rng.integers(220, 430, size),
            "soc": rng.integers(35, 100, size),
            "led_mw": np.where(night, rng.integers(9_000, 30_500, size), 0),
            "level": np.where(night, 100, 0),
            "target": np.where(night, 100, 0),
            "rssi": rng.integers(-105, -60, size),
            "up": rng.integers(1_000, 100_000, size),
            "fw": ["1.4.2"] * size,
        }
        numbers = [name for name in columns if name not in ("commune", "lamp", "time", "true_time", "fw")]
        made = pl.DataFrame(columns).with_columns(
            pl.col("time", "true_time").cast(TIME), pl.col(numbers).cast(pl.Int32)
        )
        yield Chunk(made, NO_EVENTS, begin + timedelta(hours=hours))
