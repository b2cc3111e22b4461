"""What was learnt is read back from the nights, and what was before a repair is forgotten."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from gateway.store import TABLES, Store
from gateway.stores import open_store
from monitor.web.app import create_app
from monitor.web.learned import read_learned
from monitor.web.telling import learned
from tests.monitor.web.html import get
from tests.monitor.web.village import LAST_NIGHT, NOW, Village, fleet

LAMP = fleet().lamps["fatoma-01"]


def store_with(rows: list[dict[str, Any]]) -> Store:
    schema = TABLES["nights"].schema
    store = open_store("memory:", "w")
    named = [
        {"commune": "fatoma", "lamp": LAMP.id, "time": LAST_NIGHT - timedelta(days=age), "verdict": "lit", **row}
        for age, row in enumerate(rows)
    ]
    store.append("nights", pl.DataFrame(named, schema={**schema}).select(list(schema)))
    return store


WORN = {"gain": 0.8, "capacity": 0.5, "soiling": 0.3, "resistance": 0.06}
NEW = {"gain": 1.0, "capacity": 1.0, "soiling": 0.0, "resistance": 0.02}


def test_the_newest_estimate_counts_and_scatter_is_taken_out() -> None:
    told = read_learned(
        store_with([{"gain": 0.9}, {"gain": 1.1, "capacity": 0.75}, NEW]), LAMP, LAST_NIGHT.date(), None
    )
    assert told["gain"] == 1.0
    assert told["capacity"] == 0.75
    assert told["capacity_ah"] == 45
    assert told["nights"] == 3
    assert told["since"] == LAST_NIGHT - timedelta(days=2)
    assert "autonomy" not in told


def test_nothing_from_before_a_repair_counts() -> None:
    store = store_with([NEW] * 3 + [WORN] * 20)
    assert read_learned(store, LAMP, LAST_NIGHT.date(), None)["gain"] == pytest.approx(0.8)
    told = read_learned(store, LAMP, LAST_NIGHT.date(), LAST_NIGHT - timedelta(days=1, hours=12))
    assert (told["gain"], told["nights"]) == (1.0, 3)


def test_of_a_lamp_without_nights_nothing_is_learnt() -> None:
    assert read_learned(open_store("memory:", "w"), LAMP, LAST_NIGHT.date(), None) == {}
    assert read_learned(store_with([{}]), LAMP, LAST_NIGHT.date(), None) == {}


def test_the_page_shows_it_in_words_with_units(shown: Village) -> None:
    world = replace(shown.world, store=store_with([WORN] * 5), learned=None)
    text = get(create_app(world, fleet(), lambda: NOW).test_client(), f"/lamps/{LAMP.id}").text
    assert "Production, par rapport aux voisins 80 %" in text
    assert "Capacité de la batterie 30 Ah" in text
    assert "Production perdue 30 %" in text
    assert "Appris depuis 18 novembre 2026" in text


@pytest.mark.parametrize(
    ("nights", "fr", "en"), [(1.14, "1,1 nuit", "1.1 nights"), (11.7, "11,7 nuits", "11.7 nights")]
)
def test_a_reserve_is_said_in_nights_singular_or_plural(nights: float, fr: str, en: str) -> None:
    ((_, said_fr),) = learned({"autonomy": nights}, "fr")
    ((_, said_en),) = learned({"autonomy": nights}, "en")
    assert (said_fr, said_en) == (fr, en)
