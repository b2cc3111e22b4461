"""The same figures for machines, and how the watch itself is doing."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from flask.testing import FlaskClient

from gateway.store import Store, StoreAway
from gateway.stores import open_store
from monitor.fault import Kind
from monitor.web.app import create_app
from tests.monitor.web.html import Page, plain
from tests.monitor.web.test_pages import lit_last_night
from tests.monitor.web.village import NOW, Village, fleet


def ask(client: FlaskClient, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status)
    assert response.mimetype == "application/json"
    return response.get_json()


def test_the_fleet_adds_up(client: FlaskClient) -> None:
    told = ask(client, "/api/v1/fleet")
    night = told["last_night"]
    assert night["date"] == "2026-11-22"
    assert night["lit"] == lit_last_night()
    assert night["lit"] + night["partly"] + night["dark"] + night["unknown"] == night["lamps"] == 200
    for verdict in ("lit", "partly", "dark", "unknown"):
        assert sum(commune["last_night"][verdict] for commune in told["communes"]) == night[verdict]
    service = told["service"]
    assert service["nights"] == 6000
    assert service["served_share_low"] == round(service["served"] / 6000, 5)
    assert service["served_share_high"] == round((service["served"] + service["unknown"]) / 6000, 5)
    assert told["now"] == "2026-11-23T09:30:00Z"


def test_the_page_and_the_json_say_the_same(client: FlaskClient) -> None:
    told = ask(client, "/api/v1/communes/fatoma")
    text = plain(client.get("/communes/fatoma").get_data(as_text=True))
    for lamp in told["lamps"]:
        assert f"{lamp['nights'].count('lit')} / 30" in text
    assert len(told["dates"]) == 30
    assert told["dates"][-1] == "2026-11-22"


def test_a_lamp_tells_what_was_learnt_and_repaired(client: FlaskClient) -> None:
    told = ask(client, "/api/v1/lamps/fatoma-07?nights=7")
    assert told["nights"] == ["dark"] * 7
    assert told["learned"]["capacity_ah"] == 51.2
    assert told["learned"]["since"] == "2026-10-14T09:30:00Z"
    assert [case["kind"] for case in told["cases"]] == ["dark"]
    assert told["repairs"] == []


def test_cases_have_the_documented_fields_and_likelihoods_that_sum_to_one(client: FlaskClient) -> None:
    told = ask(client, "/api/v1/cases?hidden=1")
    assert told["total"] == len(Kind) + 2
    for case in told["cases"]:
        assert {"id", "commune", "lamp", "kind", "since", "until", "opened_at", "causes", "estimate", "state"} <= set(
            case
        )
        assert case["since"].endswith("Z")
        if case["causes"]:
            assert sum(cause["likelihood"] for cause in case["causes"]) == pytest.approx(1)
    soiled = next(case for case in told["cases"] if case["kind"] == "panel_soiled")
    assert soiled["estimate"] == 0.24


def test_cases_are_chosen_by_state_kind_commune_and_lamp(client: FlaskClient) -> None:
    assert ask(client, "/api/v1/cases")["total"] == len(Kind) + 1
    assert {case["state"] for case in ask(client, "/api/v1/cases?state=open")["cases"]} == {"open"}
    (closed,) = ask(client, "/api/v1/cases?state=closed")["cases"]
    assert closed["lamp"] == "fatoma-05"
    assert closed["until"] == "2026-11-20T09:30:00Z"
    (silent,) = ask(client, "/api/v1/cases?kind=commune_silent")["cases"]
    assert silent["lamp"] is None
    assert {case["lamp"] for case in ask(client, "/api/v1/cases?lamp=fatoma-07")["cases"]} == {"fatoma-07"}
    assert {case["commune"] for case in ask(client, "/api/v1/cases?commune=konna")["cases"]} == {"konna"}
    for wrong in ("state=great", "kind=ghost", "limit=x"):
        assert client.get(f"/api/v1/cases?{wrong}").status_code == 400


def pages_of(client: FlaskClient, address: str, key: str) -> list[Any]:
    rows: list[Any] = []
    onward: str | None = address
    while onward:
        told = ask(client, onward)
        rows += told[key]
        onward = told["next"]
    assert len(rows) == told["total"]
    return rows


def test_lists_come_in_parts_without_a_gap_or_a_double(client: FlaskClient) -> None:
    ids = [case["id"] for case in pages_of(client, "/api/v1/cases?limit=5&state=open", "cases")]
    assert len(ids) == len(set(ids)) == len(Kind)
    rows = pages_of(client, "/api/v1/nights?commune=fatoma&limit=250", "nights")
    assert len({(row["lamp"], row["date"]) for row in rows}) == len(rows)
    assert rows == sorted(rows, key=lambda row: row["date"])


def test_nights_are_chosen_by_date_and_lamp(client: FlaskClient) -> None:
    told = ask(client, "/api/v1/nights?lamp=fatoma-01&since=2026-11-20&until=2026-11-22")
    assert [row["date"] for row in told["nights"]] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert {row["lamp"] for row in told["nights"]} == {"fatoma-01"}
    assert told["nights"][0]["lit_minutes"] == 748.0
    assert client.get("/api/v1/nights?since=2026-11-22&until=2026-11-20").status_code == 400


def test_a_case_tells_its_story_without_anybodys_address(client: FlaskClient, shown: Village) -> None:
    case = next(case for case in shown.casebook.cases(open_only=True, kind=Kind.DARK))
    response = client.get(f"/api/v1/cases/{case.id}")
    told = response.get_json()
    assert {alert["contact"] for alert in told["alerts"]} == {"mairie de Fatoma", "technicien régional"}
    assert "url" not in told["alerts"][0]
    assert "TREZOR_" not in response.get_data(as_text=True)
    assert [moment["what"] for moment in told["timeline"]][:2] == ["began", "opened"]
    assert told["figures"][0]["peers"] == 13.2
    assert told["trace"]["thresholds"]


def test_errors_are_json_too(client: FlaskClient) -> None:
    response = client.get("/api/v1/lamps/nowhere-01")
    assert (response.status_code, response.mimetype) == (404, "application/json")
    assert set(response.get_json()) == {"error", "why"}


def test_answers_are_pressed_and_not_sent_twice(client: FlaskClient) -> None:
    whole = client.get("/aide")
    pressed = client.get("/aide", headers={"Accept-Encoding": "gzip"})
    assert pressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(pressed.get_data()) == whole.get_data()
    assert len(pressed.get_data()) < 0.4 * len(whole.get_data())
    again = client.get("/aide", headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")


class Away:
    """A store that cannot be reached."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        raise StoreAway("cable cut")

    def read(
        self,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        lamps: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        raise StoreAway("cable cut")

    def latest(self, table: str) -> pl.DataFrame:
        raise StoreAway("cable cut")

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        raise StoreAway("cable cut")

    def drop(self) -> None: ...

    def close(self) -> None: ...


def test_health_is_well_and_says_how_old_the_news_is(client: FlaskClient) -> None:
    told = ask(client, "/health")
    assert told["well"] is told["store"] is told["casebook"] is True
    assert told["newest_arrival_age_seconds"] == 420
    assert told["last_tick_age_seconds"] == 20
    assert told["troubles"] == told["warnings"] == []


def test_a_store_that_takes_nothing_is_a_warning_with_what_becomes_of_the_reports(shown: Village) -> None:
    def health(**gateway: float) -> Any:
        return (
            create_app(shown.world, fleet(), lambda: NOW, None, lambda: gateway).test_client().get("/health").get_json()
        )

    told = health(queued=100.0, lag_s=42.5)
    assert told["well"] is True
    assert told["warnings"] == ["the store has taken nothing for 42 s: see the log; lamps and broker keep the rest"]
    assert health(queued=100.0, lag_s=3.0)["warnings"] == health(queued=0.0, lag_s=42.5)["warnings"] == []


def test_a_store_that_is_away_is_said_on_the_page_and_to_machines(shown: Village) -> None:
    store: Store = Away()
    reader = create_app(replace(shown.world, store=store), fleet(), lambda: NOW).test_client()
    page = reader.get("/")
    assert page.status_code == 503
    assert "Les mesures ne sont pas perdues" in Page(page.get_data(as_text=True)).text
    assert reader.get("/api/v1/fleet").status_code == 503
    health = reader.get("/health")
    assert health.status_code == 503
    assert health.get_json()["troubles"] == ["store: cable cut"]


def test_a_monitor_that_stands_still_is_not_well(shown: Village) -> None:
    stopped = replace(shown.world, last_tick=lambda: NOW - timedelta(hours=1))
    answer = create_app(stopped, fleet(), lambda: NOW).test_client().get("/health")
    assert answer.status_code == 503
    assert answer.get_json()["troubles"] == ["monitor: last tick 60 min ago"]


def test_that_nothing_arrives_is_a_warning_and_no_illness(shown: Village) -> None:
    empty = replace(shown.world, store=open_store("memory:", "trezor"))
    answer = create_app(empty, fleet(), lambda: NOW).test_client().get("/health")
    assert (answer.status_code, answer.get_json()["warnings"]) == (200, ["nothing has arrived yet"])
    later = create_app(shown.world, fleet(), lambda: NOW + timedelta(days=2)).test_client().get("/health").get_json()
    assert later["warnings"] == ["nothing has arrived for 48 h"]


def test_something_broken_here_is_said_without_its_entrails(shown: Village, caplog: pytest.LogCaptureFixture) -> None:
    def broken(lamp: str) -> dict[str, Any]:
        raise RuntimeError("secret entrails")

    reader = create_app(replace(shown.world, learned=broken), fleet(), lambda: NOW).test_client()
    answer = reader.get("/lamps/fatoma-07")
    assert answer.status_code == 500
    assert "Quelque chose s'est cassé ici" in Page(answer.get_data(as_text=True)).text
    assert "entrails" not in answer.get_data(as_text=True)
    assert "secret entrails" in caplog.text


def test_metrics_count_cases_nights_and_the_gateway(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.mimetype == "text/plain"
    lines = answer.get_data(as_text=True).splitlines()
    assert "trezor_gateway_messages_total 12345.0" in lines
    assert "trezor_gateway_queued 3.0" in lines
    assert "# TYPE trezor_gateway_queued gauge" in lines
    assert f'trezor_lamps_last_night{{verdict="lit"}} {float(lit_last_night())}' in lines
    assert 'trezor_cases_open{kind="dark"} 1.0' in lines
    assert 'trezor_cases_open{kind="low_sun"} 0.0' in lines
    assert len([line for line in lines if line.startswith("trezor_cases_open{")]) == len(Kind)
    assert "trezor_arrival_age_seconds 420.0" in lines
