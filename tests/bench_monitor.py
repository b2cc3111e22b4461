"""How fast judging is: ticks in steady state at growing sizes, a lamp-year from the store, a casebook without news.

Beside the time by the clock stands that of the processors, which other work on the machine inflates far less.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from firmware_sim.scenario import parse_scenario
from firmware_sim.simulate import simulate_telemetry
from gateway.fleet import Fleet
from gateway.store import ARRIVALS, Store
from gateway.stores import open_store
from monitor.casebook import Casebook, open_casebook
from monitor.fault import Cause, Episode, Figure, Kind
from monitor.watch import MEMORY_NIGHTS, Watch
from tests.firmware_sim.worlds import village

Row = tuple[str, float, str]
WORLD = "bench"
START = datetime(2026, 1, 10, 12, tzinfo=UTC)
NIGHTS = 365
LATER = timedelta(days=NIGHTS - MEMORY_NIGHTS - 3)  # the nights before it are of no use to a tick
STEP = timedelta(minutes=15)
CONTEXT = timedelta(days=3)  # of telemetry that a tick may look at
SIZES = {"memory": (200, 2_000, 20_000), "DuckDB": (200, 2_000)}
TIMES = {200: 5, 2_000: 3, 20_000: 1}  # ticks, of which the best counts
AIMS = {200: " (< 0.2)", 20_000: " (< 10)"}
YEAR_LAMPS = 200
QUARTERS = 4  # a watch remembers MEMORY_NIGHTS: who lets it judge a whole year lets it come in shorter parts
MISHAPS = """
[network]
report_minutes = 360
loss = 0
duplicate = 0
reorder = 0
dropouts_per_day = 0
""" + "\n".join(
    f'[[mishap]]\nkind = "{kind}"\nlamp = "any"\nsince = "+{since}d"\nuntil = "{until}"\n'
    for kind, since, until in (("dark", 332, "+337d"), ("panel_soiled", 282, "never"), ("panel_lost", 363, "never"))
)


class Commune(NamedTuple):
    """Twenty lamps over a year: who they are, what they sent every six hours, and the ledger of the last nights."""

    fleet: Fleet
    telemetry: pl.DataFrame
    arrivals: pl.DataFrame
    ledger: pl.DataFrame


class Took(NamedTuple):
    wall: float
    cpu: float


def run() -> list[Row]:
    """Ticks that find one new report of every lamp, at all sizes; then what else a judge has to do."""
    _say("one commune's year is simulated and judged")
    commune = one_commune()
    rows: list[Row] = []
    for backend, sizes in SIZES.items():
        shares = []
        for lamps in sizes:
            _say(f"{backend}: {lamps} lamps")
            # A process of its own: what another size left behind would hide how much memory this one needs.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                found = alone.submit(ticks, commune, backend, lamps).result()
            shares.append(found[1][1] / lamps)
            rows += found
        for (fewer, less), (more, share) in pairwise(zip(sizes, shares, strict=True)):
            rows.append((f"{backend}: CPU a lamp, {more} over {fewer}", share / less, "×"))
    _say(f"{YEAR_LAMPS} lamps' year from DuckDB")
    rows += lamp_year(commune)
    rows.append(("casebook: 2000 episodes that it holds", nothing_new(2_000), "s"))
    return rows


def ticks(commune: Commune, backend: str, lamps: int) -> list[Row]:
    """The best of some ticks, each with a new report of 15 minutes from every lamp; at nine in the evening."""
    before = memory_mb("VmRSS")
    with steady(commune, backend, lamps) as (watch, arrive):
        first = took(watch.tick)
        each = []
        for _ in range(TIMES[lamps]):
            arrive()
            each.append(took(watch.tick))
        nothing = took(watch.tick)
        held = memory_mb("VmRSS")
    name = f"{backend}, {lamps} lamps"
    return [
        (f"{name}: tick", min(tick.wall for tick in each), f"s{AIMS.get(lamps, '')}"),
        (f"{name}: tick, CPU", min(tick.cpu for tick in each), "s"),
        (f"{name}: tick, nothing new", nothing.wall, "s"),
        (f"{name}: first tick after a start", first.wall, "s"),
        (f"{name}: memory" + (", store too" if backend == "memory" else ""), held - before, "MB"),
        (f"{name}: peak of the process", memory_mb("VmHWM"), "MB"),
    ]


@contextmanager
def steady(commune: Commune, backend: str, lamps: int) -> Iterator[tuple[Watch, Callable[[], None]]]:
    """A watch whose memory will be full after one tick, and what lets the next quarter of an hour arrive."""
    copies = lamps // len(commune.fleet.lamps)
    fleet = repeated_fleet(commune.fleet, copies)
    now = START.replace(hour=21) + timedelta(days=NIGHTS - 1)
    # As if each sample had been a report of its own.
    telemetry = commune.telemetry.with_columns(sent=pl.col("time") + pl.duration(seconds="dt"))
    with opened(backend) as (store, casebook):
        for part in commune.ledger.filter(pl.col("time") < now - timedelta(days=1)).partition_by("time"):
            store.append("nights", repeated(part, copies))
        for hours in range(0, int(CONTEXT.total_seconds()) // 3600, 6):
            since = now - CONTEXT + timedelta(hours=hours)
            store.append("telemetry", repeated(_between(telemetry, "sent", since, since + timedelta(hours=6)), copies))
        store.append("arrivals", repeated(reports(_between(telemetry, "sent", now - STEP, now), now), copies))
        clock = [now]

        def arrive() -> None:
            casebook.told_all([alert.id for alert in casebook.owed(clock[0])], clock[0])
            since, clock[0] = clock[0], clock[0] + STEP
            samples = _between(telemetry, "sent", since, clock[0])
            store.append("telemetry", repeated(samples, copies))
            store.append("arrivals", repeated(reports(samples, clock[0]), copies))

        yield Watch(store, casebook, fleet), arrive


@contextmanager
def opened(backend: str) -> Iterator[tuple[Store, Casebook]]:
    """An empty store, and a casebook in a file."""
    with TemporaryDirectory() as folder:
        store = open_store("memory:" if backend == "memory" else f"duckdb:///{folder}/bench.duckdb", WORLD)
        casebook = open_casebook(f"sqlite:///{folder}/cases.sqlite", WORLD)
        try:
            yield store, casebook
        finally:
            casebook.close()
            store.close()


def lamp_year(commune: Commune) -> list[Row]:
    """A year of 200 lamps lies in the store; a new watch hears of it, quarter after quarter."""
    copies = YEAR_LAMPS // len(commune.fleet.lamps)
    with opened("DuckDB") as (store, casebook):
        for week in range(-1, NIGHTS // 7 + 2):
            since = START + timedelta(weeks=week)
            samples = _between(commune.telemetry, "time", since, since + timedelta(weeks=1))
            store.append("telemetry", repeated(samples, copies))
        before = memory_mb("VmRSS")
        watch = Watch(store, casebook, repeated_fleet(commune.fleet, copies))
        edges = [START + timedelta(days=NIGHTS + 2) * n / QUARTERS for n in range(QUARTERS + 1)]
        each = []
        for since, until in pairwise(edges):
            store.append("arrivals", repeated(_between(commune.arrivals, "time", since, until), copies))
            each.append(took(watch.tick))
            _say(f"a quarter in {each[-1].wall:.0f} s")
        nights = store.read("nights", columns=["time"]).height
        memory = memory_mb("VmRSS") - before
    name = f"DuckDB, a lamp-year ({nights // YEAR_LAMPS} nights)"
    wall, cpu = (sum(seconds) / YEAR_LAMPS for seconds in zip(*each, strict=True))
    return [(name, wall, "s a lamp (< 0.25)"), (f"{name}, CPU", cpu, "s a lamp"), (f"{name}, memory", memory, "MB")]


def one_commune() -> Commune:
    fleet = village(20)
    what = parse_scenario(f'start = "{START:%Y-%m-%d}"\nnights = {NIGHTS}\n{MISHAPS}', WORLD, START)
    lived = simulate_telemetry(fleet, what, 1)
    with opened("memory") as (store, casebook):
        store.append("telemetry", lived.telemetry.filter(pl.col("time") >= START + LATER))
        store.append("arrivals", lived.arrivals.filter(pl.col("first") >= START + LATER))
        Watch(store, casebook, fleet).tick()
        return Commune(fleet, lived.telemetry, lived.arrivals, store.read("nights"))


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
    named = frame.join(copies, how="cross").with_columns(pl.col("commune", "lamp") + pl.col("copy"))
    return named.drop("copy")


def reports(samples: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Rows of the table `arrivals`: these samples, each in a report that came at that moment."""
    come = samples.with_columns(first=pl.col("time"), last=pl.col("time"), samples=pl.lit(1), bytes=pl.lit(150))
    return come.with_columns(pl.lit(at).alias("time"), received=pl.lit(at)).select(
        pl.col(name).cast(kind) for name, kind in ARRIVALS.schema.items()
    )


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
    with opened("memory") as (_, casebook):
        now, horizon = START + timedelta(days=1), START - timedelta(days=100)
        casebook.reconcile(episodes, now, horizon, fleet)
        casebook.told_all([alert.id for alert in casebook.owed(now)], now)
        seconds = min(took(lambda: casebook.reconcile(episodes, now, horizon, fleet)).wall for _ in range(3))
    return seconds


def memory_mb(what: str) -> float:
    """VmRSS: what this process holds now; VmHWM: what it held at most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


def took(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def _between(frame: pl.DataFrame, column: str, since: datetime, until: datetime) -> pl.DataFrame:
    return frame.filter((pl.col(column) >= since) & (pl.col(column) < until))


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")
