"""How fast the stores are: appends as a gateway's batches, reads as the monitor's and the pages'."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.store import Store
from gateway.stores import open_store
from tests.gateway.store_rows import NOON, telemetry
from tests.influx_server import INFLUXD, NGINX, Influx

LAMPS, SAMPLES = 200, 96
Figure = tuple[str, float, str]


def run() -> list[Figure]:
    """(name, figure, unit) for every backend that is installed here."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        figures = measure("memory", "memory:", nights=30)
        figures += measure("DuckDB", f"duckdb:///{folder}/bench.duckdb", nights=365)
        figures.append(("DuckDB: file of 200 lamps × 365 nights", (folder / "bench.duckdb").stat().st_size / 1e6, "MB"))
        if INFLUXD and NGINX:
            server = Influx(folder).start()
            try:
                figures += measure("InfluxDB 1.6", server.url, nights=20)
            finally:
                server.stop()
    return figures


def measure(backend: str, url: str, nights: int) -> list[Figure]:
    store = open_store(url, "bench")
    first = NOON - timedelta(days=nights)
    append_s, rows = 0.0, 0
    for night in range(nights):
        batch = telemetry(LAMPS, SAMPLES, since=first + timedelta(days=night), seed=night)
        append_s += seconds(lambda batch=batch: store.append("telemetry", batch))
        rows += len(batch)
    small = [telemetry(LAMPS, 1, since=NOON + timedelta(minutes=i)) for i in range(20)]
    small_s = seconds(lambda: [store.append("telemetry", batch) for batch in small]) / len(small)
    figures = [
        (f"{backend}: append, batches of {LAMPS * SAMPLES}", rows / append_s, "rows/s"),
        (f"{backend}: append, one batch of {LAMPS} rows", small_s * 1000, "ms"),
        *[(f"{backend}, {rows / 1e6:.1f} M rows: {what}", s * 1000, "ms") for what, s in reads(store)],
    ]
    whole_s = seconds(lambda: store.read("telemetry", first, first + timedelta(days=min(nights, 60))))
    figures.append((f"{backend}: read whole rows", min(nights, 60) * LAMPS * SAMPLES / whole_s, "rows/s"))
    store.close()
    return figures


def reads(store: Store) -> list[tuple[str, float]]:
    """What a tick, a lamp's page and a commune's month ask for."""
    asked: dict[str, Callable[[], object]] = {
        "last six hours": lambda: store.read("telemetry", NOON - timedelta(hours=6)),
        "one commune, 20 days, 3 columns": lambda: store.read(
            "telemetry",
            NOON - timedelta(days=20),
            lamps=[f"lamp-{i:04d}" for i in range(20)],
            columns=["time", "pv_mv", "bat_mv"],
        ),
        "latest of every lamp": lambda: store.latest("telemetry"),
        "extent": lambda: store.extent("telemetry"),
    }
    return [(what, min(seconds(ask) for _ in range(3))) for what, ask in asked.items()]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
