"""Nights in a window, and the service figures: unknown is counted as neither, and both bounds are said."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import TABLES
from gateway.stores import open_store
from monitor.web.ledger import DARK, LETTERS, Ledger, Minutes, dark_run, read_ledger, service, standing
from tests.monitor.web.village import LAST_NIGHT, fleet

LAMP = fleet().lamps["fatoma-01"]
OTHER = fleet().lamps["fatoma-02"]
strips = st.text("lpdu.", min_size=1, max_size=40)


def ledger_of(letters: str) -> Ledger:
    dates = tuple(date(2026, 11, 1) + timedelta(days=i) for i in range(len(letters)))
    return Ledger(dates, {LAMP.id: letters}, {LAMP.id: Minutes()})


@given(strips)
def test_the_bounds_hold_every_fate_of_the_unknown_nights(letters: str) -> None:
    figures = service(ledger_of(letters), [LAMP])
    assert figures.nights == len(letters) - letters.count(".")
    if figures.nights:
        best = letters.replace("u", "l").count("l") / figures.nights
        worst = letters.count("l") / figures.nights
        assert figures.low == worst
        assert figures.high == best
        assert 0 <= worst <= best <= 1


@given(strips)
def test_a_dark_run_is_dark_throughout(letters: str) -> None:
    run = dark_run(letters)
    assert DARK * run in letters
    assert DARK * (run + 1) not in letters


@given(strips)
def test_a_lamp_stands_as_it_stood_for_so_many_nights(letters: str) -> None:
    letter, nights = standing(letters)
    assert letters.endswith(letter * nights)
    assert not letters.endswith(letter * (nights + 1))


def test_a_night_without_a_row_or_with_a_strange_verdict_is_unknown() -> None:
    schema = TABLES["nights"].schema
    store = open_store("memory:", "w")
    rows = [
        {"commune": "fatoma", "lamp": LAMP.id, "time": LAST_NIGHT, "verdict": "lit", "lit_minutes": 700.0,
         "scheduled_minutes": 720.0, "completeness": 1.0},
        {"commune": "fatoma", "lamp": LAMP.id, "time": LAST_NIGHT - timedelta(days=2), "verdict": "odd",
         "lit_minutes": 700.0, "scheduled_minutes": 720.0, "completeness": 0.5},
        {"commune": "fatoma", "lamp": LAMP.id, "time": LAST_NIGHT - timedelta(days=9), "verdict": "dark"},
        {"commune": "gone", "lamp": "gone-01", "time": LAST_NIGHT, "verdict": "dark"},
    ]  # fmt: skip
    store.append("nights", pl.DataFrame(rows, schema={**schema}).select(list(schema)))
    ledger = read_ledger(store, [LAMP, OTHER], LAST_NIGHT.date(), 4)
    assert ledger.verdicts == {LAMP.id: "uuul", OTHER.id: "uuuu"}
    figures = service(ledger, [LAMP])
    assert (figures.served, figures.unknown, figures.nights) == (1, 3, 4)
    assert figures.hours == 700 / 720
    assert figures.completeness == 1.5 / 4
    assert set(LETTERS.values()) == {"lit", "partly", "dark", "unknown"}
