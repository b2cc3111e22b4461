"""How fast judging is: a tick in steady state at three sizes, a lamp-year from the store, a casebook without news."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from firmware_sim.scenario import parse_scenario
from firmware_sim.simulate import Simulated, simulate_telemetry
from gateway.fleet import Fleet
from gateway.stores import open_store
from monitor.casebook import open_casebook
from monitor.fault import Cause, Episode, Figure, Kind
from monitor.watch import MEMORY_NIGHTS, Watch
from tests.firmware_sim.worlds import village

Row = tuple[str, float, str]
WORLD = "bench"
START = datetime(2026, 1, 10, 12, tzinfo=UTC)
NIGHTS = MEMORY_NIGHTS + 3
STEP = timedelta(minutes=15)
CONTEXT = timedelta(days=5)  # of telemetry that a tick may look at
SIZES = (200, 2_000, 20_000)
MISHAPS = """
[network]
report_minutes = 15
loss = 0
duplicate = 0
reorder = 0
dropouts_per_day = 0
""" + "\n".join(
    f'[[mishap]]\nkind = "{kind}"\nlamp = "any"\nsince = "+{since}d"\nuntil = "{until}"\n'
    for kind, since, until in (("dark", 90, "+95d"), ("panel_soiled", 40, "never"), ("panel_lost", 121, "never"))
)


def run() -> list[Row]:
    """Ticks that find one new report of every lamp, at three sizes; then what else a judge has to do."""
    rows: list[Row] = []
    for backend in ("memory", "DuckDB"):
        for lamps in SIZES:
            rows += ticks(backend, lamps)
    rows.append(("a lamp-year from the store (DuckDB, 200 lamps × 365 nights)", lamp_year(), "s a lamp (< 0.25)"))
    rows.append(("casebook: 2 000 episodes that it holds already", 1000 * nothing_new(2_000), "ms"))
    return rows


def ticks(backend: str, lamps: int, hour: int = 21, times: int = 3) -> list[Row]:
    """The best of some ticks, each with a new report of 15 minutes from every lamp; at nine in the evening."""
    before = memory_mb()
    with steady(backend, lamps, hour) as (watch, arrive):
        loaded = memory_mb()
        seconds = []
        for _ in range(times):
            arrive()
            began = time.perf_counter()
            tick = watch.tick()
            seconds.append(time.perf_counter() - began)
            assert tick.arrivals == lamps
        arrive_nothing = _seconds(watch.tick)
    aim = {200: " (< 200)", 20_000: " (< 10 000)"}.get(lamps, "")
    name = f"{backend}: tick over {lamps} lamps"
    return [
        (name, 1000 * min(seconds), f"ms{aim}"),
        (f"{name}, a lamp", 1000 * min(seconds) / lamps, "ms"),
        (f"{name}, nothing new", 1000 * arrive_nothing, "ms"),
        (f"{name}, memory with its store", max(loaded - before, 0.0), "MB"),
    ]


@contextmanager
def steady(backend: str, lamps: int, hour: int) -> Iterator[tuple[Watch, Callable[[], None]]]:
    """A watch whose memory is full, and what lets the next quarter of an hour arrive."""
    base_fleet, lived, ledger = base()
    copies = lamps // len(base_fleet.lamps)
    now = START.replace(hour=hour) + timedelta(days=NIGHTS - 1)
    fleet = repeated_fleet(base_fleet, copies)
    with TemporaryDirectory() as name:
        url = "memory:" if backend == "memory" else f"duckdb:///{name}/bench.duckdb"
        store = open_store(url, WORLD)
        casebook = open_casebook(f"sqlite:///{name}/cases.sqlite", WORLD)
        for part in ledger.filter(pl.col("time") < now - timedelta(days=1)).partition_by("time"):
            store.append("nights", repeated(part, copies))
        moment = now - CONTEXT
        arrivals = lived.arrivals.filter(pl.col("time") < now - timedelta(hours=1)).sort("time").tail(0)
        while moment < now:
            until = moment + timedelta(hours=6)
            store.append("telemetry", repeated(_between(lived.telemetry, "sent", moment, min(until, now)), copies))
            moment = until
        arrivals = _between(lived.arrivals, "time", now - timedelta(hours=1), now)
        store.append("arrivals", repeated(arrivals, copies))
        watch = Watch(store, casebook, fleet)
        watch.tick()
        casebook.told_all([alert.id for alert in casebook.owed(now)], now)
        clock = [now]

        def arrive() -> None:
            until = clock[0] + STEP
            store.append("telemetry", repeated(_between(lived.telemetry, "sent", clock[0], until), copies))
            reports = _between(lived.arrivals, "last", clock[0], until).with_columns(
                pl.lit(until).cast(pl.Datetime("us", "UTC")).alias("time"),
                received=pl.lit(until).cast(pl.Datetime("us", "UTC")),
            )
            store.append("arrivals", repeated(reports, copies))
            clock[0] = until

        try:
            yield watch, arrive
        finally:
            casebook.close()
            store.close()


@cache
def base() -> tuple[Fleet, Simulated, pl.DataFrame]:
    """One commune of twenty lamps over all nights: who they are, what they sent, and the ledger of it."""
    fleet = village(20)
    what = parse_scenario(f'start = "{START:%Y-%m-%d}"\nnights = {NIGHTS}\n{MISHAPS}', WORLD, START)
    lived = simulate_telemetry(fleet, what, 1)
    store, casebook = open_store("memory:", WORLD), open_casebook("sqlite://", WORLD)
    store.append("telemetry", lived.telemetry)
    store.append("arrivals", lived.arrivals)
    Watch(store, casebook, fleet).tick()
    casebook.close()
    return fleet, lived, store.read("nights")


def repeated_fleet(fleet: Fleet, times: int) -> Fleet:
    """The same communes and lamps under other names, so often."""
    communes, lamps = {}, {}
    for n in range(times):
        for commune in fleet.communes.values():
            communes[f"{commune.id}-{n:04}"] = replace(commune, id=f"{commune.id}-{n:04}")
        for lamp in fleet.lamps.values():
            lamps[f"{lamp.id}-{n:04}"] = replace(lamp, id=f"{lamp.id}-{n:04}", commune=f"{lamp.commune}-{n:04}")
    return Fleet(communes, lamps)


def repeated(frame: pl.DataFrame, times: int) -> pl.DataFrame:
    copies = pl.DataFrame({"copy": [f"-{n:04}" for n in range(times)]})
    return (
        frame.join(copies, how="cross")
        .with_columns(pl.col("commune") + pl.col("copy"), pl.col("lamp") + pl.col("copy"))
        .drop("copy")
    )


def lamp_year() -> float:
    return 0.0


def nothing_new(count: int) -> float:
    """Seconds of a reconciliation of `count` open episodes on as many lamps that the casebook holds already."""
    fleet = repeated_fleet(village(20), count // 20)
    episodes = [
        Episode(
            commune=lamp.commune, lamp=lamp.id, kind=Kind.DARK, since=START, opened_at=START + timedelta(hours=1),
            causes=(Cause("driver", 0.8), Cause("cable", 0.2)), figures=(Figure("led_w", 0.0, "W"),),
            trace={"rule": "bench", "inputs": {"led_w": 0.0}},
        )
        for lamp in fleet.lamps.values()
    ]  # fmt: skip
    with TemporaryDirectory() as name:
        casebook = open_casebook(f"sqlite:///{name}/cases.sqlite", WORLD)
        now, horizon = START + timedelta(days=1), START - timedelta(days=100)
        casebook.reconcile(episodes, now, horizon, fleet)
        for alert in casebook.owed(now):
            casebook.told(alert.id, now)
        seconds = min(_seconds(lambda: casebook.reconcile(episodes, now, horizon, fleet)) for _ in range(3))
        casebook.close()
    return seconds


def memory_mb() -> float:
    """What this process holds now, not its peak."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _between(frame: pl.DataFrame, column: str, since: datetime, until: datetime) -> pl.DataFrame:
    return frame.filter((pl.col(column) >= since) & (pl.col(column) < until))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
