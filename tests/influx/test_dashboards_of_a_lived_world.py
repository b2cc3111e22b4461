"""Every query of every dashboard on what the real gateway and the real monitor have written into the real InfluxDB."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from dashboards.catalogue import dashboards
from dashboards.view import View
from gateway.stores import open_store
from monitor.fault import Kind
from tests.dashboards.as_grafana import Asked, Screen, as_rows, ask, asked
from tests.dashboards.lived import TROUBLED, Lived, live, told
from tests.influx_server import Influx

pytestmark = [pytest.mark.influxdb, pytest.mark.slow]

WORLD = "lived"


@dataclass(frozen=True)
class Shown:
    """The world on the screens of Grafana."""

    influx: Influx
    lived: Lived
    ledger: pl.DataFrame

    def queries(self, language: Any = "fr") -> list[Asked]:
        return list(asked(dashboards(View((WORLD,), language, "http://page", self.lived.fleet))))

    def ask(self, query: Asked) -> list[dict[str, Any]]:
        database = WORLD if query.source == "world" else f"{WORLD}_kept"
        screen = Screen(self.lived.start, self.lived.end, "fatoma", TROUBLED)
        return as_rows(ask(self.influx.http_url, database, screen.fill_in(query.text)))

    def panel(self, board: str, title: str, nth: int = 0) -> list[dict[str, Any]]:
        found = [query for query in self.queries() if query.board == f"trezor-{board}" and query.panel == title]
        return self.ask(found[nth])

    def number(self, board: str, title: str, nth: int = 0) -> Any:
        """What a panel of one figure shows; 0 where there is nothing to count."""
        rows = self.panel(board, title, nth)
        (value,) = [value for name, value in rows[0].items() if name != "time"] if rows else [0]
        return value


@pytest.fixture(scope="module")
def shown(_influx_server: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    server = _influx_server.start()
    store = open_store(server.url, WORLD)
    lived = live(store, WORLD, tmp_path_factory.mktemp(WORLD))
    yield Shown(server, lived, store.read("nights"))
    store.drop()
    store.close()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_query_returns_rows(shown: Shown, language: str) -> None:
    empty = [str(query) for query in shown.queries(language) if not shown.ask(query)]
    assert not empty, empty


def test_the_first_line_says_what_the_monitor_says_of_the_last_night(shown: Shown) -> None:
    """The ledger holds the night that begins this evening too: nobody knows anything of it yet."""
    last = shown.ledger.filter(pl.col("time") == shown.ledger["time"].max() - timedelta(days=1))
    for nth, verdict in enumerate(("lit", "partly", "dark", "unknown")):
        said = last.filter(pl.col("verdict") == verdict).height
        assert shown.number("fleet", "Lampes, dernière nuit", nth) == said, verdict
    assert shown.number("fleet", "Lampes, dernière nuit", 2) > 0


def test_open_cases_are_those_of_the_casebook_that_are_told(shown: Shown) -> None:
    still = [case for case in shown.lived.cases if told(case) and case.until is None]
    assert shown.number("fleet", "Cas ouverts") == shown.number("faults", "Ouverts maintenant") == len(still) > 0
    assert {row["case"] for row in shown.panel("fleet", "Cas ouverts", 1)} == {case.id for case in still}


def test_a_commune_that_fell_silent_counts_as_one_case(shown: Shown) -> None:
    hidden = [case for case in shown.lived.cases if case.hidden_by is Kind.COMMUNE_SILENT and case.until]
    assert len(hidden) >= 5, "its lamps' silences are in the casebook, hidden"
    began = [case for case in shown.lived.cases if told(case)]
    assert shown.number("faults", "Commencés dans la période") == len(began)
    assert shown.number("faults", "… dont clos") == len([case for case in began if case.until])
    assert {row["case"] for row in shown.panel("faults", "Cas clos de la période")}.isdisjoint(c.id for c in hidden)
