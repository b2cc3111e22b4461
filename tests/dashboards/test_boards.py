"""The dashboards as JSON: valid, complete, laid out without overlap, in words that exist, for Grafana from 9.3 on."""

import json
import re
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins, runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards import panels
from dashboards.catalogue import BOARDS, HOME, dashboards
from dashboards.queries import NIGHTS, TYPE, VERDICTS, Names, Query
from dashboards.view import BACKEND_INFLUXQL, View
from gateway.fleet import parse_fleet
from gateway.store import TABLES
from monitor.fault import WORDS, Kind
from monitor.web.app import create_app
from monitor.web.world import NoSuchWorld, World
from tests.dashboards.as_grafana import asked
from tests.dashboards.sdk_types import model_mistakes

# What Grafana 9.3 has; newer ones have these and more.
PANEL_TYPES = {"stat", "table", "timeseries", "status-history", "geomap", "bargauge", "row", "text"}
TRANSFORMATIONS = {"merge", "organize", "groupBy"}
UNITS = {
    "none", "percent", "percentunit", "h", "s", "m", "volt", "amp", "watt", "watth", "celsius", "bytes", "dBm",
    "dateTimeAsIso", "dateTimeFromNow",
}  # fmt: skip
WORLDS = ("trezor", "replay-1")
FLEET = parse_fleet(Path("fleet.toml").read_text(encoding="utf-8"))
FRENCH = dashboards(View(WORLDS, "fr", "http://page", FLEET))
ENGLISH = dashboards(View(WORLDS, "en", "http://page", FLEET))

by_uid = pytest.mark.parametrize("board", FRENCH + ENGLISH, ids=lambda board: f"{board['uid']} {board['title']}")


def shown(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    plugins.register_default_plugins()
    runtime.register_dataquery_variant(runtime.DataqueryConfig(TYPE, Query.from_json))


class TestEveryDashboard:
    @pytest.mark.parametrize("make", BOARDS, ids=lambda make: make.__name__)
    def test_is_of_the_sdks_types(self, make: Any) -> None:
        made = make(View(WORLDS, "fr", "http://page", FLEET))
        episodes = made.annotations.list_val or []
        made.annotations.list_val = []
        assert list(model_mistakes(made, "board")) == []
        for one in episodes:  # InfluxDB's annotations are the SDK's and some columns more
            known = json.loads(json.dumps(one, cls=JSONEncoder))
            assert list(model_mistakes(model.AnnotationQuery.from_json(known), known["name"])) == []

    @by_uid
    def test_is_read_back_by_the_sdk_without_loss(self, board: dict[str, Any]) -> None:
        read = model.Dashboard.from_json(json.loads(json.dumps(board)))
        again = json.loads(json.dumps(read, cls=JSONEncoder))
        del again["annotations"]  # InfluxDB's have columns that the SDK does not know
        assert again == {key: value for key, value in board.items() if key != "annotations"}

    @by_uid
    def test_has_only_what_grafana_9_3_has(self, board: dict[str, Any]) -> None:
        assert {panel["type"] for panel in board["panels"]} <= PANEL_TYPES
        used = {one["id"] for panel in shown(board) for one in panel["transformations"]}
        assert used <= TRANSFORMATIONS
        assert board["schemaVersion"] <= 37  # 9.3's own: an older Grafana refuses a newer schema

    @by_uid
    def test_describes_every_panel_with_unit_and_thresholds(self, board: dict[str, Any]) -> None:
        for panel in shown(board):
            assert panel["title"], panel
            assert len(panel["description"]) > 15, panel["title"]
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["unit"] in UNITS, panel["title"]
            assert defaults["thresholds"]["steps"][0]["value"] is None, panel["title"]

    @by_uid
    def test_fits_the_screen_without_overlap(self, board: dict[str, Any]) -> None:
        boxes = [(panel.get("title"), panel["gridPos"]) for panel in board["panels"]]
        for title, box in boxes:
            assert box["x"] + box["w"] <= 24, title
        for (one, a), (other, b) in combinations(boxes, 2):
            apart = (
                a["x"] + a["w"] <= b["x"]
                or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"]
                or b["y"] + b["h"] <= a["y"]
            )
            assert apart, f"{one} over {other}"

    @by_uid
    def test_gives_every_panel_a_number_of_its_own(self, board: dict[str, Any]) -> None:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)

    @by_uid
    def test_can_be_left_for_the_others_and_for_the_console(self, board: dict[str, Any]) -> None:
        dashboard_links, page = board["links"]
        assert dashboard_links["type"] == "dashboards"
        assert dashboard_links["tags"] == board["tags"] == ["trezor"]
        assert dashboard_links["includeVars"]
        assert page["url"] == "http://page/w/${world:text}/"

    @by_uid
    def test_links_only_to_dashboards_that_exist(self, board: dict[str, Any]) -> None:
        for uid in re.findall(r"/d/([\w-]+)\?", json.dumps(board)):
            assert uid in {one["uid"] for one in FRENCH}

    @by_uid
    def test_takes_every_data_source_from_the_worlds_variables(self, board: dict[str, Any]) -> None:
        for panel in shown(board):
            for target in panel.get("targets", []):
                assert target["datasource"] == panel["datasource"], panel["title"]
        assert {query.source for query in asked([board])} <= {"world", "kept"}

    @by_uid
    def test_groups_tables_by_one_tag_at_most(self, board: dict[str, Any]) -> None:
        """Grafana's readers of InfluxQL put the columns of several tags in any order, one even mixes them up."""
        for panel in shown(board):
            for target in panel.get("targets", []):
                if target["resultFormat"] == "table":
                    outermost = re.sub(r"\([^()]*\)", "", _without_parentheses(target["query"]))
                    assert len(re.findall('"', outermost.partition("GROUP BY")[2])) <= 2, panel["title"]

    @by_uid
    def test_leaves_verdicts_to_the_monitor(self, board: dict[str, Any]) -> None:
        """No panel compares a measurement with a limit to name a state: samples are drawn, verdicts are read."""
        for query in asked([board]):
            if '"telemetry"' in query.text and query.panel[:8] != "variable":
                condition = re.sub(r"time (<=|>=)", "", query.text)
                assert not re.search(r'"(?:pv|bat|led)_\w+"\s*(?:<|>|=)', condition), query

    @by_uid
    def test_follows_the_second_data_source_from_the_first(self, board: dict[str, Any]) -> None:
        world, kept, *_ = board["templating"]["list"]
        names = ["trezor", "trezor nuits", "replay-1", "replay-1 nuits", "influxdb", "trezor-old"]
        chosen = [name for name in names if re.search(world["regex"].strip("/"), name)]
        assert chosen == ["trezor", "replay-1"]
        for name in chosen:
            pattern = kept["regex"].strip("/").replace("${world:text}", name)
            assert [one for one in names if re.search(pattern, one)] == [f"{name} nuits"]
        assert (kept["hide"], world["current"]["text"], kept["current"]["text"]) == (2, "trezor", "trezor nuits")


def _without_parentheses(text: str) -> str:
    """The outermost level of a query."""
    while (inner := re.sub(r"\([^()]*\)", "", text)) != text:
        text = inner
    return text


def test_the_languages_differ_in_words_only() -> None:
    for french, english in zip(FRENCH, ENGLISH, strict=True):
        assert french["uid"] == english["uid"]
        assert french["title"] != english["title"] or french["uid"] == "trezor-commune"
        assert [p["gridPos"] for p in french["panels"]] == [p["gridPos"] for p in english["panels"]]
        theirs = [query.text.replace("sentence_fr", "sentence_en") for query in asked([french])]
        assert theirs == [query.text for query in asked([english])]


def test_no_french_is_left_in_the_english_dashboards() -> None:
    text = json.dumps(
        [[p.get("title"), p.get("description")] for b in ENGLISH for p in b["panels"]], ensure_ascii=False
    )
    assert re.findall(r"[éèêàçùîôœ]", text) == []


def test_every_link_to_the_console_leads_to_one_of_its_pages() -> None:
    def nowhere(name: str) -> World:
        raise NoSuchWorld(name)

    app = create_app(nowhere, FLEET, lambda: datetime(2026, 11, 23, tzinfo=UTC), live="trezor", secret="x")
    values = {"world:text": "trezor", "__data.fields.case": "7", "commune:raw": "fatoma", "lamp:raw": "fatoma-01"}
    pages = set()
    for path in re.findall(r'"http://page(/[^"]*)"', json.dumps(FRENCH)):
        filled = re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], path)
        pages.add(app.url_map.bind("page").match(filled)[0])
    assert pages == {"world.fleet", "world.commune", "world.lamp", "world.case"}


def test_the_home_is_one_of_them() -> None:
    assert HOME in {board["uid"] for board in FRENCH}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_shown_somewhere(table: str) -> None:
    assert any(f'FROM "{table}"' in query.text for query in asked(FRENCH))


def test_every_word_in_quotes_is_a_column_of_its_table_or_made_in_the_query() -> None:
    for query in asked(FRENCH):
        tables = set(re.findall(r'FROM "(\w+)"', query.text))
        columns = {name for table in tables for name in TABLES[table].schema}
        made = set(re.findall(r'AS "(\w+)"', query.text))
        used = set(re.findall(r'"([^"]+)"', query.text))
        assert used <= columns | made | tables, query


def test_a_column_that_is_not_there_cannot_be_asked_for() -> None:
    with pytest.raises(AttributeError, match="table nights has no column verdcit"):
        _ = NIGHTS.verdcit
    with pytest.raises(KeyError):
        Names("night")


def test_every_kind_cause_and_verdict_has_a_word() -> None:
    said = json.dumps(FRENCH, ensure_ascii=False)
    for kind in Kind:
        assert f'"{kind}": {{"text": "{WORDS[kind].fr}"' in said
    for verdict in VERDICTS:
        assert f'"{verdict}": {{"text": "{panels.verdict_name(View(WORLDS), verdict)}"' in said


def test_without_fleet_file_and_page_there_is_no_map_and_no_link_to_the_page() -> None:
    boards = dashboards(View(WORLDS))
    assert "geomap" not in {panel["type"] for board in boards for panel in board["panels"]}
    assert "/w/${world:text}" not in json.dumps(boards)


@pytest.mark.parametrize(
    ("grafana", "end"), [((9, 3), "end_ms"), (BACKEND_INFLUXQL, "faults.end_ms"), ((12, 2), "faults.end_ms")]
)
def test_episodes_end_where_that_grafana_looks_for_their_end(grafana: tuple[int, int], end: str) -> None:
    lamp = dashboards(View(WORLDS, grafana=grafana))[2]
    past, present = lamp["annotations"]["list"]
    assert past["timeEndColumn"] == end
    assert "timeEndColumn" not in present
    # The older reader wants the exact name, the newer a part of `faults.sentence`.
    assert f'AS "{past["textColumn"]}"' in past["query"]


def test_the_lamp_shades_the_night_and_draws_its_peers_first() -> None:
    lamp = next(board for board in FRENCH if board["uid"] == "trezor-lamp")
    curves = [p for p in lamp["panels"] if p["type"] == "timeseries" and p["targets"][0].get("alias") == "nuit"]
    assert len(curves) == 6
    for panel in curves:
        shade = next(o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == "nuit")
        said = {one["id"]: one["value"] for one in shade["properties"]}
        # A scale that ends at 1 while the level goes to 100: the area is full from dusk to dawn.
        assert (said["min"], said["max"], said["custom.axisPlacement"]) == (0, 1, "hidden")
        aliases = [target["alias"] for target in panel["targets"]]
        if "cette lampe" in aliases:
            assert all(
                aliases.index(name) < aliases.index("cette lampe") for name in aliases if name.startswith("pairs")
            )


def test_the_check_of_types_finds_what_is_wrong() -> None:
    made = BOARDS[0](View(WORLDS))
    made.panels[0].grid_pos.w = "8"
    made.panels[0].options.color_mode = "rainbow"
    made.panels[1].field_config.defaults.decimals = "one"
    assert [one.partition(":")[0] for one in model_mistakes(made, "board")] == [
        "board.panels[0].grid_pos.w",
        "board.panels[0].options.color_mode",
        "board.panels[1].field_config.defaults.decimals",
    ]
