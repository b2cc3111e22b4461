"""Every query of every dashboard on what the real gateway and the real monitor have written into the real InfluxDB."""

import json
import re
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


def shown_names(shown: Shown, panel: dict[str, Any]) -> tuple[set[str], set[str]]:
    """What the columns or series of a panel are called by Grafana, and the labels that its series bear."""
    names, labels = {"Time", "time"}, set()
    for target in panel.get("targets", []):
        source = target["datasource"]["uid"].strip("${}")
        screen = Screen(shown.lived.start, shown.lived.end, "fatoma", TROUBLED)
        database = WORLD if source == "world" else f"{WORLD}_kept"
        for series in ask(shown.influx.http_url, database, screen.fill_in(target["query"])):
            tags = series.get("tags", {})
            labels |= set(tags)
            if target["resultFormat"] == "table":
                names |= {*tags, *series["columns"]}
            else:
                alias = target.get("alias") or f"{series['name']}.{series['columns'][1]}"
                for tag, value in tags.items():
                    alias = alias.replace(f"$tag_{tag}", value)
                names.add(alias)
    for step in panel.get("transformations", []):
        if step["id"] == "groupBy":
            fields = step["options"]["fields"]
            assert set(fields) <= names
            grouped = {name for name, field in fields.items() if field["operation"] == "groupby"}
            names = grouped | {f"{n} ({how})" for n, field in fields.items() for how in field["aggregations"]}
    return names, labels


@pytest.mark.parametrize("board", ["fleet", "commune", "lamp", "faults", "pipeline"])
def test_every_column_that_is_named_dressed_linked_or_sorted_by_is_there(shown: Shown, board: str) -> None:
    boards = dashboards(View((WORLD,), "fr", "http://page", shown.lived.fleet))
    (made,) = (one for one in boards if one["uid"] == f"trezor-{board}")
    for panel in made["panels"]:
        if panel["type"] == "row":
            continue
        names, labels = shown_names(shown, panel)
        overrides = panel["fieldConfig"]["overrides"]
        dressed = {one["matcher"]["options"] for one in overrides} - set(Kind)  # not every kind has happened
        assert dressed <= names, panel["title"]
        said = json.dumps(panel)
        assert set(re.findall(r"\$\{__data\.fields\.(\w+)\}", said)) <= names, panel["title"]
        assert set(re.findall(r"\$\{__field\.labels\.(\w+)\}", said)) <= labels, panel["title"]
        called = {p["value"] for one in overrides for p in one["properties"] if p["id"] == "displayName"}
        assert {one["displayName"] for one in panel["options"].get("sortBy") or []} <= called, panel["title"]
