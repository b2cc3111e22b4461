"""Every query of every dashboard against the real InfluxDB, filled through the real store, asked as Grafana asks."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards.catalogue import dashboards
from dashboards.queries import DARK, LIT, UNKNOWN
from dashboards.view import View
from gateway.fleet import Fleet, parse_fleet
from gateway.stores import open_store
from tests.dashboards import rows
from tests.dashboards.as_grafana import Asked, Screen, as_rows, ask, asked
from tests.influx_server import Influx

pytestmark = pytest.mark.influxdb

# How often a query may go over the rows that it shows: once for each field that it reads, of the large tables few.
FIELDS = {"telemetry": 2, "arrivals": 3}
MOST_FIELDS = 8
NIGHT = timedelta(hours=31)  # after its date, a night has ended and been told


@dataclass(frozen=True)
class Filled:
    """A world in the real server, and how Grafana is asked for it."""

    influx: Influx
    name: str
    world: rows.World
    screen: Screen

    def ask(self, query: Asked) -> list[dict[str, Any]]:
        return as_rows(self._answer(query, self.screen.fill_in(query.text)))

    def values_read(self, query: Asked) -> int:
        """How many values its plan reads. Asked right after filling: they are still in the server's memory, where it
        counts each.
        """
        plan = str(self._answer(query, f"EXPLAIN {self.screen.fill_in(query.text)}"))
        assert set(re.findall(r"NUMBER OF BLOCKS: (\d+)", plan)) == {"0"}
        return sum(map(int, re.findall(r"CACHED VALUES: (\d+)", plan)))

    def _answer(self, query: Asked, text: str) -> list[dict[str, Any]]:
        database = self.name if query.source == "world" else f"{self.name}_kept"
        return ask(self.influx.http_url, database, text)

    def panel(self, board: str, title: str, nth: int = 0) -> list[dict[str, Any]]:
        found = [query for query in queries(self.world) if query.board == f"trezor-{board}" and query.panel == title]
        return self.ask(found[nth])


def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def fleet_of(world: rows.World) -> Fleet:
    """The demonstration fleet, without the communes that the world has not."""
    fleet = parse_fleet(Path("fleet.toml").read_text(encoding="utf-8"))
    lamps = {lamp.id: lamp for lamp in fleet.lamps.values() if lamp.commune in world.communes}
    return replace(fleet, communes={name: fleet.communes[name] for name in world.communes}, lamps=lamps)


def queries(world: rows.World, language: Any = "fr") -> list[Asked]:
    return list(asked(dashboards(View(("trezor",), language, "http://page", fleet_of(world)))))


@pytest.fixture(scope="module")
def filled(_influx_server: Influx) -> Iterator[Filled]:
    server = _influx_server.start()
    world = rows.World(today() - timedelta(days=10))
    store = open_store(server.url, "dashboards-small")
    for table, frame in world.tables():
        store.append(table, frame)
    screen = Screen(world.start, world.end, world.communes[0], world.dark_lamp)
    yield Filled(server, "dashboards-small", world, screen)
    store.drop()
    store.close()


def test_every_query_returns_rows(filled: Filled) -> None:
    empty = [str(query) for query in queries(filled.world) if not filled.ask(query)]
    assert empty == []


def test_every_query_in_english_returns_rows_too(filled: Filled) -> None:
    assert [str(query) for query in queries(filled.world, "en") if not filled.ask(query)] == []


def test_an_empty_database_is_no_error(influx: Influx, new_world: Callable[[], str]) -> None:
    name = new_world()
    store = open_store(influx.url, name)
    assert store.extent("nights") is None  # makes the databases
    world = rows.World(today() - timedelta(days=10))
    nobody = Filled(influx, name, world, Screen(world.start, world.end, "nowhere", "nobody"))
    for query in queries(world):
        assert nobody.ask(query) == [], str(query)
    store.drop()
    store.close()


def test_the_last_night_counts_each_lamp_once_by_its_verdict(filled: Filled) -> None:
    ledger = rows.nights(filled.world).filter(pl.col("time") == filled.world.end - timedelta(days=2))
    for nth, verdict in enumerate(("lit", "partly", "dark", "unknown")):
        (row,) = filled.panel("fleet", "Lampes, dernière nuit", nth)
        assert row[verdict] == ledger.filter(pl.col("verdict") == verdict).height, verdict


def test_a_commune_without_a_lit_lamp_is_shown_with_zero(filled: Filled) -> None:
    found = filled.panel("fleet", "Lampes allumées la dernière nuit, par commune")
    ledger = rows.nights(filled.world).filter(pl.col("time") == filled.world.end - timedelta(days=2))
    lit = dict(ledger.group_by("commune").agg((pl.col("verdict") == LIT).sum()).iter_rows())
    assert {row["commune"]: row["lit"] for row in found} == lit
    assert lit[filled.world.mute_commune] == 0


def test_the_last_night_does_not_depend_on_how_much_is_on_the_screen(filled: Filled) -> None:
    hour = replace(filled, screen=replace(filled.screen, since=filled.world.end - timedelta(hours=1)))
    title = "Lampes, dernière nuit"
    assert hour.panel("fleet", title, 2)[0]["dark"] == filled.panel("fleet", title, 2)[0]["dark"] == 1


def test_nights_served_has_both_bounds(filled: Filled) -> None:
    ledger = rows.nights(filled.world).filter(pl.col("time") <= filled.world.end - NIGHT)
    low, high = (filled.panel("fleet", "Nuits servies", nth)[0]["share"] for nth in (0, 1))
    assert low == pytest.approx(100 * (ledger["verdict"] == LIT).mean())
    assert high == pytest.approx(100 * ledger["verdict"].is_in([LIT, UNKNOWN]).mean())
    assert low < high


def test_the_map_knows_where_each_commune_lies_and_what_is_dark_there(filled: Filled) -> None:
    fleet = fleet_of(filled.world)
    title = "Carte : lampes éteintes ou en partie"
    found = [filled.panel("fleet", title, nth)[0] for nth in range(len(filled.world.communes))]
    for row in found:
        commune = fleet.communes[row["commune"]]
        assert (row["latitude"], row["longitude"]) == (commune.latitude, commune.longitude)
    assert sum(row["dark"] for row in found) == 1


def test_the_calendar_is_the_ledger(filled: Filled) -> None:
    ledger = rows.nights(filled.world).filter(
        (pl.col("commune") == filled.world.communes[0]) & (pl.col("time") <= filled.world.end - NIGHT)
    )
    shown = {(row["lamp"], row["time"]): row["verdict"] for row in filled.panel("commune", "Nuits, lampe par lampe")}
    assert shown == {
        (row["lamp"], row["time"].timestamp() * 1000): row["verdict"] for row in ledger.iter_rows(named=True)
    }
    assert DARK in shown.values()


def test_time_to_detect_and_to_repair_are_medians_of_the_cases(filled: Filled) -> None:
    faults = rows.faults(filled.world).filter(pl.col("kind") != "low_sun")
    detect = ((faults["opened_at"] - faults["since"]).dt.total_seconds() / 3600).median()
    repair = ((faults["until"] - faults["since"]).dt.total_seconds() / 3600).median()
    assert filled.panel("faults", "Délai pour voir (médiane)")[0]["median"] == pytest.approx(detect)
    assert filled.panel("faults", "Délai pour réparer (médiane)")[0]["median"] == pytest.approx(repair)


def test_delays_by_kind_are_medians_of_its_cases(filled: Filled) -> None:
    faults = rows.faults(filled.world).filter(pl.col("kind") != "low_sun")
    counted, detect, repair = (filled.panel("faults", "Délais par panne", nth) for nth in range(3))
    assert {row["kind"]: row["cases"] for row in counted} == dict(faults.group_by("kind").len().iter_rows())
    ended = faults.drop_nulls("until").with_columns(h=(pl.col("until") - pl.col("since")).dt.total_seconds() / 3600)
    expected = dict(ended.group_by("kind").agg(pl.col("h").median()).iter_rows())
    assert {row["kind"]: row["repair"] for row in repair} == pytest.approx(expected)
    assert {row["detect"] for row in detect} == {6}
    # Grafana joins the rows of one kind by their time too.
    assert len({row["time"] for rows_ in (counted, detect, repair) for row in rows_}) == 1


def test_the_peers_median_is_that_of_the_communes_lamps(filled: Filled) -> None:
    noon = filled.world.start + timedelta(days=1, hours=12)
    samples = rows.telemetry(filled.world, 1, 1).filter(
        (pl.col("commune") == filled.world.communes[0]) & (pl.col("time") == noon)
    )
    shown = {row["time"]: row for row in filled.panel("lamp", "Courant du panneau, les pairs derrière", 3)}
    at = int(noon.timestamp() * 1000)
    near = max(time for time in shown if time <= at and shown[time]["percentile"] is not None)
    # InfluxQL's percentile is a nearest rank: one of the samples, next to the middle.
    ranks = sorted(samples["pv_ma"] / 1000)
    assert ranks[len(ranks) // 2 - 1] - 0.3 <= shown[near]["percentile"] <= ranks[len(ranks) // 2] + 0.3


def test_the_band_of_peers_is_drawn_where_few_lamps_speak(influx: Influx, new_world: Callable[[], str]) -> None:
    """InfluxQL's low percentiles have no value among three lamps, and then end the whole answer."""
    few = rows.World(today() - timedelta(days=2), communes=("fatoma",), lamps=3, nights=2)
    store = open_store(influx.url, name := new_world())
    store.append("telemetry", rows.telemetry(few, 0, 2))
    shown = Filled(influx, name, few, Screen(few.start, few.end, "fatoma", few.dark_lamp))
    low, high, middle = (shown.panel("lamp", "Courant du panneau, les pairs derrière", nth) for nth in (1, 2, 3))
    told = [[row["percentile"] for row in band if row["percentile"] is not None] for band in (low, middle, high)]
    assert len(told[0]) == len(told[1]) == len(told[2]) == 96, "the commune is mute for one of the two days"
    assert all(a <= b <= c for a, b, c in zip(*told, strict=True))
    assert any(a < c for a, _, c in zip(*told, strict=True))
    store.drop()
    store.close()


def test_the_delay_is_that_of_the_reports(filled: Filled) -> None:
    arrivals = pl.concat([frame for table, frame in filled.world.tables() if table == "arrivals"])
    week = arrivals.filter(pl.col("time") >= filled.world.end - timedelta(days=7))
    late = (week["received"] - week["last"]).dt.total_seconds()
    assert filled.panel("pipeline", "Retard (95 %)")[0]["percentile"] == late.quantile(0.95, "nearest")


def test_episodes_have_their_beginning_end_and_sentence(filled: Filled) -> None:
    (row,) = filled.panel("lamp", "annotation Pannes en cours")
    assert row["kind"] == "dark"
    assert row["sentence"].startswith("fatoma-01 : éteint")
    (past,) = filled.panel("lamp", "annotation Pannes passées")
    assert past["end_ms"] - past["time"] == timedelta(days=2, hours=3).total_seconds() * 1000


def test_the_variables_offer_the_communes_and_the_chosen_ones_lamps(filled: Filled) -> None:
    communes = filled.panel("lamp", "variable commune")
    assert {row["value"] for row in communes} == set(filled.world.communes)
    lamps = filled.panel("lamp", "variable lamp")
    assert {row["value"] for row in lamps} == {lamp for commune, lamp in filled.world.plates if commune == "fatoma"}


def test_no_query_reads_what_it_does_not_show(influx: Influx, new_world: Callable[[], str]) -> None:
    """InfluxDB's own plan counts the values that it would read: for each row of the table, or of the commune where the
    board shows one, a few fields. So a query that forgets its commune or goes over a table again and again is seen
    here, however slow this machine is; how long they take is measured by `make bench`.
    """
    world = rows.World(today() - timedelta(days=10))
    store = open_store(influx.url, name := new_world())
    held: Counter[tuple[str, str]] = Counter()
    for table, frame in world.tables():
        store.append(table, frame)
        held.update((table, commune) for commune in frame["commune"])
    here = Filled(influx, name, world, Screen(world.start, world.end, world.communes[0], world.dark_lamp))
    greedy = {}
    for query in (query for query in queries(world) if query.text.startswith("SELECT")):
        (table,) = set(re.findall(r'FROM "(\w+)"', query.text))
        communes = [here.screen.commune] if query.board in ("trezor-commune", "trezor-lamp") else world.communes
        shown = sum(held[table, commune] for commune in communes)
        read = here.values_read(query)
        if read > FIELDS.get(table, MOST_FIELDS) * shown:
            greedy[str(query)] = f"{read} values for {shown} rows of {table}"
    assert greedy == {}
    store.drop()
    store.close()
