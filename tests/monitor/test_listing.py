"""Cases and nights for other programs: the fields that were promised, ISO 8601 UTC, and nothing made up."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from gateway.store import NIGHTS
from gateway.stores.memory import MemoryStore
from monitor.fault import Cause, Figure, Kind
from monitor.listing import NIGHT_COLUMNS, case_record, cases_json, nights_csv, nights_frame
from tests.monitor.cases import DUSK, NOW, case, fleet

PROMISED = {"id", "commune", "lamp", "kind", "since", "until", "opened_at", "causes", "evidence", "estimate", "state"}
UTC_TIME = "%Y-%m-%dT%H:%M:%SZ"


def record(**more: Any) -> dict[str, Any]:
    return case_record(case(**more), fleet(), NOW)


class TestACase:
    def test_has_the_fields_that_were_promised_and_no_others(self) -> None:
        assert set(record()) == PROMISED

    def test_says_what_hides_it_where_hidden_cases_were_asked_for(self) -> None:
        hidden = case_record(case(hidden_by=Kind.COMMUNE_SILENT), fleet(), NOW, hidden=True)
        assert set(hidden) == PROMISED | {"hidden_by"}
        assert hidden["hidden_by"] == "commune_silent"

    def test_times_are_iso_8601_in_utc(self) -> None:
        found = record(until=NOW, closed_at=NOW)
        for name in ("since", "until", "opened_at"):
            assert datetime.strptime(found[name], UTC_TIME)
        assert found["since"] == "2026-03-03T18:25:00Z"

    def test_that_is_open_has_no_end(self) -> None:
        assert (record()["until"], record()["state"]) == (None, "open")
        assert record(until=NOW, closed_at=NOW)["state"] == "closed"
        assert record(acknowledged_at=NOW)["state"] == "acknowledged"

    def test_of_a_commune_has_no_lamp(self) -> None:
        found = record(kind=Kind.COMMUNE_SILENT, lamp=None)
        assert (found["lamp"], found["commune"]) == (None, "fatoma")

    def test_gives_causes_with_likelihoods_and_its_evidence_in_words_and_figures(self) -> None:
        volts = Figure("battery_v", 12.9, "V", at=DUSK, peers=13.1)
        found = record(causes=(Cause("driver", 0.8), Cause("cable", 0.2)), figures=(volts,))
        assert found["causes"] == [{"cause": "driver", "likelihood": 0.8}, {"cause": "cable", "likelihood": 0.2}]
        assert "12,9 V" in found["evidence"]["fr"]
        assert "12.9 V" in found["evidence"]["en"]
        (figure,) = found["evidence"]["figures"]
        assert (figure["value"], figure["unit"], figure["peers"], figure["at"]) == (
            12.9,
            "V",
            13.1,
            "2026-03-03T18:25:00Z",
        )

    def test_is_json_with_its_accents(self) -> None:
        text = cases_json([case(), case(id=2, kind=Kind.PANEL_SOILED, estimate=0.23)], fleet(), NOW)
        first, second = json.loads(text)
        assert (first["id"], second["id"], second["estimate"]) == (1, 2, 0.23)
        assert "éteint" in text or "batterie" in text

    def test_none_are_an_empty_list(self) -> None:
        assert json.loads(cases_json([], fleet(), NOW)) == []


class TestTheNights:
    def store(self) -> MemoryStore:
        store = MemoryStore()
        times = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
        rows = pl.DataFrame(
            {
                "commune": ["fatoma"] * 3, "lamp": ["fatoma-01"] * 3, "time": times,
                "verdict": ["lit", "dark", "unknown"],
                "lit_minutes": [700.04, 0.0, None], "scheduled_minutes": [710.0, 709.96, 705.0],
                "completeness": [1.0, 0.98329997, None],
            },
            schema_overrides={"time": NIGHTS.schema["time"]},
        )  # fmt: skip
        full = {
            name: rows[name] if name in rows.columns else pl.Series(name, [None] * 3, dtype=kind)
            for name, kind in NIGHTS.schema.items()
        }
        store.append("nights", pl.DataFrame(full, schema_overrides=dict(NIGHTS.schema)))
        return store

    def test_are_csv_with_the_columns_that_were_promised(self) -> None:
        text = nights_csv(nights_frame(self.store()))
        rows = list(csv.DictReader(io.StringIO(text)))
        assert list(rows[0]) == list(NIGHT_COLUMNS)
        assert text.splitlines()[0] == "date,commune,lamp,verdict,lit_minutes,scheduled_minutes,completeness"
        assert [(row["date"], row["verdict"]) for row in rows] == [
            ("2026-03-01", "lit"), ("2026-03-02", "dark"), ("2026-03-03", "unknown"),
        ]  # fmt: skip
        assert float(rows[0]["lit_minutes"]) == 700.0

    def test_are_rounded_to_what_was_measured(self) -> None:
        _, *rows = nights_csv(nights_frame(self.store())).splitlines()
        assert rows[1] == "2026-03-02,fatoma,fatoma-01,dark,0.0,710.0,0.9833"

    def test_what_was_not_seen_is_nothing_lit_and_nothing_complete(self) -> None:
        last = nights_frame(self.store()).row(2, named=True)
        assert (last["lit_minutes"], last["completeness"]) == (0.0, 0.0)

    def test_can_be_asked_for_some_dates(self) -> None:
        begin = datetime(2026, 3, 2, tzinfo=UTC)
        assert nights_frame(self.store(), begin)["verdict"].to_list() == ["dark", "unknown"]
        assert nights_frame(self.store(), begin, begin + timedelta(days=1))["verdict"].to_list() == ["dark"]

    def test_of_an_empty_world_are_a_header(self) -> None:
        assert nights_csv(nights_frame(MemoryStore())).count("\n") == 1
