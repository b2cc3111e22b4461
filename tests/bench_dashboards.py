"""How long Grafana waits for the queries of the dashboards: 200 lamps, a year on the screen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from dashboards.catalogue import dashboards
from dashboards.view import View
from gateway.fleet import Fleet, parse_fleet
from gateway.store import Store
from gateway.stores import open_store
from tests.dashboards import rows
from tests.dashboards.as_grafana import Screen, ask, asked
from tests.influx_server import INFLUXD, NGINX, Influx

WORLD = "bench"
SLOWEST = 5
Figure = tuple[str, float, str]


def run() -> list[Figure]:
    """(name, figure, unit) of a plain count, of the slowest queries, and of all; nothing where there is no InfluxDB."""
    if not (INFLUXD and NGINX):
        return []
    fleet = parse_fleet(Path("fleet.toml").read_text(encoding="utf-8"))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    year = rows.World(today - timedelta(days=365), tuple(fleet.communes), 20, 365, report=timedelta(minutes=15))
    with TemporaryDirectory() as name:
        server = Influx(Path(name)).start()
        store = open_store(server.url, WORLD)
        try:
            fill(store, year)
            return measure(server.http_url, year, fleet)
        finally:
            store.close()
            server.stop()


def fill(store: Store, year: rows.World) -> None:
    """What the queries look at is there in full: a year of nights and cases of 200 lamps, a year of a commune's samples
    every 15 minutes, a month of everybody's samples and of a report every 15 minutes.
    """
    commune = replace(year, communes=year.communes[:1])
    for table in ("nights", "faults", "status", "events", "quarantine", "lost"):
        store.append(table, getattr(rows, table)(year))
    for first in range(0, 365, 30):
        store.append("telemetry", rows.telemetry(commune, first, min(30, 365 - first)))
    for first in range(365 - 32, 365, 8):
        samples = rows.telemetry(year, first, 8)
        store.append("telemetry", samples)
        store.append("arrivals", rows.arrivals(samples))


def measure(url: str, year: rows.World, fleet: Fleet) -> list[Figure]:
    screen = Screen(year.start, year.end, year.communes[0], year.dark_lamp)
    took = {}
    for query in asked(dashboards(View((WORLD,), "fr", "http://page", fleet))):
        database, text = WORLD if query.source == "world" else f"{WORLD}_kept", screen.fill_in(query.text)
        took[str(query), text] = seconds(lambda database=database, text=text: ask(url, database, text))
    plain = seconds(lambda: ask(url, WORLD, 'SELECT count("seq") FROM "arrivals"'))
    slowest = sorted(took.items(), key=lambda one: -one[1])[:SLOWEST]
    return [
        ("Grafana: a plain count of a month's reports", plain * 1000, "ms"),
        *[(f"Grafana: {query}", s * 1000, "ms") for (query, _), s in slowest],
        (f"Grafana: all {len(took)} queries, one after the other", sum(took.values()), "s"),
    ]


def seconds(work: Callable[[], object]) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times)
