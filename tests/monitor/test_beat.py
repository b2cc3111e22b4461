"""What a beat shows to its rules."""

import polars as pl

from gateway.store import EVENTS, QUARANTINE
from monitor.beat import Seen, as_stored, beats, look
from monitor.fault import Kind
from monitor.judge import Judge
from monitor.rules.rule import Rule, Told, View
from tests.monitor.samples import FLEET, date, ledger, village_days


def test_rules_are_shown_each_lamps_nights_one_after_the_other() -> None:
    """They ask for the row before: see monitor.beside."""
    shown: list[pl.DataFrame] = []

    def find(view: View) -> pl.DataFrame:
        rows = view.nights.lazy().with_columns(pl.col("lamp").cast(pl.String))
        shown.append(rows.select("lamp", "time").collect())
        return view.nights.with_columns(
            bad=False, since="time", bad_at="time", good_since="time", good_at="time"
        )  # fmt: skip

    nights = as_stored(ledger(village_days(3))).sort("time", "lamp")
    seen = Seen(pl.DataFrame(schema=dict(EVENTS.schema)), pl.DataFrame(schema=dict(QUARANTINE.schema)), (), {}, date(4))
    for beat in beats(FLEET, nights):
        beat.judge = Judge([Rule(Kind.DIM, "never", find, lambda _: Told())])
        look(beat, beat.ledger, None, seen)
        look(beat, beat.ledger, date(2), seen)
    assert any(rows["lamp"].n_unique() > 1 for rows in shown)
    for rows in shown:
        assert rows.equals(rows.sort("lamp", "time"))
